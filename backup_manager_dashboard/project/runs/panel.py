"""What was done, and how it ended."""

from __future__ import annotations

import horizon
from django.utils.translation import gettext_lazy as _


class Runs(horizon.Panel):
    name = _("History")
    slug = "backup_manager_runs"
    permissions = ("openstack.services.backup-manager",)

"""The backups, and how they build on each other."""

from __future__ import annotations

import horizon
from django.utils.translation import gettext_lazy as _


class Backups(horizon.Panel):
    name = _("Backups")
    slug = "backup_manager_backups"
    permissions = ("openstack.services.backup-manager",)

"""What is backed up when."""

from __future__ import annotations

import horizon
from django.utils.translation import gettext_lazy as _


class Schedules(horizon.Panel):
    name = _("Schedules")
    slug = "backup_manager_schedules"
    permissions = ("openstack.services.backup-manager",)

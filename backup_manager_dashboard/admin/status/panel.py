"""The service, and all projects, for administrators."""

from __future__ import annotations

import horizon
from django.utils.translation import gettext_lazy as _


class Status(horizon.Panel):
    name = _("Backup Manager")
    slug = "backup_manager_status"
    permissions = ("openstack.services.backup-manager",)
    policy_rules = (("backup-manager", "health:show"),)

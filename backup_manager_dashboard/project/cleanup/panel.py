"""Deleting old backups, after a look at what goes."""

from __future__ import annotations

import horizon
from django.utils.translation import gettext_lazy as _


class Cleanup(horizon.Panel):
    name = _("Clean-up")
    slug = "backup_manager_cleanup"
    permissions = ("openstack.services.backup-manager",)

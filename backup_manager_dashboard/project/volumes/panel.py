"""The volumes, and how they are protected."""

from __future__ import annotations

import horizon
from django.utils.translation import gettext_lazy as _


class Volumes(horizon.Panel):
    name = _("Volumes")
    slug = "backup_manager_volumes"
    permissions = ("openstack.services.backup-manager",)

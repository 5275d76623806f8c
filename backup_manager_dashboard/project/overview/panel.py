"""Whether one is safe, at a glance."""

from __future__ import annotations

import horizon
from django.utils.translation import gettext_lazy as _


class Overview(horizon.Panel):
    name = _("Overview")
    slug = "backup_manager_overview"
    permissions = ("openstack.services.backup-manager",)

"""The group of panels of Backup Manager under Project."""

from django.utils.translation import gettext_lazy as _

PANEL_GROUP = "backup_manager"
PANEL_GROUP_NAME = _("Backup Manager")
PANEL_GROUP_DASHBOARD = "project"
ADD_INSTALLED_APPS = ["backup_manager_dashboard"]

"""The group of panels of Backup Manager under Project."""

PANEL_GROUP = "backup_manager"
PANEL_GROUP_NAME = "Backup Manager"
PANEL_GROUP_DASHBOARD = "project"
ADD_INSTALLED_APPS = ["backup_manager_dashboard"]

PANEL = "backup_manager_cleanup"
PANEL_DASHBOARD = "project"
PANEL_GROUP = "backup_manager"
ADD_PANEL = "backup_manager_dashboard.project.cleanup.panel.Cleanup"

PANEL = "backup_manager_backups"
PANEL_DASHBOARD = "project"
PANEL_GROUP = "backup_manager"
ADD_PANEL = "backup_manager_dashboard.project.backups.panel.Backups"

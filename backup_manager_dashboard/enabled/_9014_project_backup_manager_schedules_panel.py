PANEL = "backup_manager_schedules"
PANEL_DASHBOARD = "project"
PANEL_GROUP = "backup_manager"
ADD_PANEL = "backup_manager_dashboard.project.schedules.panel.Schedules"

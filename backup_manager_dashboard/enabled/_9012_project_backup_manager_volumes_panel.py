PANEL = "backup_manager_volumes"
PANEL_DASHBOARD = "project"
PANEL_GROUP = "backup_manager"
ADD_PANEL = "backup_manager_dashboard.project.volumes.panel.Volumes"

PANEL = "backup_manager_runs"
PANEL_DASHBOARD = "project"
PANEL_GROUP = "backup_manager"
ADD_PANEL = "backup_manager_dashboard.project.runs.panel.Runs"

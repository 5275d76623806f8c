PANEL = "backup_manager_overview"
PANEL_DASHBOARD = "project"
PANEL_GROUP = "backup_manager"
ADD_PANEL = "backup_manager_dashboard.project.overview.panel.Overview"

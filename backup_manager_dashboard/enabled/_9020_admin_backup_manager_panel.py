PANEL = "backup_manager_status"
PANEL_DASHBOARD = "admin"
PANEL_GROUP = "volume"
ADD_PANEL = "backup_manager_dashboard.admin.status.panel.Status"

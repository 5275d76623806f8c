from __future__ import annotations

from django.urls import path

from backup_manager_dashboard.admin.status import views

urlpatterns = [
    path("", views.IndexView.as_view(), name="index"),
    path("projects/", views.ProjectsView.as_view(), name="projects"),
]

from __future__ import annotations

from django.urls import path

from backup_manager_dashboard.project.runs import views

urlpatterns = [
    path("", views.IndexView.as_view(), name="index"),
    path("tasks/", views.TasksView.as_view(), name="tasks"),
    path("<uuid:run_id>/", views.DetailView.as_view(), name="detail"),
    path("<uuid:run_id>/confirm/", views.ConfirmView.as_view(), name="confirm"),
    path("<uuid:run_id>/cancel/", views.CancelView.as_view(), name="cancel"),
]

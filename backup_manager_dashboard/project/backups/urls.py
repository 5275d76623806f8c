from __future__ import annotations

from django.urls import path

from backup_manager_dashboard.project.backups import views

urlpatterns = [
    path("", views.IndexView.as_view(), name="index"),
    path("<uuid:id>/", views.IndexView.as_view(), name="detail"),
]

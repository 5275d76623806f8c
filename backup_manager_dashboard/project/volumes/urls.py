from __future__ import annotations

from django.urls import path

from backup_manager_dashboard.project.volumes import views

urlpatterns = [
    path("", views.IndexView.as_view(), name="index"),
    path("protect/", views.ProtectView.as_view(), name="protect"),
    path("<uuid:volume_id>/", views.DetailView.as_view(), name="detail"),
    path("<uuid:volume_id>/restore/", views.RestoreView.as_view(), name="restore"),
    path("<uuid:volume_id>/policy/", views.PolicyView.as_view(), name="policy"),
]

from __future__ import annotations

from django.urls import path

from backup_manager_dashboard.project.schedules import views

urlpatterns = [
    path("", views.IndexView.as_view(), name="index"),
    path("create/", views.CreateView.as_view(), name="create"),
    path("preview/", views.preview, name="preview"),
    path("preview/kept/", views.preview_kept, name="preview_kept"),
    path("<uuid:schedule_id>/", views.DetailView.as_view(), name="detail"),
    path("<uuid:schedule_id>/repair/", views.repair, name="repair"),
    path("<uuid:schedule_id>/edit/", views.EditView.as_view(), name="edit"),
    path("<uuid:schedule_id>/volumes/", views.EditVolumesView.as_view(), name="volumes"),
]

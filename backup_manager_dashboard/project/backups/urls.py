from __future__ import annotations

from django.urls import path

from backup_manager_dashboard.project.backups import views

urlpatterns = [
    path("", views.IndexView.as_view(), name="index"),
    path("delete/", views.DeleteView.as_view(), name="delete"),
    path("import/", views.ImportView.as_view(), name="import"),
    path("import/preview/", views.preview_import, name="preview_import"),
    path("<uuid:backup_id>/", views.DetailView.as_view(), name="detail"),
    path("<uuid:backup_id>/restore/", views.RestoreView.as_view(), name="restore"),
    path("<uuid:backup_id>/hold/", views.HoldView.as_view(), name="hold"),
]

"""To be written."""

from __future__ import annotations

from django.views.generic import TemplateView


class IndexView(TemplateView):
    template_name = "backup_manager_dashboard/base.html"

"""Pages about volumes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext_lazy as _

from backup_manager_dashboard import api
from backup_manager_dashboard.project.volumes import forms, tables
from backup_manager_dashboard.views import ListView


class IndexView(ListView):
    page_title = _("Volumes")
    table_class = tables.VolumesTable
    filter_class = forms.VolumeFilter
    sort = "name:asc"
    failure = _("The volumes can't be shown.")

    def fetch(
        self,
        sort: str | None,
        limit: int,
        marker: str | None,
        protection: str | None = None,
        **filters: Any,
    ) -> Iterable[Any]:
        filters.update(forms.PROTECTION.get(protection or "", {}))
        return api.client(self.request).volumes(
            sort=sort, limit=limit, marker=marker, paginated=False, **filters
        )

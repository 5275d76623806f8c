"""What the pages have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from horizon import tables
from horizon.utils import functions

from backup_manager_dashboard import api
from backup_manager_dashboard.forms import Filter


class ListView(tables.PagedTableMixin, tables.DataTableView):
    """A list with filters, a page at a time.

    Filters and sort order stand in the URL, so that a list can be linked to and sent to somebody.

    :cvar filter_class: the form of the filters: its cleaned data, but for what is empty, is given
        to ``fetch``
    :cvar sort: the order, as the SDK takes it, when the user asked for none
    """

    template_name = "backup_manager_dashboard/list.html"
    filter_class: type[Filter] = Filter
    sort: str | None = None
    failure: Any = _("The list can't be shown.")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.filter = self.filter_class(request.GET)
        return super().dispatch(request, *args, **kwargs)

    def fetch(
        self, sort: str | None, limit: int, marker: str | None, **filters: Any
    ) -> Iterable[Any]:
        """One page of the list.

        :param limit: how many are wanted; more than these are not looked at
        """
        raise NotImplementedError

    def get_data(self) -> Sequence[Any]:
        filters = self._filters()
        if filters is None:
            return []
        sort = filters.pop("sort", None) or self.sort
        size = functions.get_page_size(self.request)
        marker, direction = self._get_marker()
        # Horizon's word for "towards the beginning" is "asc".
        backwards = direction == "asc"
        page: list[Any] = []
        with api.tell(self.request, self.failure):
            found = self.fetch(reverse(sort) if backwards else sort, size + 1, marker, **filters)
            page = list(islice(found, size + 1))
        extra = len(page) > size
        page = page[:size]
        self._has_more_data = backwards or extra
        self._has_prev_data = extra if backwards else marker is not None
        return page[::-1] if backwards else page

    def _filters(self) -> dict[str, Any] | None:
        """What the user filters by, None if that is not valid."""
        if not self.filter.is_valid():
            return None
        data = self.filter.cleaned_data
        return {name: value for name, value in data.items() if value not in (None, "")}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        context["filter"] = self.filter
        context["is_filtered"] = any(
            value and name != "sort" for name, value in (self._filters() or {}).items()
        )
        return context


def reverse(sort: str | None) -> str | None:
    """The opposite order."""
    if sort is None:
        return None
    key, _, direction = sort.partition(":")
    return f"{key}:{'asc' if direction == 'desc' else 'desc'}"

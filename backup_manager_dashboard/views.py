"""What the pages have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from horizon import forms, tables, views, workflows
from horizon.utils import functions

from backup_manager_dashboard import api
from backup_manager_dashboard.forms import Filter


class ListView(tables.PagedTableMixin, tables.DataTableView):
    """A list with filters, a page at a time.

    Filters and sort order stand in the URL, so that a list can be linked to and sent to somebody.

    :cvar filter_class: the form of the filters
    :cvar sort: the order, as the SDK takes it, when the user asked for none
    """

    template_name = "backup_manager_dashboard/list.html"
    filter_class: type[Filter] = Filter
    sort: str | None = None
    failure: Any = _("The list can't be shown.")
    #: Whether the service did not give it.
    failed = False

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.filter = self.filter_class(request.GET)
        return super().dispatch(request, *args, **kwargs)

    def fetch(self, **query: Any) -> Iterable[Any]:
        """One page of the list; more than its ``limit`` is not looked at.

        :param query: the filters, the order and which page, as the SDK takes them
        """
        raise NotImplementedError

    def get_data(self) -> Sequence[Any]:
        query = self._query()
        if query is None:
            return []
        sort = query.pop("sort", None) or self.sort
        size = functions.get_page_size(self.request)
        marker, direction = self._get_marker()
        # Horizon's word for "towards the beginning" is "asc".
        backwards = direction == "asc"
        page: list[Any] = []
        self.failed = True
        with api.tell(self.request, self.failure):
            found = self.fetch(
                sort=opposite(sort) if backwards else sort,
                limit=size + 1,
                marker=marker,
                paginated=False,
                **query,
            )
            page = list(islice(found, size + 1))
            self.failed = False
        extra = len(page) > size
        page = page[:size]
        self._has_more_data = backwards or extra
        self._has_prev_data = extra if backwards else marker is not None
        return page[::-1] if backwards else page

    def _query(self) -> dict[str, Any] | None:
        """What the user filters by, None if that is not valid."""
        return self.filter.query() if self.filter.is_valid() else None

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        query = self._query()
        context["filter"] = self.filter
        context["failed"] = self.failed
        context["is_filtered"] = query is None or any(name != "sort" for name in query)
        return context


def opposite(sort: str | None) -> str | None:
    """The opposite order."""
    if sort is None:
        return None
    key, _, direction = sort.partition(":")
    return f"{key}:{'asc' if direction == 'desc' else 'desc'}"


class DetailView(views.HorizonTemplateView):
    """The page of one thing. Its actions are those of its row in the list.

    :cvar noun: what the template calls it; with ``_id``, what the URL calls its id
    :cvar index: the name of the page with the list
    """

    table_class: type[tables.DataTable]
    noun: str
    index: str
    failure: Any = _("It can't be shown.")

    def fetch(self, identifier: str) -> Any:
        """The thing."""
        raise NotImplementedError

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        index = reverse(self.index)
        with api.leave(self.request, self.failure, index):
            thing = self.fetch(str(self.kwargs[f"{self.noun}_id"]))
        context[self.noun] = thing
        context["actions"] = self.table_class(self.request).render_row_actions(thing)
        context["url"] = index
        return context


class FormView(forms.ModalFormView):
    """A form in a dialogue, or on a page of its own."""

    template_name = "backup_manager_dashboard/form.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # What comes by script, Horizon leaves in the zone of the server.
        with timezone.override(functions.get_timezone(request)):
            response = super().dispatch(request, *args, **kwargs)
            return response.render() if hasattr(response, "render") else response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["submit_url"] = self.request.get_full_path()
        return context

    def form_invalid(self, form: Any) -> HttpResponse:
        # Horizon would make the form a second time.
        return self.render_to_response(self.get_context_data(form=form))


class WorkflowView(workflows.WorkflowView):
    """A form in several steps, in a dialogue or on a page of its own."""

    template_name = "backup_manager_dashboard/workflow.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["page_title"] = context["workflow"].name
        return context

"""What the tables have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from django import shortcuts
from django.http import HttpRequest, HttpResponse
from django.template.loader import get_template
from django.utils.translation import gettext_lazy as _
from horizon import messages, tables

from backup_manager_dashboard import api


class Table(tables.DataTable):
    """A table whose links to other pages keep the filters."""

    def render_row_actions(self, datum: Any, row: bool = False) -> str:
        # As Horizon does it, but without finding out all about the request again for each row.
        actions = {"row_actions": self.get_row_actions(datum), "row_id": self.get_object_id(datum)}
        return _loaded("_row_actions.html").render(actions)

    def get_pagination_string(self) -> str:
        return self._page(self._meta.pagination_param, self.get_marker())

    def get_prev_pagination_string(self) -> str:
        return self._page(self._meta.prev_pagination_param, self.get_prev_marker())

    def get_full_url(self) -> str:
        # What is done to a row leads back to the page, also from a part of it fetched by script.
        query = self.request.GET.copy()
        query.pop("live", None)
        return f"{self.request.path}?{query.urlencode()}" if query else str(self.request.path)

    def _page(self, parameter: str, marker: str) -> str:
        query = self.request.GET.copy()
        for name in (self._meta.pagination_param, self._meta.prev_pagination_param, "live"):
            query.pop(name, None)
        query[parameter] = marker
        return str(query.urlencode())


class NameColumn(tables.Column):
    """A name that leads to its page: on one line, however long it is."""

    def __init__(self, transform: Any, **kwargs: Any) -> None:
        super().__init__(
            transform,
            classes=("bm-name",),
            cell_attributes_getter=lambda name: {"title": name},
            **kwargs,
        )


def cell(template: str, name: str) -> Callable[[Any], str]:
    """What a column shows, by a template of its own.

    :param template: within the templates of the dashboard
    :param name: what the template calls the row
    """
    return lambda row: _loaded(template).render({name: row})


@cache
def _loaded(template: str) -> Any:
    return get_template(f"backup_manager_dashboard/{template}")


class ByPolicy:
    """An action that is shown to those only who may do it.

    :cvar rules: the rules of the service that must allow it
    """

    rules: tuple[str, ...] = ()

    def allowed(self, request: HttpRequest, datum: Any = None) -> bool:
        return api.may(request, *self.rules) and self.fits(datum)

    def fits(self, datum: Any) -> bool:
        """Whether the action makes sense for a row (None: for the table)."""
        return True


class ToPage(ByPolicy, tables.Action):
    """An action of a table that leads to a page about the chosen rows.

    Their ids stand in its address, of which web servers take 4 KB.
    """

    most = 100
    preempt = True

    def url(self, ids: Iterable[str]) -> str:
        """The address of the page."""
        raise NotImplementedError

    def handle(self, table: Table, request: HttpRequest, obj_ids: Sequence[str]) -> HttpResponse:
        if len(obj_ids) > self.most:
            messages.error(request, _("Choose at most %d at a time.") % self.most)
            return shortcuts.redirect(request.get_full_path())
        return shortcuts.redirect(self.url(obj_ids))

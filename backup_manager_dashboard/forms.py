"""What the forms have in common."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms as django_forms
from django.http import HttpRequest
from django.utils import timezone
from horizon import forms

from backup_manager import sdk
from backup_manager_dashboard import api


class Filter(django_forms.Form):
    """What a list is filtered by, and its order (``sort``)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.required = False
            field.widget.attrs["class"] = "form-control"

    def query(self) -> dict[str, Any]:
        """What the user filters by, as the SDK takes it."""
        data: dict[str, Any] = {
            name: str(value) if isinstance(value, uuid.UUID) else value
            for name, value in self.cleaned_data.items()
            if value not in (None, "")
        }
        data.update(span(data.pop("since", None), data.pop("until", None)))
        return data


class Day(django_forms.DateField):
    """A day, in the zone of the user."""

    widget = django_forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


def span(since: date | None, until: date | None) -> dict[str, datetime]:
    """What the service is asked for, when the user wants some days.

    :param since: the first of them
    :param until: the last of them
    """
    bounds = {"since": since, "until": until + timedelta(days=1) if until else None}
    return {
        name: timezone.make_aware(datetime.combine(bound, time()))
        for name, bound in bounds.items()
        if bound
    }


class Form(forms.SelfHandlingForm):
    """A form that shows what the service says about a field beside that field.

    :cvar places: the names of fields of the service (the part behind the last dot, or before the
        first, will do), and of the fields of the form in their place; without an entry they have
        the same name
    """

    places: Mapping[str, str] = {}

    def act(self, request: HttpRequest, data: dict[str, Any]) -> Any:
        """Do what the form is for.

        :returns: something true, for the view
        """
        raise NotImplementedError

    def handle(self, request: HttpRequest, data: dict[str, Any]) -> Any:
        try:
            return self.act(request, data)
        except api.ERRORS as error:
            show(api.explain(error), [self], self.places)
            return False


def show(problem: sdk.Problem, forms: Sequence[Any], places: Mapping[str, str]) -> Any:
    """Show a problem beside the field that it is about, or above the first form.

    :param forms: the parts of what was filled in
    :param places: as of :class:`Form`
    :returns: the form that shows it
    """
    field = problem.field or ""
    for name in (field, field.rsplit(".", 1)[-1], field.split(".")[0]):
        place = places.get(name, name)
        for form in forms:
            if place in form.fields and not form.fields[place].widget.is_hidden:
                form.add_error(place, problem.message)
                return form
    forms[0].add_error(None, str(problem))
    return forms[0]

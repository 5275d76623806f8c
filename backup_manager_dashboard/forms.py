"""What the forms have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms as django_forms
from django.http import HttpRequest
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


class Form(forms.SelfHandlingForm):
    """A form that shows what the service says about a field beside that field.

    :cvar places: the names of fields of the service (the part before a dot will do), and of the
        fields of the form in their place; without an entry they have the same name
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
            show(self, api.explain(error), self.places)
            return False


def show(form: Any, problem: sdk.Problem, places: Mapping[str, str]) -> str | None:
    """Show a problem beside the field that it is about, or above the form.

    :returns: the name of the field
    """
    field = problem.field or ""
    for name in (field, field.split(".")[0], field.rsplit(".", 1)[-1]):
        place = places.get(name, name)
        if place in form.fields and not form.fields[place].widget.is_hidden:
            form.add_error(place, problem.message)
            return place
    form.add_error(None, str(problem))
    return None

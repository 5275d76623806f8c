"""What can be asked about volumes."""

from __future__ import annotations

import copy
from typing import Any

from django import forms
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy, pgettext_lazy
from horizon import forms as horizon_forms
from horizon import messages

from backup_manager_dashboard import api
from backup_manager_dashboard.forms import Filter, Form
from backup_manager_dashboard.project.schedules import definition
from backup_manager_dashboard.project.schedules.workflows import RetentionAction

#: As many schedules are offered for choice.
_MOST_SCHEDULES = 1000

_PROTECTION = {
    "protected": {"is_protected": True},
    "unprotected": {"is_protected": False},
    "late": {"is_late": True},
}


class VolumeFilter(Filter):
    search = forms.CharField(label=_("Name or ID"), max_length=255)
    protection = forms.ChoiceField(
        label=_("Protection"),
        choices=[
            ("", _("All")),
            ("protected", pgettext_lazy("by schedules", "Protected")),
            ("late", _("Late")),
            ("unprotected", _("Unprotected")),
        ],
    )
    sort = forms.ChoiceField(
        label=_("Order"),
        choices=[
            ("name:asc", _("By name")),
            ("created_at:desc", _("Newest first")),
            ("created_at:asc", _("Oldest first")),
            ("size_gb:desc", _("Largest first")),
        ],
    )

    def query(self) -> dict[str, Any]:
        query = super().query()
        query.update(_PROTECTION.get(query.pop("protection", ""), {}))
        return query


class ProtectForm(Form):
    """Puts the volumes of ``initial`` into a schedule."""

    places = {"volumes": "schedule"}
    schedule = forms.ChoiceField(label=_("Schedule"))

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        names: list[tuple[str, Any]] = []
        with api.tell(request, _("The schedules can't be shown.")):
            found = api.client(request).schedules(limit=_MOST_SCHEDULES, paginated=False)
            names = [(schedule.id, _label(schedule)) for schedule in found]
        self.fields["schedule"].choices = names
        self.has_choice = bool(names)

    def act(self, request: HttpRequest, data: dict[str, Any]) -> Any:
        client = api.client(request)
        result = client.add_schedule_volumes(data["schedule"], self.initial["volume_ids"])
        added, missing = len(result["added"]), len(result["not_found"])
        if missing:
            text = ngettext_lazy("%d volume was not found.", "%d volumes were not found.", missing)
            messages.warning(request, text % missing)
        if added:
            text = ngettext_lazy("%d volume is in it now.", "%d more volumes are in it now.", added)
            messages.success(request, text % added)
        elif result["present"]:
            messages.info(request, _("The schedule has had these volumes before."))
        return redirect("horizon:project:backup_manager_schedules:detail", data["schedule"])


def _label(schedule: Any) -> Any:
    if schedule.is_enabled:
        return schedule.name
    return _("%s (disabled)") % schedule.name


class PolicyForm(Form):
    """What is kept of the backups of one volume."""

    places = {"retention": "keep"}
    keep = forms.ChoiceField(
        label=_("Keep"),
        choices=[
            ("project", _("As its schedules and the project say")),
            ("rules", _("What these rules keep")),
            ("everything", _("Everything")),
        ],
        widget=horizon_forms.ThemableSelectWidget(
            attrs={"class": "switchable", "data-slug": "keep"}
        ),
    )

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        # The same fields as those of a schedule.
        for rule in definition.RULES:
            self.fields[rule] = copy.deepcopy(RetentionAction.base_fields[rule])

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean()
        empty = not any(data.get(rule) or rule in self.errors for rule in definition.RULES)
        if data.get("keep") == "rules" and empty:
            self.add_error("keep", _("Fill in at least one rule, or keep everything."))
        return data

    def act(self, request: HttpRequest, data: dict[str, Any]) -> Any:
        client, volume_id = api.client(request), self.initial["volume"].id
        retention = definition.retention(data)
        if retention is None:
            client.unset_policy(volume_id)
        else:
            client.set_policy(retention, volume_id)
        messages.success(request, _("What is kept of the volume's backups has been set."))
        return redirect("horizon:project:backup_manager_volumes:detail", volume_id)


class MomentForm(forms.Form):
    """A moment by the clock of the user."""

    at = forms.DateTimeField(
        label=_("The volume as it was at"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        widget=forms.DateTimeInput(
            attrs={"type": "datetime-local", "class": "form-control"}, format="%Y-%m-%dT%H:%M"
        ),
    )

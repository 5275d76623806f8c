"""What can be asked of a clean-up."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from backup_manager import sdk
from backup_manager_dashboard.forms import show

#: As many volumes the service takes at once with days of their own.
MOST_VOLUMES = 100
_DAYS = 30
#: How many rows for volumes there are at first, and how many are added at a time.
_ROWS = 3


def _days() -> forms.IntegerField:
    return forms.IntegerField(
        label=_("Older than (days)"),
        min_value=1,
        widget=forms.NumberInput(attrs={"class": "form-control"}),
    )


class CleanupForm(forms.Form):
    """For all volumes."""

    days = _days()
    include_last = forms.BooleanField(
        label=_("Also delete the last good backup of a volume"),
        required=False,
        help_text=_("Volumes can be left without any good backup then."),
    )

    def wanted(self) -> dict[str, Any]:
        """What the service is asked for."""
        data = self.cleaned_data
        return {"max_age_days": data["days"], "include_last": data["include_last"]}

    def refuse(self, problem: sdk.Problem) -> None:
        """Show what the service says beside the field that it is about."""
        show(problem, [self], {"max_age_days": "days"})


class VolumeForm(forms.Form):
    """For one volume."""

    volume = forms.ChoiceField(
        label=_("Volume"), widget=forms.Select(attrs={"class": "form-control"})
    )
    days = _days()

    def __init__(self, *args: Any, volumes: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["volume"].choices = [("", _("Choose a volume")), *volumes.items()]


class _VolumeForms(forms.BaseFormSet):
    def clean(self) -> None:
        if any(self.errors):
            return
        chosen = [form.cleaned_data["volume"] for form in self.filled]
        if not chosen:
            raise forms.ValidationError(_("Choose at least one volume."))
        for form in self.filled:
            if chosen.count(form.cleaned_data["volume"]) > 1:
                form.add_error("volume", _("This volume is chosen twice."))

    @property
    def filled(self) -> list[VolumeForm]:
        """The rows that somebody has filled in."""
        return [form for form in self.forms if form.has_changed()]


VolumeForms = forms.formset_factory(
    VolumeForm, formset=_VolumeForms, extra=0, max_num=MOST_VOLUMES, validate_max=True
)


class SomeForm(CleanupForm):
    """For some volumes: a row for each, with days of its own.

    :param volumes: those to choose from, names by ids
    :param chosen: those that have rows at first
    """

    days = None

    def __init__(
        self, data: Any = None, *, volumes: Mapping[str, str], chosen: Sequence[str] = ()
    ) -> None:
        super().__init__(data)
        initial = [{"volume": each, "days": _DAYS} for each in chosen[:MOST_VOLUMES]]
        blank: list[dict[str, Any]] = [{}] * max(_ROWS - len(initial), 0)
        self.volumes = VolumeForms(
            data,
            initial=None if data else initial + blank,
            form_kwargs={"volumes": volumes},
        )
        for form in self.volumes:
            form.empty_permitted = True

    def is_valid(self) -> bool:
        return bool(super().is_valid() & self.volumes.is_valid())

    def wanted(self) -> dict[str, Any]:
        rows = (form.cleaned_data for form in self.volumes.filled)
        return {
            "volume_policies": {row["volume"]: row["days"] for row in rows},
            "include_last": self.cleaned_data["include_last"],
        }

    def refuse(self, problem: sdk.Problem) -> None:
        place = re.search(r"volume_policies\[(\d+)\]", problem.field or "")
        row = self.volumes.filled[int(place.group(1))] if place else self
        show(problem, [row], {"max_age_days": "days", "volume_id": "volume"})


def with_more_rows(data: QueryDict) -> QueryDict:
    """What was sent, with more rows for volumes."""
    total = VolumeForms.get_default_prefix() + "-TOTAL_FORMS"
    more = data.copy()
    try:
        more[total] = str(min(int(data.get(total, "")) + _ROWS, MOST_VOLUMES))
    except ValueError:
        return data
    return more

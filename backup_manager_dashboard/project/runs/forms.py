"""What the history can be filtered by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from backup_manager_dashboard import words
from backup_manager_dashboard.forms import Day, Filter

_TASK_STATUSES = (
    "waiting",
    "pending",
    "submitting",
    "running",
    "succeeded",
    "failed",
    "skipped",
    "cancelled",
    "expired",
)
_RUN_STATUSES = (
    "waiting",
    "pending",
    "running",
    "succeeded",
    "partial",
    "failed",
    "cancelled",
    "skipped",
    "missed",
    "expired",
)


def _choices(texts: Mapping[str, Any], *only: str) -> list[tuple[str, Any]]:
    return [("", _("All")), *((name, texts[name]) for name in only or texts)]


class RunFilter(Filter):
    action = forms.ChoiceField(label=_("Action"), choices=_choices(words.ACTIONS))
    status = forms.ChoiceField(
        label=_("Status"), choices=_choices(words.RUN_STATUSES, *_RUN_STATUSES)
    )
    trigger = forms.ChoiceField(label=_("Started by"), choices=_choices(words.TRIGGERS))
    since = Day(label=_("From"))
    until = Day(label=_("To"))
    # Links from the pages about a schedule or a volume bring these with them.
    schedule_id = forms.UUIDField(label=_("Schedule"), widget=forms.HiddenInput)
    volume_id = forms.UUIDField(label=_("Volume"), widget=forms.HiddenInput)


class TaskFilter(Filter):
    action = forms.ChoiceField(label=_("Action"), choices=_choices(words.ACTIONS))
    status = forms.ChoiceField(
        label=_("Status"), choices=_choices(words.RUN_STATUSES, *_TASK_STATUSES)
    )
    since = Day(label=_("From"))
    until = Day(label=_("To"))
    volume_id = forms.UUIDField(label=_("Volume"), widget=forms.HiddenInput)


class TaskOfRunFilter(Filter):
    status = forms.ChoiceField(
        label=_("Status"), choices=_choices(words.RUN_STATUSES, *_TASK_STATUSES)
    )

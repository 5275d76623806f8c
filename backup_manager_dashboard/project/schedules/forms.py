"""What can be asked about schedules."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backup_manager_dashboard.forms import Filter

#: The filters of the service for each state.
_STATES = {
    "enabled": {"is_enabled": True},
    "disabled": {"is_enabled": False},
    "failing": {"is_failing": True},
}


class ScheduleFilter(Filter):
    search = forms.CharField(label=_("Name"), max_length=255)
    state = forms.ChoiceField(
        label=_("State"),
        choices=[
            ("", _("All")),
            ("enabled", pgettext_lazy("state of a schedule", "Enabled")),
            ("disabled", pgettext_lazy("state of a schedule", "Disabled")),
            ("failing", _("Failing")),
        ],
    )
    sort = forms.ChoiceField(
        label=_("Order"),
        choices=[
            ("name:asc", _("By name")),
            ("next_run_at:asc", _("Next run first")),
            ("created_at:desc", _("Newest first")),
        ],
    )

    def query(self) -> dict[str, Any]:
        query = super().query()
        query.update(_STATES.get(query.pop("state", ""), {}))
        return query

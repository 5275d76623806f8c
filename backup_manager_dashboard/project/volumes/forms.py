"""What can be asked about volumes."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from backup_manager_dashboard.forms import Filter

PROTECTION = {
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
            ("protected", _("Protected")),
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

"""What can be asked and said about backups."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from django import forms as django_forms
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from horizon import forms, messages
from openstack_dashboard.api import cinder

from backup_manager_dashboard import api, words
from backup_manager_dashboard.forms import Day, Filter, Form

LOG = logging.getLogger(__name__)

#: The most that a list of the service gives at once.
_A_PAGE = 1000
_LONGEST = 255
#: As the service has it: the body of an import.
_MOST_BYTES = 8 * 2**20

TYPES = ("full", "incremental")
_STATUSES = ("available", "error", "creating", "restoring", "deleting", "error_deleting")


class BackupFilter(Filter):
    search = django_forms.CharField(label=_("Name or ID"), max_length=_LONGEST)
    volume_id = django_forms.UUIDField(label=_("Volume"))
    status = django_forms.ChoiceField(
        label=_("Status"),
        choices=[("", _("All")), *((name, words.status(name)) for name in _STATUSES)],
    )
    since = Day(label=_("From"))
    until = Day(label=_("To"))
    sort = django_forms.ChoiceField(
        label=_("Order"),
        choices=[
            ("created_at:desc", _("Newest first")),
            ("created_at:asc", _("Oldest first")),
            ("name:asc", _("By name")),
            ("size_gb:desc", _("Largest first")),
        ],
    )
    # The tabs say this.
    type = django_forms.ChoiceField(
        choices=[("", ""), *((name, name) for name in TYPES)], widget=django_forms.HiddenInput
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.data.get("volume_id"):
            # Links from volumes set it; nobody types it.
            self.fields["volume_id"].widget = django_forms.HiddenInput()


class HoldForm(Form):
    places = {"hold_reason": "reason"}
    reason = forms.CharField(label=_("Reason"), max_length=_LONGEST, required=False)

    def act(self, request: HttpRequest, data: dict[str, Any]) -> Any:
        backup = api.client(request).update_backup(
            self.initial["backup_id"], is_held=True, hold_reason=data["reason"] or None
        )
        messages.success(request, _("The backup is on hold."))
        return backup


def _switched(target: str, label: Any) -> dict[str, Any]:
    """The attributes of a field that is there for one kind of target only."""
    return {"class": "switched", "data-switch-on": "target", f"data-target-{target}": label}


class RestoreForm(Form):
    places = {"target_volume_id": "volume"}
    target = forms.ChoiceField(
        label=_("Restore to"),
        choices=[("new", _("A new volume")), ("volume", _("An existing volume"))],
        widget=forms.ThemableSelectWidget(attrs={"class": "switchable", "data-slug": "target"}),
    )
    name = forms.CharField(
        label=_("Name"),
        max_length=_LONGEST,
        required=False,
        widget=forms.TextInput(attrs=_switched("new", _("Name"))),
    )
    availability_zone = forms.ChoiceField(
        label=_("Availability zone"),
        required=False,
        widget=forms.Select(attrs=_switched("new", _("Availability zone"))),
    )
    volume_type = forms.ChoiceField(
        label=_("Volume type"),
        required=False,
        widget=forms.Select(attrs=_switched("new", _("Volume type"))),
    )
    volume = forms.ChoiceField(
        label=_("Volume to overwrite"),
        required=False,
        help_text=_("Available volumes that are large enough. All data on it is replaced."),
        widget=forms.Select(attrs=_switched("volume", _("Volume to overwrite"))),
    )
    confirmation = forms.CharField(
        label=_("To confirm, type that volume's name (its ID if it has none)"),
        required=False,
        max_length=_LONGEST,
        widget=forms.TextInput(
            attrs={
                **_switched(
                    "volume", _("To confirm, type that volume's name (its ID if it has none)")
                ),
                "autocomplete": "off",
            }
        ),
    )

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        backup = self.initial["backup"]
        as_before = ("", _("As the volume that was backed up"))
        self.fields["availability_zone"].choices = [as_before, *_zones(request)]
        self.fields["volume_type"].choices = [as_before, *_types(request)]
        self._names: dict[str, str] = {}
        with api.tell(request, _("The volumes can't be shown.")):
            found = api.client(request).volumes(
                status="available", sort="name:asc", limit=_A_PAGE, paginated=False
            )
            self._names = {
                volume.id: volume.name or volume.id
                for volume in found
                if volume.size_gb >= backup.size_gb
            }
        self.fields["volume"].choices = [
            ("", _("Choose a volume")),
            *(
                (key, name if name == key else f"{name} ({key[:8]})")
                for key, name in self._names.items()
            ),
        ]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean()
        if data.get("target") != "volume":
            return data
        chosen = data.get("volume")
        if not chosen:
            if "volume" not in self.errors:
                self.add_error("volume", _("Choose the volume to overwrite."))
        elif (data.get("confirmation") or "").strip() != self._names[chosen].strip():
            self.add_error("confirmation", _("This is not the name of the volume."))
        return data

    def act(self, request: HttpRequest, data: dict[str, Any]) -> Any:
        item = {"backup_id": self.initial["backup"].id}
        if data["target"] == "volume":
            item["target_volume_id"] = data["volume"]
        else:
            names = ("name", "availability_zone", "volume_type")
            item.update({name: data[name] for name in names if data[name]})
        run = api.client(request).restore_backups([item])
        messages.success(request, _("The restore has been started."))
        return redirect("horizon:project:backup_manager_runs:detail", run.id)


def _zones(request: HttpRequest) -> list[tuple[str, str]]:
    with _optional(request, _("The availability zones can't be shown.")):
        zones = cinder.availability_zone_list(request)
        return _choices(zone.zoneName for zone in zones if zone.zoneState.get("available"))
    return []


def _types(request: HttpRequest) -> list[tuple[str, str]]:
    with _optional(request, _("The volume types can't be shown.")):
        return _choices(each.name for each in cinder.volume_type_list(request))
    return []


@contextmanager
def _optional(request: HttpRequest, what: Any) -> Iterator[None]:
    """Go on without what Cinder does not tell: what it was before can be chosen all the same."""
    try:
        yield
    except Exception as error:
        LOG.warning("%s %s", what, error)
        messages.warning(request, what)


def _choices(names: Iterable[str]) -> list[tuple[str, str]]:
    return [(name, name) for name in sorted(names)]


class ImportForm(Form):
    """Nothing is imported but what a preview has shown: ``seen`` is of the one that was shown."""

    places = {
        "document": "document",
        "record": "backup_url",
        "record.backup_service": "backup_service",
        "record.backup_url": "backup_url",
    }
    document = django_forms.FileField(
        label=_("File"), required=False, help_text=_("A file that an export gave.")
    )
    backup_service = forms.CharField(
        label=_("Backup service"),
        required=False,
        max_length=_LONGEST,
        help_text=_("In place of a file: what Cinder's own export of one record gave."),
    )
    backup_url = forms.CharField(
        label=_("Backup URL"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    #: Whether only the preview is asked for.
    is_preview = False

    def clean_document(self) -> Any:
        file = self.cleaned_data["document"]
        if file is None:
            return None
        if file.size > _MOST_BYTES:
            raise forms.ValidationError(_("The file is too large. Export the records in parts."))
        try:
            content = json.loads(file.read().decode())
        except (ValueError, RecursionError):
            raise forms.ValidationError(_("This is not a file that an export gave.")) from None
        if not isinstance(content, dict):
            raise forms.ValidationError(_("This is not a file that an export gave."))
        return content

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean()
        document = data.get("document")
        service, url = data.get("backup_service"), data.get("backup_url")
        if "document" in self.errors:
            return data
        if document is not None and (service or url):
            self.add_error("document", _("Choose a file, or fill in the fields below; not both."))
        elif document is None and not (service and url):
            self.add_error("document", _("Choose a file, or fill in both fields below."))
        if not self.errors and not self.is_preview and data.get("seen") != self.fingerprint(data):
            self.add_error(None, _("Look at the preview first."))
        return data

    @staticmethod
    def fingerprint(data: dict[str, Any]) -> str:
        """Tells what is to be imported from anything else."""
        asked = [data["document"], data["backup_service"], data["backup_url"]]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()

    def ask(self, request: HttpRequest, data: dict[str, Any], dry_run: bool) -> Any:
        """Have the service import, or tell what it would."""
        client = api.client(request)
        if data["document"] is not None:
            return client.import_records(data["document"], dry_run=dry_run)
        return client.import_record(data["backup_service"], data["backup_url"], dry_run=dry_run)

    def act(self, request: HttpRequest, data: dict[str, Any]) -> Any:
        done = self.ask(request, data, dry_run=False)
        for warning in done.warnings:
            messages.warning(request, warning)
        if done.run is None:
            messages.info(request, _("There is nothing to import."))
            return redirect("horizon:project:backup_manager_backups:index")
        messages.success(request, _("The import has been started."))
        return redirect("horizon:project:backup_manager_runs:detail", done.run.id)

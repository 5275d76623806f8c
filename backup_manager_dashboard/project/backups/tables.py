"""Backups in a table."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django import shortcuts
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, ngettext_lazy, pgettext_lazy
from horizon import messages, tables

from backup_manager_dashboard import api, words
from backup_manager_dashboard.tables import ByPolicy, NameColumn, Table, ToPage, cell

INDEX = "horizon:project:backup_manager_backups:index"


class RestoreBackup(ByPolicy, tables.LinkAction):
    name = "restore"
    verbose_name = _("Restore Backup")
    url = "horizon:project:backup_manager_backups:restore"
    classes = ("ajax-modal",)
    icon = "undo"
    rules = ("restore:create",)

    def fits(self, datum: Any) -> bool:
        return bool(datum.status == "available")


class HoldBackup(ByPolicy, tables.LinkAction):
    name = "hold"
    verbose_name = _("Put on Hold")
    url = "horizon:project:backup_manager_backups:hold"
    classes = ("ajax-modal",)
    icon = "lock"
    rules = ("backup:update",)

    def fits(self, datum: Any) -> bool:
        return not datum.is_held


class ReleaseBackup(ByPolicy, tables.BatchAction):
    name = "release"
    icon = "unlock"
    rules = ("backup:update",)
    help_text = _("Retention and clean-ups may delete it again.")

    @staticmethod
    def action_present(count: int) -> Any:
        return ngettext("Release from Hold", "Release from Hold", count)

    @staticmethod
    def action_past(count: int) -> Any:
        return ngettext("Released Backup", "Released Backups", count)

    def fits(self, datum: Any) -> bool:
        return datum is None or bool(datum.is_held)

    def handle(self, table: Table, request: HttpRequest, obj_ids: Iterable[str]) -> HttpResponse:
        client = api.client(request)
        released = 0
        for backup_id in obj_ids:
            with api.tell(request, _("Backup %s can't be released.") % backup_id):
                client.update_backup(backup_id, is_held=False)
                released += 1
        if released:
            text = ngettext_lazy(
                "%d backup is no longer on hold.", "%d backups are no longer on hold.", released
            )
            messages.success(request, text % released)
        return shortcuts.redirect(request.get_full_path())


class ExportBackup(ByPolicy, tables.Action):
    """The records of one backup or more, as a file."""

    name = "export"
    verbose_name = _("Export Record")
    verbose_name_plural = _("Export Records")
    icon = "download"
    preempt = True
    rules = ("record:export",)

    def fits(self, datum: Any) -> bool:
        return datum is None or datum.status == "available"

    def handle(self, table: Table, request: HttpRequest, obj_ids: Iterable[str]) -> HttpResponse:
        with api.tell(request, _("The records can't be exported.")):
            export = api.client(request).export_records(list(obj_ids))
            for warning in export.warnings:
                messages.warning(request, warning)
            text = json.dumps(export.document, indent=2, ensure_ascii=False)
            answer = HttpResponse(text, content_type="application/json")
            name = f"backup-records-{timezone.now():%Y%m%d-%H%M%S}.json"
            answer["Content-Disposition"] = f'attachment; filename="{name}"'
            return answer
        return shortcuts.redirect(request.get_full_path())


class ImportBackups(ByPolicy, tables.LinkAction):
    name = "import"
    verbose_name = _("Import Records")
    url = "horizon:project:backup_manager_backups:import"
    icon = "upload"
    rules = ("record:import",)


class DeleteBackups(ToPage):
    """Leads to the page that shows what goes."""

    name = "delete"
    verbose_name = _("Delete Backup")
    verbose_name_plural = _("Delete Backups")
    icon = "trash"
    rules = ("deletion:create",)

    def url(self, ids: Iterable[str]) -> str:
        return deletion_url(ids)


def deletion_url(backup_ids: Iterable[str]) -> str:
    """The page that shows what a deletion comes to."""
    url = reverse("horizon:project:backup_manager_backups:delete")
    return f"{url}?backups={','.join(backup_ids)}"


class DeleteBackup(ByPolicy, tables.LinkAction):
    name = "delete_one"
    verbose_name = _("Delete Backup")
    icon = "trash"
    action_type = "danger"
    rules = ("deletion:create",)

    def get_link_url(self, datum: Any = None) -> str:
        return deletion_url([datum.id])


class BackupsTable(Table):
    name = NameColumn(
        lambda backup: backup.name or backup.id,
        verbose_name=_("Name"),
        link="horizon:project:backup_manager_backups:detail",
    )
    status = tables.Column(cell("backups/_status.html", "backup"), verbose_name=_("Status"))
    type = tables.Column(
        lambda backup: words.TYPES.get(backup.type, backup.type),
        verbose_name=_("Type"),
        classes=("bm-nowrap",),
    )
    size = tables.Column(
        lambda backup: words.size(backup.size_gb), verbose_name=_("Size"), classes=("bm-nowrap",)
    )
    volume = tables.Column(
        cell("backups/_volume.html", "backup"), verbose_name=_("Volume"), classes=("bm-word",)
    )
    schedule = tables.Column(
        cell("backups/_schedule.html", "backup"), verbose_name=_("Schedule"), classes=("bm-word",)
    )
    created = tables.Column(
        cell("backups/_created.html", "backup"),
        verbose_name=pgettext_lazy("Created time", "Created"),
    )
    kept = tables.Column(cell("backups/_kept.html", "backup"), verbose_name=_("Kept"))

    class Meta:
        name = "backups"
        verbose_name = _("Backups")
        table_actions = (ImportBackups, ExportBackup, ReleaseBackup, DeleteBackups)
        row_actions = (RestoreBackup, HoldBackup, ReleaseBackup, ExportBackup, DeleteBackup)

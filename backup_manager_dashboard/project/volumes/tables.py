"""Volumes in a table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import shortcuts
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from horizon import messages, tables

from backup_manager_dashboard import api, words
from backup_manager_dashboard.tables import ByPolicy, NameColumn, Table, ToPage, cell


class _BackUp(ByPolicy, tables.BatchAction):
    """Back up one volume, or many with one run."""

    type: str
    rules = ("backup:create",)
    icon = "camera"
    help_text = _("A run begins at once; its progress stands in the history.")

    def fits(self, datum: Any) -> bool:
        return datum is None or bool(datum.can_back_up)

    def handle(self, table: Table, request: HttpRequest, obj_ids: Iterable[str]) -> HttpResponse:
        with api.tell(request, _("The backup could not be started.")):
            run = api.client(request).create_backup(list(obj_ids), type=self.type)
            for warning in run.warnings:
                messages.warning(request, warning)
            messages.success(request, _("The backup has been started."))
            return shortcuts.redirect("horizon:project:backup_manager_runs:detail", run.id)
        return shortcuts.redirect(request.get_full_path())


class BackUpFull(_BackUp):
    name = "back_up_full"
    type = "full"

    @staticmethod
    def action_present(count: int) -> Any:
        return ngettext("Back Up Fully", "Back Up Fully", count)

    @staticmethod
    def action_past(count: int) -> Any:
        return ngettext("Full Backup Started", "Full Backups Started", count)


class BackUpIncremental(_BackUp):
    name = "back_up_incremental"
    type = "incremental"

    @staticmethod
    def action_present(count: int) -> Any:
        return ngettext("Back Up Incrementally", "Back Up Incrementally", count)

    @staticmethod
    def action_past(count: int) -> Any:
        return ngettext("Incremental Backup Started", "Incremental Backups Started", count)


class ProtectVolumes(ToPage):
    """Leads to the choice of a schedule."""

    name = "protect"
    verbose_name = _("Protect")
    verbose_name_plural = _("Protect")
    icon = "shield"
    rules = ("schedule:update",)

    def url(self, ids: Iterable[str]) -> str:
        return protection_url(ids)


class ProtectVolume(ByPolicy, tables.LinkAction):
    name = "protect_one"
    verbose_name = _("Protect")
    classes = ("ajax-modal",)
    icon = "shield"
    rules = ("schedule:update",)

    def get_link_url(self, datum: Any = None) -> str:
        return protection_url([datum.id])


def protection_url(volume_ids: Iterable[str]) -> str:
    """The page on which volumes are put into a schedule."""
    url = reverse("horizon:project:backup_manager_volumes:protect")
    return f"{url}?volumes={','.join(volume_ids)}"


class RestoreVolume(ByPolicy, tables.LinkAction):
    name = "restore"
    verbose_name = _("Restore a Point in Time")
    url = "horizon:project:backup_manager_volumes:restore"
    icon = "undo"
    rules = ("restore:create",)

    def fits(self, datum: Any) -> bool:
        return bool(datum.last_backup)


class SetPolicy(ByPolicy, tables.LinkAction):
    name = "policy"
    verbose_name = _("Set What to Keep")
    url = "horizon:project:backup_manager_volumes:policy"
    classes = ("ajax-modal",)
    rules = ("policy:update",)


class CleanUp(ByPolicy, tables.LinkAction):
    name = "cleanup"
    verbose_name = _("Clean Up")
    icon = "eraser"
    rules = ("cleanup:create",)

    def fits(self, datum: Any) -> bool:
        return bool(datum.last_backup)

    def get_link_url(self, datum: Any = None) -> str:
        return f"{reverse('horizon:project:backup_manager_cleanup:index')}?volume={datum.id}"


class VolumesTable(Table):
    name = NameColumn(
        lambda volume: volume.name or volume.id,
        verbose_name=_("Name"),
        link="horizon:project:backup_manager_volumes:detail",
    )
    status = tables.Column(
        cell("volumes/_status.html", "volume"),
        verbose_name=_("Status"),
        classes=("bm-nowrap",),
    )
    size = tables.Column(
        lambda volume: words.size(volume.size_gb), verbose_name=_("Size"), classes=("bm-nowrap",)
    )
    servers = tables.Column(cell("volumes/_servers.html", "volume"), verbose_name=_("Attached to"))
    schedules = tables.Column(
        cell("volumes/_schedules.html", "volume"), verbose_name=_("Schedules"), classes=("bm-word",)
    )
    last_backup = tables.Column(
        cell("volumes/_last_backup.html", "volume"), verbose_name=_("Last good backup")
    )

    class Meta:
        name = "volumes"
        verbose_name = _("Volumes")
        table_actions = (BackUpFull, BackUpIncremental, ProtectVolumes)
        row_actions = (
            BackUpFull,
            BackUpIncremental,
            ProtectVolume,
            RestoreVolume,
            SetPolicy,
            CleanUp,
        )

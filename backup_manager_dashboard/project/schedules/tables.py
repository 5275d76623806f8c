"""Schedules in a table."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from horizon import messages, tables

from backup_manager_dashboard import api
from backup_manager_dashboard.tables import ByPolicy, NameColumn, Table, cell


class CreateSchedule(ByPolicy, tables.LinkAction):
    name = "create"
    verbose_name = _("Create Schedule")
    url = "horizon:project:backup_manager_schedules:create"
    classes = ("ajax-modal",)
    icon = "plus"
    rules = ("schedule:create",)


class _Change(ByPolicy, tables.BatchAction):
    """What the service refuses is told in its own words."""

    rules = ("schedule:update",)
    help_text = ""

    def action(self, request: HttpRequest, obj_id: str) -> None:
        try:
            self.act(api.client(request), obj_id)
        except api.ERRORS as error:
            messages.error(request, str(api.explain(error)))
            raise

    def act(self, client: Any, schedule_id: str) -> None:
        """Do it to one schedule."""
        raise NotImplementedError


class RunSchedule(_Change):
    name = "run"
    rules = ("schedule:run",)
    icon = "play"

    @staticmethod
    def action_present(count: int) -> Any:
        return ngettext("Run Now", "Run Now", count)

    @staticmethod
    def action_past(count: int) -> Any:
        return ngettext("Started a run of", "Started runs of", count)

    def act(self, client: Any, schedule_id: str) -> None:
        client.run_schedule(schedule_id)


class EnableSchedule(_Change):
    name = "enable"

    @staticmethod
    def action_present(count: int) -> Any:
        return ngettext("Enable Schedule", "Enable Schedules", count)

    @staticmethod
    def action_past(count: int) -> Any:
        return ngettext("Enabled Schedule", "Enabled Schedules", count)

    def fits(self, datum: Any) -> bool:
        return datum is None or not datum.is_enabled

    def act(self, client: Any, schedule_id: str) -> None:
        client.update_schedule(schedule_id, is_enabled=True)


class DisableSchedule(_Change):
    name = "disable"

    @staticmethod
    def action_present(count: int) -> Any:
        return ngettext("Disable Schedule", "Disable Schedules", count)

    @staticmethod
    def action_past(count: int) -> Any:
        return ngettext("Disabled Schedule", "Disabled Schedules", count)

    def fits(self, datum: Any) -> bool:
        return datum is None or bool(datum.is_enabled)

    def act(self, client: Any, schedule_id: str) -> None:
        client.update_schedule(schedule_id, is_enabled=False)


class RepairSchedule(_Change):
    """Any update by a user renews the delegation in his name."""

    name = "repair"
    icon = "wrench"
    help_text = _("From now on the schedule acts in your name.")

    @staticmethod
    def action_present(count: int) -> Any:
        return ngettext("Repair Delegation", "Repair Delegations", count)

    @staticmethod
    def action_past(count: int) -> Any:
        return ngettext("Repaired the delegation of", "Repaired the delegations of", count)

    def fits(self, datum: Any) -> bool:
        return datum is None or datum.delegation["state"] == "broken"

    def act(self, client: Any, schedule_id: str) -> None:
        client.update_schedule(schedule_id)


class DeleteSchedule(_Change, tables.DeleteAction):
    rules = ("schedule:delete",)
    help_text = _("Its backups stay. They are kept or deleted as the project's policy says.")

    @staticmethod
    def action_present(count: int) -> Any:
        return ngettext("Delete Schedule", "Delete Schedules", count)

    @staticmethod
    def action_past(count: int) -> Any:
        return ngettext("Deleted Schedule", "Deleted Schedules", count)

    def act(self, client: Any, schedule_id: str) -> None:
        client.delete_schedule(schedule_id, ignore_missing=False)


class EditSchedule(ByPolicy, tables.LinkAction):
    name = "edit"
    verbose_name = _("Edit Schedule")
    url = "horizon:project:backup_manager_schedules:edit"
    classes = ("ajax-modal",)
    icon = "pencil"
    rules = ("schedule:update",)


class EditVolumes(ByPolicy, tables.LinkAction):
    name = "volumes"
    verbose_name = _("Manage Volumes")
    url = "horizon:project:backup_manager_schedules:volumes"
    classes = ("ajax-modal",)
    rules = ("schedule:update",)


class SchedulesTable(Table):
    name = NameColumn(
        "name", verbose_name=_("Name"), link="horizon:project:backup_manager_schedules:detail"
    )
    state = tables.Column(cell("schedules/_state.html", "schedule"), verbose_name=_("State"))
    recurrence = tables.Column(
        cell("schedules/_recurrence.html", "schedule"), verbose_name=_("When"), classes=("bm-wide",)
    )
    backup_type = tables.Column(
        cell("schedules/_backup_type.html", "schedule"),
        verbose_name=_("Type"),
        classes=("bm-word",),
    )
    volumes = tables.Column(cell("schedules/_volumes.html", "schedule"), verbose_name=_("Volumes"))
    next_run = tables.Column(
        cell("schedules/_next_run.html", "schedule"), verbose_name=_("Next run")
    )
    last_run = tables.Column(
        cell("schedules/_last_run.html", "schedule"), verbose_name=_("Last run")
    )

    class Meta:
        name = "schedules"
        verbose_name = _("Schedules")
        table_actions = (
            CreateSchedule,
            RunSchedule,
            EnableSchedule,
            DisableSchedule,
            DeleteSchedule,
        )
        row_actions = (
            RepairSchedule,
            RunSchedule,
            EditSchedule,
            EditVolumes,
            EnableSchedule,
            DisableSchedule,
            DeleteSchedule,
        )

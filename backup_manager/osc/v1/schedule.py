"""Commands for schedules."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from openstack import exceptions as sdk_exceptions
from osc_lib import exceptions
from osc_lib.command import command

from backup_manager import sdk
from backup_manager.osc.v1 import base, display, policy, recurrence, selector, waiting
from backup_manager.osc.v1.display import Column, minute, second
from backup_manager.sdk.v1.run import Run
from backup_manager.sdk.v1.schedule import Schedule

_NOT_FOUND = "not_found"


def _enabled_text(schedule: Schedule) -> str:
    if not schedule.is_enabled:
        return "no"
    return "broken" if (schedule.delegation or {}).get("state") == "broken" else "yes"


def _recurrence_text(schedule: Schedule) -> str:
    return schedule.recurrence_text


def _volumes_text(schedule: Schedule) -> str:
    number = str(len(schedule.volume_ids))
    if not schedule.selector:
        return number
    return f"{number} + selected" if schedule.volume_ids else "selected"


def _last_status(run: dict[str, Any]) -> str:
    return str(run["status"])


def _last_text(run: dict[str, Any]) -> str:
    return f"{run['status']}, {second(run['created_at'])}, {run['id']}"


def _delegation_state(delegation: dict[str, Any]) -> str:
    return f"{delegation['mode']}, {delegation['state']}"


def _delegation_text(delegation: dict[str, Any]) -> str:
    error = delegation.get("error")
    return _delegation_state(delegation) + (f": {error}" if error else "")


_COLUMNS = (
    Column("id", "id"),
    Column("name", "name"),
    Column("description", "description"),
    Column("enabled", "is_enabled"),
    Column("recurrence", "recurrence", whole=_recurrence_text),
    Column("timezone", "timezone"),
    Column("cron", "cron"),
    Column("next_run_at", "next_run_at", second),
    Column("last_run", "last_run", _last_text),
    Column("backup_type", "backup_type"),
    Column("max_incrementals", "max_incrementals"),
    Column("volumes", "volume_ids", display.lines),
    Column("selector", "selector", selector.text),
    Column("selected", "selected_ids", display.lines),
    Column("start_window_s", "start_window_s", display.span),
    Column("completion_limit_s", "completion_limit_s", display.span),
    Column("spread_s", "spread_s", display.span),
    Column("retention", "retention", whole=policy.schedule_text),
    Column("delegation", "delegation", _delegation_text),
    Column("created_at", "created_at", second),
    Column("updated_at", "updated_at", second),
    Column("generation", "generation"),
    Column("user_id", "user_id"),
    Column("project_id", "project_id"),
)


def _add_schedule(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("schedule", metavar="<schedule>", help="The schedule (name or ID)")


def _add_schedules(parser: argparse.ArgumentParser, verb: str) -> None:
    parser.add_argument(
        "schedules",
        metavar="<schedule>",
        nargs="+",
        help=f"Schedule(s) to {verb} (name or ID)",
    )


def _add_attributes(parser: argparse.ArgumentParser) -> None:
    """Add what both create and set accept besides volumes and a recurrence."""
    parser.add_argument(
        "--type",
        metavar="<type>",
        choices=("full", "incremental"),
        help="Type of the backups: full or incremental (of a new schedule: full)",
    )
    parser.add_argument(
        "--max-incrementals",
        metavar="<number>",
        type=base.natural,
        help="How many incremental backups may follow a full one before the next full one is "
        "made (of a new schedule: 6)",
    )
    _add_windows(parser)
    policy.add_options(
        parser,
        "--inherit-retention",
        "Keep what the project's policy keeps (of a new schedule: this)",
    )
    parser.add_argument("--description", metavar="<description>", help="Description")
    base.add_choice(
        parser,
        "is_enabled",
        ("--enabled", "Let the schedule run (as a new one does)"),
        ("--disabled", "Don't let the schedule run"),
    )


def _add_windows(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--start-window",
        metavar="<span>",
        type=base.span,
        help="How late a run may begin that was prevented at its time, from 60s to 7d; later it "
        "is recorded as missed (of a new schedule: 1h)",
    )
    parser.add_argument(
        "--completion-limit",
        metavar="<span>",
        type=base.span,
        help="Give up backups that are not finished so long after the time of the run, from 60s "
        "to 30d (of a new schedule: as the service is configured, usually a day from when Cinder "
        "takes it up)",
    )
    parser.add_argument(
        "--spread",
        metavar="<span>",
        type=base.span,
        help="Begin the backups of a run evenly over this time, at most 1d, each volume always "
        "about as long after the time of the run (of a new schedule: 0s, all at once)",
    )


def _attributes(parsed_args: argparse.Namespace) -> dict[str, Any]:
    """What the user gave of the attributes, as the SDK names them."""
    attributes = {
        "recurrence": recurrence.from_options(parsed_args),
        "timezone": parsed_args.timezone,
        "backup_type": parsed_args.type,
        "max_incrementals": parsed_args.max_incrementals,
        "description": parsed_args.description,
        "is_enabled": parsed_args.is_enabled,
        "start_window_s": parsed_args.start_window,
        "completion_limit_s": parsed_args.completion_limit,
        "spread_s": parsed_args.spread,
        "retention": policy.from_options(parsed_args),
    }
    given = {name: value for name, value in attributes.items() if value is not None}
    return {**given, "retention": None} if parsed_args.unset_retention else given


class CreateSchedule(base.ShowOne):
    """Create a schedule that backs up volumes."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("name", metavar="<name>", help="Name of the schedule")
        parser.add_argument(
            "--volume",
            metavar="<volume>",
            dest="volumes",
            action="append",
            default=[],
            help="Volume to back up (name or ID) (repeat the option for several)",
        )
        selector.add_options(parser)
        recurrence.add_options(parser, required=True)
        base.add_strict_option(parser, "Don't create the schedule")
        _add_attributes(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        selected = selector.from_options(self, parsed_args, None)
        if not parsed_args.volumes and not selected:
            raise exceptions.CommandError(
                "Say what to back up: give --volume, or --select-all or another --select option"
            )
        schedule = self.client.create_schedule(
            name=parsed_args.name,
            volume_ids=base.volume_ids(self.client, parsed_args.volumes),
            selector=selected,
            strict=parsed_args.strict,
            **_attributes(parsed_args),
        )
        self.warn(schedule.warnings)
        return display.single(schedule, _COLUMNS)


class ListSchedule(base.Lister):
    """List schedules."""

    sort_keys = ("name", "next_run_at", "created_at")
    columns = (
        Column("ID", "id"),
        Column("Name", "name"),
        Column("Enabled", "is_enabled", whole=_enabled_text),
        Column("Recurrence", "recurrence", whole=_recurrence_text),
        Column("Volumes", "volume_ids", whole=_volumes_text),
        Column("Next Run", "next_run_at", minute),
        Column("Last Run", "last_run", _last_status),
    )
    long_columns = (
        Column("Timezone", "timezone"),
        Column("Type", "backup_type"),
        Column("Max Incrementals", "max_incrementals"),
        Column("Delegation", "delegation", _delegation_state),
        Column("Description", "description"),
        Column("Created At", "created_at", minute),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--name", metavar="<name>", help="Only schedules with this name")
        base.add_search_option(parser, "schedules with this text in their name, or with this ID")
        base.add_choice(
            parser,
            "is_enabled",
            ("--enabled", "Only schedules that run"),
            ("--disabled", "Only schedules that don't run"),
        )
        parser.add_argument(
            "--failing",
            dest="is_failing",
            action="store_const",
            const=True,
            help="Only enabled schedules whose delegation is broken, or whose last run that ended "
            "is failed, partial, missed or expired",
        )
        parser.add_argument(
            "--volume",
            metavar="<volume>",
            help="Only schedules that back up this volume (name or ID)",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        schedules = self.client.schedules(
            name=parsed_args.name,
            search=parsed_args.search,
            is_enabled=parsed_args.is_enabled,
            is_failing=parsed_args.is_failing,
            volume_id=parsed_args.volume and base.volume_id(self.client, parsed_args.volume),
            **self.page(parsed_args),
        )
        return self.table(parsed_args, schedules)


class ShowSchedule(base.ShowOne):
    """Display a schedule."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_schedule(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        schedule = self.client.find_schedule(parsed_args.schedule)
        if schedule.selected_ids is None:
            # It was found in a list, which does not tell what is selected.
            schedule = self.client.get_schedule(schedule)
        return display.single(schedule, _with_names(self.client))


def _with_names(client: sdk.Proxy) -> tuple[Column, ...]:
    """The columns, with volumes that a human can recognise."""
    names: dict[str, str] = {}

    def text(ids: list[str]) -> str:
        if ids and not names:
            volumes = client.volumes(limit=base.PAGE, paginated=False)
            names.update((volume.id, volume.name or "") for volume in volumes)
        return display.lines([f"{id_}  {names.get(id_, '')}".rstrip() for id_ in ids])

    named = {
        "volumes": Column("volumes", "volume_ids", text),
        "selected": Column("selected", "selected_ids", text),
    }
    return tuple(named.get(column.header, column) for column in _COLUMNS)


class SetSchedule(base.Command):
    """Change a schedule. What is not given stays as it is."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_schedule(parser)
        parser.add_argument("--name", metavar="<name>", help="New name")
        parser.add_argument(
            "--volume",
            metavar="<volume>",
            dest="volumes",
            action="append",
            default=[],
            help="Volume to back up too (name or ID) (repeat the option for several)",
        )
        parser.add_argument(
            "--no-volume",
            action="store_true",
            help="Forget the volumes it lists now; with --volume, list only those",
        )
        selector.add_options(parser)
        parser.add_argument(
            "--no-selector",
            action="store_true",
            help="Forget what it selects and excludes now; with --select-… and --exclude, have "
            "only those",
        )
        recurrence.add_options(parser)
        _add_attributes(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        attributes = _attributes(parsed_args)
        if parsed_args.name:
            attributes["name"] = parsed_args.name
        schedule = self.client.find_schedule(parsed_args.schedule)
        if parsed_args.volumes or parsed_args.no_volume:
            kept = [] if parsed_args.no_volume else schedule.volume_ids
            attributes["volume_ids"] = base.volume_ids(self.client, [*kept, *parsed_args.volumes])
        current = None if parsed_args.no_selector else schedule.selector
        selected = selector.from_options(self, parsed_args, current)
        if selected or parsed_args.no_selector:
            attributes["selector"] = selected
        if not attributes:
            raise exceptions.CommandError("Nothing to set: give an option")
        self.client.update_schedule(schedule, **attributes)


class UnsetSchedule(base.Command):
    """Take something away from a schedule."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_schedule(parser)
        parser.add_argument("--description", action="store_true", help="Remove the description")
        parser.add_argument(
            "--completion-limit",
            action="store_true",
            help="Leave it to the service when backups are given up",
        )
        parser.add_argument(
            "--volume",
            metavar="<volume>",
            dest="volumes",
            action="append",
            default=[],
            help="Volume not to back up any more (name or ID) (repeat the option for several)",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        attributes: dict[str, Any] = {}
        if parsed_args.description:
            attributes["description"] = None
        if parsed_args.completion_limit:
            attributes["completion_limit_s"] = None
        if not attributes and not parsed_args.volumes:
            raise exceptions.CommandError("Nothing to unset: give an option")
        schedule = self.client.find_schedule(parsed_args.schedule)
        if parsed_args.volumes:
            attributes["volume_ids"] = self._rest(schedule, parsed_args.volumes)
        self.client.update_schedule(schedule, **attributes)

    def _rest(self, schedule: Schedule, names: Sequence[str]) -> list[str]:
        rest = list(schedule.volume_ids)
        for name in names:
            try:
                rest.remove(base.volume_id(self.client, name))
            except ValueError:
                raise exceptions.CommandError(
                    f"Schedule '{schedule.name}' does not back up volume '{name}'"
                ) from None
        return rest


class _EditVolumes(base.Command, command.Lister):
    """Change the volumes of a schedule, and list what became of each."""

    _missing: Sequence[str] = ()

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_schedule(parser)
        parser.add_argument(
            "volumes", metavar="<volume>", nargs="+", help="The volume(s) (name or ID)"
        )
        return parser

    def edit(self, schedule_id: str, volume_ids: list[str]) -> dict[str, list[str]]:
        """Change them; returns the ids by what became of them."""
        raise NotImplementedError

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        ids = {name: self._volume_id(name) for name in parsed_args.volumes}
        known = list(dict.fromkeys(id_ for id_ in ids.values() if id_))
        schedule_id = base.schedule_id(self.client, parsed_args.schedule)
        result = self.edit(schedule_id, known) if known else {}
        became = {id_: status for status, of_status in result.items() for id_ in of_status}
        rows = [(name, id_, became.get(id_, _NOT_FOUND)) for name, id_ in ids.items()]
        self._missing = [name for name, _, status in rows if status == _NOT_FOUND]
        return ("Volume", "ID", "Result"), rows

    def _volume_id(self, name: str) -> str:
        try:
            return base.volume_id(self.client, name)
        except sdk_exceptions.NotFoundException:
            return ""

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run it; what was not found is told after the table is printed."""
        status = super().run(parsed_args)
        if self._missing:
            names = ", ".join(self._missing)
            raise exceptions.CommandError(f"No such volume in this project: {names}")
        return status


class AddScheduleVolume(_EditVolumes):
    """Have a schedule back up more volumes. One that it excluded no longer is."""

    def edit(self, schedule_id: str, volume_ids: list[str]) -> dict[str, list[str]]:
        return self.client.add_schedule_volumes(schedule_id, volume_ids)


class RemoveScheduleVolume(_EditVolumes):
    """Have a schedule back up fewer of the volumes that it lists. Their backups stay."""

    def edit(self, schedule_id: str, volume_ids: list[str]) -> dict[str, list[str]]:
        return self.client.remove_schedule_volumes(schedule_id, volume_ids)


class DeleteSchedule(base.Command):
    """Delete schedule(s). Their runs and backups stay."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_schedules(parser, "delete")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        self.each(parsed_args.schedules, self._delete, "delete", "schedule")

    def _delete(self, name: str) -> None:
        self.client.delete_schedule(base.schedule_id(self.client, name), ignore_missing=False)


class _Switch(base.Command):
    """Enable or disable schedules."""

    verb = ""
    value = False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_schedules(parser, self.verb)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        self.each(parsed_args.schedules, self._switch, self.verb, "schedule")

    def _switch(self, name: str) -> None:
        schedule = self.client.find_schedule(name)
        self.client.update_schedule(schedule, is_enabled=self.value)


class EnableSchedule(_Switch):
    """Enable schedule(s); one that lost its authorization gets yours."""

    verb = "enable"
    value = True


class DisableSchedule(_Switch):
    """Disable schedule(s)."""

    verb = "disable"
    value = False


class RunSchedule(waiting.RunStarter):
    """Run a schedule now. When it runs next does not change."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_schedule(parser)
        return parser

    def start(self, parsed_args: argparse.Namespace) -> Run:
        return self.client.run_schedule(base.schedule_id(self.client, parsed_args.schedule))


def _runs_text(runs: list[dict[str, str]]) -> str:
    return display.lines([f"{second(run['local'])}  ({second(run['at'])})" for run in runs])


class PreviewSchedule(base.ShowOne):
    """Show when a schedule runs next, or when one with the times given would."""

    columns = (
        Column("description", "description"),
        Column("timezone", "timezone"),
        Column("cron", "cron"),
        Column("runs", "runs", _runs_text),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "schedule", metavar="<schedule>", nargs="?", help="The schedule (name or ID)"
        )
        parser.add_argument(
            "--count",
            metavar="<number>",
            type=base.positive,
            help="How many runs to show, at most 100 (default: 5)",
        )
        recurrence.add_options(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        times = recurrence.from_options(parsed_args)
        if bool(times) == bool(parsed_args.schedule):
            raise exceptions.CommandError("Give either a schedule, or times such as --daily 02:00")
        if times:
            preview = self.client.preview_recurrence(times, parsed_args.timezone, parsed_args.count)
        elif parsed_args.timezone:
            raise exceptions.CommandError("A schedule has its own time zone: leave out --timezone")
        else:
            id_ = base.schedule_id(self.client, parsed_args.schedule)
            preview = self.client.preview_schedule(id_, parsed_args.count)
        return display.single(preview, self.columns)

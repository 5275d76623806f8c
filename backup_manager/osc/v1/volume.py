"""Commands for volumes and their protection."""

from __future__ import annotations

import argparse
from typing import Any

from osc_lib import exceptions

from backup_manager.osc.v1 import base, display, policy
from backup_manager.osc.v1.display import Column, lines, minute, second
from backup_manager.sdk.v1.volume import Volume


def _can_text(volume: Volume) -> str:
    return "✓" if volume.can_back_up else (volume.reason or "no")


def _protection_text(schedules: list[dict[str, Any]]) -> str:
    """The schedules that run, short: the first, and how many more there are."""
    names = [str(schedule["name"]) for schedule in schedules if schedule["enabled"]]
    if len(names) > 1:
        return f"{names[0]} +{len(names) - 1}"
    return names[0] if names else display.NOTHING


def _schedules_text(schedules: list[dict[str, Any]]) -> str:
    return ", ".join(map(_schedule_text, schedules)) or display.NOTHING


def _schedule_text(schedule: dict[str, Any]) -> str:
    return str(schedule["name"]) + ("" if schedule["enabled"] else " (disabled)")


def _last_time(backup: dict[str, Any]) -> str:
    return minute(backup["created_at"])


def _last_text(backup: dict[str, Any]) -> str:
    return f"{second(backup['created_at'])}, {backup['type']}, {backup['id']}"


class ListVolume(base.Lister):
    """List volumes: whether they can be backed up, by which schedules, and when they last were."""

    sort_keys = ("name", "created_at", "size_gb", "status")
    columns = (
        Column("ID", "id"),
        Column("Name", "name"),
        Column("Status", "status"),
        Column("Size", "size_gb"),
        Column("Can Back Up", "can_back_up", whole=_can_text),
        Column("Schedules", "schedules", _protection_text),
        Column("Last Backup", "last_backup", _last_time),
    )
    long_columns = (
        Column("Late", "is_late"),
        Column("Reason", "reason"),
        Column("Type", "volume_type"),
        Column("Availability Zone", "availability_zone"),
        Column("Bootable", "is_bootable"),
        Column("Servers", "server_ids", lines),
        Column("Created At", "created_at", minute),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--name", metavar="<name>", help="Only volumes with this name")
        base.add_search_option(parser, "volumes with this text in their name, or with this ID")
        parser.add_argument(
            "--status",
            metavar="<status>",
            help="Only volumes with this status, such as available or in-use",
        )
        base.add_choice(
            parser,
            "can_back_up",
            ("--can-back-up", "Only volumes that can be backed up now"),
            ("--cannot-back-up", "Only volumes that can't be backed up now"),
        )
        base.add_choice(
            parser,
            "is_protected",
            ("--protected", "Only volumes that an enabled schedule backs up"),
            ("--unprotected", "Only volumes that no enabled schedule backs up"),
        )
        parser.add_argument(
            "--late",
            dest="is_late",
            action="store_const",
            const=True,
            help="Only volumes whose last good backup is older than an enabled schedule promises: "
            "than twice the time between its last two slots",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        volumes = self.client.volumes(
            name=parsed_args.name,
            search=parsed_args.search,
            status=parsed_args.status,
            can_back_up=parsed_args.can_back_up,
            is_protected=parsed_args.is_protected,
            is_late=parsed_args.is_late,
            **self.page(parsed_args),
        )
        return self.table(parsed_args, volumes)


class ShowVolume(base.ShowOne):
    """Display a volume and how it is protected."""

    columns = (
        Column("id", "id"),
        Column("name", "name"),
        Column("status", "status"),
        Column("size_gb", "size_gb"),
        Column("volume_type", "volume_type"),
        Column("availability_zone", "availability_zone"),
        Column("bootable", "is_bootable"),
        Column("server_ids", "server_ids", lines),
        Column("can_back_up", "can_back_up", whole=_can_text),
        Column("reason", "reason"),
        Column("schedules", "schedules", _schedules_text),
        Column("last_backup", "last_backup", _last_text),
        Column("late", "is_late"),
        Column("created_at", "created_at", second),
        Column("seen_at", "seen_at", second),
        Column("project_id", "project_id"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("volume", metavar="<volume>", help="The volume (name or ID)")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        return display.single(self.client.find_volume(parsed_args.volume), self.columns)


class SetVolume(base.Command):
    """Set what is kept of a volume's backups, whoever makes them.

    Without such a policy of its own, those of its schedules apply, and that of the project.
    What no policy keeps is deleted automatically: see retention preview.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("volume", metavar="<volume>", help="The volume (name or ID)")
        policy.add_options(parser, "--no-retention", "Remove the volume's own policy")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        retention = policy.from_options(parsed_args)
        if retention is None and not parsed_args.unset_retention:
            raise exceptions.CommandError(
                "Nothing to set: give --retain, --keep-everything or --no-retention"
            )
        volume_id = base.volume_id(self.client, parsed_args.volume)
        if retention is None:
            self.client.unset_policy(volume_id)
        else:
            self.client.set_policy(retention, volume_id)

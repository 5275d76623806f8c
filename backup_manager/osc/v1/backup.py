"""Commands for backups."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from osc_lib import exceptions

from backup_manager.osc.v1 import base, deletion, display, waiting
from backup_manager.osc.v1.display import Column, minute, second
from backup_manager.sdk.v1.backup import Backup
from backup_manager.sdk.v1.retention import Plan
from backup_manager.sdk.v1.run import Run


def _volume_text(backup: Backup) -> str:
    return backup.volume_name or backup.volume_id


def _parent_text(backup: Backup) -> str:
    if not backup.parent_id:
        return display.NOTHING
    return f"{backup.parent_id} ({backup.parent_source})"


def _status_text(backup: Backup) -> str:
    return f"{backup.status}, held" if backup.is_held else backup.status


def _retention_text(retention: Mapping[str, Any]) -> str:
    verdict = "stays" if retention["keep"] else "goes"
    expires_at = retention["expires_at"]
    until = f" until {second(expires_at)}" if retention["keep"] and expires_at else ""
    return f"{verdict}{until}: {retention['reason']}"


def _add_backup(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("backup", metavar="<backup>", help="The backup (name or ID)")


class CreateBackup(waiting.RunStarter):
    """Back up volumes now."""

    made = ("backups", "backup_id")

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "volumes",
            metavar="<volume>",
            nargs="+",
            help="Volume(s) to back up (name or ID)",
        )
        group = parser.add_mutually_exclusive_group()
        group.add_argument(
            "--full",
            dest="type",
            action="store_const",
            const="full",
            help="Make full backups (default)",
        )
        group.add_argument(
            "--incremental",
            dest="type",
            action="store_const",
            const="incremental",
            help="Make incremental backups; a volume without a full one gets that first",
        )
        parser.add_argument(
            "--max-incrementals",
            metavar="<number>",
            type=base.natural,
            help="With --incremental: make a full backup where this many incremental ones "
            "follow the last full one already",
        )
        base.add_strict_option(parser, "Make no backup")
        parser.add_argument("--name", metavar="<name>", help="Name of the backup(s)")
        parser.add_argument(
            "--description", metavar="<description>", help="Description of the backup(s)"
        )
        return parser

    def start(self, parsed_args: argparse.Namespace) -> Run:
        run = self.client.create_backup(
            base.volume_ids(self.client, parsed_args.volumes),
            type=parsed_args.type,
            name=parsed_args.name,
            description=parsed_args.description,
            max_incrementals=parsed_args.max_incrementals,
            strict=parsed_args.strict,
        )
        self.warn(run.warnings)
        return run


class DeleteBackup(deletion.Deleter):
    """Delete backups, all of them or none, after showing them.

    One on which others build is refused, unless these are named as well or --cascade
    is given: then they go first. So is one on hold, and one that Cinder is busy with.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.add_argument(
            "backups", metavar="<backup>", nargs="+", help="Backup(s) to delete (name or ID)"
        )
        parser.add_argument(
            "--cascade", action="store_true", help="Delete what builds on them as well, first"
        )
        return parser

    def look(self, parsed_args: argparse.Namespace) -> Plan:
        names = parsed_args.backups
        self._ids = list(dict.fromkeys(base.backup_id(self.client, name) for name in names))
        plan = self.client.preview_deletion(self._ids, cascade=parsed_args.cascade or None)
        if plan.kept and not parsed_args.dry_run:
            raise exceptions.CommandError(self._refusal(plan))
        if plan.kept:
            self._failure = self._refusal(plan)
        return plan

    def delete(self, parsed_args: argparse.Namespace, digest: str) -> Run:
        return self.client.delete_backups(
            self._ids, cascade=parsed_args.cascade or None, digest=digest
        )

    def _refusal(self, plan: Plan) -> str:
        """Tell which can't be deleted, and give what to do."""
        reasons = [_why_not(each) for each in plan.kept]
        remedies = " ".join(dict.fromkeys(filter(None, (each["remedy"] for each in plan.kept))))
        total = plan.count + len(plan.kept)
        if total == 1:
            return f"{reasons[0]} {remedies}"
        for reason in reasons:
            self.log.error("%s", reason)
        return f"{len(reasons)} of {total} backups can't be deleted, so none is. {remedies}"


def _why_not(refused: Mapping[str, Any]) -> str:
    volume = deletion.volume_text(refused)
    reason = refused["reason"].removesuffix(".")
    return f"Backup {refused['backup_id']} of {volume} can't be deleted: {reason}."


class SetBackup(base.Command):
    """Put a backup on hold, or release it. Nothing automatic deletes what is on hold."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_backup(parser)
        base.add_choice(
            parser,
            "is_held",
            ("--hold", "Keep the backup until it is released, whatever policies say"),
            ("--no-hold", "Release the backup: policies apply to it again"),
        )
        parser.add_argument("--reason", metavar="<text>", help="With --hold: why, for others")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        if parsed_args.is_held is None:
            raise exceptions.CommandError("Nothing to set: give --hold or --no-hold")
        if parsed_args.reason and not parsed_args.is_held:
            raise exceptions.CommandError("--reason goes together with --hold")
        self.client.update_backup(
            base.backup_id(self.client, parsed_args.backup),
            is_held=parsed_args.is_held,
            hold_reason=parsed_args.reason,
        )


class ListBackup(base.Lister):
    """List backups, the newest first."""

    sort_keys = ("created_at", "name", "size_gb", "status")
    columns = (
        Column("ID", "id"),
        Column("Volume", "volume_name", whole=_volume_text),
        Column("Type", "type"),
        Column("Status", "status", whole=_status_text),
        Column("Size", "size_gb"),
        Column("Created At", "created_at", minute),
    )
    long_columns = (
        Column("Name", "name"),
        Column("Description", "description"),
        Column("Volume ID", "volume_id"),
        Column("Parent ID", "parent_id"),
        Column("Has Dependents", "has_dependents"),
        Column("Ours", "is_ours"),
        Column("Held", "is_held"),
        Column("Hold Reason", "hold_reason"),
        Column("Schedule ID", "schedule_id"),
        Column("Run ID", "run_id"),
        Column("Fail Reason", "fail_reason"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--name", metavar="<name>", help="Only backups with this name")
        base.add_search_option(
            parser, "backups with this text in their name, or with this ID or volume's ID"
        )
        parser.add_argument(
            "--volume", metavar="<volume>", help="Only backups of this volume (name or ID)"
        )
        parser.add_argument(
            "--type",
            metavar="<type>",
            choices=("full", "incremental"),
            help="Only backups of this type: full or incremental",
        )
        parser.add_argument(
            "--status",
            metavar="<status>",
            help="Only backups with this status, such as available or error",
        )
        base.add_period_options(parser, "backups")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        backups = self.client.backups(
            name=parsed_args.name,
            search=parsed_args.search,
            volume_id=parsed_args.volume and base.volume_id(self.client, parsed_args.volume),
            type=parsed_args.type,
            status=parsed_args.status,
            since=parsed_args.since,
            until=parsed_args.until,
            **self.page(parsed_args),
        )
        return self.table(parsed_args, backups)


class ShowBackup(base.ShowOne):
    """Display a backup and its place in a chain."""

    columns = (
        Column("id", "id"),
        Column("name", "name"),
        Column("description", "description"),
        Column("status", "status"),
        Column("fail_reason", "fail_reason"),
        Column("type", "type"),
        Column("is_incremental", "is_incremental"),
        Column("parent_id", "parent_id", whole=_parent_text),
        Column("parent_source", "parent_source"),
        Column("has_dependents", "has_dependents"),
        Column("volume_id", "volume_id"),
        Column("volume_name", "volume_name"),
        Column("snapshot_id", "snapshot_id"),
        Column("size_gb", "size_gb"),
        Column("availability_zone", "availability_zone"),
        Column("schedule_id", "schedule_id"),
        Column("run_id", "run_id"),
        Column("ours", "is_ours"),
        Column("held", "is_held"),
        Column("hold_reason", "hold_reason"),
        Column("retention", "retention", _retention_text),
        Column("created_at", "created_at", second),
        Column("data_timestamp", "data_timestamp", second),
        Column("seen_at", "seen_at", second),
        Column("project_id", "project_id"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_backup(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        return display.single(self.client.find_backup(parsed_args.backup), self.columns)

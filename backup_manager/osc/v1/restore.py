"""The command that restores backups."""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from osc_lib import exceptions

from backup_manager.osc.v1 import base, waiting
from backup_manager.sdk.v1.run import Run

Item = dict[str, Any]

#: What an entry of a file may have.
_KEYS = ("backup", "volume", "at", "onto", "name", "availability_zone", "volume_type")
_FILE_HELP = (
    "Restore what a YAML file lists: entries with 'backup', or with 'volume' and 'at'; and with "
    "'onto', or with any of 'name', 'availability_zone' and 'volume_type'"
)


class RestoreBackup(waiting.RunStarter):
    """Restore backups, each to a new volume or onto an existing one.

    A backup is named directly, or by its volume and a time: the newest backup made
    at that time or before. A new volume gets the size of the backup, and the zone
    and type of the volume that was backed up unless options say otherwise.
    """

    wait_for = "all volumes are restored"
    made = ("volumes", "target_volume_id")

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.add_argument(
            "backups", metavar="<backup>", nargs="*", help="Backup(s) to restore (name or ID)"
        )
        parser.add_argument(
            "--volume",
            metavar="<volume>",
            help="Restore a backup of this volume (name or ID; of a deleted one the ID)",
        )
        parser.add_argument(
            "--at",
            metavar="<time>",
            type=base.moment,
            help="With --volume: the newest backup made at this time or before: 2026-11-20, "
            "2026-11-20T02:00 (UTC), 2026-11-20T02:00+08:00, or how long ago, such as 24h or 7d",
        )
        parser.add_argument("--file", metavar="<plan.yaml>", help=_FILE_HELP)
        parser.add_argument(
            "--onto",
            metavar="<volume>",
            help="Overwrite this volume (name or ID) instead of making a new one; it has to be "
            "available and large enough",
        )
        parser.add_argument("--yes", action="store_true", help="Overwrite without a question")
        parser.add_argument(
            "--name",
            metavar="<name>",
            help="Name of the new volume (default: that of the volume that was backed up, with "
            "-restored)",
        )
        parser.add_argument(
            "--availability-zone",
            metavar="<zone>",
            help="Availability zone of the new volume(s) (default: as the volume backed up)",
        )
        parser.add_argument(
            "--volume-type",
            metavar="<volume-type>",
            help="Type of the new volume(s) (default: as the volume backed up)",
        )
        return parser

    def start(self, parsed_args: argparse.Namespace) -> Run:
        entries = _of_file(parsed_args) if parsed_args.file else _of_options(parsed_args)
        items = [self._item(entry) for entry in entries]
        self._confirm(items, parsed_args.yes)
        return self.client.restore_backups(items)

    def _item(self, entry: Mapping[str, Any]) -> Item:
        """An entry with ids in place of names, as the API wants it."""
        item = {key: entry[key] for key in ("at", *_KEYS[4:]) if entry.get(key) is not None}
        if "backup" in entry:
            item["backup_id"] = base.backup_id(self.client, entry["backup"])
        if "volume" in entry:
            item["volume_id"] = base.volume_id(self.client, entry["volume"])
        if "onto" in entry:
            item["target_volume_id"] = base.volume_id(self.client, entry["onto"])
        return item

    def _confirm(self, items: list[Item], yes: bool) -> None:
        """Have the user agree to what is overwritten."""
        ids = [item["target_volume_id"] for item in items if "target_volume_id" in item]
        if not ids or yes:
            return
        volumes = [self.client.get_volume(volume_id) for volume_id in ids]
        named = [
            f"{each.name or 'without a name'} ({each.id}, {each.size_gb} GB)" for each in volumes
        ]
        noun = "volume" if len(named) == 1 else "volumes"
        base.confirm(self.app, f"This overwrites all data of {noun} {', '.join(named)}.")


def _of_options(parsed_args: argparse.Namespace) -> list[Item]:
    """What the options ask for, as entries of a file."""
    entries: list[Item] = [{"backup": name} for name in parsed_args.backups]
    if (parsed_args.volume is None) != (parsed_args.at is None):
        raise exceptions.CommandError("--volume and --at go together.")
    if parsed_args.volume is not None:
        entries.append({"volume": parsed_args.volume, "at": parsed_args.at})
    if not entries:
        raise exceptions.CommandError(
            "Nothing to restore: name a backup, or give --volume and --at, or --file."
        )
    wanted = {key: getattr(parsed_args, key) for key in _KEYS[3:]}
    given = {key: value for key, value in wanted.items() if value is not None}
    if "onto" in given and len(given) > 1:
        raise exceptions.CommandError(
            "--onto overwrites a volume that exists: its name, zone and type stay."
        )
    for key in ("onto", "name"):
        if key in given and len(entries) > 1:
            raise exceptions.CommandError(
                f"--{key} is for one backup; use --file for {len(entries)} of them."
            )
    return [{**entry, **given} for entry in entries]


def _of_file(parsed_args: argparse.Namespace) -> list[Item]:
    """The entries of a file.

    :raises osc_lib.exceptions.CommandError: it can't be read, or is not such a list
    """
    options = ("backups", "volume", "at", "onto", *_KEYS[4:])
    if any(getattr(parsed_args, name) for name in options):
        raise exceptions.CommandError("--file has all that is to be restored; drop the rest.")
    try:
        content = yaml.safe_load(Path(parsed_args.file).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise exceptions.CommandError(f"{parsed_args.file} can't be read: {error}") from error
    if not isinstance(content, list) or not content:
        raise exceptions.CommandError(f"{parsed_args.file} is not a list of what to restore.")
    return [
        _entry(f"{parsed_args.file}, entry {number}", each)
        for number, each in enumerate(content, 1)
    ]


def _entry(place: str, entry: object) -> Item:
    if not isinstance(entry, dict) or not all(isinstance(key, str) for key in entry):
        raise exceptions.CommandError(f"{place}: not a mapping such as 'backup: <name or ID>'.")
    unknown = next((key for key in entry if key not in _KEYS), None)
    if unknown is not None:
        raise exceptions.CommandError(f"{place}: '{unknown}' is none of {', '.join(_KEYS)}.")
    item = {key: value for key, value in entry.items() if value is not None}
    if "at" in item:
        item["at"] = _moment(place, item["at"])
    wrong = next((key for key in item if key != "at" and not isinstance(item[key], str)), None)
    if wrong is not None:
        raise exceptions.CommandError(f"{place}: put '{wrong}' into quotes, it is a text.")
    return item


def _moment(place: str, value: object) -> datetime.datetime:
    """A time, which YAML may have read as one already."""
    try:
        return base.moment(value.isoformat() if isinstance(value, datetime.date) else str(value))
    except argparse.ArgumentTypeError as error:
        raise exceptions.CommandError(f"{place}, at: {error}.") from None

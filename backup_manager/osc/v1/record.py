"""The commands that carry backups from one cloud to another that shares the store."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from osc_lib import exceptions

from backup_manager.osc.v1 import base, display, progress
from backup_manager.osc.v1.display import Column
from backup_manager.sdk.v1.record import Import, Verdict
from backup_manager.sdk.v1.run import Run, Task

STDIN = "-"


def _add_project(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--project",
        metavar="<project>",
        help=f"{what} (name or ID) instead of that of your token",
    )


class ExportBackup(base.Command):
    """Export records of backups: what another cloud that shares the store needs.

    The file holds no data of the volumes. It lets administrators of any cloud that
    reaches the same store restore them: keep it as you would keep the backups.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.add_argument(
            "backups", metavar="<backup>", nargs="*", help="Backup(s) to export (name or ID)"
        )
        parser.add_argument(
            "--volume",
            metavar="<volume>",
            help="Export all available backups of this volume (name or ID; of a deleted one the "
            "ID)",
        )
        parser.add_argument(
            "--file",
            metavar="<file>",
            type=Path,
            help="Write to this file, which only you may read (default: standard output)",
        )
        parser.add_argument(
            "--force", action="store_true", help="With --file: overwrite one that exists"
        )
        _add_project(parser, "Export from this project")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        path: Path | None = parsed_args.file
        if bool(parsed_args.backups) == bool(parsed_args.volume):
            raise exceptions.CommandError("Name the backups to export, or give --volume.")
        if path is not None and path.exists() and not parsed_args.force:
            raise exceptions.CommandError(f"{path} exists already. Overwrite it with --force.")
        backups = [base.backup_id(self.client, name) for name in parsed_args.backups]
        made = self.client.export_records(
            backups or None,
            volume=parsed_args.volume and base.volume_id(self.client, parsed_args.volume),
            project_id=parsed_args.project and self.project_id(parsed_args.project),
        )
        self.warn(made.warnings)
        text = json.dumps(made.document, indent=2) + "\n"
        if path is None:
            self.app.stdout.write(text)
        else:
            _write(path, text, parsed_args.force)
            _say(self, f"{len(made.document['records'])} records are in {path}.")


def _say(command: base.Command, text: str) -> None:
    """Tell people something, aside from the output."""
    if command.app.options.verbose_level >= 1:
        command.app.stderr.write(f"{text}\n")


def _write(path: Path, text: str, force: bool) -> None:
    """Make a file that only its owner may read; none is left behind half written."""
    made = path.with_name(f".{path.name}.{os.getpid()}") if force else path
    try:
        handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            made.replace(path)
        except BaseException:
            made.unlink()
            raise
    except OSError as error:
        raise exceptions.CommandError(f"{path} can't be written: {error.strerror}") from error


class ImportBackup(progress.Waiting, base.Lister):
    """Import backups by their records, so that they can be restored here.

    The cloud has to reach the store that holds the backups. Each backup keeps its ID;
    those that the project has already are left alone. Increments need what they build
    on, in the file or in the project; the order does not matter.
    """

    columns = (
        Column("Backup ID", "backup_id"),
        Column("Volume ID", "volume_id"),
        Column("Type", "type"),
        Column("Size", "size_gb"),
        Column("Created At", "created_at", display.minute),
        Column("Result", "result"),
        Column("Reason", "reason", display.wrapped),
    )
    long_columns = (
        Column("Name", "name"),
        Column("Parent ID", "parent_id"),
        Column("Run ID", "run_id"),
    )

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.add_argument(
            "file",
            metavar="<file>",
            nargs="?",
            help="File that backup export has written; - reads standard input",
        )
        parser.add_argument(
            "--service",
            metavar="<driver>",
            help="With --url: import one record of Cinder's own; this is its backup_service",
        )
        parser.add_argument("--url", metavar="<url>", help="The backup_url of that record")
        parser.add_argument(
            "--dry-run", action="store_true", help="Only show what would be imported"
        )
        parser.add_argument(
            "--wait",
            action="store_true",
            help="Wait until all are imported, and fail unless every one succeeded",
        )
        _add_project(parser, "Import to this project")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        made = self._import(parsed_args)
        self.warn(made.warnings)
        if made.run is not None:
            self._follow(made, made.run, parsed_args.wait)
        refused = sum(1 for verdict in made.records if verdict.result == "refused")
        if refused:
            text = f"{refused} of {len(made.records)} records were refused."
            self._failure = f"{text} {self._failure}".rstrip()
        return self.table(parsed_args, made.records)

    def _import(self, parsed_args: argparse.Namespace) -> Import:
        url: str | None = parsed_args.url
        if (url is None) != (parsed_args.service is None):
            raise exceptions.CommandError("--service and --url go together.")
        if (url is None) == (parsed_args.file is None):
            raise exceptions.CommandError("Give a file, or --service and --url.")
        dry_run = parsed_args.dry_run or None
        project_id = parsed_args.project and self.project_id(parsed_args.project)
        if url is None:
            document = _read(parsed_args.file, self.app.stdin)
            return self.client.import_records(document, dry_run=dry_run, project_id=project_id)
        # A terminal breaks long lines, and whoever copies them gets the breaks too.
        url = "".join(url.split())
        return self.client.import_record(
            parsed_args.service, url, dry_run=dry_run, project_id=project_id
        )

    def _follow(self, made: Import, run: Run, wait: bool) -> None:
        """Say where the import is to be seen, or how it ended."""
        if not wait:
            _say(self, f"Run {run.id} imports them: openstack backup-manager run show {run.id}")
            return
        finished = self.wait(run)
        tasks = {task.backup_id: task for task in self.client.run_tasks(finished, limit=base.PAGE)}
        for verdict in made.records:
            task = tasks.get(verdict.backup_id)
            if task is not None:
                _tell(verdict, task)


def _tell(verdict: Verdict, task: Task) -> None:
    """Put how the import ended in place of what was to be done."""
    verdict.result = "imported" if task.status == "succeeded" else task.status
    verdict.reason = task.error


def _read(name: str, stdin: TextIO) -> Mapping[str, Any]:
    """The document in a file.

    :raises osc_lib.exceptions.CommandError: it can't be read, or is not JSON
    """
    try:
        text = stdin.read() if name == STDIN else Path(name).read_text(encoding="utf-8")
        document = json.loads(text)
    except OSError as error:
        raise exceptions.CommandError(f"{name} can't be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise exceptions.CommandError(
            f"{name} is not JSON, or only a part of it: {error}"
        ) from error
    if not isinstance(document, dict):
        raise exceptions.CommandError(f"{name} is no file that backup export has written.")
    return document

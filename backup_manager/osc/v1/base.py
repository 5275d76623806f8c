"""What the commands share: the client, errors, names or ids, the options of lists."""

from __future__ import annotations

import argparse
import datetime
import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from keystoneauth1 import exceptions as ks_exceptions
from openstack import exceptions as sdk_exceptions
from osc_lib import exceptions
from osc_lib.command import command

from backup_manager import sdk
from backup_manager.osc.v1 import display

#: The most that the API gives with one request.
PAGE = 1000

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

PROJECT = display.Column("Project ID", "project_id")


class Command(command.Command):
    """A command that talks to the service."""

    app: Any

    @property
    def client(self) -> sdk.Proxy:
        """The proxy of the service."""
        client: sdk.Proxy = self.app.client_manager.backup_manager
        return client

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run it; what the service refuses becomes one line for the user."""
        try:
            return super().run(parsed_args)
        except sdk_exceptions.HttpException as error:
            raise exceptions.CommandError(str(sdk.problem(error))) from error
        except ks_exceptions.ConnectFailure as error:
            raise exceptions.CommandError(_unreachable(str(error))) from error

    def project_id(self, name_or_id: str) -> str:
        """The id of a project."""
        if re.fullmatch("[0-9a-f]{32}", name_or_id):
            return name_or_id
        identity = self.app.client_manager.sdk_connection.identity
        project_id: str = identity.find_project(name_or_id, ignore_missing=False).id
        return project_id

    def warn(self, warnings: Iterable[str]) -> None:
        """Tell what the service warned of."""
        for warning in warnings:
            self.log.warning("%s", warning)

    def each(
        self, names: Sequence[str], action: Callable[[str], object], verb: str, noun: str
    ) -> None:
        """Do something to each of many; go on after a failure, and tell at the end.

        :raises osc_lib.exceptions.CommandError: it failed for some.
        """
        failed = 0
        for name in names:
            try:
                action(name)
            except sdk_exceptions.SDKException as error:
                failed += 1
                self.log.error("Failed to %s %s '%s': %s", verb, noun, name, _reason(error))
        if failed:
            raise exceptions.CommandError(f"{failed} of {len(names)} {noun}s failed to {verb}.")


def _unreachable(message: str) -> str:
    """What keystoneauth says, without the layers of libraries that it passed through."""
    address, _, layers = message.partition(": ")
    cause = re.search(r"\[Errno [-0-9]+\] ([^'\")]+)", layers)
    return (
        f"{address}: {cause[1] if cause else layers or 'no answer'}. "
        "Is the service running there, and is the endpoint right?"
    )


class ShowOne(Command, command.ShowOne):
    """A command that displays one thing."""


class Lister(Command, command.Lister):
    """A command that lists things, page by page as they are printed."""

    columns: ClassVar[tuple[display.Column, ...]] = ()
    #: What ``--long`` adds.
    long_columns: ClassVar[tuple[display.Column, ...]] = ()
    #: What ``--sort`` accepts, the default first.
    sort_keys: ClassVar[tuple[str, ...]] = ()

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--long", action="store_true", help="List additional fields")
        if self.sort_keys:
            _add_page_options(parser, self.sort_keys)
        return parser

    def page(self, parsed_args: argparse.Namespace) -> dict[str, Any]:
        """What the shared options mean to the SDK."""
        return {
            "sort": parsed_args.sort,
            "limit": min(parsed_args.limit or PAGE, PAGE),
            "marker": parsed_args.marker,
            "all_projects": parsed_args.all_projects or bool(parsed_args.project) or None,
            "project_id": parsed_args.project and self.project_id(parsed_args.project),
        }

    def table(
        self, parsed_args: argparse.Namespace, items: Iterable[Any]
    ) -> tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]:
        """The table of the items, no more than asked for."""
        shown = self.columns
        if getattr(parsed_args, "all_projects", False):
            shown += (PROJECT,)
        if parsed_args.long:
            shown += self.long_columns
        titles, rows = display.table(
            itertools.islice(items, getattr(parsed_args, "limit", None)), shown
        )
        # cliff loses what it could not sort, unless it can read the rows again.
        return titles, list(rows) if parsed_args.sort_columns else rows


def _add_page_options(parser: argparse.ArgumentParser, sort_keys: Sequence[str]) -> None:
    parser.add_argument(
        "--sort",
        metavar="<key>[:<direction>]",
        help=f"Sort by {' or '.join(sort_keys)}; the direction is asc or desc "
        f"(default: {sort_keys[0]})",
    )
    parser.add_argument(
        "--limit", metavar="<number>", type=positive, help="List at most this many (default: all)"
    )
    parser.add_argument(
        "--marker", metavar="<id>", help="List those that come after the one with this ID"
    )
    parser.add_argument(
        "--all-projects", action="store_true", help="List those of all projects (admin only)"
    )
    parser.add_argument(
        "--project",
        metavar="<project>",
        help="List those of this project (name or ID) (admin only)",
    )


def add_search_option(parser: argparse.ArgumentParser, what: str) -> None:
    """Add --search.

    :param what: is found, such as ``volumes with this text in their name, or with this ID``.
    """
    parser.add_argument("--search", metavar="<text>", help=f"Only {what}, in upper or lower case")


def add_period_options(
    parser: argparse.ArgumentParser,
    what: str,
    since: str = "created at this time or later",
    until: str = "created",
) -> None:
    """Add --since and --until."""
    parser.add_argument(
        "--since",
        metavar="<time>",
        type=moment,
        help=f"Only {what} {since}: 2026-11-20, 2026-11-20T02:00 (UTC), "
        "2026-11-20T02:00+08:00, or how long ago, such as 90m, 24h, 7d or 2w",
    )
    parser.add_argument(
        "--until",
        metavar="<time>",
        type=moment,
        help=f"Only {what} {until} before this time, written as for --since",
    )


def add_choice(
    parser: argparse.ArgumentParser, dest: str, yes: tuple[str, str], no: tuple[str, str]
) -> None:
    """Add two options that exclude each other: each a name and its help.

    Without either, the value is None.
    """
    group = parser.add_mutually_exclusive_group()
    for value, (option, text) in ((True, yes), (False, no)):
        group.add_argument(option, dest=dest, action="store_const", const=value, help=text)


def add_strict_option(parser: argparse.ArgumentParser, nothing: str) -> None:
    """Add --strict.

    :param nothing: what is not done then, such as ``Make no backup``.
    """
    parser.add_argument(
        "--strict",
        action="store_const",
        const=True,
        help=f"{nothing} at all if the project's quota has no room for one more of each volume "
        "(without: only warn)",
    )


def positive(text: str) -> int:
    """A type of options: a whole number from 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 on")
    return int(text)


def natural(text: str) -> int:
    """A type of options: a whole number from 0."""
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 0 on")
    return int(text)


def span(text: str) -> int:
    """A type of options: a span of time such as ``90s``, ``30m`` or ``2h``, in seconds."""
    found = re.fullmatch(r"(\d+)([smhd])", text.lower())
    if not found:
        raise argparse.ArgumentTypeError(f"'{text}' is not a span of time such as 90s, 30m or 2h")
    return int(found[1]) * _SECONDS[found[2]]


def moment(text: str) -> datetime.datetime:
    """A type of options: a time, or how long ago it was."""
    utc = datetime.timezone.utc
    ago = re.fullmatch(r"(\d+)([mhdw])", text)
    if ago:
        age = datetime.timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return datetime.datetime.now(utc) - age
    try:
        time = datetime.datetime.fromisoformat(re.sub("[Zz]$", "+00:00", text))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is neither a time such as 2026-11-20T02:00 nor an age such as 24h"
        ) from None
    return time if time.tzinfo else time.replace(tzinfo=utc)


def volume_id(client: sdk.Proxy, name_or_id: str) -> str:
    """The id of a volume.

    What looks like an id is taken for one: the service checks it, and knows volumes that were
    created a moment ago.
    """
    return name_or_id if sdk.is_id(name_or_id) else client.find_volume(name_or_id).id


def volume_ids(client: sdk.Proxy, names_or_ids: Iterable[str]) -> list[str]:
    """The ids of several volumes, each once, in their order."""
    return list(dict.fromkeys(volume_id(client, name) for name in names_or_ids))


def backup_id(client: sdk.Proxy, name_or_id: str) -> str:
    """The id of a backup. What looks like an id is taken for one, as for volumes."""
    return name_or_id if sdk.is_id(name_or_id) else client.find_backup(name_or_id).id


def schedule_id(client: sdk.Proxy, name_or_id: str) -> str:
    """The id of a schedule. What looks like an id is taken for one, as for volumes."""
    return name_or_id if sdk.is_id(name_or_id) else client.find_schedule(name_or_id).id


def confirm(app: Any, warning: str) -> None:
    """Ask whether to go on; without a terminal there is nobody to ask.

    :param warning: what it does, as a sentence
    :raises osc_lib.exceptions.CommandError: the answer is not yes
    """
    if not app.stdin.isatty():
        raise exceptions.CommandError(f"{warning} Add --yes to do so without being asked.")
    app.stderr.write(f"{warning} Continue? [y/N] ")
    app.stderr.flush()
    if app.stdin.readline().strip().lower() not in ("y", "yes"):
        raise exceptions.CommandError("Nothing was done.")


def confirm_deletion(app: Any, count: int, size_gb: int) -> None:
    """Ask whether to delete backups; as :func:`confirm`."""
    confirm(app, f"This deletes {number(count, 'backup')} ({size_gb} GB).")


def number(count: int, noun: str) -> str:
    """So many of something: ``1 backup``, ``2 backups``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _reason(error: sdk_exceptions.SDKException) -> str:
    if isinstance(error, sdk_exceptions.HttpException):
        return str(sdk.problem(error))
    return str(error)

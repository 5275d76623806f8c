"""The options that say which volumes a schedule backs up besides those that it lists."""

from __future__ import annotations

import argparse
from typing import Any

from osc_lib.cli import parseractions

from backup_manager import sdk
from backup_manager.osc.v1 import base

_LISTS = ("volume_types", "servers", "exclude")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a selector."""
    parser.add_argument(
        "--select-metadata",
        metavar="<key=value>",
        dest="metadata",
        action=parseractions.KeyValueAction,
        help="Back up volumes whose metadata has this at the time of each run (repeat the option "
        "for several, which must all be there)",
    )
    parser.add_argument(
        "--select-type",
        metavar="<volume-type>",
        dest="volume_types",
        action="append",
        help="Back up volumes of this type; with --select-metadata, those that fit both (repeat "
        "the option for several, one of which it must be)",
    )
    parser.add_argument(
        "--select-server",
        metavar="<server>",
        dest="servers",
        action="append",
        help="Back up volumes attached to this server (name or ID); with the other two, those "
        "that fit all (repeat the option for several, one of which it must be)",
    )
    parser.add_argument(
        "--select-all",
        dest="whole_project",
        action="store_const",
        const=True,
        help="Back up every volume that the project has at the time of each run",
    )
    parser.add_argument(
        "--exclude",
        metavar="<volume>",
        action="append",
        help="Volume not to back up although it is selected (name or ID) (repeat the option for "
        "several)",
    )


def from_options(
    command: base.Command, parsed_args: argparse.Namespace, current: dict[str, Any] | None
) -> dict[str, Any] | None:
    """The selector as the API takes it; None when the user gave nothing of one.

    :param current: what is selected already, to which the options add.
    """
    given = {
        "metadata": parsed_args.metadata,
        "volume_types": parsed_args.volume_types,
        "servers": parsed_args.servers and [_server_id(command, n) for n in parsed_args.servers],
        "whole_project": parsed_args.whole_project,
        "exclude": parsed_args.exclude and base.volume_ids(command.client, parsed_args.exclude),
    }
    given = {name: value for name, value in given.items() if value}
    return _merged(current or {}, given) if given else None


def _merged(current: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    merged = {**current, **given}
    for name in _LISTS:
        if name in merged:
            merged[name] = list(dict.fromkeys([*current.get(name, []), *given.get(name, [])]))
    if "metadata" in merged:
        merged["metadata"] = {**current.get("metadata", {}), **given.get("metadata", {})}
    return merged


def _server_id(command: base.Command, name_or_id: str) -> str:
    if sdk.is_id(name_or_id):
        return name_or_id
    compute = command.app.client_manager.sdk_connection.compute
    server_id: str = compute.find_server(name_or_id, ignore_missing=False).id
    return server_id


def text(selector: dict[str, Any]) -> str:
    """A selector for people, a criterion per line."""
    lines = ["all volumes of the project"] if selector.get("whole_project") else []
    lines += [f"{key}={value}" for key, value in selector.get("metadata", {}).items()]
    for name, word in (("volume_types", "type"), ("servers", "server")):
        if selector.get(name):
            lines.append(f"{word} {' or '.join(selector[name])}")
    lines += [f"not {volume_id}" for volume_id in selector.get("exclude", [])]
    return "\n".join(lines)

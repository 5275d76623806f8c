"""Commands for policies of retention, and the options that they share with other commands."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from osc_lib import exceptions

from backup_manager.osc.v1 import base, display
from backup_manager.osc.v1.display import Column
from backup_manager.sdk.v1.policy import Policy

#: What users write to the rule that it means.
_KEYS = {
    "max-age": "max_age_days",
    "keep-last": "keep_last",
    "keep-hourly": "keep_hourly",
    "keep-daily": "keep_daily",
    "keep-weekly": "keep_weekly",
    "keep-monthly": "keep_monthly",
    "keep-yearly": "keep_yearly",
    "full-count": "full_count",
    "incremental-count": "incremental_count",
}


def _rule(text: str) -> tuple[str, int]:
    key, _, number = text.partition("=")
    if key not in _KEYS:
        raise argparse.ArgumentTypeError(f"'{key}' is not one of {', '.join(_KEYS)}")
    return _KEYS[key], base.positive(number)


def add_options(
    parser: argparse.ArgumentParser, unset: str | None = None, unset_help: str = ""
) -> None:
    """Add the options that give a policy; at most one of them is given.

    :param unset: another option, which takes the policy away; its value is ``unset_retention``
    """
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--retain",
        metavar="<rule>=<number>",
        type=_rule,
        action="append",
        help="Keep backups: max-age=30 those of 30 days, keep-last=7 the 7 newest, keep-daily=7 "
        "the newest of each of 7 days; likewise keep-hourly, keep-weekly, keep-monthly, "
        "keep-yearly, full-count and incremental-count. Repeat the option for several: what any "
        "of them keeps is kept. The rest is deleted automatically: see retention preview",
    )
    group.add_argument("--keep-everything", action="store_true", help="Keep all backups")
    if unset is not None:
        group.add_argument(unset, dest="unset_retention", action="store_true", help=unset_help)


def from_options(parsed_args: argparse.Namespace) -> dict[str, int] | None:
    """The rules that the options give: none to keep everything, None without options."""
    if parsed_args.retain or parsed_args.keep_everything:
        return dict(parsed_args.retain or ())
    return None


def text(retention: Mapping[str, int]) -> str:
    """Rules as the options have them: ``max-age=30, keep-monthly=12``."""
    keys = {rule: key for key, rule in _KEYS.items()}
    rules = (f"{keys.get(rule, rule)}={number}" for rule, number in retention.items() if number)
    return ", ".join(rules) or "keeps everything"


def schedule_text(schedule: Any) -> str:
    """The policy of a schedule."""
    retention = schedule.retention
    return "as the project's" if retention is None else text(retention)


def _own_text(policy: Policy) -> str:
    return "not set" if policy.retention is None else text(policy.retention)


def _effective_text(effective: list[dict[str, Any]]) -> str:
    return display.lines([f"{each['origin']}: {each['description']}" for each in effective])


_COLUMNS = (
    Column("retention", "retention", whole=_own_text),
    Column("effective", "effective", _effective_text),
)


class ShowPolicy(base.ShowOne):
    """Display what is kept of backups: what the project has set, and what applies.

    Without --volume, what applies where neither the volume nor the schedule of a backup has a
    policy of its own. What no policy keeps is deleted automatically: see retention preview.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            "--volume",
            metavar="<volume>",
            help="The policy of this volume (name or ID); what applies is that, or else a line for "
            "the backups of each schedule, and the last one for backups that no schedule made",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        volume = parsed_args.volume and base.volume_id(self.client, parsed_args.volume)
        return display.single(self.client.get_policy(volume), _COLUMNS)


class SetPolicy(base.ShowOne):
    """Set what the project keeps of backups, instead of what it has set now.

    It applies where neither the volume nor the schedule of a backup has a policy of its own.
    What no policy keeps is deleted automatically: see retention preview.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        add_options(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        retention = from_options(parsed_args)
        if retention is None:
            raise exceptions.CommandError("Give --retain or --keep-everything")
        return display.single(self.client.set_policy(retention), _COLUMNS)


class UnsetPolicy(base.Command):
    """Remove the policy of the project: the default of the installation applies again."""

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        self.client.unset_policy()

"""The command that deletes backups by their age."""

from __future__ import annotations

import argparse
import collections
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from osc_lib import exceptions

from backup_manager.osc.v1 import base, deletion, display
from backup_manager.osc.v1.display import Column
from backup_manager.sdk.v1.retention import Plan
from backup_manager.sdk.v1.run import Run

_TITLES = ("Volume", "Goes", "Size", "Stays", "Reason")


def _policy(text: str) -> tuple[str, int]:
    volume, separator, days = text.rpartition("=")
    if not (volume and separator):
        raise argparse.ArgumentTypeError(f"'{text}' is not <volume>=<days>, such as db-data=30")
    return volume, base.positive(days)


class StartCleanup(deletion.Deleter):
    """Delete backups that are too old, whoever made them, after showing them.

    What is on hold stays, what something that stays builds on, and the last good
    backup of each volume. Nothing but what was shown is deleted. Where nothing is to
    go, this is shown and no run is started.
    """

    plan_columns = (*deletion.PLAN_COLUMNS, Column("volumes", "volumes"))

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        group = parser.add_mutually_exclusive_group(required=True)
        group.add_argument(
            "--days",
            metavar="<number>",
            type=base.positive,
            help="Delete backups of all volumes that are older than this many days, 1 to 365",
        )
        group.add_argument(
            "--volume-policy",
            metavar="<volume>=<days>",
            dest="policies",
            type=_policy,
            action="append",
            help="Delete only backups of this volume (name or ID; of a deleted one the ID) that "
            "are older than this many days; repeat the option for several volumes",
        )
        parser.add_argument(
            "--include-last",
            action="store_true",
            help="Let the last good backup of a volume go, too, when it is that old",
        )
        parser.add_argument(
            "--long",
            action="store_true",
            help="Show each backup, those that stay as well, instead of a line for each volume",
        )
        return parser

    def look(self, parsed_args: argparse.Namespace) -> Plan:
        self._wanted = self._what(parsed_args)
        return self.client.preview_cleanup(**self._wanted)

    def delete(self, parsed_args: argparse.Namespace, digest: str) -> Run:
        return self.client.cleanup(digest, **self._wanted)

    def _what(self, parsed_args: argparse.Namespace) -> dict[str, Any]:
        """What the SDK wants to know."""
        policies: dict[str, int] = {}
        for name, days in parsed_args.policies or ():
            volume_id = base.volume_id(self.client, name)
            if volume_id in policies:
                raise exceptions.CommandError(f"--volume-policy is given twice for volume {name}.")
            policies[volume_id] = days
        return {
            "max_age_days": parsed_args.days,
            "volume_policies": policies or None,
            "include_last": parsed_args.include_last or None,
        }

    def table(
        self, parsed_args: argparse.Namespace, plan: Plan
    ) -> tuple[Sequence[str], Iterable[Sequence[Any]]]:
        if not parsed_args.long:
            return _TITLES, _of_volumes(plan)
        rows = [
            (verdict, *deletion.row(each))
            for verdict, entries in (("goes", plan.going), ("stays", plan.kept))
            for each in sorted(entries, key=deletion.volume_text)
        ]
        return ("Clean-up", *deletion.TITLES), rows

    def summary(self, plan: Plan) -> str:
        size_gb = plan.size_gb + sum(each["size_gb"] for each in plan.kept)
        total = base.number(plan.count + len(plan.kept), "backup")
        text = f"{plan.count} of {total}, {plan.size_gb} of {size_gb} GB."
        spared = sum(1 for each in plan.volumes or () if not each["count"])
        return f"{text} Of {base.number(spared, 'volume')} nothing goes." if spared else text


def _of_volumes(plan: Plan) -> Iterator[tuple[Any, ...]]:
    """A row for each volume of which something goes."""
    reasons: dict[str, collections.Counter[str]] = {}
    for each in plan.going:
        reasons.setdefault(each["volume_id"], collections.Counter())[each["reason"]] += 1
    for each in sorted(plan.volumes or (), key=deletion.volume_text):
        if each["count"]:
            text = _reasons_text(reasons[each["volume_id"]])
            name = deletion.volume_text(each)
            yield name, each["count"], each["size_gb"], each["kept"], text


def _reasons_text(reasons: Mapping[str, int]) -> str:
    if len(reasons) == 1:
        return next(iter(reasons))
    return display.lines([f"{number}: {reason}" for reason, number in reasons.items()])

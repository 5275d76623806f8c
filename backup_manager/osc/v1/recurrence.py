"""The options that say when a schedule runs."""

from __future__ import annotations

import argparse
import re
from typing import Any

from osc_lib import exceptions

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FULL_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def add_options(parser: argparse.ArgumentParser, required: bool = False) -> None:
    """Add the options of a recurrence and its time zone.

    :param required: whether the user has to give one.
    """
    group = parser.add_mutually_exclusive_group(required=required)
    group.add_argument("--daily", metavar="<HH:MM>", type=time, help="Every day at this time")
    group.add_argument(
        "--weekly",
        metavar="<HH:MM>",
        type=time,
        help="Every week at this time, on the days that --weekday gives",
    )
    group.add_argument(
        "--monthly",
        metavar="<HH:MM>",
        type=time,
        help="Every month at this time, on the day that --day gives",
    )
    group.add_argument(
        "--every",
        metavar="<interval>",
        type=interval,
        help="Around the clock at this interval: 1h, 2h, 3h, 4h, 6h, 8h or 12h, or minutes "
        "that divide the hour, such as 15m or 30m",
    )
    group.add_argument(
        "--cron",
        metavar="<expression>",
        help="By a cron expression of five fields, such as '0 2 * * 1-5'",
    )
    _add_details(parser)


def _add_details(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--weekday",
        metavar="<day>",
        dest="weekdays",
        action="append",
        type=weekdays,
        help="Day for --weekly: mon to sun, or 1 to 7 where 1 is Monday (repeat the option, or "
        "separate by commas, for several)",
    )
    parser.add_argument(
        "--day",
        metavar="<day>",
        type=day,
        help="Day for --monthly: 1 to 31, or last; months that lack the day are left out",
    )
    parser.add_argument(
        "--minute",
        metavar="<minute>",
        type=minute,
        help="Minute of the hour for --every with hours: 0 to 59 (default: 0)",
    )
    parser.add_argument(
        "--timezone",
        metavar="<zone>",
        help="Time zone of the times, such as Asia/Shanghai (of a new schedule: the service's, "
        "usually UTC)",
    )


def from_options(parsed_args: argparse.Namespace) -> dict[str, Any] | None:
    """The recurrence as the API takes it; None when the user gave none.

    :raises osc_lib.exceptions.CommandError: options are missing, or don't go together.
    """
    _check_details(parsed_args)
    if parsed_args.daily:
        return {"type": "daily", "time": parsed_args.daily}
    if parsed_args.weekly:
        days = sorted({day for days in parsed_args.weekdays for day in days})
        return {"type": "weekly", "time": parsed_args.weekly, "weekdays": days}
    if parsed_args.monthly:
        return {"type": "monthly", "time": parsed_args.monthly, "day": parsed_args.day}
    if parsed_args.every:
        return _interval(parsed_args)
    if parsed_args.cron:
        return {"type": "cron", "expression": parsed_args.cron}
    return None


def _check_details(parsed_args: argparse.Namespace) -> None:
    for option, detail, dest in (
        ("weekly", "weekday", "weekdays"),
        ("monthly", "day", "day"),
    ):
        given = getattr(parsed_args, dest) is not None
        if getattr(parsed_args, option) and not given:
            raise exceptions.CommandError(f"--{option} needs --{detail}")
        if given and not getattr(parsed_args, option):
            raise exceptions.CommandError(f"--{detail} goes with --{option} only")
    if parsed_args.minute is not None and "hours" not in (parsed_args.every or {}):
        raise exceptions.CommandError("--minute goes with --every and hours only")


def _interval(parsed_args: argparse.Namespace) -> dict[str, Any]:
    recurrence = {"type": "interval", **parsed_args.every}
    if parsed_args.minute is not None:
        recurrence["minute"] = parsed_args.minute
    return recurrence


def time(text: str) -> str:
    """A type of options: a time of day, as ``HH:MM``."""
    found = re.fullmatch(r"(\d{1,2}):(\d{2})", text)
    if not found or int(found[1]) > 23 or int(found[2]) > 59:
        raise argparse.ArgumentTypeError(f"'{text}' is not a time of day such as 02:00 or 23:30")
    return f"{int(found[1]):02}:{found[2]}"


def weekdays(text: str) -> list[int]:
    """A type of options: days of the week by name or number, separated by commas."""
    return [_weekday(part.strip().lower()) for part in text.split(",")]


def _weekday(text: str) -> int:
    for names in (_DAYS, _FULL_DAYS, tuple("1234567")):
        if text in names:
            return names.index(text) + 1
    raise argparse.ArgumentTypeError(
        f"'{text}' is not a day of the week: use {', '.join(_DAYS)}, or 1 (Monday) to 7"
    )


def day(text: str) -> int | str:
    """A type of options: a day of the month."""
    if text.lower() == "last":
        return "last"
    if not text.isdigit() or not 1 <= int(text) <= 31:
        raise argparse.ArgumentTypeError(f"'{text}' is neither a day from 1 to 31 nor last")
    return int(text)


def minute(text: str) -> int:
    """A type of options: a minute of the hour."""
    if not text.isdigit() or int(text) > 59:
        raise argparse.ArgumentTypeError(f"'{text}' is not a minute from 0 to 59")
    return int(text)


def interval(text: str) -> dict[str, int]:
    """A type of options: hours or minutes, such as ``6h`` or ``30m``."""
    found = re.fullmatch(r"(\d+)([hm])", text.lower())
    if not found:
        raise argparse.ArgumentTypeError(f"'{text}' is not an interval such as 6h or 30m")
    return {"hours" if found[2] == "h" else "minutes": int(found[1])}

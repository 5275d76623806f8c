"""Template tags of the pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from datetime import timezone as dt_timezone
from typing import Any

from django import template
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import gettext as _

from backup_manager_dashboard import words

register = template.Library()
register.filter("size", words.size)
register.filter("status_text", words.status)
register.filter("level", words.level)
register.filter("duration", words.duration)
register.filter("counts", words.counts)


@register.filter
def status(value: str | None) -> SafeString | str:
    """A status as a coloured label."""
    if not value:
        return "–"
    return format_html(
        '<span class="label label-{}">{}</span>', words.level(value), words.status(value)
    )


@register.filter
def backup_type(value: str | None) -> Any:
    """A type of backups."""
    return words.TYPES.get(value or "", value or "–")


@register.filter
def action(value: str) -> Any:
    """What a run does."""
    return words.ACTIONS.get(value, value)


@register.filter
def trigger(value: str) -> Any:
    """What started a run."""
    return words.TRIGGERS.get(value, value)


def moment(text: str | None) -> datetime | None:
    """A time of the service, in the zone of the user."""
    parsed = parse_datetime(text) if text else None
    if parsed is None:
        return None
    if timezone.is_naive(parsed):
        parsed = parsed.replace(tzinfo=dt_timezone.utc)
    return timezone.localtime(parsed)


@register.filter
def when(text: str | None) -> SafeString | str:
    """A time, in the zone of the user; the pointer shows how long ago, or until then."""
    at = moment(text)
    if at is None:
        return "–"
    return format_html(
        '<time datetime="{}" title="{}" class="bm-time">{}</time>', text, distance(at), shown(at)
    )


@register.filter
def ago(text: str | None) -> SafeString | str:
    """How long ago a time was, or until then; the pointer shows the time itself."""
    at = moment(text)
    if at is None:
        return "–"
    return format_html(
        '<time datetime="{}" title="{}" class="bm-time">{}</time>', text, shown(at), distance(at)
    )


def shown(at: datetime) -> str:
    """A time to the minute, with its zone."""
    return f"{at:%Y-%m-%d %H:%M} {at:%Z}"


def distance(at: datetime) -> str:
    """How far away a time is, in its largest unit."""
    if abs(at - timezone.now()) < timedelta(minutes=1):
        return _("just now")
    if at > timezone.now():
        return _("in %(time)s") % {"time": timeuntil(at, depth=1)}
    return _("%(time)s ago") % {"time": timesince(at, depth=1)}


@register.filter
def day(text: str | None) -> str:
    """A date, as the user's language writes it."""
    at = parse_datetime(f"{text}T00:00") if text else None
    return date_format(at, "DATE_FORMAT") if at else "–"


@register.filter
def short(identifier: str | None) -> str:
    """The beginning of an id, which is enough to tell it from the others of a page."""
    return (identifier or "–")[:8]


@register.filter
def why(decision: Any) -> Any:
    """Why a backup is kept or goes: of a decision of the service."""
    return words.rule(decision["rule"], decision["reason"]) if decision else "–"


@register.filter
def recurrence(schedule: Any) -> str:
    """When a schedule runs, in words."""
    return words.recurrence(schedule.recurrence, schedule.recurrence_text)


@register.filter
def rules(retention: Any) -> list[str]:
    """The rules of a retention, in words."""
    return words.retention(retention)


@register.filter
def mine(text: str | None) -> str:
    """A time by the clock of the user."""
    at = moment(text)
    return f"{at:%Y-%m-%d %H:%M}" if at else "–"


@register.filter
def wall(text: str | None) -> str:
    """A time by the clock of the place that its offset is of."""
    at = parse_datetime(text) if text else None
    return f"{at:%Y-%m-%d %H:%M}" if at else "–"


@register.filter
def percent(part: int | None, whole: int | None) -> int:
    """A part of a whole, in whole per cent."""
    return 100 * (part or 0) // whole if whole else 0


@register.filter
def took(what: Any) -> str:
    """How long a run, or a task, took or has taken so far."""
    began = getattr(what, "started_at", None) or getattr(what, "submitted_at", None)
    start = parse_datetime(began or "")
    if start is None:
        return "–"
    end = parse_datetime(what.finished_at) if what.finished_at else timezone.now()
    return words.duration(max((end - start).total_seconds(), 0)) if end else "–"


@register.filter
def remedy(refused: Any) -> Any:
    """What to do so that a backup can be deleted; nothing if that is said of another one."""
    text = refused["remedy"]
    return words.remedy(refused["rule"], text) if text else ""


@register.filter
def verdict(result: str) -> Any:
    """What becomes of a record of an import."""
    return words.VERDICTS.get(result, result)


@register.filter
def check_name(name: str) -> Any:
    """What was looked at to see whether the service works."""
    return words.CHECKS.get(name, name)


@register.filter
def check_status(is_ok: bool) -> SafeString:
    """Whether something is well, as a coloured label."""
    text = _("Well") if is_ok else _("Wrong")
    return format_html(
        '<span class="label label-{}">{}</span>', "success" if is_ok else "danger", text
    )


@register.filter
def engine_state(state: str) -> SafeString:
    """The state of an engine as a coloured label."""
    text = words.ENGINE_STATES.get(state, state)
    return format_html('<span class="label label-{}">{}</span>', words.level(state), text)


@register.filter
def delegation_mode(mode: str) -> Any:
    """How the engines come to act in a project."""
    return words.DELEGATION_MODES.get(mode, mode)


@register.filter
def clock(text: str | None) -> str:
    """The time of day of a time, in the zone of the user."""
    at = moment(text)
    return f"{at:%H:%M} {at:%Z}" if at else "–"


@register.filter
def origin(text: str) -> str:
    """Whose policy something is."""
    return words.origin(text)

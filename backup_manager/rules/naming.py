"""Names of the backups that nobody named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from string import Formatter

from backup_manager.rules import recurrence

DEFAULT_TEMPLATE = "{volume}-backup-{volume_id}-{time}"
# Cinder's limit, in characters.
MAX_LENGTH = 255

_TIME_FORMAT = "%Y-%m-%d-%H-%M"
_FIELDS = ("volume", "volume_id", "time")
_ID_LENGTH = 36
_TIME_LENGTH = 16


def backup_name(
    template: str, volume_name: str | None, volume_id: str, at: datetime, timezone: str
) -> str:
    """Name a backup after its volume and time.

    A name that would be too long is cut at the volume's name, so that the id and the time, which
    tell backups apart, stay whole.

    :param template: with ``{volume}``, ``{volume_id}`` and ``{time}``; see :func:`check_template`
    :param volume_name: None or blank for an unnamed volume, whose id then stands for it
    :param at: aware; when the backup was due
    :param timezone: IANA name of the zone in which the time is written
    :returns: at most :data:`MAX_LENGTH` characters
    :raises ValueError: the template or the zone can't be used
    """
    local = at.astimezone(recurrence.zone(timezone))
    parts = list(_parts(template))
    values = {"volume": "", "volume_id": volume_id, "time": local.strftime(_TIME_FORMAT)}
    fixed = sum(len(values[text] if is_field else text) for is_field, text in parts)
    volume = volume_name if volume_name and volume_name.strip() else volume_id
    uses = max(parts.count((True, "volume")), 1)
    values["volume"] = volume[: max(MAX_LENGTH - fixed, 0) // uses]
    name = "".join(values[text] if is_field else text for is_field, text in parts)
    return name[:MAX_LENGTH]


def check_template(template: str) -> None:
    """Make sure that a template gives usable names.

    :raises ValueError: it has other fields than the three, can't be read, is empty, or leaves no
        room for what it names
    """
    lengths = {"volume": 0, "volume_id": _ID_LENGTH, "time": _TIME_LENGTH}
    parts = list(_parts(template))
    if not parts:
        raise ValueError("a template of names must not be empty")
    if sum(lengths[text] if is_field else len(text) for is_field, text in parts) >= MAX_LENGTH:
        raise ValueError(f"names after the template {template!r} are longer than {MAX_LENGTH}")


def _parts(template: str) -> Iterator[tuple[bool, str]]:
    """The pieces of a template: whether each is a field, and the field's name or the text.

    Taken apart here because ``str.format`` would also follow attributes and fill to any width.
    """
    for text, field, spec, conversion in Formatter().parse(template):
        if text:
            yield False, text
        if field is None:
            continue
        if field not in _FIELDS or spec or conversion:
            known = ", ".join(f"{{{name}}}" for name in _FIELDS)
            raise ValueError(f"a template of names may hold only {known}; this one is {template!r}")
        yield True, field


def restored_name(volume_name: str | None, backup_name: str | None, backup_id: str) -> str:
    """The name of a new volume that a backup is restored to, when the user gave none.

    :param volume_name: of the volume that was backed up, if that is known
    """
    suffix = "-restored"
    name = volume_name or backup_name or backup_id
    return name[: MAX_LENGTH - len(suffix)] + suffix

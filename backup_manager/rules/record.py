"""Records of backups: what another Cinder needs to take up a backup that lies in a shared store.

A record is what Cinder's ``export_record`` gives (``cinder/objects/backup.py``,
``Backup.encode_record``): the name of the driver that wrote the backup, and the ``backup_url``,
which is Cinder's whole row of the backup as JSON in base64. Cinder takes everything from that row,
so everything else that a file says has to agree with it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from backup_manager.rules import backup_type, chain

FORMAT = "backup-manager/records"
VERSION = 1
#: The most that a file may hold.
MAX_RECORDS = 1000

IMPORT = "import"
PRESENT = "present"
REFUSED = "refused"

# What a record in a file has, and tells of the backup.
TOLD = ("backup_id", "volume_id", "name", "type", "parent_id", "size_gb", "created_at")
_KEYS = (*TOLD, "backup_service", "backup_url")
_DOCUMENT = ("format", "version", "checksum", "records")

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Half characters: JSON can write them, no database can.
_HALF = re.compile("[\ud800-\udfff]")
_MOST_GB = 2**31 - 1
_LONGEST = 255
# Such a backup may be there for good in a moment: whoever needs it waits.
_COMING = "creating"
_THERE = (chain.AVAILABLE, "restoring", _COMING)


class RecordError(ValueError):
    """A record, or a file of them, that can't be used.

    :param field: what is wrong, such as ``document.records[2].backup_url``
    :param message: what is wrong with it and what to do
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True)
class Record:
    """A record, and what it tells of its backup.

    :param type: ``full``, or ``incremental`` where there is a parent
    :param size_gb: size of the volume in GiB
    :param created_at: ISO 8601 in UTC with whole seconds, None where the record has none
    :param project_id: the project that had the backup where it was exported
    :param backup_url: may hold the user's metadata: never logged
    """

    backup_id: str
    volume_id: str
    name: str | None
    type: str
    parent_id: str | None
    size_gb: int
    created_at: str | None
    project_id: str | None
    backup_service: str
    backup_url: str = field(repr=False)


@dataclass(frozen=True)
class Known:
    """A backup that the cloud has already.

    :param status: Cinder's
    :param is_here: whether it is in the project that is imported to
    """

    volume_id: str
    status: str
    is_here: bool


@dataclass(frozen=True)
class Verdict:
    """What is to become of a record.

    :param result: ``import``, ``present`` or ``refused``
    :param reason: why not ``import``, else None
    """

    record: Record
    result: str
    reason: str | None = None


# ---------------------------------------------------------------- one record


def read(backup_service: object, backup_url: object, field: str = "record") -> Record:
    """What a record tells of its backup.

    :param field: what errors call the record
    :raises RecordError: Cinder could not use it
    """
    if (
        not isinstance(backup_service, str)
        or not 0 < len(backup_service) <= _LONGEST
        or not backup_service.isprintable()
    ):
        raise RecordError(f"{field}.backup_service", f"is not a text of 1 to {_LONGEST} characters")
    where = f"{field}.backup_url"
    if not isinstance(backup_url, str):
        raise RecordError(where, "is not a text")
    row = _row(backup_url, where)
    parent_id = row.get("parent_id")
    return Record(
        backup_id=_id(row, "id", where),
        volume_id=_id(row, "volume_id", where),
        name=_text(row, "display_name", where),
        type=backup_type.FULL if parent_id is None else backup_type.INCREMENTAL,
        parent_id=None if parent_id is None else _id(row, "parent_id", where),
        size_gb=_size(row, where),
        created_at=_time(row, where),
        project_id=_text(row, "project_id", where),
        backup_service=backup_service,
        backup_url=backup_url,
    )


def _row(backup_url: str, where: str) -> Mapping[str, Any]:
    try:
        row = json.loads(base64.b64decode(backup_url.encode("ascii"), validate=True))
    except (ValueError, RecursionError):
        raise RecordError(where, "is not JSON in base64, as Cinder's export_record gives") from None
    if not isinstance(row, dict):
        raise RecordError(where, "does not describe a backup")
    return row


def _id(row: Mapping[str, Any], name: str, where: str) -> str:
    value = row.get(name)
    # Cinder would take anything as an id.
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise RecordError(where, f"has no {name} that is an id (a UUID in lower case with dashes)")
    return value


def _text(row: Mapping[str, Any], name: str, where: str) -> str | None:
    value = row.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > _LONGEST or _HALF.search(value):
        raise RecordError(where, f"has a {name} that is not a text of up to {_LONGEST} characters")
    return value


def _size(row: Mapping[str, Any], where: str) -> int:
    value = row.get("size")
    if type(value) is not int or not 0 <= value <= _MOST_GB:
        raise RecordError(where, "has no size that is a whole number of GiB")
    return value


def _time(row: Mapping[str, Any], where: str) -> str | None:
    value = row.get("created_at")
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
        # Cinder's times are UTC and do not always say so.
        aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
        return aware.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (TypeError, ValueError, OverflowError):
        raise RecordError(where, "has a created_at that is not a time") from None


# ---------------------------------------------------------------- a file of records


def pack(records: Iterable[Record]) -> dict[str, Any]:
    """The document that holds the records."""
    content = {
        "format": FORMAT,
        "version": VERSION,
        "records": [{key: getattr(record, key) for key in _KEYS} for record in records],
    }
    return {
        "format": FORMAT,
        "version": VERSION,
        "checksum": checksum(content),
        "records": content["records"],
    }


def checksum(document: Mapping[str, Any]) -> str:
    """The checksum of all that a document has beside its checksum.

    It is taken of the JSON with sorted keys, without spaces, and with all but ASCII escaped: so
    layout and order of keys may change on the way, and nothing else.
    """
    content = {key: value for key, value in document.items() if key != "checksum"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"sha256:{hashlib.sha256(text.encode('ascii')).hexdigest()}"


def unpack(document: Mapping[str, Any]) -> list[Record]:
    """The records of a document, in its order.

    :raises RecordError: it is not one of ours, of a version to come, or damaged
    """
    _check_kind(document)
    if document.get("checksum") != checksum(document):
        raise RecordError(
            "document.checksum",
            "does not fit the content: the file is damaged or was edited. Take another copy of "
            "it, or export the records again.",
        )
    for key in document:
        if key not in _DOCUMENT:
            raise RecordError(f"document.{key[:64]}", "is not known here")
    items = document.get("records")
    if not isinstance(items, list) or not items:
        raise RecordError("document.records", "is not a list of records")
    if len(items) > MAX_RECORDS:
        raise RecordError(
            "document.records",
            f"has {len(items)} entries; {MAX_RECORDS} are allowed. Export them in parts.",
        )
    records = [_item(item, f"document.records[{place}]") for place, item in enumerate(items)]
    _require_different(records)
    return records


def _check_kind(document: Mapping[str, Any]) -> None:
    if document.get("format") != FORMAT:
        raise RecordError(
            "document.format",
            f"is not {FORMAT}: this is no file that backup export has written.",
        )
    version = document.get("version")
    if type(version) is not int or version < 1:
        raise RecordError("document.version", "is not a number from 1 on")
    if version > VERSION:
        raise RecordError(
            "document.version",
            f"is {version}, and this release reads files of version {VERSION}. Import it with "
            "the release of Backup Manager that wrote it, or a newer one.",
        )


def _item(item: object, where: str) -> Record:
    if not isinstance(item, dict):
        raise RecordError(where, "is not an object")
    for key in item:
        if key not in _KEYS:
            raise RecordError(f"{where}.{key[:64]}", "is not known here")
    record = read(item.get("backup_service"), item.get("backup_url"), where)
    for key in TOLD:
        # True and 1 are equal to Python.
        if (type(item.get(key)), item.get(key)) != (
            type(getattr(record, key)),
            getattr(record, key),
        ):
            raise RecordError(f"{where}.{key}", "is not what backup_url says")
    return record


def _require_different(records: Sequence[Record]) -> None:
    first: dict[str, int] = {}
    for place, record in enumerate(records):
        if first.setdefault(record.backup_id, place) != place:
            raise RecordError(
                f"document.records[{place}].backup_id",
                f"is that of records[{first[record.backup_id]}] too",
            )


# ---------------------------------------------------------------- what to do with them


def needed(records: Iterable[Record]) -> list[str]:
    """Ids of the backups that have to be looked up for ``plan``: the records', and parents'."""
    ids = ((record.backup_id, record.parent_id) for record in records)
    return list(dict.fromkeys(each for pair in ids for each in pair if each is not None))


def plan(records: Iterable[Record], known: Mapping[str, Known]) -> list[Verdict]:
    """What to do with the records: no backup is imported without all that it builds on.

    :param known: those of the ``needed`` backups that the cloud has, by id
    :returns: a verdict for each record, parents before what builds on them
    """
    ordered, unreached = _parents_first(records)
    verdicts: dict[str, Verdict] = {}
    for record in ordered:
        verdicts[record.backup_id] = _verdict(record, known, verdicts)
    for record in unreached:
        reason = "its chain goes in a circle and reaches no full backup"
        verdicts[record.backup_id] = Verdict(record, REFUSED, reason)
    return list(verdicts.values())


def _parents_first(records: Iterable[Record]) -> tuple[list[Record], list[Record]]:
    """The records in an order in which they can be imported, and those that have none."""
    by_age = sorted(records, key=lambda each: (each.created_at or "", each.backup_id))
    ids = {record.backup_id for record in by_age}
    children: defaultdict[str | None, list[Record]] = defaultdict(list)
    for record in by_age:
        children[record.parent_id if record.parent_id in ids else None].append(record)
    ordered: list[Record] = []
    waiting = deque(children.pop(None, []))
    while waiting:
        record = waiting.popleft()
        ordered.append(record)
        waiting += children.pop(record.backup_id, [])
    return ordered, [record for left in children.values() for record in left]


def _verdict(
    record: Record, known: Mapping[str, Known], verdicts: Mapping[str, Verdict]
) -> Verdict:
    found = known.get(record.backup_id)
    if found is not None:
        return _verdict_on_known(record, found)
    reason = _obstacle(record, known, verdicts)
    return Verdict(record, IMPORT if reason is None else REFUSED, reason)


def _verdict_on_known(record: Record, found: Known) -> Verdict:
    if not found.is_here:
        reason = "another project of this cloud has a backup with this id"
        return Verdict(record, REFUSED, reason)
    if found.status not in _THERE:
        reason = (
            f"the project has a backup with this id in status {found.status}; it has to be gone "
            "before it can be imported again"
        )
        return Verdict(record, REFUSED, reason)
    return Verdict(record, PRESENT, "the project has it already")


def _obstacle(
    record: Record, known: Mapping[str, Known], verdicts: Mapping[str, Verdict]
) -> str | None:
    """Why a record can't be imported for lack of its parent, None if it can."""
    parent_id = record.parent_id
    if parent_id is None:
        return None
    verdict, found = verdicts.get(parent_id), known.get(parent_id)
    if verdict is not None:
        if verdict.result == REFUSED:
            return f"it builds on backup {parent_id}, which is refused"
        volume_id = verdict.record.volume_id
    elif found is None or not found.is_here:
        return f"it builds on backup {parent_id}, which is neither given nor in the project"
    elif found.status not in _THERE:
        return f"it builds on backup {parent_id}, which is in status {found.status}"
    else:
        volume_id = found.volume_id
    # While Cinder takes a backup up, it does not tell of which volume.
    if volume_id != record.volume_id and not (found and found.status == _COMING):
        return f"it builds on backup {parent_id}, which is of another volume"
    return None

"""Records of backups: exported for another Cinder over the same store, and imported from one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from oslo_log import log as logging

from backup_manager import cinder, delegation, exceptions
from backup_manager.api import run
from backup_manager.api.call import Body, Call
from backup_manager.context import Scope
from backup_manager.db import project as db_project
from backup_manager.db import session as db_session
from backup_manager.db import volume as db_volume
from backup_manager.db.run import Target
from backup_manager.rules import chain
from backup_manager.rules import quota as quota_rules
from backup_manager.rules import record as rules

LOG = logging.getLogger(__name__)

ALL_PROJECTS = "record:all_projects"

T = TypeVar("T")
R = TypeVar("R")

# Cinder is asked once for each record; its backup service answers.
_AT_ONCE = 8


def export_records(call: Call) -> Body:
    """Export records of backups: the document that another service imports."""
    if ("backup_ids" in call.body) == ("volume_id" in call.body):
        raise exceptions.InvalidInput("backup_ids", "is required, or else volume_id")
    project_id = _project(call)
    with _translated():
        client = _client(call, project_id)
        backups, warnings = _wanted(call, client)
        records = _each(lambda backup: _exported(client, backup, project_id), backups)
    LOG.info(
        "User %s exported the records of %d backups of project %s",
        *(call.context.user_id, len(records), project_id),
    )
    return {"document": rules.pack(records), "warnings": warnings}


def import_records(call: Call) -> Body:
    """Import records of backups, parents first; what is there already is left alone."""
    records = _given(call)
    project_id = _project(call)
    with _translated():
        client = _client(call, project_id)
        verdicts = rules.plan(records, _known(client, project_id, rules.needed(records)))
        wanted = [each.record for each in verdicts if each.result == rules.IMPORT]
        body: Body = {
            "records": [_view(verdict) for verdict in verdicts],
            "warnings": _shortfalls(client, wanted) if wanted else [],
        }
    if not call.body["dry_run"]:
        body["run"] = _start(call, project_id, wanted) if wanted else None
    return body


def _project(call: Call) -> str:
    """The project to export from or import to.

    :raises Forbidden: it is another one, by somebody who may not
    """
    own = call.context.project_id
    project_id: str = call.body.get("project_id", own)
    if project_id != own:
        call.authorize(ALL_PROJECTS)
    return project_id


def _client(call: Call, project_id: str) -> cinder.Cinder:
    return cinder.Cinder(delegation.admin_session(call.conf, project_id), call.conf)


@contextmanager
def _translated() -> Iterator[None]:
    """Put what Cinder says to the service's own administrator into the errors of the API."""
    try:
        yield
    except (cinder.Rejected, cinder.AccessDenied) as error:
        raise exceptions.Conflict(
            f"Cinder refuses what the service's own administrator asks for: {error.message}"
        ) from error
    except cinder.CinderError as error:
        raise exceptions.Unavailable(f"Cinder could not do it: {error.message}") from error


def _each(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(work, items))


# ---------------------------------------------------------------- export


def _wanted(call: Call, client: cinder.Cinder) -> tuple[list[cinder.Backup], list[str]]:
    """The backups to export, oldest first, and what is said about those left out."""
    if "volume_id" in call.body:
        return _of_volume(client, call.body["volume_id"])
    ids: list[str] = call.body["backup_ids"]
    wanted = set(ids)
    # The list shows one project; by its id an administrator would get any project's.
    listed = {each.id: each for page in client.backups() for each in page if each.id in wanted}
    for position, backup_id in enumerate(ids):
        field = f"backup_ids[{position}]"
        if backup_id not in listed:
            raise exceptions.NotFound(resource="backup", id=backup_id, field=field)
        if (reason := _unusable(listed[backup_id])) is not None:
            raise exceptions.Conflict(reason, field=field)
    return _oldest_first(listed.values()), []


def _of_volume(client: cinder.Cinder, volume_id: str) -> tuple[list[cinder.Backup], list[str]]:
    backups = [each for page in client.backups(volume_id=volume_id) for each in page]
    reasons = {each.id: _unusable(each) for each in backups}
    usable = [each for each in backups if reasons[each.id] is None]
    if not usable:
        raise exceptions.NotFound(
            f"Volume {volume_id} has no available backup in this project.", field="volume_id"
        )
    if len(usable) > rules.MAX_RECORDS:
        raise exceptions.Conflict(
            f"Volume {volume_id} has {len(usable)} backups; {rules.MAX_RECORDS} can be exported "
            "at once. Name the backups.",
            field="volume_id",
        )
    return _oldest_first(usable), [reason for reason in reasons.values() if reason is not None]


def _unusable(backup: cinder.Backup) -> str | None:
    if backup.status == chain.AVAILABLE:
        return None
    return (
        f"Backup {backup.id} can't be exported: its status is {backup.status}, it has to be "
        "available."
    )


def _oldest_first(backups: Iterable[cinder.Backup]) -> list[cinder.Backup]:
    return sorted(backups, key=lambda each: (each.created_at, each.id))


def _exported(client: cinder.Cinder, backup: cinder.Backup, project_id: str) -> rules.Record:
    try:
        record = rules.read(*client.export_record(backup.id))
    except rules.RecordError as error:
        raise cinder.Rejected(f"The record of backup {backup.id} {error.message}.") from error
    if (record.backup_id, record.project_id) != (backup.id, project_id):
        raise cinder.Rejected(f"What it exports is not backup {backup.id} of this project.")
    return record


# ---------------------------------------------------------------- import


def _given(call: Call) -> list[rules.Record]:
    """The records in the body.

    :raises InvalidInput: there are none, or two kinds of them
    :raises RecordError: they can't be used
    """
    if ("document" in call.body) == ("record" in call.body):
        raise exceptions.InvalidInput("document", "is required, or else record")
    if "document" in call.body:
        return rules.unpack(call.body["document"])
    record = call.body["record"]
    return [rules.read(record["backup_service"], record["backup_url"])]


def _known(
    client: cinder.Cinder, project_id: str, backup_ids: Sequence[str]
) -> dict[str, rules.Known]:
    """What the cloud has of the backups, in whatever project."""

    def look(backup_id: str) -> rules.Known | None:
        try:
            backup = client.backup(backup_id)
        except cinder.NotFound:
            return None
        is_here = backup.project_id in (None, project_id)
        return rules.Known(backup.volume_id, backup.status, is_here)

    found = zip(backup_ids, _each(look, backup_ids), strict=True)
    return {backup_id: known for backup_id, known in found if known is not None}


def _shortfalls(client: cinder.Cinder, records: Sequence[rules.Record]) -> list[str]:
    try:
        quota = client.quota()
    except cinder.CinderError as error:
        return [f"Whether the backups fit into the project's quota is unknown. {error.message}"]
    size_gb = sum(record.size_gb for record in records)
    return quota_rules.shortfalls(quota, len(records), size_gb)


def _view(verdict: rules.Verdict) -> Body:
    told = {name: getattr(verdict.record, name) for name in rules.TOLD}
    return {**told, "result": verdict.result, "reason": verdict.reason}


def _start(call: Call, project_id: str, records: Sequence[rules.Record]) -> Body:
    """The run that imports the records, which come parents first."""
    with db_session.reader() as session:
        ids = {record.volume_id for record in records}
        names = db_volume.names(session, Scope(project_id), ids)
    targets = [_target(record, names) for record in records]
    delegation_id = delegation.grant_admin(call.conf, call.context, project_id)
    # Engines follow the tasks of projects that they know of.
    db_project.ensure(project_id)
    started = run.start(call, delegation_id, targets, {}, action="import", project_id=project_id)
    made: Body = started["run"]
    return made


def _target(record: rules.Record, names: Mapping[str, str | None]) -> Target:
    return Target.locked(
        record.volume_id,
        names.get(record.volume_id),
        backup_id=record.backup_id,
        backup_type=record.type,
        size_gb=record.size_gb,
        parameters={
            "backup_service": record.backup_service,
            "backup_url": record.backup_url,
            "parent_id": record.parent_id,
        },
    )

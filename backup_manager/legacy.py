"""Moves schedules of cinder-backup-manager, the Flask application before this service, over.

Its table or its file is only read. The schedules are created through the API, like any other: so
they belong to the user who calls, what he may not do is refused, and the delegation is made with
his token.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy
from openstack import exceptions as sdk_exceptions
from sqlalchemy import exc as sql_exceptions

from backup_manager import exceptions, sdk
from backup_manager.api import validation
from backup_manager.api.schemas import schedule as schemas
from backup_manager.rules import legacy as rules
from backup_manager.rules import recurrence as recurrences
from backup_manager.sdk.v1.schedule import Schedule

CREATED = "created"
WOULD_CREATE = "would create"
PRESENT = "present"
DIFFERS = "differs"
FAILED = "failed"
_WIDTH = len(WOULD_CREATE)

_COLUMNS = (
    *("id", "name", "backup_type", "schedule_type", "schedule_time"),
    *("weekdays", "volume_ids", "enabled"),
)
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM backup_schedules ORDER BY id"  # noqa: S608
_READ_ONLY = "SET SESSION TRANSACTION READ ONLY"
_CONNECT_TIMEOUT = 30


class SourceError(exceptions.BackupManagerError):
    """The schedules of the first system can't be read at all."""


@dataclass(frozen=True)
class Line:
    """What became of one schedule.

    :param status: one of the constants above
    :param text: which properties it has, how it differs, or why it failed
    """

    status: str
    legacy_id: str
    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.status:<{_WIDTH}}  {self.legacy_id} '{self.name}': {self.text}"


def read_json(path: Path) -> list[Any]:
    """The rows of a ``backup_schedules.json``.

    :raises SourceError: it can't be read, or is something else
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SourceError(f"{path} can't be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path} is not JSON: {error}.") from error
    if not isinstance(rows, list):
        raise SourceError(f"{path} is not a list of schedules.")
    return rows


def read_mysql(url: str, password: str | None) -> list[Mapping[str, Any]]:
    """The rows of the table ``backup_schedules``, read in a transaction that can't write.

    :param url: ``mysql://user[:password]@host[:port]/database``
    :param password: where the URL has none
    :raises SourceError: it can't be read
    """
    engine = mysql_engine(url, password)
    try:
        with engine.connect() as connection:
            return [dict(row) for row in connection.execute(sqlalchemy.text(_SELECT)).mappings()]
    except (sql_exceptions.SQLAlchemyError, RuntimeError) as error:
        # A RuntimeError of the driver says which package a way of logging in needs.
        cause = getattr(error, "orig", None) or error
        raise SourceError(f"The table backup_schedules can't be read: {cause.args[-1]}") from error
    finally:
        engine.dispose()


def mysql_engine(url: str, password: str | None) -> sqlalchemy.Engine:
    """Connections to a MySQL or MariaDB all of whose transactions are read only.

    :raises SourceError: the URL can't be used; the message does not repeat it
    """
    try:
        parsed = sqlalchemy.make_url(url)
    except (sql_exceptions.ArgumentError, ValueError):
        parsed = None
    if (
        parsed is None
        or parsed.get_backend_name() not in ("mysql", "mariadb")
        or not parsed.database
    ):
        raise SourceError("The URL has to be mysql://USER@HOST:PORT/DATABASE.")
    parsed = parsed.set(drivername="mysql+pymysql", password=parsed.password or password)
    parsed = parsed.update_query_dict({"charset": parsed.query.get("charset", "utf8mb4")})
    options = {"init_command": _READ_ONLY, "connect_timeout": _CONNECT_TIMEOUT}
    return sqlalchemy.create_engine(parsed, connect_args=options)


class Import:
    """Creates schedules in the project that a client is logged in to.

    :param timezone: IANA name of the zone that the first system ran in
    :param retention: what is kept of the backups of each schedule; None leaves it to the project
    :param dry_run: only say what would be done
    """

    def __init__(
        self,
        client: sdk.Proxy,
        timezone: str,
        retention: Mapping[str, int] | None = None,
        dry_run: bool = False,
    ) -> None:
        self._client = client
        self._timezone = timezone
        self._retention = retention
        self._dry_run = dry_run
        self._volume_ids = {volume.id for volume in client.volumes()}
        self._schedules = list(client.schedules())

    def lines(self, rows: Iterable[Any]) -> Iterator[Line]:
        """Move over schedule after schedule; a bad one does not stop the others.

        :param rows: as :func:`.rules.legacy.parse` takes them
        :raises keystoneauth1.exceptions.ConnectFailure: the service can't be reached any more
        """
        seen: set[str] = set()
        for row in rows:
            try:
                wanted = rules.parse(row)
                if wanted.legacy_id in seen:
                    raise rules.LegacyError(
                        "id: an earlier schedule has the same one; give this one another id in a "
                        "copy of the file, and import that"
                    )
                seen.add(wanted.legacy_id)
                status, text = self._settle(wanted)
                yield Line(status, wanted.legacy_id, wanted.name, text)
            except (rules.LegacyError, exceptions.InvalidInput) as error:
                yield Line(FAILED, *rules.label(row), str(error))
            except sdk_exceptions.HttpException as error:
                yield Line(FAILED, *rules.label(row), str(sdk.problem(error)))

    def _settle(self, wanted: rules.Schedule) -> tuple[str, str]:
        volume_ids = [each for each in wanted.volume_ids if self._exists(each)]
        gone = [each for each in wanted.volume_ids if each not in volume_ids]
        for found in self._schedules:
            if rules.legacy_id_of(found.description) == wanted.legacy_id:
                differences = self._differences(wanted, volume_ids, gone, found)
                if not differences:
                    return PRESENT, found.id
                return DIFFERS, f"{found.id}: {', '.join(differences)}; it is left as it is"
        for found in self._schedules:
            if found.name == wanted.name and rules.legacy_id_of(found.description) is None:
                return self._settle_namesake(wanted, volume_ids, gone, found)
        if not volume_ids:
            raise rules.LegacyError(
                "volume_ids: none of them is in this project, so there is nothing to back up: "
                f"{', '.join(gone)}"
            )
        notes = [*wanted.notes, f"not in this project: {', '.join(gone)}"] if gone else wanted.notes
        return self._create(wanted, volume_ids, notes)

    def _exists(self, volume_id: str) -> bool:
        """Whether the project has the volume; the service is asked again before it says no."""
        if volume_id in self._volume_ids:
            return True
        if not sdk.is_id(volume_id):
            return False
        try:
            found = self._client.get_volume(volume_id)
        except sdk_exceptions.NotFoundException:
            return False
        # An administrator sees those of other projects, too.
        return bool(found.project_id == self._client.get_project_id())

    def _settle_namesake(
        self, wanted: rules.Schedule, volume_ids: list[str], gone: list[str], found: Schedule
    ) -> tuple[str, str]:
        """What to do where a schedule has the name that nothing shows to have come from there."""
        differences = self._differences(wanted, volume_ids, gone, found)
        if differences:
            raise rules.LegacyError(
                f"name: schedule {found.id} has the same one and is not known to be the same: "
                f"{', '.join(differences)}; rename it or delete it, and repeat"
            )
        return PRESENT, found.id

    def _differences(
        self, wanted: rules.Schedule, volume_ids: list[str], gone: list[str], found: Schedule
    ) -> list[str]:
        there = {
            "name": wanted.name,
            "type": wanted.backup_type,
            "recurrence": recurrences.describe(wanted.recurrence),
            "time zone": self._timezone,
            "enabled": _yes(wanted.is_enabled),
        }
        here = {
            "name": found.name,
            "type": found.backup_type,
            "recurrence": found.recurrence_text,
            "time zone": found.timezone,
            "enabled": _yes(found.is_enabled),
            "retention": _rules(found.retention),
        }
        if self._retention is not None:
            there["retention"] = _rules(self._retention)
        # What is gone from Cinder makes no difference.
        return rules.differences(there, volume_ids, here, set(found.volume_ids).difference(gone))

    def _create(
        self, wanted: rules.Schedule, volume_ids: list[str], notes: Iterable[str]
    ) -> tuple[str, str]:
        attributes: dict[str, Any] = {
            "name": wanted.name,
            "description": rules.description(wanted.legacy_id),
            "recurrence": dict(wanted.recurrence),
            "timezone": self._timezone,
            "volume_ids": volume_ids,
            "backup_type": wanted.backup_type,
            "is_enabled": wanted.is_enabled,
            "retention": self._retention,
        }
        if self._dry_run:
            _check(attributes)
            preview = self._client.preview_recurrence(
                attributes["recurrence"], self._timezone, count=1
            )
            next_run, warnings = preview.runs[0]["at"], []
        else:
            created = self._client.create_schedule(**attributes)
            next_run, warnings = created.next_run_at or "never", list(created.warnings)
        noun = "volume" if len(volume_ids) == 1 else "volumes"
        what = f"{wanted.backup_type}, {recurrences.describe(wanted.recurrence)}"
        when = f"next run {next_run}" if wanted.is_enabled else "disabled"
        text = f"{what}, {len(volume_ids)} {noun}, {when}"
        status = WOULD_CREATE if self._dry_run else CREATED
        return status, "; ".join([text, *notes, *warnings])


def _check(attributes: Mapping[str, Any]) -> None:
    """Whether the API would take the form of a new schedule.

    :raises InvalidInput: with the property that it would not take
    """
    body = Schedule.new(**attributes).to_dict(
        headers=False, computed=False, ignore_none=True, original_names=True
    )
    validation.body(schemas.CREATE.request, json.dumps({"schedule": body}).encode())


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _rules(retention: Mapping[str, int] | None) -> str:
    if retention is None:
        return "as the project's"
    return ", ".join(f"{rule} {number}" for rule, number in sorted(retention.items())) or "all"

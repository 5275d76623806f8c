"""The only module that talks to Cinder, and the one place where its errors are sorted.

Rules come from the Block Storage API reference (v3, microversion 3.43, the first in which a
backup carries metadata) and from what real Cinders answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, TypeVar

from keystoneauth1 import adapter, discover
from keystoneauth1 import exceptions as ks_exceptions
from keystoneauth1 import session as ks_session
from oslo_config import cfg

from backup_manager.rules.quota import Quota

MICROVERSION = "3.43"
TASK_KEY = "backup_manager:task"
PARENT_KEY = "backup_manager:parent"
# Cinder's own mark on a volume that a backup was restored onto.
RESTORED_KEY = "src_backup_id"

T = TypeVar("T")


class CinderError(Exception):
    """Cinder did not do what it was asked.

    :param code: short name for programs, such as ``over-quota``
    :param message: Cinder's own words
    """

    code = "cinder-error"

    def __init__(self, message: str, code: str | None = None) -> None:
        self.message = message
        self.code = code or self.code
        super().__init__(message)


class Rejected(CinderError):
    """Asking again is no use."""

    code = "rejected"


class NotFound(Rejected):
    code = "not-found"


class NeedsForce(CinderError):
    """The volume was attached in the meantime."""

    code = "needs-force"


class NoParent(CinderError):
    """There is no backup that an incremental one could build on."""

    code = "no-parent"


class Busy(CinderError):
    """Not now: the volume is in use by another operation, or Cinder asks for a pause."""

    code = "busy"


class OverQuota(Busy):
    code = "over-quota"


class Uncertain(CinderError):
    """No clear answer: Cinder may or may not have done it."""

    code = "uncertain"


class AccessDenied(CinderError):
    """The token is not valid for this, even after a fresh login."""

    code = "access-denied"


@dataclass(frozen=True)
class Volume:
    """A volume as Cinder lists it. Sizes are GiB, times UTC."""

    id: str
    name: str | None
    status: str
    size_gb: int
    volume_type: str | None
    availability_zone: str | None
    server_ids: list[str]
    bootable: bool
    created_at: datetime
    updated_at: datetime | None
    # Its metadata.
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Message:
    """What Cinder tells users about an operation that failed after it was accepted."""

    resource_id: str
    action: str
    text: str
    created_at: datetime


@dataclass(frozen=True)
class Backup:
    """A backup as Cinder lists it. Sizes are GiB, times UTC."""

    id: str
    volume_id: str
    snapshot_id: str | None
    name: str | None
    description: str | None
    status: str
    is_incremental: bool
    has_dependents: bool
    size_gb: int
    fail_reason: str | None
    availability_zone: str | None
    data_timestamp: datetime | None
    created_at: datetime
    updated_at: datetime | None
    metadata: Mapping[str, str] = field(default_factory=dict)
    # Told to administrators only.
    project_id: str | None = None


@dataclass(frozen=True)
class Versions:
    """The microversions that a Cinder speaks, such as 3.0 to 3.71."""

    lowest: str
    highest: str

    @property
    def suffice(self) -> bool:
        """Whether the one that we need is among them."""
        needed = discover.normalize_version_number(MICROVERSION)
        return bool(discover.version_between(self.lowest, self.highest, needed))


class Cinder:
    """Cinder as one project sees it.

    :param session: authenticated for that project
    """

    def __init__(self, session: ks_session.Session, conf: cfg.ConfigOpts) -> None:
        options = conf.cinder
        self._page_size = options.page_size
        self._http = adapter.Adapter(
            session,
            service_type=options.service_type,
            interface=options.interface,
            region_name=options.region_name,
            endpoint_override=options.endpoint_override,
            default_microversion=MICROVERSION,
            raise_exc=False,
            connect_retries=0,
        )
        self._timeout = options.timeout

    def volumes(self) -> Iterator[list[Volume]]:
        """All volumes of the project, a page at a time."""
        for page in self._pages("/volumes/detail", "volumes"):
            yield [_volume(item) for item in page]

    def volume(self, volume_id: str) -> Volume:
        """:raises NotFound: no such volume in this project"""
        return _volume(self._call("GET", f"/volumes/{volume_id}")["volume"])

    def create_volume(
        self,
        size_gb: int,
        *,
        name: str,
        availability_zone: str | None,
        volume_type: str | None,
        metadata: Mapping[str, str],
    ) -> str:
        """Ask for an empty volume; Cinder accepts at once and works on it afterwards.

        :param availability_zone: None leaves it to Cinder, as for ``volume_type``
        :returns: id of the volume, in status ``creating``
        """
        body: dict[str, Any] = {"size": size_gb, "name": name, "metadata": dict(metadata)}
        if availability_zone is not None:
            body["availability_zone"] = availability_zone
        if volume_type is not None:
            body["volume_type"] = volume_type
        return str(self._call("POST", "/volumes", {"volume": body})["volume"]["id"])

    def restore_backup(self, backup_id: str, volume_id: str) -> str:
        """Ask for a backup to be written onto a volume; Cinder works on it afterwards.

        :returns: id of the volume, in status ``restoring-backup``
        """
        body = {"restore": {"volume_id": volume_id}}
        answer = self._call("POST", f"/backups/{backup_id}/restore", body)
        return str(answer["restore"]["volume_id"])

    def export_record(self, backup_id: str) -> tuple[str, str]:
        """What another Cinder needs to take a backup up; for administrators.

        :returns: the driver that wrote the backup, and the url that describes it
        """
        path = f"/backups/{backup_id}/export_record"
        record = self._call("GET", path, confidential=True)["backup-record"]
        return str(record["backup_service"]), str(record["backup_url"])

    def import_record(self, backup_service: str, backup_url: str) -> str:
        """Ask for a backup to be taken up in this project; Cinder works on it afterwards.

        :returns: id of the backup, in status ``creating``
        """
        body = {"backup-record": {"backup_service": backup_service, "backup_url": backup_url}}
        answer = self._call("POST", "/backups/import_record", body, confidential=True)
        return str(answer["backup"]["id"])

    def messages(self, resource_id: str) -> list[Message]:
        """What Cinder has to tell about a backup or a volume, newest first."""
        body = self._call("GET", "/messages", query={"resource_uuid": resource_id})
        found = [_message_of(item) for item in body["messages"]]
        # Releases before the filter ignore it.
        about = [message for message in found if message.resource_id == resource_id]
        return sorted(about, key=lambda message: message.created_at, reverse=True)

    def versions(self) -> Versions:
        """What Cinder tells everybody about its versions."""
        try:
            endpoint = self._http.get_endpoint()
        except ks_exceptions.ClientException as error:
            raise Uncertain(f"Where Cinder is could not be found out: {error}") from error
        if not endpoint:
            raise Rejected("The catalog has no Cinder", "no-endpoint")
        # Not the document of version 3: access rules keep application credentials from that.
        root = str(endpoint).partition("/v3")[0] + "/"
        try:
            found = discover.Discover(self._http.session, root, authenticated=False).version_data()
        except ks_exceptions.ClientException as error:
            raise Uncertain(f"No version document from Cinder at {root}: {error}") from error
        for version in found:
            lowest, highest = version["min_microversion"], version["max_microversion"]
            if lowest and highest:
                break
        else:
            raise Uncertain(f"No microversions in the version document of Cinder at {root}")
        return Versions(discover.version_to_string(lowest), discover.version_to_string(highest))

    def quota(self) -> Quota:
        """How many backups the project may have, and has."""
        absolute = self._call("GET", "/limits")["limits"]["absolute"]
        try:
            return _quota(absolute)
        except KeyError as missing:
            raise Rejected(f"Cinder's limits say nothing of {missing}.") from missing

    def backups(
        self, volume_id: str | None = None, status: str | None = None
    ) -> Iterator[list[Backup]]:
        """The backups of the project, newest first, a page at a time.

        :param volume_id: only those of one volume
        :param status: only those in one status
        """
        query = {"sort": "created_at:desc"}
        if volume_id:
            query["volume_id"] = volume_id
        if status:
            query["status"] = status
        for page in self._pages("/backups/detail", "backups", query):
            yield [_backup(item) for item in page]

    def backup(self, backup_id: str) -> Backup:
        """:raises NotFound: no such backup in this project"""
        return _backup(self._call("GET", f"/backups/{backup_id}")["backup"])

    def delete_backup(self, backup_id: str) -> None:
        """Ask for a backup to be deleted; Cinder works on it afterwards.

        :raises NotFound: it is gone already
        :raises Rejected: with the code ``has-dependents``: others build on it
        """
        self._call("DELETE", f"/backups/{backup_id}")

    def create_backup(
        self,
        volume_id: str,
        *,
        name: str,
        description: str,
        incremental: bool,
        force: bool,
        metadata: Mapping[str, str],
    ) -> str:
        """Ask for a backup; Cinder accepts at once and works on it afterwards.

        :param force: needed, and only right, for a volume that is in use
        :returns: id of the backup, in status ``creating``
        """
        body = {
            "volume_id": volume_id,
            "name": name,
            "description": description,
            "incremental": incremental,
            "force": force,
            "metadata": dict(metadata),
        }
        return str(self._call("POST", "/backups", {"backup": body})["backup"]["id"])

    def _pages(
        self, path: str, key: str, query: Mapping[str, str] | None = None
    ) -> Iterator[list[dict[str, Any]]]:
        parameters = {"limit": str(self._page_size), **(query or {})}
        while True:
            try:
                body = self._call("GET", path, query=parameters)
            except NotFound:
                # The last item of the page before was deleted meanwhile: start again.
                if parameters.pop("marker", None) is None:
                    raise
                continue
            items = body[key]
            yield items
            links = {link["rel"] for link in body.get(f"{key}_links", [])}
            if "next" not in links or not items:
                return
            parameters["marker"] = items[-1]["id"]

    def _call(
        self,
        method: str,
        path: str,
        json: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        confidential: bool = False,
    ) -> dict[str, Any]:
        """Send a request.

        :param confidential: what is sent and answered stays out of the log at any level
        """
        kwargs: dict[str, Any] = {"params": dict(query or {}), "timeout": self._timeout}
        kwargs["log"] = not confidential
        if json is not None:
            kwargs["json"] = json
        try:
            answer = self._http.request(path, method, **kwargs)
        except (ks_exceptions.Unauthorized, ks_exceptions.Forbidden) as error:
            raise AccessDenied(str(error)) from error
        except ks_exceptions.EndpointNotFound as error:
            raise Rejected(f"The catalog has no Cinder: {error}", "no-endpoint") from error
        except ks_exceptions.ClientException as error:
            raise Uncertain(f"No answer from Cinder: {error}") from error
        if answer.status_code >= 400:
            raise _sorted_error(answer.status_code, _message(answer))
        return _Body.of(answer) if answer.content else _Body()


class _Body(dict[str, Any]):
    """What Cinder answered; what is not as the API says counts as no clear answer."""

    @classmethod
    def of(cls, answer: Any) -> _Body:
        try:
            return cls(answer.json())
        except (ValueError, TypeError) as error:
            raise Uncertain(f"Cinder's answer is not to be understood: {error}") from error

    def __missing__(self, key: str) -> Any:
        raise Uncertain(f"Cinder's answer has no {key}")


def _message(answer: Any) -> str:
    """Cinder's own words; whatever it is when it is not Cinder that answers."""
    try:
        (fault,) = answer.json().values()
        return str(fault["message"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"HTTP {answer.status_code} {answer.reason}"


def _sorted_error(status: int, message: str) -> CinderError:
    if status == 401:
        return AccessDenied(message)
    if status == 403:
        # The login is good; Cinder's policy wants another role than it carries.
        return Rejected(message, "access-denied")
    if status == 413:
        return OverQuota(message)
    if status == 429:
        return Busy(message)
    if status == 404:
        return _sorted_absence(message)
    if status == 400:
        return _sorted_refusal(message)
    if status >= 500:
        return Uncertain(message)
    return Rejected(message)


def _sorted_absence(message: str) -> CinderError:
    """A 404 means "gone" only in Cinder's own words about the thing that was asked for."""
    if message.startswith("HTTP "):
        return Uncertain(message)  # a load balancer, or a wrong path
    if "Service" in message:
        return Busy(message)  # the backup service is disabled
    return NotFound(message)


def _sorted_refusal(message: str) -> CinderError:
    if "must use the force flag" in message:
        return NeedsForce(message)
    if "No backups available to do an incremental backup" in message:
        return NoParent(message)
    if "must be available or in-use" in message or "restored to must be available" in message:
        return Busy(message, "volume-busy")
    if "Incremental backups exist" in message:
        return Rejected(message, "has-dependents")
    if "Backup already exists" in message:
        return Rejected(message, "backup-exists")
    if "Backup status must be available" in message:
        return Busy(message, "backup-busy")
    return Rejected(message)


def _time(text: str | None) -> datetime | None:
    """Cinder's times are UTC and do not say so."""
    if not text:
        return None
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _required_time(text: str | None) -> datetime:
    # A row that is only just being made has no time yet in some releases.
    return _time(text) or datetime.now(timezone.utc)


def _volume(item: Mapping[str, Any]) -> Volume:
    return Volume(
        id=item["id"],
        name=item["name"] or None,
        status=item["status"],
        size_gb=item["size"],
        volume_type=item.get("volume_type"),
        availability_zone=item.get("availability_zone"),
        server_ids=[entry["server_id"] for entry in item.get("attachments", [])],
        bootable=item.get("bootable") in ("true", True),
        created_at=_required_time(item.get("created_at")),
        updated_at=_time(item.get("updated_at")),
        labels=item.get("metadata") or {},
    )


def _message_of(item: Mapping[str, Any]) -> Message:
    # The id of the event ends with those of the action and of the detail.
    action = (item.get("event_id") or "").split("_")[-2:-1]
    return Message(
        resource_id=item.get("resource_uuid") or "",
        action=action[0] if action else "",
        text=item["user_message"],
        created_at=_required_time(item.get("created_at")),
    )


def _quota(absolute: Mapping[str, int]) -> Quota:
    def limit(name: str) -> int | None:
        return absolute[name] if absolute[name] >= 0 else None

    return Quota(
        backups=limit("maxTotalBackups"),
        backups_used=absolute["totalBackupsUsed"],
        gigabytes=limit("maxTotalBackupGigabytes"),
        gigabytes_used=absolute["totalBackupGigabytesUsed"],
    )


def _backup(item: Mapping[str, Any]) -> Backup:
    return Backup(
        id=item["id"],
        volume_id=item["volume_id"],
        snapshot_id=item.get("snapshot_id"),
        name=item["name"] or None,
        description=item.get("description"),
        status=item["status"],
        is_incremental=bool(item.get("is_incremental")),
        has_dependents=bool(item.get("has_dependent_backups")),
        size_gb=item["size"],
        fail_reason=item.get("fail_reason"),
        availability_zone=item.get("availability_zone"),
        data_timestamp=_time(item.get("data_timestamp")),
        created_at=_required_time(item.get("created_at")),
        updated_at=_time(item.get("updated_at")),
        metadata=item.get("metadata") or {},
        project_id=item.get("os-backup-project-attr:project_id"),
    )

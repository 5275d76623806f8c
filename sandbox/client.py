"""A sandbox in the hands of a test or of the quickstart: start it, use it, break it.

Needs openstacksdk, but neither Cinder nor Keystone: those are in the sandbox's own venv.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import sqlite3
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, cast

from sandbox import config, faults, identity, lifecycle
from sandbox.config import Options, SandboxError, Settings
from sandbox.faults import Fault

if TYPE_CHECKING:
    from openstack.block_storage.v3._proxy import Proxy
    from openstack.block_storage.v3.backup import Backup
    from openstack.block_storage.v3.volume import Volume
    from openstack.connection import Connection

_CHUNK = 1024**2
_WAIT_SECONDS = 60
_POLL_SECONDS = 0.1
# The first with attachments, and the first that can complete one.
_ATTACHMENTS = "3.27"
_ATTACHMENT_COMPLETE = "3.44"


def _silent(_text: str) -> None:
    pass


@dataclasses.dataclass(frozen=True)
class Project:
    """A project with one user in it, for a test that wants to be alone."""

    id: str
    name: str
    user_id: str
    auth: dict[str, str]
    """To sign in as that user, in the words of clouds.yaml."""

    @property
    def environment(self) -> dict[str, str]:
        """The same as variables for the `openstack` command."""
        values = {f"OS_{name.upper()}": value for name, value in self.auth.items()}
        return values | {"OS_REGION_NAME": config.REGION, "OS_IDENTITY_API_VERSION": "3"}

    def connection(self) -> Connection:
        import openstack.config.loader
        import openstack.connection

        loader = openstack.config.loader.OpenStackConfig(load_yaml_config=False, load_envvars=False)
        region = loader.get_one(auth=self.auth, region_name=config.REGION)
        return openstack.connection.Connection(config=region)


class Sandbox:
    """One sandbox on this machine."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @classmethod
    def load(cls, state_dir: Path = config.DEFAULT_STATE_DIR) -> Sandbox:
        """One that exists, running or not. SandboxError when there is none."""
        return cls(config.load(state_dir))

    @classmethod
    def start(
        cls,
        state_dir: Path = config.DEFAULT_STATE_DIR,
        *,
        report: lifecycle.Report = _silent,
        **options: Unpack[Options],
    ) -> Sandbox:
        """Make it, or bring up what isn't running of it; returns when it can be used.

        The options are those of the command: venv, keystone_port and cinder_port (0 finds a
        free one), bytes_per_gb, backup_dir, backup_service.
        """
        return cls(lifecycle.start(state_dir, report, **options))

    def start_horizon(self, venv: Path, port: int = config.AUTO_PORT) -> str:
        """Start Horizon, with the packages of an environment; returns its URL.

        Register what the catalog is to lead to before: users see the catalog of their login.
        """
        return lifecycle.start_horizon(self.settings.state_dir, _silent, venv=venv, port=port).url

    def stop(self) -> None:
        """Stop all servers and keep the data; fine when they aren't running."""
        lifecycle.stop(self.settings.state_dir, _silent)

    def wipe(self) -> None:
        """Stop it and remove its data; a shared venv stays."""
        lifecycle.wipe(self.settings.state_dir, _silent)

    def kill_cinder(self) -> None:
        """End all of Cinder at once, in the middle of whatever it does."""
        lifecycle.server(self.settings, "cinder").kill()

    def start_cinder(self, *, backup_service: bool | None = None) -> None:
        """Bring a killed Cinder back, with or without its backup service (None: as before)."""
        options: Options = {}
        if backup_service is not None:
            options["backup_service"] = backup_service
        self.settings = lifecycle.start(self.settings.state_dir, _silent, **options)

    @property
    def keystone_url(self) -> str:
        return self.settings.keystone_url

    @property
    def cinder_url(self) -> str:
        return self.settings.cinder_url

    @property
    def clouds_yaml(self) -> Path:
        """A file with the clouds admin, demo, alt, reader and backup-manager."""
        return self.settings.clouds_yaml

    def connection(self, cloud: str) -> Connection:
        """A new connection as one of the users in clouds.yaml; the environment has no say."""
        import openstack.config.loader
        import openstack.connection

        loader = openstack.config.loader.OpenStackConfig(
            config_files=[str(self.clouds_yaml)], load_envvars=False
        )
        return openstack.connection.Connection(config=loader.get_one(cloud))

    def create_project(self, name: str | None = None, role: str = "member") -> Project:
        """A project and a user of the same name (made up when None), with a role in it."""
        name = name or f"project-{uuid.uuid4().hex[:12]}"
        keystone = identity.Keystone(self.keystone_url)
        project_id = keystone.project(name)
        user_id = keystone.user(name, name, project_id)
        keystone.grant(project_id, user_id, role)
        auth = identity.auth(self.settings, name, name, name)
        return Project(id=project_id, name=name, user_id=user_id, auth=auth)

    def add_user(self, project: Project, role: str) -> Project:
        """The project as another, new user of it sees it, with a role in it."""
        name = f"user-{uuid.uuid4().hex[:12]}"
        keystone = identity.Keystone(self.keystone_url)
        user_id = keystone.user(name, name, project.id)
        keystone.grant(project.id, user_id, role)
        auth = identity.auth(self.settings, name, name, project.name)
        return Project(id=project.id, name=project.name, user_id=user_id, auth=auth)

    def grant(self, project: Project, user: str, role: str) -> None:
        """Give a role in the project to a user of `clouds.yaml`."""
        keystone = identity.Keystone(self.keystone_url)
        keystone.grant(project.id, keystone.user(user, user, project.id), role)

    def revoke(self, project: Project, user: str, role: str) -> None:
        """Take it from him again."""
        keystone = identity.Keystone(self.keystone_url)
        keystone.revoke(project.id, keystone.user(user, user, project.id), role)

    def register_endpoint(self, url: str) -> None:
        """Make the catalog lead to this URL for the service backup-manager."""
        identity.register_backup_manager(self.settings, url)

    def set_quota(
        self,
        project_id: str,
        *,
        backups: int | None = None,
        backup_gigabytes: int | None = None,
    ) -> None:
        """Change the limits given; -1 is unlimited."""
        limits = {"backups": backups, "backup_gigabytes": backup_gigabytes}
        given = {name: limit for name, limit in limits.items() if limit is not None}
        with self.connection("admin") as admin:
            _storage(admin).update_quota_set(project_id, **given)

    def create_volume(
        self, conn: Connection, name: str, size: int = 1, data: bytes | None = None
    ) -> Volume:
        """A volume of `size` GB that is available, with the data at its beginning."""
        volume = _storage(conn).create_volume(name=name, size=size)
        volume = self.wait_for_volume(conn, volume.id)
        if data is not None:
            self.write_volume(volume.id, data)
        return volume

    def write_volume(self, volume_id: str, data: bytes, offset: int = 0) -> None:
        """Write behind Cinder's back, as a server that uses the volume would."""
        path = self._volume_file(volume_id)
        if offset + len(data) > path.stat().st_size:
            raise SandboxError(f"{len(data)} bytes at {offset} don't fit into volume {volume_id}")
        with path.open("r+b") as file:
            file.seek(offset)
            file.write(data)

    def read_volume(self, volume_id: str) -> bytes:
        """All of it. For volumes of real size see `checksum`."""
        return self._volume_file(volume_id).read_bytes()

    def checksum(self, volume_id: str) -> str:
        """SHA-256 of all of the volume, in hexadecimal."""
        digest = hashlib.sha256()
        with self._volume_file(volume_id).open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest()

    def attach(self, conn: Connection, volume_id: str) -> str:
        """Make a volume in-use, with the calls that Nova makes. Returns the attachment's id."""
        body = {
            "attachment": {
                "volume_uuid": volume_id,
                "instance_uuid": str(uuid.uuid4()),
                "connector": {"host": "sandbox-server", "initiator": "none", "mountpoint": "vdb"},
            }
        }
        storage = _storage(conn)
        answer = storage.post("/attachments", json=body, microversion=_ATTACHMENTS)
        attachment_id = str(_json(answer)["attachment"]["id"])
        path = f"/attachments/{attachment_id}/action"
        answer = storage.post(path, json={"os-complete": {}}, microversion=_ATTACHMENT_COMPLETE)
        _check(answer)
        self.wait_for_volume(conn, volume_id, "in-use")
        return attachment_id

    def detach(self, conn: Connection, volume_id: str) -> None:
        """End all attachments of a volume, which makes it available."""
        volume = _storage(conn).get_volume(volume_id)
        with self.connection("backup-manager") as service:
            # Cinder wants to know that a service asks, for a user could
            # pull the disk out of a running server.
            headers = {"X-Service-Token": service.authorize()}
        for attachment in volume.attachments:
            path = f"/attachments/{attachment['attachment_id']}"
            _check(_storage(conn).delete(path, headers=headers, microversion=_ATTACHMENTS))
        self.wait_for_volume(conn, volume_id)

    def restore_backup(self, conn: Connection, backup_id: str, volume_id: str | None = None) -> str:
        """Begin to restore onto a new volume, or over an existing one. Returns its id."""
        body = {"restore": {"volume_id": volume_id} if volume_id else {}}
        answer = _storage(conn).post(f"/backups/{backup_id}/restore", json=body)
        return str(_json(answer)["restore"]["volume_id"])

    def wait_for_volume(
        self,
        conn: Connection,
        volume_id: str,
        status: str = "available",
        seconds: int = _WAIT_SECONDS,
    ) -> Volume:
        """The volume once it has that status. ResourceFailure when it ends in error instead."""
        storage = _storage(conn)
        return storage.wait_for_status(
            storage.get_volume(volume_id),
            status=status,
            failures=["error", "error_restoring", "error_deleting"],
            interval=_POLL_SECONDS,
            wait=seconds,
        )

    def wait_for_backup(
        self,
        conn: Connection,
        backup_id: str,
        status: str = "available",
        seconds: int = _WAIT_SECONDS,
    ) -> Backup:
        """The backup once it has that status. ResourceFailure when it ends in error instead."""
        storage = _storage(conn)
        return storage.wait_for_status(
            storage.get_backup(backup_id),
            status=status,
            failures=["error", "error_deleting"],
            interval=_POLL_SECONDS,
            wait=seconds,
        )

    @contextlib.contextmanager
    def fault(
        self,
        operation: str,
        *,
        delay: float = 0.0,
        error: str = "",
        volume_id: str | None = None,
    ) -> Iterator[None]:
        """While in the block, "backup", "restore" or "delete" of a backup is slow or fails.

        Give the id of the backed-up volume, unless every test may suffer from it. Leaving the
        block releases the operations that are being held up.
        """
        if operation not in faults.OPERATIONS:
            raise ValueError(f"no such operation: {operation}")
        name = uuid.uuid4().hex
        faults.add(self.settings.faults_dir, name, Fault(operation, delay, error, volume_id))
        try:
            yield
        finally:
            faults.remove(self.settings.faults_dir, name)

    def wait_until_held(
        self, volume_id: str, operation: str = "backup", seconds: float = _WAIT_SECONDS
    ) -> None:
        """Return once a fault's delay really holds up the operation on that volume."""
        mark = faults.held_mark(self.settings.faults_dir, operation, volume_id)
        deadline = time.monotonic() + seconds
        while not mark.exists():
            if time.monotonic() > deadline:
                raise SandboxError(f"No {operation} of volume {volume_id} is being held up.")
            time.sleep(_POLL_SECONDS)

    def set_backup_delay(self, seconds: float) -> None:
        """What --backup-delay does, at run time: every backup takes that long; 0 ends it."""
        if seconds:
            fault = Fault("backup", delay=seconds)
            faults.add(self.settings.faults_dir, faults.COMMAND_LINE, fault)
        else:
            faults.remove(self.settings.faults_dir, faults.COMMAND_LINE)

    def age_backup(self, backup_id: str, days: float) -> None:
        """Have Cinder believe that it made a backup so many days earlier than it did."""
        path = self.settings.database_dir / "cinder.db"
        with contextlib.closing(sqlite3.connect(path, timeout=60)) as database, database:
            changed = database.execute(
                "UPDATE backups SET created_at = strftime(:form, created_at, :by), "
                "data_timestamp = strftime(:form, data_timestamp, :by), "
                "updated_at = strftime(:form, 'now') WHERE id = :id",
                {"form": "%Y-%m-%d %H:%M:%f000", "by": f"-{days} days", "id": backup_id},
            ).rowcount
        if not changed:
            raise SandboxError(f"Cinder has no backup {backup_id}.")

    def _volume_file(self, volume_id: str) -> Path:
        path = self.settings.volumes_dir / f"volume-{uuid.UUID(volume_id)}"
        if not path.exists():
            raise SandboxError(f"Volume {volume_id} is not in {self.settings.volumes_dir}")
        return path


def _storage(conn: Connection) -> Proxy:
    # openstacksdk's type also allows for version 2, which is gone from Cinder.
    return cast("Proxy", conn.block_storage)


def _json(response: Any) -> Any:
    _check(response)
    return response.json()


def _check(response: Any) -> None:
    import openstack.exceptions

    openstack.exceptions.raise_from_response(response)

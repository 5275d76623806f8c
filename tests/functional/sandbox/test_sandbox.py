"""The sandbox itself: a real Keystone and Cinder that start, work, fail on demand and go away."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import openstack.connection
import pytest
from openstack import exceptions
from openstack.identity.v3._proxy import Proxy

from sandbox import ports
from sandbox import venv as sandbox_venv
from sandbox.client import Project, Sandbox
from sandbox.config import SandboxError

REPOSITORY = Path(__file__).resolve().parents[3]
MEBIBYTE = 1024**2

StartSandbox = Callable[..., Sandbox]
Connection = openstack.connection.Connection


@pytest.fixture
def project(cloud: Sandbox) -> Project:
    return cloud.create_project()


@pytest.fixture
def conn(project: Project) -> Connection:
    return project.connection()


def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `python -m sandbox` as a user would."""
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *map(str, arguments)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
    )


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((ports.LOOPBACK, port)) == 0


class TestBackups:
    def test_full_incremental_and_restore(self, cloud: Sandbox, conn: Connection) -> None:
        before = os.urandom(MEBIBYTE)
        volume = cloud.create_volume(conn, "data", data=before)
        full = conn.block_storage.create_backup(volume_id=volume.id, name="full")
        cloud.wait_for_backup(conn, full.id)

        cloud.write_volume(volume.id, b"changed" * 100, offset=MEBIBYTE // 2)
        after = cloud.read_volume(volume.id)
        assert after != before
        changes = conn.block_storage.create_backup(
            volume_id=volume.id, name="changes", is_incremental=True
        )
        assert cloud.wait_for_backup(conn, changes.id).is_incremental

        restored = cloud.restore_backup(conn, changes.id)
        cloud.wait_for_volume(conn, restored)
        assert cloud.read_volume(restored) == after

        cloud.restore_backup(conn, full.id, volume.id)
        cloud.wait_for_volume(conn, volume.id)
        assert cloud.read_volume(volume.id) == before

    def test_incremental_is_small(self, cloud: Sandbox, conn: Connection) -> None:
        volume = cloud.create_volume(conn, "data", data=os.urandom(MEBIBYTE))
        full = conn.block_storage.create_backup(volume_id=volume.id)
        cloud.wait_for_backup(conn, full.id)
        cloud.write_volume(volume.id, b"x")
        small = conn.block_storage.create_backup(volume_id=volume.id, is_incremental=True)
        cloud.wait_for_backup(conn, small.id)
        assert stored_bytes(cloud, full.id) >= MEBIBYTE
        assert stored_bytes(cloud, small.id) < MEBIBYTE // 8

    def test_restore_of_an_empty_volume_keeps_its_size(
        self, cloud: Sandbox, conn: Connection
    ) -> None:
        volume = cloud.create_volume(conn, "empty", size=2)
        backup = conn.block_storage.create_backup(volume_id=volume.id)
        cloud.wait_for_backup(conn, backup.id)
        cloud.restore_backup(conn, backup.id, volume.id)
        cloud.wait_for_volume(conn, volume.id)
        assert cloud.read_volume(volume.id) == bytes(2 * MEBIBYTE)

    def test_volume_in_use_needs_force(self, cloud: Sandbox, conn: Connection) -> None:
        volume = cloud.create_volume(conn, "in use")
        cloud.attach(conn, volume.id)
        with pytest.raises(exceptions.BadRequestException, match="must use the force flag"):
            conn.block_storage.create_backup(volume_id=volume.id)
        forced = conn.block_storage.create_backup(volume_id=volume.id, force=True)
        cloud.wait_for_backup(conn, forced.id)
        cloud.wait_for_volume(conn, volume.id, "in-use")
        cloud.detach(conn, volume.id)

    def test_reader_is_refused(self, cloud: Sandbox) -> None:
        with cloud.connection("demo") as demo, cloud.connection("reader") as reader:
            volume = cloud.create_volume(demo, "not yours")
            assert reader.block_storage.get_volume(volume.id).name == "not yours"
            with pytest.raises(exceptions.ForbiddenException):
                reader.block_storage.create_backup(volume_id=volume.id)

    def test_quota(self, cloud: Sandbox, project: Project, conn: Connection) -> None:
        cloud.set_quota(project.id, backups=0)
        volume = cloud.create_volume(conn, "no room")
        with pytest.raises(exceptions.HttpException, match="BackupLimitExceeded"):
            conn.block_storage.create_backup(volume_id=volume.id)

    def test_one_store_for_two_clouds(self, start_sandbox: StartSandbox, tmp_path: Path) -> None:
        """A backup goes from one cloud to another by its record, as the bytes are there."""
        data = os.urandom(MEBIBYTE)
        there, here = (start_sandbox(name, backup_dir=tmp_path / "store") for name in "ab")
        with there.connection("admin") as source, here.connection("admin") as target:
            volume = there.create_volume(source, "travels", data=data)
            backup = source.block_storage.create_backup(volume_id=volume.id)
            there.wait_for_backup(source, backup.id)
            record = source.block_storage.get(f"/backups/{backup.id}/export_record").json()
            body = {"backup-record": record["backup-record"]}
            target.block_storage.post("/backups/import_record", json=body)
            here.wait_for_backup(target, backup.id)
            restored = here.restore_backup(target, backup.id)
            here.wait_for_volume(target, restored)
        assert here.read_volume(restored) == data


class TestIdentity:
    def test_service_user_validates_tokens(self, cloud: Sandbox, project: Project) -> None:
        with project.connection() as conn, cloud.connection("backup-manager") as service:
            answer = service.identity.get(
                "/auth/tokens", headers={"X-Subject-Token": conn.authorize()}
            )
            assert answer.status_code == 200
            assert answer.json()["token"]["user"]["id"] == project.user_id

    def test_others_do_not_validate_tokens(self, cloud: Sandbox, conn: Connection) -> None:
        with cloud.connection("alt") as alt:
            answer = alt.identity.get("/auth/tokens", headers={"X-Subject-Token": conn.authorize()})
            assert answer.status_code == 403

    def test_service_user_has_no_project_but_its_own(self, cloud: Sandbox) -> None:
        with cloud.connection("backup-manager") as service:
            assignments = service.identity.get("/auth/projects").json()["projects"]
        assert [project["name"] for project in assignments] == ["service"]

    def test_trust(self, cloud: Sandbox, project: Project, conn: Connection) -> None:
        volume = cloud.create_volume(conn, "entrusted")
        with cloud.connection("backup-manager") as service:
            trustee = service.current_user_id
        trust = cast(Proxy, conn.identity).create_trust(
            trustor_user_id=project.user_id,
            trustee_user_id=trustee,
            project_id=project.id,
            is_impersonation=True,
            roles=[{"name": "member"}],
        )
        auth = {
            "auth_url": cloud.keystone_url,
            "username": "backup-manager",
            "password": "backup-manager",
            "user_domain_id": "default",
            "trust_id": trust.id,
        }
        with openstack.connect(
            load_yaml_config=False, load_envvars=False, auth=auth, region_name="RegionOne"
        ) as trusted:
            assert trusted.current_project_id == project.id
            backup = trusted.block_storage.create_backup(volume_id=volume.id)
            cloud.wait_for_backup(trusted, backup.id)

    def test_endpoint_is_replaced(self, cloud: Sandbox) -> None:
        for url in ("http://127.0.0.1:1/first", "http://127.0.0.1:2/second"):
            cloud.register_endpoint(url)
            with cloud.connection("demo") as demo:
                assert demo.session.get_endpoint(service_type="backup-manager") == url

    def test_clouds_yaml_is_private(self, cloud: Sandbox) -> None:
        assert cloud.clouds_yaml.stat().st_mode & 0o777 == 0o600


class TestFaults:
    def test_delay_shows_creating_and_is_released(self, cloud: Sandbox, conn: Connection) -> None:
        volume = cloud.create_volume(conn, "slow")
        with cloud.fault("backup", delay=60, volume_id=volume.id):
            backup = conn.block_storage.create_backup(volume_id=volume.id)
            cloud.wait_until_held(volume.id)
            assert conn.block_storage.get_backup(backup.id).status == "creating"
            assert conn.block_storage.get_volume(volume.id).status == "backing-up"
        cloud.wait_for_backup(conn, backup.id, seconds=10)

    def test_errors(self, cloud: Sandbox, conn: Connection) -> None:
        volume = cloud.create_volume(conn, "unlucky")
        backup = conn.block_storage.create_backup(volume_id=volume.id)
        cloud.wait_for_backup(conn, backup.id)
        with cloud.fault("backup", error="disk full", volume_id=volume.id):
            failing = conn.block_storage.create_backup(volume_id=volume.id)
            assert "disk full" in cloud.wait_for_backup(conn, failing.id, "error").fail_reason
        with cloud.fault("restore", error="disk gone", volume_id=volume.id):
            restored = cloud.restore_backup(conn, backup.id)
            cloud.wait_for_volume(conn, restored, "error_restoring")
        with cloud.fault("delete", error="disk locked", volume_id=volume.id):
            conn.block_storage.delete_backup(backup.id)
            cloud.wait_for_backup(conn, backup.id, "error")

    def test_cinder_killed_with_a_backup_under_way(self, start_sandbox: StartSandbox) -> None:
        cloud = start_sandbox()
        with cloud.connection("demo") as demo:
            volume = cloud.create_volume(demo, "interrupted")
            cloud.set_backup_delay(60)
            backup = demo.block_storage.create_backup(volume_id=volume.id)
            cloud.wait_until_held(volume.id)
            cloud.kill_cinder()
            assert not listening(cloud.settings.cinder_port)
            cloud.set_backup_delay(0)
            cloud.start_cinder()
            reason = cloud.wait_for_backup(demo, backup.id, "error").fail_reason
            assert reason == "incomplete backup reset on manager restart"

    def test_without_backup_service(self, start_sandbox: StartSandbox) -> None:
        cloud = start_sandbox(backup_service=False)
        with cloud.connection("demo") as demo:
            volume = cloud.create_volume(demo, "nobody cares")
            backup = demo.block_storage.create_backup(volume_id=volume.id)
            reason = cloud.wait_for_backup(demo, backup.id, "error").fail_reason
            assert reason == "Service not found for creating backup."


class TestLifecycle:
    def test_two_at_once_and_stop_means_stopped(
        self, cloud: Sandbox, start_sandbox: StartSandbox
    ) -> None:
        other = start_sandbox()
        with cloud.connection("demo") as one, other.connection("demo") as two:
            cloud.create_volume(one, "in the first")
            assert list(two.block_storage.volumes()) == []
        other.stop()
        assert not listening(other.settings.keystone_port)
        assert not listening(other.settings.cinder_port)
        assert listening(cloud.settings.keystone_port)
        other.stop()

    def test_data_survives_a_restart(self, start_sandbox: StartSandbox) -> None:
        cloud = start_sandbox()
        with cloud.connection("demo") as demo:
            volume = cloud.create_volume(demo, "lasting", data=b"lasting")
        cloud.stop()
        # It comes back without being told its ports, for it has saved them.
        assert "Running" in command("start", "--state-dir", cloud.settings.state_dir).stdout
        with cloud.connection("demo") as demo:
            assert demo.block_storage.get_volume(volume.id).name == "lasting"
        assert cloud.read_volume(volume.id).startswith(b"lasting")

    def test_start_of_a_running_one(self, cloud: Sandbox) -> None:
        again = command("start", "--state-dir", cloud.settings.state_dir)
        assert again.returncode == 0
        assert again.stdout.startswith("Already running")

    def test_settings_of_a_running_one_are_fixed(self, cloud: Sandbox) -> None:
        with pytest.raises(SandboxError, match="is running with another keystone_port"):
            Sandbox.start(cloud.settings.state_dir, keystone_port=ports.free_port())
        with pytest.raises(SandboxError, match="bytes per GB"):
            Sandbox.start(cloud.settings.state_dir, bytes_per_gb=1024**3)

    def test_status(self, start_sandbox: StartSandbox) -> None:
        cloud = start_sandbox()
        state_dir = cloud.settings.state_dir
        running = command("status", "--state-dir", state_dir)
        assert running.returncode == 0
        assert cloud.cinder_url in running.stdout
        cloud.stop()
        assert command("status", "--state-dir", state_dir).returncode == 3

    def test_port_in_use(self, tmp_path: Path, venv: Path) -> None:
        with ports.hold(0) as taken:
            port = taken.getsockname()[1]
            began = time.monotonic()
            refused = command(
                "start", "--state-dir", tmp_path, "--venv", venv, "--keystone-port", str(port)
            )
        assert time.monotonic() - began < 5
        assert refused.returncode == 1
        assert f"Port {port} for Keystone is in use by process {os.getpid()}" in refused.stderr
        assert "--keystone-port" in refused.stderr

    def test_horizon_that_is_not_installed(self, cloud: Sandbox, tmp_path: Path) -> None:
        state_dir = cloud.settings.state_dir
        refused = command(
            "horizon", "--state-dir", state_dir, "--venv", tmp_path, "--horizon-port", "auto"
        )
        assert refused.returncode == 1
        assert f"There is no Horizon in {tmp_path}" in refused.stderr
        assert "Horizon" not in command("status", "--state-dir", state_dir).stdout

    def test_server_that_dies(self, start_sandbox: StartSandbox) -> None:
        cloud = start_sandbox()
        cloud.stop()
        for file in cloud.settings.database_dir.glob("keystone.*"):
            file.unlink()
        (cloud.settings.database_dir / "keystone.db").mkdir()
        failed = command("start", "--state-dir", cloud.settings.state_dir)
        assert failed.returncode == 1
        assert str(cloud.settings.log_dir / "keystone.out") in failed.stderr
        assert "unable to open database file" in failed.stderr
        assert not listening(cloud.settings.cinder_port)

    def test_wipe_removes_what_start_made(self, start_sandbox: StartSandbox, venv: Path) -> None:
        cloud = start_sandbox()
        state_dir = cloud.settings.state_dir
        (state_dir / "notes.txt").write_text("mine")
        assert command("wipe", "--state-dir", state_dir).returncode == 0
        assert [entry.name for entry in state_dir.iterdir()] == ["notes.txt"]
        assert not listening(cloud.settings.cinder_port)
        assert (venv / "bin" / "python").exists()

    def test_directories_of_others_are_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "log").mkdir()
        for verb in ("wipe", "start"):
            refused = command(verb, "--state-dir", tmp_path)
            assert refused.returncode == 1
            assert "a sandbox" in refused.stderr
        assert [entry.name for entry in tmp_path.iterdir()] == ["log"]

    def test_environments_of_others_are_left_alone(self, tmp_path: Path) -> None:
        theirs = tmp_path / "theirs"
        theirs.mkdir()
        (theirs / "precious").touch()
        with pytest.raises(SandboxError, match="was not made by the sandbox"):
            Sandbox.start(tmp_path / "state", venv=theirs, keystone_port=0, cinder_port=0)
        assert (theirs / "precious").exists()


class TestVenv:
    @pytest.fixture(autouse=True)
    def requirements(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Nothing to install, so that it takes seconds."""
        file = tmp_path / "requirements.txt"
        file.touch()
        monkeypatch.setattr(sandbox_venv, "REQUIREMENTS", file)
        monkeypatch.setattr(sandbox_venv, "CONSTRAINTS", file)
        return file

    def test_made_once(self, tmp_path: Path) -> None:
        said = self.ensure(tmp_path / "venv")
        assert len(said) == 1
        assert said[0].startswith("Installing")
        assert self.ensure(tmp_path / "venv") == []

    def test_made_anew_when_versions_change(self, tmp_path: Path, requirements: Path) -> None:
        self.ensure(tmp_path / "venv")
        leftover = tmp_path / "venv" / "leftover"
        leftover.touch()
        requirements.write_text("# other versions\n")
        assert self.ensure(tmp_path / "venv")
        assert not leftover.exists()

    def test_half_made_is_noticed(self, tmp_path: Path, requirements: Path) -> None:
        requirements.write_text("./no-such-package\n")
        with pytest.raises(SandboxError, match="no-such-package"):
            self.ensure(tmp_path / "venv")
        requirements.write_text("")
        assert self.ensure(tmp_path / "venv")
        assert self.ensure(tmp_path / "venv") == []

    def ensure(self, directory: Path) -> list[str]:
        """What it reported."""
        said: list[str] = []
        sandbox_venv.ensure(directory, said.append)
        return said


def stored_bytes(cloud: Sandbox, backup_id: str) -> int:
    """What a backup takes in the store, without its lists of checksums and objects."""
    store = cloud.settings.backup_dir / backup_id[:2] / backup_id[2:4] / backup_id
    files = [file for file in store.iterdir() if not file.name.endswith(("sha256file", "metadata"))]
    return sum(file.stat().st_size for file in files)

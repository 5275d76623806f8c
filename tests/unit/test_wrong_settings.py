"""Files with secrets that are wrong: a line says what to do, and repeats no secret."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from backup_manager.cmd import manage, personal

SECRET = "s3cr3t"


@pytest.mark.parametrize(
    "url",
    [
        f"mysql+pymysql://u:{SECRET}@host:port/db",
        f"mysql+pymysql//u:{SECRET}@host/db",
        f"nosuch://u:{SECRET}@host/db",
        f"mysql://u:{SECRET}@host/db",  # its driver is none that we need
        SECRET,
    ],
)
@pytest.mark.parametrize("command", ["sync", "check", "version"])
def test_an_address_of_the_database(
    url: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "backup-manager.conf"
    path.write_text(f"[database]\nconnection = {url}\n")
    assert manage.main(["--config-file", str(path), "db", command]) == 1
    said = "".join(capsys.readouterr())
    assert said.startswith("backup-manager-manage: [database]connection can't be used. ")
    assert said.count("\n") == 1
    assert SECRET not in said


@pytest.mark.parametrize(
    "clouds",
    [
        {"mine": SECRET},
        [SECRET],
        {"mine": {"auth": {"password": SECRET}}},
    ],
)
def test_an_entry_of_clouds_yaml(
    clouds: object,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "clouds.yaml"
    path.write_text(yaml.safe_dump({"clouds": clouds}))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(path))
    monkeypatch.setenv("HOME", str(tmp_path))
    before = os.umask(0o022)
    try:
        assert personal.main(["--os-cloud", "mine"]) == 1
    finally:
        os.umask(before)
    said = "".join(capsys.readouterr())
    assert said.startswith("backup-manager-personal: ")
    assert said.count("\n") == 1
    assert SECRET not in said

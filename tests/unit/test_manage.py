"""``backup-manager-manage``: what it says of a command or a configuration that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from backup_manager.cmd import manage


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "manage.conf"
    path.write_text(f"[database]\nconnection = sqlite:///{tmp_path / 'database.sqlite'}\n")
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("nonsense\n", "Failed to parse", id="no-option"),
        pytest.param("[database]\nmax_retries = many\n", "max_retries", id="value"),
        pytest.param(None, "Failed to find", id="no-file"),
    ],
)
def test_a_configuration_that_is_wrong_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, words: str
) -> None:
    path = tmp_path / "wrong.conf"
    if text is not None:
        path.write_text(text)
    assert manage.main(["--config-file", str(path), "db", "version"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("backup-manager-manage: ")
    assert words in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="nothing"),
        pytest.param(["db"], id="no-verb"),
        pytest.param(["db", "purge"], id="no-days"),
        pytest.param(["db", "archive", "--days", "30"], id="no-file"),
        pytest.param(["db", "create", "--admin-url", "mysql://root:x@h/"], id="admin-url"),
        pytest.param(["service", "register"], id="no-url"),
        pytest.param(["service", "register", "--public-url", "h:1"], id="no-scheme"),
    ],
)
def test_what_is_asked_wrongly_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        manage.main(arguments)
    assert refused.value.code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["db", "create", "--help"], "never", id="create"),
        pytest.param(["db", "purge", "--help"], "--dry-run", id="purge"),
        pytest.param(["db", "archive", "--help"], "FILE", id="archive"),
        pytest.param(["service", "register", "--help"], "--public-url", id="register"),
    ],
)
def test_each_command_says_what_it_does(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    with pytest.raises(SystemExit) as shown:
        manage.main(arguments)
    assert shown.value.code == 0
    assert words in capsys.readouterr().out


def test_creating_needs_an_administrator(
    config_file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    create = ["--config-file", str(config_file), "db", "create"]
    monkeypatch.delenv("BACKUP_MANAGER_ADMIN_URL", raising=False)
    assert manage.main(create) == 1
    assert "BACKUP_MANAGER_ADMIN_URL" in capsys.readouterr().err
    monkeypatch.setenv("BACKUP_MANAGER_ADMIN_URL", "mysql://root:secret@127.0.0.1:1/")
    assert manage.main(create) == 1
    assert "SQLite, which needs nothing created" in capsys.readouterr().err


def test_registering_needs_an_account(
    config_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    register = ["--config-file", str(config_file), "service", "register"]
    assert manage.main([*register, "--public-url", "http://h:1"]) == 1
    assert "The service has no credentials: set auth_type" in capsys.readouterr().err

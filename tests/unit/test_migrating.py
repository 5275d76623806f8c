"""The page that maps the first system is complete, and names nothing that does not exist."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

from backup_manager import conf
from backup_manager.api.routes import ROUTES

_REPOSITORY = Path(__file__).parents[2]
_PAGE = (_REPOSITORY / "doc" / "source" / "migrating.rst").read_text()
# The left cells of the tables, as far as the right ones begin.
_THERE = re.findall(r"^   \* - (.*?)\n     - ", _PAGE, re.M | re.S)


@pytest.mark.parametrize(
    "name",
    [
        *("list volumes", "list backups", "backup full", "backup incremental", "restore"),
        *("export", "import", "cleanup", "delete", "status", "info"),
        *("GET /api/volumes", "GET /api/backups", "GET /api/schedules", "POST /api/schedules"),
        *("POST /api/schedules/ID/toggle", "DELETE /api/schedules/ID"),
        *("POST /api/schedules/ID/volumes", "DELETE /api/schedules/ID/volumes"),
        *("POST /api/backup/full", "POST /api/backup/incremental", "POST /api/backup/ID/restore"),
        *("GET /api/backup/ID/export", "POST /api/backup/import", "POST /api/backup/cleanup"),
        *("DELETE /api/backup/ID", "GET /api/backup/ID/status", "GET /api/health", "GET /api/info"),
        *("OS_AUTH_URL", "OS_USERNAME", "OS_PASSWORD", "OS_PROJECT_NAME", "OS_USER_DOMAIN_NAME"),
        *("OS_PROJECT_DOMAIN_NAME", "MYSQL_HOST", "MYSQL_PORT", "MYSQL_USER", "MYSQL_PASSWORD"),
        *("MYSQL_DATABASE", "MYSQL_CHARSET", "FULL_BACKUP_RETENTION"),
        *("INCREMENTAL_BACKUP_RETENTION", "SECRET_KEY", "DEBUG"),
    ],
)
def test_everything_of_the_first_system_is_on_the_page(name: str) -> None:
    words = re.compile(rf"``{re.escape(name)}(``| [A-Z-])")
    assert any(words.search(there) for there in _THERE)


def _commands() -> set[str]:
    setup = configparser.ConfigParser()
    setup.read(_REPOSITORY / "setup.cfg")
    lines = setup["entry_points"]["openstack.backup_manager.v1"].split("\n")
    keys = (line.partition("=")[0].strip() for line in lines if line)
    return {key.removeprefix("backup-manager_").replace("_", " ") for key in keys}


def test_the_commands_of_ours_exist() -> None:
    commands = _commands()
    table = _PAGE.partition("\nCommands\n")[2].partition("\nREST\n")[0]
    _, *cells = re.findall(r"^     - (.*(?:\n       .*)*)", table, re.M)
    texts = [text for cell in cells for text in re.findall(r"``([a-z][^`]*)``", cell)]
    assert len(texts) > 10
    for text in texts:
        assert any(text == name or text.startswith(f"{name} ") for name in commands), text


def test_the_routes_of_ours_exist() -> None:
    routes = {(route.method, re.sub(r"\{\w+\}", "ID", route.path)) for route in ROUTES}
    named = re.findall(r"``([A-Z]+) (/v1[^ `]*)``", _PAGE)
    assert len(named) > 15
    for method, path in named:
        assert (method, path) in routes


def test_the_options_of_ours_exist() -> None:
    options = conf.load(config_files=[])
    named = re.findall(r"``\[(\w+)\](\w+)``", _PAGE)
    assert len(named) > 3
    for group, name in named:
        assert name in (options if group == "DEFAULT" else options[group]), f"[{group}]{name}"

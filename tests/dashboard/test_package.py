"""The dashboard as it is installed: a wheel, of which nothing is missing."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

from babel.messages import mofile
from django.utils import translation

import backup_manager_dashboard

# Through a link, so not what Python finds first.
SOURCE = Path(__file__).resolve().parents[2] / "backup_manager_dashboard"
INSTALLED = Path(backup_manager_dashboard.__file__).parent


def files(directory: Path) -> set[str]:
    return {
        str(path.relative_to(directory))
        for path in directory.rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".mo")
    }


def test_what_is_tested_is_what_is_installed() -> None:
    assert INSTALLED.is_relative_to(sys.prefix)
    names = [str(path) for path in metadata.files("backup-manager") or []]
    assert "backup_manager_dashboard/__init__.py" in names


def test_nothing_is_missing() -> None:
    # A file that git does not know is not packed.
    assert files(SOURCE) == files(INSTALLED)


def test_catalogues_are_compiled(tmp_path: Path) -> None:
    sources = sorted(SOURCE.glob("locale/*/LC_MESSAGES/*.po"))
    assert sources
    for source in sources:
        compiled = INSTALLED / source.relative_to(SOURCE).with_suffix(".mo")
        subprocess.run(["msgfmt", "--check", "-o", tmp_path / "own.mo", source], check=True)
        assert messages(compiled) == messages(tmp_path / "own.mo")


def messages(catalogue: Path) -> set[str]:
    with catalogue.open("rb") as file:
        # The first, which has no id, has the date of compilation.
        found = [message for message in mofile.read_mo(file) if message.id]
    return {repr((message.context, message.id, message.string)) for message in found}


def test_catalogue_is_in_use() -> None:
    with translation.override("zh-hans"):
        assert translation.gettext("Unprotected") != "Unprotected"

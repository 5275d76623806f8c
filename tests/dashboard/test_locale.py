"""The texts in other languages."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import horizon
import openstack_dashboard
import pytest
from babel.messages import pofile

import backup_manager_dashboard

PACKAGE = Path(backup_manager_dashboard.__file__).parent
MESSAGES = Path(__file__).resolve().parents[2] / "tools" / "messages.sh"
CATALOGUE = Path("locale", "zh_Hans", "LC_MESSAGES", "django.po")


def run(*arguments: str | Path) -> str:
    beside_python = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(
        arguments,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **beside_python, "LC_ALL": "C.UTF-8"},
    ).stdout


@pytest.fixture(scope="module")
def current(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogue as it is with the texts of now."""
    copy = tmp_path_factory.mktemp("messages") / "package"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    run(MESSAGES, copy)
    return copy / CATALOGUE


def test_texts_are_found(current: Path) -> None:
    """Or the other tests could not fail."""
    texts = current.read_text()
    for text in ("Create Schedule", "late volumes", "Every day"):
        assert f'"{text}"' in texts


@pytest.mark.parametrize("lack", ["--untranslated", "--only-fuzzy"])
def test_every_text_is_translated(current: Path, lack: str) -> None:
    assert run("msgattrib", lack, "--no-obsolete", "--no-wrap", current) == ""


def test_no_text_is_left_over(current: Path) -> None:
    def texts(catalogue: Path) -> set[str]:
        lines = catalogue.read_text().splitlines()
        return {line for line in lines if line.startswith(("msgid", "#~"))}

    assert texts(PACKAGE / CATALOGUE) == texts(current)


def test_placeholders_fit(current: Path) -> None:
    run("msgfmt", "--check", "--output-file", os.devnull, current)


def test_texts_of_horizon_stay(current: Path) -> None:
    """Django keeps the texts of all in one place, where ours come before Horizon's."""
    theirs = {
        **messages(Path(horizon.__file__).parent / CATALOGUE),
        **messages(Path(openstack_dashboard.__file__).parent / CATALOGUE),
    }
    shared = {text: own for text, own in messages(current).items() if text in theirs}
    assert shared
    assert shared == {text: theirs[text] for text in shared}


def messages(catalogue: Path) -> dict[Any, Any]:
    with catalogue.open("rb") as file:
        found = pofile.read_po(file, ignore_obsolete=True)
    return {(each.context, each.id): each.string for each in found if each.id and each.string}

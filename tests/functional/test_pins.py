"""What is installed: the constraints files say it exactly, and it says itself what it is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from configparser import RawConfigParser
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.functional.conftest import (
    CLIENT_VENVS,
    DASHBOARD_VENV,
    OLDEST_DASHBOARD_VENV,
    VENV,
)
from tests.functional.stack import REPOSITORY

# Each file, and the environments that are made with it.
_FILES = {
    "constraints.txt": [Path(sys.prefix), DASHBOARD_VENV, CLIENT_VENVS["2026.2"]],
    "constraints-horizon-24.txt": [OLDEST_DASHBOARD_VENV],
    "sandbox/constraints.txt": [VENV],
    "tests/constraints/2024.1.txt": [CLIENT_VENVS["2024.1"]],
}
# What an environment begins with, and what is tested.
_GIVEN = {"pip", "setuptools", "wheel", "backup-manager"}
_TELL = """
import importlib.metadata, json
found = []
for each in importlib.metadata.distributions():
    about = each.metadata
    licences = [
        *(about.get_all(name) or [] for name in ("License-Expression", "License", "License-File")),
        [text for text in about.get_all("Classifier") or [] if text.startswith("License ::")],
    ]
    found.append([about["Name"], each.version, each.requires or [], sum(licences, [])])
print(json.dumps(found))
"""
files = pytest.mark.parametrize("name", _FILES)


@dataclass(frozen=True)
class Installed:
    """What an environment has.

    :param versions: by name
    :param wanted: the names that something in it requires, on whatever kind of machine
    :param licences: what each of them says of its licence, by name
    """

    versions: dict[str, str]
    wanted: set[str]
    licences: dict[str, list[str]]


@cache
def _installed(venv: Path) -> Installed:
    done = subprocess.run(
        [venv / "bin" / "python", "-c", _TELL], text=True, capture_output=True, check=True, cwd="/"
    )
    found = json.loads(done.stdout)
    names = [Requirement(text).name for _, _, requires, _ in found for text in requires]
    return Installed(
        {canonicalize_name(name): version for name, version, _, _ in found},
        {canonicalize_name(name) for name in names},
        {canonicalize_name(name): licences for name, _, _, licences in found},
    )


def _pins(name: str) -> dict[str, str]:
    lines = (REPOSITORY / name).read_text().splitlines()
    pins = [line.partition("==") for line in lines if line and not line.startswith("#")]
    names = [canonicalize_name(each) for each, _, _ in pins]
    assert len(set(names)) == len(names), f"{name} names something twice"
    return {each: version for each, (_, _, version) in zip(names, pins, strict=True)}


@files
def test_each_thing_installed_has_its_pin(name: str) -> None:
    pins = _pins(name)
    for venv in _FILES[name]:
        has = {key: each for key, each in _installed(venv).versions.items() if key not in _GIVEN}
        assert len(has) > 20
        assert {key: pins.get(key) for key in has} == has, venv


@files
def test_no_pin_is_left_over(name: str) -> None:
    """What another kind of machine would need may have one."""
    used = set[str]()
    for venv in _FILES[name]:
        used |= _installed(venv).versions.keys() | _installed(venv).wanted
    assert _pins(name).keys() - used == set()


# The requirements of setup.cfg that each file is about; the sandbox knows nothing of them.
_SECTIONS = {
    "constraints.txt": {"server", "dashboard", "test", "docs"},
    "constraints-horizon-24.txt": {"dashboard"},
    "tests/constraints/2024.1.txt": set[str](),
}


@pytest.mark.parametrize("name", _SECTIONS)
def test_no_pin_is_outside_of_what_the_package_allows(name: str) -> None:
    parser = RawConfigParser()
    parser.read(REPOSITORY / "setup.cfg")
    extras = dict(parser["extras"])
    assert extras.keys() == _SECTIONS["constraints.txt"]
    texts = [parser["options"]["install_requires"], *map(extras.__getitem__, _SECTIONS[name])]
    required = [Requirement(line) for text in texts for line in text.splitlines() if line]
    pins = _pins(name)
    for each in required:
        assert each.specifier.contains(Version(pins[canonicalize_name(each.name)])), each


@files
def test_pins_are_exact(name: str) -> None:
    for version in _pins(name).values():
        assert re.fullmatch(r"[0-9][\w.!+]*", version)


@pytest.mark.parametrize("release", CLIENT_VENVS)
def test_a_bill_of_materials_can_be_made(release: str) -> None:
    """From standard metadata alone, as tools for that read them: name, version and licence."""
    installed = _installed(CLIENT_VENVS[release])
    assert installed.licences["backup-manager"] == ["MIT", "LICENSE"]
    assert [name for name, licences in installed.licences.items() if not any(licences)] == []
    assert all(map(Version, installed.versions.values()))


def test_the_bill_of_the_server_is_complete() -> None:
    """The same of what the service runs with."""
    installed = _installed(Path(sys.prefix))
    unnamed = {name for name, licences in installed.licences.items() if not any(licences)}
    assert unnamed == set()

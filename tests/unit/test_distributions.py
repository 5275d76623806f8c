"""The sdist and the wheel: what is in them, and that anybody can build the same ones again."""

from __future__ import annotations

import email.parser
import hashlib
import os
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.source import checkout, tracked

NOT_PACKED = {".gitignore", ".pre-commit-config.yaml", ".ci/run"}
EPOCH = "1700000000"
_SDIST = "from pbr import build; build.build_sdist({!r})"


def _run(*command: str | Path, cwd: Path, umask: int = 0o022) -> str:
    environment = {
        **os.environ,
        "SOURCE_DATE_EPOCH": EPOCH,
        "TZ": "Asia/Shanghai" if umask == 0o077 else "UTC",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        command, cwd=cwd, env=environment, umask=umask, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _build(directory: Path, umask: int) -> tuple[Path, Path]:
    """An sdist of the tree, and a wheel made of that."""
    tree = checkout(directory / "tree")
    _run(sys.executable, "-c", _SDIST.format(str(directory)), cwd=tree, umask=umask)
    (sdist,) = directory.glob("*.tar.gz")
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-cache-dir"]
    _run(*pip, "-w", str(directory), sdist, cwd=directory, umask=umask)
    (wheel,) = directory.glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return _build(tmp_path_factory.mktemp("first"), 0o022)


@pytest.fixture(scope="module")
def metadata(built: tuple[Path, Path]) -> Message:
    with zipfile.ZipFile(built[1]) as wheel:
        (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
        return email.parser.Parser().parsestr(wheel.read(name).decode())


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_second_build_elsewhere_gives_the_same(built: tuple[Path, Path], tmp_path: Path) -> None:
    """In another folder, at another time and in another zone, by somebody with another umask."""
    again = _build(tmp_path, 0o077)
    assert [path.name for path in again] == [path.name for path in built]
    assert [_sum(path) for path in again] == [_sum(path) for path in built]


def test_the_sdist_has_the_tree_and_nothing_else(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as sdist:
        members = sdist.getmembers()
    assert {(each.uid, each.gid, each.uname, each.mtime) for each in members} == {
        (0, 0, "", int(EPOCH))
    }
    files = {each.name.partition("/")[2] for each in members if each.isfile()}
    made = {name for name in files if name.startswith("backup_manager.egg-info/")}
    assert files - made == (tracked() - NOT_PACKED) | {"PKG-INFO", "setup.cfg"}


def test_the_wheel_has_the_packages_and_nothing_else(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[1]) as wheel:
        files = set(wheel.namelist())
    packages = ("backup_manager/", "backup_manager_dashboard/")
    expected = {name for name in tracked() if name.startswith(packages)}
    compiled = {
        str(Path(name).with_suffix(".mo"))
        for name in expected
        if name.startswith("backup_manager_dashboard/locale/") and name.endswith(".po")
    }
    assert compiled
    assert {name for name in files if ".dist-info/" not in name} == expected | compiled
    about = {name.partition(".dist-info/")[2] for name in files - expected - compiled}
    assert {"METADATA", "RECORD", "WHEEL", "entry_points.txt"} <= about
    assert [name for name in about if name.endswith("LICENSE")]


def test_what_it_says_of_itself(metadata: Message) -> None:
    assert metadata["Name"] == "backup-manager"
    # The expression replaces the older field and the classifier: nobody has to compare them.
    assert (metadata["License-Expression"], metadata["License"]) == ("MIT", None)
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Author"] == "The Backup Manager developers"
    assert "backup" in metadata["Keywords"]
    assert metadata["Requires-Python"] == ">=3.9"
    extras = {"server", "dashboard", "test", "docs"}
    assert set(metadata.get_all("Provides-Extra", [])) == extras
    required = [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]
    assert {each.name for each in required if each.marker is None} == {
        "keystoneauth1", "openstacksdk", "osc-lib",
    }  # fmt: skip
    for extra in extras:
        assert [each for each in required if each.marker and each.marker.evaluate({"extra": extra})]
    classifiers = metadata.get_all("Classifier", [])
    assert [each for each in classifiers if each.startswith("License ")] == []
    assert "Topic :: System :: Archiving :: Backup" in classifiers
    assert "Backup Manager protects the volumes" in metadata.get_payload()


def test_each_program_of_it_can_be_loaded(built: tuple[Path, Path], tmp_path: Path) -> None:
    """From the wheel alone: a module that is not in it would be noticed."""
    with zipfile.ZipFile(built[1]) as wheel:
        wheel.extractall(tmp_path)
    (path,) = tmp_path.glob("*.dist-info/entry_points.txt")
    script = (
        "import sys, importlib.metadata as m; from pathlib import Path;"
        "found = m.Distribution.at(Path(sys.argv[1])).entry_points;"
        "print(*[e.load().__module__ for e in found if e.group == 'console_scripts'])"
    )
    loaded = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, path.parent],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        text=True,
        capture_output=True,
        check=True,
    )
    names = {"engine", "manage", "personal", "status"}
    assert set(loaded.stdout.split()) == {f"backup_manager.cmd.{name}" for name in names}

"""The samples below etc/ say what this version does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from backup_manager import conf
from backup_manager.api import middleware

_REPOSITORY = Path(__file__).parents[2]
_ETC = _REPOSITORY / "etc" / "backup-manager"


@pytest.mark.parametrize(
    ("program", "settings", "sample"),
    [
        ("oslo-config-generator", "config-generator.conf", "backup-manager.conf.sample"),
        ("oslopolicy-sample-generator", "policy-generator.conf", "policy.yaml.sample"),
    ],
)
def test_generated_samples_are_current(
    program: str, settings: str, sample: str, tmp_path: Path
) -> None:
    made = tmp_path / sample
    subprocess.run(
        [str(Path(sys.executable).parent / program), "--config-file", str(_ETC / settings)]
        + ["--output-file", str(made)],
        check=True,
        cwd=_REPOSITORY,
        capture_output=True,
    )
    assert made.read_text() == (_ETC / sample).read_text(), "run tools/samples.sh"


def test_the_sample_shows_the_defaults_that_hold(tmp_path: Path) -> None:
    """Also of options that belong to libraries: what is shown, when set, changes nothing."""
    text = (_ETC / "backup-manager.conf.sample").read_text()
    shown = tmp_path / "backup-manager.conf"
    shown.write_text(re.sub(r"^#(\w+ = [^<\n]+)$", r"\1", text, flags=re.M))
    section, names = "", []
    for line in shown.read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            names.append((section, line.partition(" = ")[0]))
    usual = conf.load()
    middleware.set_defaults(usual)
    told = conf.load(config_files=[str(shown)])
    middleware.set_defaults(told)
    compared = 0
    for group, name in names:
        # Not those of oslo.service and of the middleware, which register their own later.
        if group != "DEFAULT" and group not in usual:
            continue
        before, after = (c if group == "DEFAULT" else c[group] for c in (usual, told))
        if name in before:
            assert after[name] == before[name], f"[{group}]{name}"
            compared += 1
    assert compared > 100


def test_logging(tmp_path: Path) -> None:
    log = tmp_path / "backup-manager.log"
    text = (_ETC / "logging.conf.sample").read_text()
    assert '"/var/log/backup-manager/backup-manager.log"' in text
    sample = tmp_path / "logging.conf"
    sample.write_text(
        text.replace("/var/log/backup-manager/backup-manager.log", str(log))
        # Most containers have no syslog.
        .replace("logging.handlers.SysLogHandler", "logging.StreamHandler")
        .replace('("/dev/log", handlers.SysLogHandler.LOG_USER)', "(sys.stderr,)")
    )
    settings = tmp_path / "backup-manager.conf"
    settings.write_text(f"[DEFAULT]\nlog_config_append = {sample}\n")
    # In a process of its own: this one logs for pytest.
    script = (
        "from backup_manager import conf; from oslo_log import log; "
        f"conf.load(config_files=[{str(settings)!r}]); "
        "ours = log.getLogger('backup_manager.engine'); ours.info('one'); ours.error('two'); "
        "log.getLogger('urllib3.connectionpool').info('three')"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], text=True, capture_output=True, check=True
    )
    lines = log.read_text().splitlines()
    assert [line.rpartition(" ")[2] for line in lines] == ["one", "two"]
    assert "INFO backup_manager.engine" in lines[0]
    assert done.stderr.splitlines() == [lines[1]]

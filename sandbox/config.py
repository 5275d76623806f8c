"""Where a sandbox lives, which ports it has, and the configuration files made from that."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from string import Template
from typing import Any, TypedDict

from sandbox import ports

REPOSITORY = Path(__file__).resolve().parent.parent
DEFAULT_STATE_DIR = REPOSITORY / ".sandbox"
DEFAULT_KEYSTONE_PORT = 15000
DEFAULT_CINDER_PORT = 15776
AUTO_PORT = 0
REGION = "RegionOne"
SMALL_GB = 1024**2
REAL_GB = 1024**3
_SMALLEST_GB = 4096

_TEMPLATES = Path(__file__).with_name("etc")
# oslo.config expands "$", SQLAlchemy ends a file name at "?".
_UNUSABLE_IN_PATHS = "$?\n"


class SandboxError(Exception):
    """Something the caller can understand and change; its text is the whole message."""


class Options(TypedDict, total=False):
    """What a caller may ask of `start`; what is missing stays as it was, or is the default."""

    venv: Path
    keystone_port: int
    cinder_port: int
    bytes_per_gb: int
    backup_dir: Path
    backup_service: bool


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that makes one sandbox differ from another. Kept in `<state dir>/sandbox.json`."""

    state_dir: Path
    venv: Path
    keystone_port: int
    cinder_port: int
    bytes_per_gb: int
    backup_dir: Path
    backup_service: bool

    @property
    def keystone_root(self) -> str:
        return f"http://127.0.0.1:{self.keystone_port}"

    @property
    def keystone_url(self) -> str:
        return f"{self.keystone_root}/v3"

    @property
    def cinder_root(self) -> str:
        return f"http://127.0.0.1:{self.cinder_port}"

    @property
    def cinder_url(self) -> str:
        return f"{self.cinder_root}/v3"

    @property
    def clouds_yaml(self) -> Path:
        return self.state_dir / "clouds.yaml"

    @property
    def config_dir(self) -> Path:
        return self.state_dir / "etc"

    @property
    def database_dir(self) -> Path:
        return self.state_dir / "db"

    @property
    def faults_dir(self) -> Path:
        return self.state_dir / "faults"

    @property
    def horizon_dir(self) -> Path:
        return self.state_dir / "horizon"

    @property
    def keys_dir(self) -> Path:
        return self.state_dir / "keys"

    @property
    def log_dir(self) -> Path:
        return self.state_dir / "log"

    @property
    def run_dir(self) -> Path:
        return self.state_dir / "run"

    @property
    def volumes_dir(self) -> Path:
        return self.state_dir / "volumes"

    @property
    def own_directories(self) -> list[Path]:
        """The directories that belong to the sandbox alone: made by start, removed by wipe."""
        names = "backups", "coordination", "locks"
        return [
            self.config_dir,
            self.database_dir,
            self.faults_dir,
            self.horizon_dir,
            self.keys_dir,
            self.log_dir,
            self.run_dir,
            self.volumes_dir,
            *(self.state_dir / name for name in names),
        ]

    def save(self) -> None:
        values = {name: _plain(value) for name, value in dataclasses.asdict(self).items()}
        write_file(settings_file(self.state_dir), json.dumps(values, indent=2) + "\n")

    def write_config_files(self) -> None:
        """(Re)write keystone.conf and cinder.conf."""
        values = {name: getattr(self, name) for name in _TEMPLATE_NAMES}
        values["cinder_etc"] = self.venv / "etc" / "cinder"
        for name in ("keystone.conf", "cinder.conf"):
            template = Template((_TEMPLATES / f"{name}.in").read_text())
            write_file(self.config_dir / name, template.substitute(values))


_TEMPLATE_NAMES = (
    "backup_dir",
    "bytes_per_gb",
    "cinder_port",
    "database_dir",
    "faults_dir",
    "keys_dir",
    "keystone_root",
    "log_dir",
    "state_dir",
    "volumes_dir",
)


def settings_file(state_dir: Path) -> Path:
    return state_dir / "sandbox.json"


def load(state_dir: Path) -> Settings:
    """The settings of an existing sandbox. SandboxError when the directory isn't one."""
    state_dir = state_dir.resolve()
    try:
        values = json.loads(settings_file(state_dir).read_text())
        values["venv"] = Path(values["venv"])
        values["backup_dir"] = Path(values["backup_dir"])
        values["state_dir"] = state_dir
        return Settings(**values)
    except FileNotFoundError:
        raise SandboxError(f"{state_dir} is not a sandbox: it has no sandbox.json.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise SandboxError(f"{settings_file(state_dir)} can't be used: {error}") from None


def resolve(state_dir: Path, options: Options) -> Settings:
    """What is asked for, over what was saved, over the defaults."""
    state_dir = state_dir.resolve()
    if settings_file(state_dir).exists():
        base = load(state_dir)
    else:
        base = Settings(
            state_dir=state_dir,
            venv=state_dir / "venv",
            keystone_port=DEFAULT_KEYSTONE_PORT,
            cinder_port=DEFAULT_CINDER_PORT,
            bytes_per_gb=SMALL_GB,
            backup_dir=state_dir / "backups",
            backup_service=True,
        )
    settings = dataclasses.replace(base, **_explicit(base, options))
    _check(settings)
    return settings


def _explicit(base: Settings, options: Options) -> dict[str, Any]:
    """The options as values for Settings: paths absolute, automatic ports chosen."""
    values: dict[str, Any] = dict(options)
    for name in ("venv", "backup_dir"):
        if name in values:
            values[name] = Path(values[name]).resolve()
    for name in ("keystone_port", "cinder_port"):
        if values.get(name) == AUTO_PORT:
            saved = settings_file(base.state_dir).exists()
            values[name] = getattr(base, name) if saved else ports.free_port()
    return values


def _check(settings: Settings) -> None:
    for path in (settings.state_dir, settings.venv, settings.backup_dir):
        if set(_UNUSABLE_IN_PATHS) & set(str(path)):
            raise SandboxError(f"A path can't contain $ or ? here: {path}")
    if settings.bytes_per_gb < _SMALLEST_GB:
        raise SandboxError(f"A GB must have at least {_SMALLEST_GB} bytes.")


def write_file(path: Path, text: str) -> None:
    """Replace a file in one step, readable by its owner only."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    temporary.replace(path)


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value

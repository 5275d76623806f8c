"""What Horizon needs beside Keystone and Cinder: its settings, and the way to start it."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from string import Template

from sandbox import config, venv
from sandbox.config import SandboxError, Settings

DEFAULT_PORT = 15080
DEFAULT_PAGE_SIZE = 20
_TEMPLATE = Path(__file__).parent / "etc" / "local_settings.py.in"


@dataclasses.dataclass(frozen=True)
class Horizon:
    """One Horizon over a sandbox.

    :param venv: where Horizon and its plugin are installed, with waitress and whitenoise
    :param page_size: the rows of a page, unless a user chooses another number
    """

    settings: Settings
    venv: Path
    port: int
    page_size: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def health_url(self) -> str:
        return f"{self.url}/auth/login/"

    @property
    def modules(self) -> Path:
        """The only directory on its PYTHONPATH.

        Not the repository, from which it would take the plugin instead of the installed one.
        """
        return self.settings.horizon_dir / "modules"

    def prepare(self) -> None:
        """Write its settings. SandboxError when it is not installed where it was said to be."""
        if not venv.python(self.venv).exists():
            raise SandboxError(f"There is no Horizon in {self.venv}.")
        # What Horizon collected the last time may be of another release.
        shutil.rmtree(self.settings.horizon_dir / "static", ignore_errors=True)
        local = self.modules / "local"
        for directory in (local, self.settings.horizon_dir / "sessions"):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        link = self.modules / "sandbox"
        link.unlink(missing_ok=True)
        link.symlink_to(Path(__file__).parent)
        (local / "__init__.py").touch()
        values = {
            "horizon_dir": self.settings.horizon_dir,
            "keystone_url": self.settings.keystone_url,
            "page_size": self.page_size,
        }
        text = Template(_TEMPLATE.read_text()).substitute(values)
        config.write_file(local / "local_settings.py", text)

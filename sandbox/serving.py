"""What the Keystone and the Cinder server have in common. Runs in the sandbox's own venv."""

# mypy: ignore-errors
from __future__ import annotations

import os
import socket
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

import waitress

from sandbox import config


def arguments() -> tuple[config.Settings, socket.socket]:
    """The settings, and the listening socket inherited from the launcher.

    Takes them out of sys.argv, which Keystone would read as its own options.
    """
    state_dir, descriptor = sys.argv[1:]
    sys.argv[1:] = []
    warnings.simplefilter("ignore")
    return config.load(Path(state_dir)), socket.socket(fileno=int(descriptor))


def once(mark: Path, function: Callable[[], None]) -> None:
    """Run a first-time set-up unless the mark says that it was completed before."""
    if not mark.exists():
        in_child(function)
        mark.touch()


def in_child(function: Callable[[], None]) -> None:
    """Run a function in a forked process: the code is read already, and no state comes back."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            function()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(bool(end.code))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    if os.waitpid(child, 0)[1]:
        sys.exit(f"{function.__name__} failed, see above")


def serve(application: Callable[..., object], listener: socket.socket, threads: int) -> None:
    waitress.serve(application, sockets=[listener], threads=threads, ident="sandbox")

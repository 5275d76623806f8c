"""The directive ``program-help``: what a program of the service prints with ``--help``."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

_WIDTH = "80"


def text_of(command_line: str) -> str:
    """What a command prints when it is asked for help.

    :param command_line: a program and perhaps a command of it, such as ``program noun verb``
    """
    program, *words = command_line.split()
    (script,) = metadata.entry_points(group="console_scripts", name=program)
    printed = io.StringIO()
    with (
        _as_if_called(program, *words, "--help"),
        contextlib.redirect_stdout(printed),
        contextlib.suppress(SystemExit),
    ):
        script.load()()
    return printed.getvalue()


@contextlib.contextmanager
def _as_if_called(*arguments: str) -> Iterator[None]:
    before, columns = sys.argv, os.environ.get("COLUMNS")
    sys.argv = list(arguments)
    os.environ["COLUMNS"] = _WIDTH
    try:
        yield
    finally:
        sys.argv = before
        if columns is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = columns


class ProgramHelp(SphinxDirective):
    """Puts the help of the command, which is the argument, into a block."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        # It changes with the code, not with the file that it stands in.
        self.env.note_reread()
        text = f"$ {self.arguments[0]} --help\n{text_of(self.arguments[0])}"
        return [nodes.literal_block(text, text, language="none")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("program-help", ProgramHelp)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

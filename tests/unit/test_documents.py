"""What the documents say of options, rules, commands and messages is so."""

from __future__ import annotations

import argparse
import ast
import configparser
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest
from cliff.commandmanager import CommandManager
from oslo_config import cfg

from backup_manager import conf, policies
from backup_manager.cmd import manage

_REPOSITORY = Path(__file__).parents[2]
_SOURCE = _REPOSITORY / "doc" / "source"
_GENERATED = ("configuration", "policies", "commands")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The pages that are made from the code, as plain text, by name."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for name in _GENERATED:
        shutil.copy(_SOURCE / f"{name}.rst", source)
    (source / "index.rst").write_text("=====\nPages\n=====\n\n.. toctree::\n   :glob:\n\n   *\n")
    subprocess.run(
        [sys.executable, "-m", "sphinx", "-Q", "-b", "text"]
        + ["-c", str(_SOURCE), str(source), str(built)],
        check=True,
        cwd=_REPOSITORY,
        capture_output=True,
    )
    return {name: (built / f"{name}.txt").read_text() for name in _GENERATED}


def test_every_option_is_on_its_page(pages: dict[str, str]) -> None:
    lines = pages["configuration"].splitlines()
    for group, options in conf.list_opts():
        assert group in lines
        for option in options:
            assert option.dest in lines, f"[{group}]{option.dest}"


def test_options_of_all_libraries_are_on_the_page() -> None:
    """The same namespaces as in the sample of the configuration."""
    namespace = cfg.MultiStrOpt("namespace")
    settings = cfg.ConfigOpts()
    settings.register_opt(namespace)
    settings(["--config-file", str(_REPOSITORY / "etc/backup-manager/config-generator.conf")])
    text = (_SOURCE / "configuration.rst").read_text()
    shown = re.findall(r"^   ([a-z_.]+)$", text.partition("show-options::")[2], re.M)
    assert sorted(shown) == sorted(settings.namespace)


def test_every_group_is_explained() -> None:
    text = (_SOURCE / "configuration.rst").read_text()
    explained = re.findall(r"^``(\w+)``  ", text, re.M)
    assert explained == sorted({group for group, _ in conf.list_opts()})


def test_every_rule_is_on_its_page(pages: dict[str, str]) -> None:
    for rule in policies.list_rules():
        assert f'"{rule.name}"' in pages["policies"]
        assert rule.check_str in " ".join(pages["policies"].split())


def _commands() -> Iterator[str]:
    setup = configparser.ConfigParser()
    setup.read(_REPOSITORY / "setup.cfg")
    for line in setup["entry_points"]["openstack.backup_manager.v1"].strip().splitlines():
        yield line.partition("=")[0].strip().replace("_", " ")


def test_every_command_is_on_its_page(pages: dict[str, str]) -> None:
    lines = pages["commands"].splitlines()
    for command in _commands():
        assert lines.count(command) == 1, command


def test_every_program_is_on_the_page(pages: dict[str, str]) -> None:
    programs = [
        entry.name
        for entry in metadata.entry_points(group="console_scripts")
        if entry.value.startswith("backup_manager.")
    ]
    assert len(programs) == 4
    for program in programs:
        assert f"usage: {program} " in pages["commands"]


def test_every_command_of_manage_is_on_the_page(pages: dict[str, str]) -> None:
    commands = _leaves(manage._parser())
    assert "backup-manager-manage db purge" in commands
    for command in commands:
        assert f"usage: {command} " in pages["commands"]


def _leaves(parser: argparse.ArgumentParser) -> list[str]:
    """The commands below a parser that have none below them."""
    nested = [
        inner
        for action in parser._actions
        if isinstance(action.choices, dict)
        for inner in action.choices.values()
    ]
    if not nested:
        return [parser.prog]
    return [name for inner in nested for name in _leaves(inner)]


# ---------------------------------------------------------------- commands to type


def _typed(page: str) -> Iterator[str]:
    """The commands of ours that stand in full on a page, on lines of their own or in a sentence."""
    page = re.sub(r"\\\n +", " ", page)
    for text in re.findall(r"``(openstack backup-manager [^`…]+)``", page):
        yield _plain(text)
    line = r"^ +(?:\$ )?(openstack (?:--os-cloud \w+ )?backup-manager \w.*)$"
    yield from re.findall(line, page, re.M)


def _words(command: str) -> list[str]:
    """The words after ``openstack``, with something in place of what the reader fills in."""
    filled = re.sub(r"<[^>]*>…?|\$\([^)]*\)|\"\$\w+\"", "x", command)
    return shlex.split(re.sub(r"--os-cloud \w+ ", "", filled), comments=True)[1:]


@pytest.mark.parametrize("name", sorted(path.stem for path in _SOURCE.glob("*.rst")))
def test_commands_can_be_typed(name: str) -> None:
    manager = CommandManager("openstack.backup_manager.v1")
    shell = SimpleNamespace(client_manager=None)
    for command in _typed((_SOURCE / f"{name}.rst").read_text()):
        found, path, arguments = manager.find_command(_words(command))
        parser = found(shell, None).get_parser(path)
        # A sentence may leave out what the command is about.
        assert any(_understands(parser, [*arguments, *more]) for more in ([], ["x"])), command


def _understands(parser: argparse.ArgumentParser, arguments: list[str]) -> bool:
    try:
        parser.parse_args(arguments)
    except SystemExit:
        return False
    return True


# ---------------------------------------------------------------- quoted messages


def _texts(path: Path) -> Iterator[str]:
    """The texts in a file of Python, with an ellipsis for each value that is filled in."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            parts = [
                str(each.value) if isinstance(each, ast.Constant) else "…" for each in node.values
            ]
            yield _plain("".join(parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield _plain(re.sub(r"\{\w+\}|%(\.\d)?[sdfr]", "…", node.value))


def _plain(text: str) -> str:
    return re.sub("…+", "…", " ".join(text.split()))


def _quoted(page: str) -> list[str]:
    """The messages on a page: paragraphs of its blocks of text."""
    blocks = re.findall(r"\.\. code-block:: text\n\n((?:(?:   .*)?\n)+)", page)
    return [_plain(text) for block in blocks for text in block.split("\n\n") if text.strip()]


def test_quoted_messages_are_those_of_the_service() -> None:
    texts = {
        text for path in (_REPOSITORY / "backup_manager").rglob("*.py") for text in _texts(path)
    }
    quoted = _quoted((_SOURCE / "troubleshooting.rst").read_text())
    assert len(quoted) > 40
    for message in quoted:
        assert any(message in text for text in texts), message

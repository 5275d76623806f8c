"""The commands as readers, strangers and administrators use them; the other tests are members.

The administrator is one of another project.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.client import Sandbox
from tests.functional.stack import Stack, Tenant, once, wait_for
from tests.functional.test_commands import Shell
from tests.functional.test_gabbi import _backup, _missed, _overlapping

pytestmark = once


@dataclass(frozen=True)
class Scene:
    """A project with a history, and those who have to do with it.

    :param ids: of what is in the project, as the commands below name it
    :param shells: by role
    """

    ids: dict[str, str]
    shells: dict[str, Shell]


def _all(member: Tenant) -> list[Any]:
    """All that somebody could have changed."""
    client = member.client
    runs, schedules = client.runs(), client.schedules()
    backups = sorted((each.id, each.is_held) for each in client.backups())
    policies = [client.get_policy(each.id).retention for each in client.volumes()]
    return [backups, [each.id for each in runs], [each.volume_ids for each in schedules], policies]


@pytest.fixture(scope="module")
def scene(
    stack: Stack, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    member = Tenant(sandbox, sandbox.create_project())
    client, (volume, other) = member.client, member.volumes(2)
    full, run = _backup(member, volume, "full")
    increment, _ = _backup(member, volume, "incremental")
    with _overlapping(stack, member, other) as schedule:
        skipped, running = client.runs(schedule_id=schedule)
    member.finished(running)
    missed = _missed(stack, member, [volume])
    wait_for(lambda: list(client.runs(schedule_id=missed, status="missed")), 30)
    sandbox.set_quota(member.project.id, backups=3)
    people = {
        "member": member.project,
        "reader": sandbox.add_user(member.project, "reader"),
        "stranger": sandbox.create_project(),
        "admin": sandbox.create_project(role="admin"),
    }
    home = tmp_path_factory.mktemp("home")
    before = _all(member)
    yield Scene(
        {
            "project": member.project.id,
            "volume": volume,
            "full": full,
            "increment": increment,
            "run": run,
            "skipped": skipped.id,
            "schedule": missed,
        },
        {role: Shell(person.environment, home) for role, person in people.items()},
    )
    # Those who may not have changed nothing.
    assert _all(member) == before


def _no(thing: str) -> str:
    noun, identity = thing.split()
    return f"No {noun} with id {identity} exists in this project."


def _unknown(thing: str) -> str:
    noun, identity = thing.split()
    return f"No {noun} has the name or ID '{identity}'"


def _rule(name: str) -> str:
    return f"You are not allowed to do this: it needs the policy {name}."


def _change(
    command: str, rule: str, thing: str, field: str = "", **others: str
) -> tuple[str, dict[str, str]]:
    """What readers may not, and others have nothing for.

    :param field: of the request, where that names the thing
    """
    nothing = f"{field}: {_no(thing)}" if field else _no(thing)
    return command, {"reader": _rule(rule), "stranger": nothing, "admin": nothing, **others}


# Each command, and what it says where it fails.
_REFUSED = (
    _change(
        "backup create {volume} --strict",
        "backup:create",
        "volume {volume}",
        "volumes[0]",
        member="Nothing was done. The project's quota of backups is too small: this needs 1, and "
        "3 of 3 are used, so 0 are free. Delete backups, or ask an administrator for a larger "
        "quota.",
    ),
    _change(
        "backup restore {full} --name copy", "restore:create", "backup {full}", "items[0].backup_id"
    ),
    _change(
        "backup delete {increment} --yes", "deletion:create", "backup {increment}", "backup_ids[0]"
    ),
    _change("backup set {full} --hold", "backup:update", "backup {full}"),
    _change(
        "cleanup --volume-policy {volume}=1 --yes",
        "cleanup:create",
        "volume {volume}",
        "volume_policies[0].volume_id",
    ),
    _change("volume set {volume} --retain keep-last=1", "policy:update", "volume {volume}"),
    _change(
        "schedule create s --daily 02:00 --volume {volume}",
        "schedule:create",
        "volume {volume}",
        "volumes[0]",
    ),
    _change("schedule add volume {schedule} {volume}", "schedule:update", "schedule {schedule}"),
    _change(
        "run cancel {run}",
        "run:cancel",
        "run {run}",
        admin="Nothing of run {run} is pending any more, so there is nothing to cancel.",
    ),
    ("chain show {volume}", {"stranger": _no("volume {volume}"), "admin": _no("volume {volume}")}),
    (
        "retention preview --volume {volume}",
        {"stranger": _no("volume {volume}"), "admin": _no("volume {volume}")},
    ),
    ("schedule show {schedule}", {"stranger": _unknown("schedule {schedule}")}),
    ("run show {skipped}", {"stranger": _no("run {skipped}")}),
    ("statistics show --all-projects", {"reader": _rule("statistics:all_projects")}),
    ("run list --project {project}", {"stranger": _rule("run:all_projects")}),
    ("task list --project {project}", {"stranger": _rule("task:all_projects")}),
    ("project list", {"reader": _rule("project:list"), "member": _rule("project:list")}),
    ("health", {"reader": _rule("health:show"), "stranger": _rule("health:show")}),
    ("backup export {full}", {"member": _rule("record:export")}),
    (
        "backup import --service s --url e30=",
        {"reader": _rule("record:import"), "stranger": _rule("record:import")},
    ),
)
_STILL_RUNNING = "skipped +The backup of an earlier run of this schedule is not finished"
_MISSED = r"\| missed +\| missed +\|"
# Each command, and what can be read in what it displays.
_SHOWN = (
    ("chain show {volume}", {"reader": "└─ {increment}"}),
    ("retention preview --volume {volume}", {"reader": "\n0 of 2 backups would go"}),
    (
        "retention simulate --days 1",
        {"reader": r"\| +3 \|", "stranger": r"\| +0 \|", "admin": r"\| +0 \|"},
    ),
    ("schedule show {schedule}", {"reader": "name .* missed ", "admin": "name .* missed "}),
    ("run show {skipped}", dict.fromkeys(("member", "reader", "admin"), _STILL_RUNNING)),
    (
        "run list --status missed --schedule {schedule}",
        {"member": _MISSED, "reader": _MISSED, "stranger": r"^\s*$"},
    ),
    ("run list --status missed --project {project}", {"admin": _MISSED}),
    (
        "task list --status skipped",
        {"reader": "{skipped} .* volume-1 +| skipped ", "stranger": r"^\s*$"},
    ),
    (
        "task list --project {project} --action backup --status succeeded",
        {"admin": "{run} .* volume-0 +| succeeded "},
    ),
    ("schedule list --failing", {"reader": " missed ", "stranger": r"^\s*$"}),
    ("volume list --search UME-1", {"reader": " volume-1 ", "stranger": r"^\s*$"}),
    ("project list", {"admin": r"{project} \| +2 \| +0 \| +3 \| +3 \| +2 \|"}),
    (
        "statistics show",
        {"reader": "2: 2 protected, 0 unprotected", "stranger": "0: 0 protected, 0 unprotected"},
    ),
)


def _cases(table: tuple[tuple[str, dict[str, str]], ...]) -> list[Any]:
    return [
        pytest.param(role, command, text, id=f"{role}: {command}")
        for command, by_role in table
        for role, text in by_role.items()
    ]


@pytest.mark.parametrize(("role", "command", "text"), _cases(_REFUSED))
def test_refused(scene: Scene, role: str, command: str, text: str) -> None:
    refused = scene.shells[role].refused(command.format(**scene.ids))
    assert refused == text.format(**scene.ids)


@pytest.mark.parametrize(("role", "command", "text"), _cases(_SHOWN))
def test_shown(scene: Scene, role: str, command: str, text: str) -> None:
    shown = scene.shells[role](command.format(**scene.ids))
    assert re.search(text.format(**scene.ids), shown), shown

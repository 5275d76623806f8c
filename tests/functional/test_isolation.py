"""Who gets what on each route, by the documented policies, and that nobody gets at other projects.

Each route is asked by everybody: with ids of another project in its path, its body and its query.
What each answer has to be is worked out from the policies; a route without an entry below fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from backup_manager import policies
from backup_manager.api.call import Route
from backup_manager.api.routes import ROUTES
from sandbox.client import Sandbox
from tests.functional.conftest import new_database
from tests.functional.projects import (
    DAILY,
    SECONDS,
    Person,
    Scene,
    Things,
    finish,
    furnish,
    person_of,
    unscoped,
    use,
)
from tests.functional.stack import IMPATIENT, Stack, once

# Requests that change nothing though they are no GET.
_LOOKS = re.compile(r"/(preview|simulate|export)$")
# What administrators see of all projects at once.
_EVERYTHING = {"project:list", "service:list", "health:show"}


@pytest.fixture(scope="module")
def scene(
    sandbox: Sandbox,
    stack: Stack,
    database_kind: str,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Scene]:
    """A service whose engine was stopped: what is asked for shows, and nothing else moves."""
    directory = tmp_path_factory.mktemp("isolation")
    # Nobody but those who ask has Cinder looked at.
    options = {**IMPATIENT, "api__inventory_max_age": 3600, "cinder__timeout": SECONDS}
    own = Stack(sandbox, directory, new_database(database_kind, directory, request), options)
    own.start_api()
    with ThreadPoolExecutor(4) as pool:
        tenants = list(pool.map(lambda _: furnish(sandbox), range(4)))
        with own.running_engine(cinder__timeout=IMPATIENT["cinder__timeout"]):
            used = list(pool.map(lambda tenant: use(own, tenant), tenants))
        victim, other, hers, his = pool.map(lambda things: finish(own, things), used)

    def login(things: Things, role: str) -> Any:
        return sandbox.add_user(things.tenant.project, role).connection()

    foreign = {"about": victim, "own": other}
    with sandbox.connection("backup-manager") as service:
        people = {
            "nobody": Person(None, about=victim),
            "forged token": Person("forged", about=victim),
            "no project": Person(unscoped(other.tenant), about=victim),
            "reader": person_of(login(hers, "reader"), about=hers, own=hers),
            "member": person_of(hers.tenant.connection, about=hers, own=hers, spare=hers),
            "foreign reader": person_of(login(other, "reader"), **foreign),
            "foreign member": person_of(other.tenant.connection, **foreign),
            "foreign admin": person_of(login(other, "admin"), **foreign, spare=his),
            "service user": person_of(service, **foreign),
        }
    yield Scene(own, victim, other, people)
    own.stop()
    sandbox.register_endpoint(stack.url)


# ---------------------------------------------------------------- what is asked


@dataclass(frozen=True)
class Body:
    """What a route takes.

    :param content: from the things that it is about
    :param answer: the status where its ids are of another project
    """

    content: Callable[[Things], Any]
    answer: int = 404

    def names(self, things: Things) -> bool:
        return any(word in json.dumps(self.content(things)) for word in things.ids.values())


def _wrapped(noun: str, **values: Any) -> dict[str, Any]:
    return {noun: values}


def _schedule(things: Things, **changes: Any) -> dict[str, Any]:
    values = {"name": "made", "recurrence": DAILY, "volumes": [things.ids["volume_id"]]}
    return {"schedule": {**values, **changes}}


def _restores(**names: str) -> Body:
    """An item of a restore; each name stands for an id of the things."""
    return Body(
        lambda things: _wrapped(
            "restore", items=[{key: things.ids.get(name, name) for key, name in names.items()}]
        )
    )


# The answer says of each volume what became of it.
_VOLUMES = Body(lambda things: {"volumes": [things.ids["volume_id"]]}, answer=200)
_POLICY = Body(lambda things: _wrapped("policy", retention={"keep_last": 1}))
# What each route takes that takes something. One that is not here fails below.
_BODIES: dict[str, list[Body]] = {
    "POST /v1/backups": [
        Body(lambda things: _wrapped("backup", volumes=[things.ids["volume_id"]]))
    ],
    "PATCH /v1/backups/{backup_id}": [Body(lambda things: _wrapped("backup", held=False))],
    "POST /v1/backups/export": [
        Body(lambda things: _wrapped("export", backup_ids=[things.ids["backup_id"]])),
        Body(lambda things: _wrapped("export", volume_id=things.ids["volume_id"])),
    ],
    # A record stands for itself: there is nothing to look up in another project.
    "POST /v1/backups/import": [
        Body(lambda things: _wrapped("import", document=things.records, dry_run=True), answer=200)
    ],
    "POST /v1/restores": [
        _restores(backup_id="backup_id", name="copy"),
        _restores(volume_id="volume_id", at="2999-01-01T00:00:00Z"),
        _restores(backup_id="backup_id", target_volume_id="volume_id"),
    ],
    "POST /v1/deletions": [
        Body(lambda things: _wrapped("deletion", backup_ids=[things.ids["backup_id"]])),
        Body(
            lambda things: _wrapped(
                "deletion", backup_ids=[things.ids["backup_id"]], cascade=True, dry_run=True
            )
        ),
    ],
    "POST /v1/cleanups": [
        Body(
            lambda things: _wrapped(
                "cleanup",
                volume_policies=[{"volume_id": things.ids["volume_id"], "max_age_days": 1}],
                digest="that of something else",
            )
        ),
    ],
    "POST /v1/schedules": [Body(_schedule)],
    "PATCH /v1/schedules/{schedule_id}": [
        Body(lambda things: _wrapped("schedule", generation=1, enabled=False)),
        Body(
            lambda things: _wrapped("schedule", generation=1, volumes=[things.ids["volume_id"]]),
        ),
    ],
    "POST /v1/schedules/{schedule_id}/volumes": [_VOLUMES],
    "POST /v1/schedules/{schedule_id}/volumes/remove": [_VOLUMES],
    "POST /v1/schedules/preview": [Body(lambda things: _wrapped("preview", recurrence=DAILY))],
    "PUT /v1/policy": [_POLICY],
    "PUT /v1/volumes/{volume_id}/policy": [_POLICY],
    "POST /v1/retention/preview": [
        Body(
            lambda things: _wrapped(
                "preview", retention={"keep_last": 1}, volumes=[things.ids["volume_id"]]
            )
        )
    ],
    "POST /v1/retention/simulate": [Body(lambda things: _wrapped("simulation", days=1))],
}
# What a filter of a query that is an id is an id of.
_FILTERS = {"volume_id": "volume_id", "schedule_id": "schedule_id"}
_MARKERS = {
    "/v1/volumes": "volume_id",
    "/v1/backups": "backup_id",
    "/v1/schedules": "schedule_id",
    "/v1/runs": "run_id",
}


@dataclass(frozen=True)
class Ask:
    """A request, and what about it is of another project.

    :param rule: what it needs beside the policy of its route; ``*`` stands for all projects' rule
        of the path
    :param missing: the status where that is not passed, or where there is no such rule
    """

    route: Route
    url: str
    body: Any = None
    rule: str | None = None
    missing: int | None = None

    @property
    def changes(self) -> bool:
        if self.route.method == "GET" or _LOOKS.search(self.route.path):
            return False
        return not (isinstance(self.body, dict) and "true" in json.dumps(self.body.get("import")))


def _everywhere(route: Route) -> list[str]:
    """The rules by which somebody reaches other projects on a route, as they are documented."""
    return [
        rule.name
        for rule in policies.list_rules()
        if rule.name.endswith("all_projects")
        for operation in rule.operations
        if operation["method"] == route.method and operation["path"].partition("?")[0] == route.path
    ]


def _asks(route: Route, person: Person, things: Things) -> Iterator[Ask]:
    """What somebody asks of a route about these things, each about something else of them."""
    own = person.own or things
    bodies = _BODIES[f"{route.method} {route.path}"] if route.operation.request else [None]
    variables = re.findall(r"{(\w+)}", route.path)
    foreign = things is not own
    for body in bodies:
        about = body and body.content(own)
        if variables:
            path = route.path.format(**things.ids)
            yield Ask(route, path, about, *(("*", 404) if foreign else ()))
            if not foreign or body is None or not body.names(things):
                continue
        elif not foreign or body is None or not body.names(things):
            yield Ask(route, route.path, about)
            continue
        path = route.path.format(**own.ids)
        yield Ask(route, path, body.content(things), None, body.answer)
    yield from _queries(route, person, things)


def _queries(route: Route, person: Person, things: Things) -> Iterator[Ask]:
    """Each parameter that could lead to another project."""
    known = route.operation.query["properties"]
    path = route.path.format(**(person.own or things).ids)
    if "all_projects" in known:
        for more in ("", f"&project_id={things.project_id}"):
            there = route.path.format(**things.ids)
            yield Ask(route, f"{there}?all_projects=true{more}", None, "*", 403)
        yield Ask(route, f"{path}?project_id={things.project_id}", None, None, 400)
    if "{" in route.path:
        return
    for name, schema in known.items():
        if name == "marker" and route.path in _MARKERS and things is not person.own:
            yield Ask(route, f"{path}?marker={things.ids[_MARKERS[route.path]]}", None, None, 400)
        elif name != "marker" and schema.get("format") == "uuid":
            yield Ask(route, f"{path}?{name}={things.ids[_FILTERS[name]]}")
        elif name in ("search", "name"):
            for word in sorted(each for each in things.words if each.startswith("secret-")):
                yield Ask(route, f"{path}?{name}={quote(word)}")
        elif name == "search":
            yield Ask(route, f"{path}?search={things.ids['volume_id']}")


def _expected(scene: Scene, person: Person, ask: Ask) -> tuple[set[int], str]:
    """The statuses that an answer may have, and a word that it has to say."""
    route, operation = ask.route, ask.route.operation
    fine = {operation.status, 200} | ({409} if operation.conflicts and ask.changes else set())
    if route.policy is None:
        return fine, ""
    if not person.roles:
        has_token = person.token not in (None, "forged")
        return ({403}, "project scope") if has_token else ({401}, "requires authentication")
    if not scene.may(person, route.policy):
        return {403}, f"policy {route.policy}."
    if ask.rule == "*":
        rules = _everywhere(route)
        if any(scene.may(person, rule) for rule in rules):
            return fine, ""
        return {ask.missing or 404}, f"policy {rules[0]}." if ask.missing == 403 else "exists in"
    if ask.missing is not None:
        return {ask.missing}, ""
    return fine, ""


# ---------------------------------------------------------------- the requests


def _ordered() -> list[Route]:
    """What deletes comes last: nothing would be there to ask for."""
    return sorted(ROUTES, key=lambda route: route.method == "DELETE")


def _leaks(text: str, asked: str, words: frozenset[str]) -> list[str]:
    return [word for word in words if word in text and word not in asked]


def _problems(scene: Scene, person: Person, route: Route) -> Iterator[str]:
    things = person.about
    assert things is not None
    for ask in _asks(route, person, things):
        statuses, word = _expected(scene, person, ask)
        allowed = min(statuses) < 400
        if allowed and ask.changes and person.roles and ask.missing != 200:
            # On something that is there to be changed, by whoever has such a thing.
            if person.spare is None or (ask.rule != "*" and things is not person.own):
                continue
            (ask, *_) = (
                each
                for each in _asks(route, Person(None, own=person.spare), person.spare)
                if ("?" in each.url) == ("?" in ask.url)
            )
        answer = scene.ask(person, route.method, ask.url, ask.body)
        what = f"{route.method} {ask.url} {ask.body}: {answer.status_code}, not {statuses}"
        if answer.status_code not in statuses or word not in answer.text:
            yield f"{what} {word}: {answer.text}"
        shows_all = ask.rule == "*" or route.policy in _EVERYTHING or things is person.own
        if not (allowed and shows_all):
            asked = f"{ask.url} {json.dumps(ask.body)}"
            seen = f"{answer.text} {answer.headers}"
            if leaks := _leaks(seen, asked, scene.victim.words - _common(scene, person)):
                yield f"{what}: tells {leaks}"


def _common(scene: Scene, person: Person) -> frozenset[str]:
    """What is no secret to him: it is in his own project, too."""
    return (person.own or scene.other).words


_PEOPLE = (
    "nobody", "forged token", "no project", "reader", "member", "foreign reader", "foreign member",
    "foreign admin", "service user",
)  # fmt: skip


@once
@pytest.mark.parametrize("who", _PEOPLE)
def test_who_gets_what(scene: Scene, who: str) -> None:
    before = scene.state()
    person = scene.people[who]
    problems = [text for route in _ordered() for text in _problems(scene, person, route)]
    assert not problems, "\n".join(problems)
    changed = sorted(set(scene.state()) ^ set(before))
    assert not changed, "\n".join(changed)


@once
def test_a_foreign_selector_picks_nothing(scene: Scene) -> None:
    """Whatever it names, a selector looks within its own project."""
    person, victim, other = scene.people["foreign member"], scene.victim, scene.other
    for selector in (
        {"whole_project": True, "exclude": [victim.ids["volume_id"]]},
        {"servers": [victim.ids["volume_id"]]},
    ):
        body = _schedule(other, volumes=[], selector=selector, enabled=False)
        made = scene.ask(person, "POST", "/v1/schedules", body)
        assert made.status_code == 201, made.text
        schedule = made.json()["schedule"]
        assert set(schedule["selected"]) <= {other.ids["volume_id"]}
        assert not _leaks(made.text, json.dumps(body), victim.words - other.words)
        url = f"/v1/schedules/{schedule['id']}"
        assert scene.ask(person, "DELETE", url, None).status_code == 204


def test_each_route_that_takes_a_body_has_one_here() -> None:
    taking = {f"{route.method} {route.path}" for route in ROUTES if route.operation.request}
    assert _BODIES.keys() == taking

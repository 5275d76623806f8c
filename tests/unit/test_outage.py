"""When an engine looks for a database that is away, and what it says."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import Any

import pytest
from oslo_db import exception as db_exceptions

from backup_manager.db import health
from backup_manager.db import session as db_session
from backup_manager.engine.outage import Outage

GONE = db_exceptions.DBConnectionError(Exception(2003, "Can't connect\nto server"))


class World:
    """A clock to move, and a database to take away."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.there = True
        self.looks: list[float] = []

    def ping(self, _: object) -> None:
        self.looks.append(self.seconds - 100)
        if not self.there:
            raise GONE


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    @contextmanager
    def reader() -> Any:
        yield None

    world = World()
    monkeypatch.setattr(time, "monotonic", lambda: world.seconds)
    monkeypatch.setattr(db_session, "reader", reader)
    monkeypatch.setattr(health, "ping", world.ping)
    return world


def test_without_trouble_nobody_looks(world: World) -> None:
    outage = Outage()
    assert outage.is_over()
    assert not outage.note(ValueError("something else"))
    assert outage.is_over()
    assert world.looks == []


def test_pauses_grow_to_a_minute(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    outage = Outage()
    world.there = False
    assert outage.note(GONE)
    assert outage.note(GONE), "of another timer: said already"
    for _ in range(400):
        assert not outage.is_over()
        world.seconds += 1
    assert world.looks == [1, 3, 7, 15, 31, 63, 123, 183, 243, 303, 363]
    assert len(caplog.messages) == 1 + len(world.looks)
    assert caplog.messages[0] == (
        "The database does not answer: Can't connect to server. Nothing is done until it does; "
        "next look in 1 s"
    )
    assert caplog.messages[-1].endswith("next look in 60 s")


def test_it_goes_on_at_once_and_begins_anew(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    outage = Outage()
    outage.note(GONE)
    world.seconds += 5
    assert outage.is_over()
    assert outage.is_over()
    assert len(world.looks) == 1
    assert caplog.messages[-1] == "The database answers again, after 5 s"
    world.there = False
    outage.note(GONE)
    assert caplog.messages[-1].endswith("next look in 1 s")


def test_one_timer_looks_for_all(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    outage = Outage()
    outage.note(GONE)
    world.seconds += 5
    seen: list[bool] = []

    def slow(session: object) -> None:
        world.seconds += 30
        seen.append(outage.is_over())

    monkeypatch.setattr(health, "ping", slow)
    assert outage.is_over()
    assert seen == [False]

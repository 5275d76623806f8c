"""A cloud, and a connection to it."""

from __future__ import annotations

from collections.abc import Iterator

import openstack
import pytest
from openstack import connection

from backup_manager import sdk
from tests.unit.sdk import fakecloud


@pytest.fixture
def cloud() -> Iterator[fakecloud.FakeCloud]:
    with fakecloud.FakeCloud() as running:
        yield running


@pytest.fixture
def conn(cloud: fakecloud.FakeCloud) -> Iterator[connection.Connection]:
    with openstack.connection.Connection(
        auth={
            "auth_url": f"{cloud.url}/identity/v3",
            "username": "demo",
            "password": "secret",
            "project_name": "demo",
            "user_domain_id": "default",
            "project_domain_id": "default",
        },
        region_name=fakecloud.REGION,
        identity_api_version="3",
    ) as connected:
        yield connected


@pytest.fixture
def client(conn: connection.Connection) -> sdk.Proxy:
    return sdk.attach(conn)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Do not sleep; the seconds that would have been slept."""
    seconds: list[float] = []
    monkeypatch.setattr("time.sleep", seconds.append)
    return seconds

"""Where the service is found."""

from __future__ import annotations

import pytest
from keystoneauth1 import session, token_endpoint
from openstack import connection, exceptions

from backup_manager import sdk
from tests.unit.sdk.fakecloud import FakeCloud


def _asked(cloud: FakeCloud) -> list[str]:
    return [f"{method} {path}" for method, path, _, _ in cloud.requests]


def test_catalog(cloud: FakeCloud, conn: connection.Connection) -> None:
    cloud.volume("db-1")
    client = sdk.attach(conn)
    assert [volume.name for volume in client.volumes()] == ["db-1"]
    assert _asked(cloud) == ["GET /v1/volumes"], "no request for versions"
    assert getattr(conn, "backup_manager") is client  # noqa: B009
    assert sdk.attach(conn) is client


@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/"])
def test_override(cloud: FakeCloud, conn: connection.Connection, end: str) -> None:
    cloud.in_catalog = False
    conn.config.config["backup_manager_endpoint_override"] = cloud.endpoint + end
    assert list(sdk.attach(conn).volumes()) == []
    assert _asked(cloud) == ["GET /v1/volumes"]


def test_token_and_url(cloud: FakeCloud) -> None:
    """What a dashboard has: a token, and the URL out of its own catalog."""
    cloud.volume("db-1")
    auth = token_endpoint.Token(cloud.endpoint, "token")
    conn = connection.Connection(session=session.Session(auth=auth), region_name="RegionOne")
    assert [volume.name for volume in sdk.attach(conn).volumes(paginated=False)] == ["db-1"]
    assert _asked(cloud) == ["GET /v1/volumes"]


def test_missing(cloud: FakeCloud, conn: connection.Connection) -> None:
    cloud.in_catalog = False
    with pytest.raises(exceptions.ServiceDiscoveryException) as error:
        sdk.attach(conn)
    assert "no backup-manager endpoint for region RegionOne" in str(error.value)
    assert "backup_manager_endpoint_override in clouds.yaml" in str(error.value)


def test_wrong_region(cloud: FakeCloud, conn: connection.Connection) -> None:
    conn.config.config["backup_manager_region_name"] = "elsewhere"
    with pytest.raises(exceptions.ServiceDiscoveryException, match="region elsewhere"):
        sdk.attach(conn)

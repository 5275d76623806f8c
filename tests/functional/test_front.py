"""The examples of TLS in front of the API, with the real nginx and the real Apache."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.front import Front
from tests.functional.units import in_directory, prepare


@pytest.fixture(params=["believes what the front says", "asks nobody"])
def trust(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "believes what the front says")


@pytest.fixture
def patient() -> bool:
    return False


@pytest.fixture(params=["nginx", "apache"])
def front(
    request: pytest.FixtureRequest, tmp_path: Path, trust: bool, patient: bool
) -> Iterator[Front]:
    prepare(tmp_path, f"[oslo_middleware]\nenable_proxy_headers_parsing = {trust}\n")
    api = in_directory("backup-manager-api", tmp_path)
    try:
        api.start()
        front = Front(request.param, tmp_path, api.port, patient)
        try:
            yield front
        finally:
            front.stop()
    finally:
        api.kill()


def test_links_are_what_the_client_used_whatever_it_says(front: Front) -> None:
    mine = f"https://127.0.0.1:{front.port}/v1/"
    for forged in (
        {},
        {"X_Forwarded_Host": "evil.example"},
        {"X_Forwarded_Proto": "http"},
        {"X_Forwarded_Prefix": "/evil"},
        {"Forwarded": "for=192.0.2.1;host=evil.example;proto=http"},
    ):
        status, body = front.request("GET", "/", **forged)
        assert status == 300, body
        assert json.loads(body)["versions"][0]["links"][0]["href"] == mine, forged


_HEAD = b"POST /v1/schedules HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n"


@pytest.mark.parametrize("trust", [False], indirect=True, ids=["asks nobody"])
@pytest.mark.parametrize("patient", [True], indirect=True, ids=["patient"])
def test_slow_clients_hold_nobody_up(front: Front) -> None:
    """More of them than the service has threads, some in the head and some in the body."""
    slow = [front.connect() for _ in range(40)]
    for number, connection in enumerate(slow):
        connection.sendall(_HEAD if number % 2 else _HEAD + b"\r\n{")
    began = time.monotonic()
    assert front.request("GET", "/healthcheck")[0] == 200
    assert time.monotonic() - began < 60, "it waited until the slow ones were thrown out"
    for connection in slow:
        connection.close()


@pytest.mark.parametrize("trust", [False], indirect=True, ids=["asks nobody"])
def test_slow_clients_are_thrown_out(front: Front) -> None:
    slow = [front.connect(), front.connect()]
    slow[0].sendall(_HEAD)
    slow[1].sendall(_HEAD + b"\r\n{")
    for connection in slow:
        connection.settimeout(90)
        answer = connection.recv(100)
        assert answer == b"" or b" 408 " in answer or b" 400 " in answer, answer
        connection.close()


@pytest.mark.parametrize("trust", [False], indirect=True, ids=["asks nobody"])
def test_large_bodies_are_refused(front: Front) -> None:
    status, _ = front.request("POST", "/v1/backups/import", b"x" * (9 * 1024**2))
    assert status == 413
    # What may be large passes, as far as to the question who asks. Apache takes an answer that
    # comes before the end of the body for a failure of the service.
    status, body = front.request("POST", "/v1/backups/import", b"x" * (7 * 1024**2))
    assert status == 401 or (front.kind, status) == ("apache", 502), body

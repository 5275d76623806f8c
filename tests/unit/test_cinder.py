"""What Cinder's answers mean, good and bad ones."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import requests
from keystoneauth1 import exceptions as ks_exceptions
from keystoneauth1 import session as ks_session
from keystoneauth1 import token_endpoint
from oslo_config import cfg
from requests_mock import ANY, Mocker

from backup_manager import cinder
from backup_manager import conf as config
from backup_manager.rules.quota import Quota

URL = "http://cinder/v3"
VOLUME = "fba1c501-0e4b-43ab-82dd-124c2e57799f"
BACKUP = "2a8d482a-4dc1-4f19-be6a-e83815da7fbe"
HTML = "<html><head><title>Something</title></head><body><h1>Something</h1></body></html>"

Call = Callable[[cinder.Cinder], Any]


def _create(client: cinder.Cinder) -> str:
    return client.create_backup(
        VOLUME,
        name="nightly",
        description="Full backup",
        incremental=False,
        force=False,
        metadata={cinder.TASK_KEY: "a-task"},
    )


def _create_volume(client: cinder.Cinder, **values: str) -> str:
    return client.create_volume(
        5,
        name="restored",
        availability_zone=values.get("availability_zone"),
        volume_type=values.get("volume_type"),
        metadata={cinder.TASK_KEY: "a-task"},
    )


# Each way to ask, with the URL that it asks.
CALLS: dict[str, tuple[str, str, Call]] = {
    "create": ("POST", f"{URL}/backups", _create),
    "backup": ("GET", f"{URL}/backups/{BACKUP}", lambda client: client.backup(BACKUP)),
    "backups": ("GET", f"{URL}/backups/detail", lambda client: list(client.backups())),
    "volume": ("GET", f"{URL}/volumes/{VOLUME}", lambda client: client.volume(VOLUME)),
    "volumes": ("GET", f"{URL}/volumes/detail", lambda client: list(client.volumes())),
    "quota": ("GET", f"{URL}/limits", lambda client: client.quota()),
    "create volume": ("POST", f"{URL}/volumes", _create_volume),
    "restore": (
        "POST",
        f"{URL}/backups/{BACKUP}/restore",
        lambda client: client.restore_backup(BACKUP, VOLUME),
    ),
    "messages": ("GET", f"{URL}/messages", lambda client: client.messages(BACKUP)),
    "export": (
        "GET",
        f"{URL}/backups/{BACKUP}/export_record",
        lambda client: client.export_record(BACKUP),
    ),
    "import": (
        "POST",
        f"{URL}/backups/import_record",
        lambda client: client.import_record("a.driver", "cmVjaXBl"),
    ),
}
all_calls = pytest.mark.parametrize("call", CALLS)


def _client(url: str = URL, **options: Any) -> cinder.Cinder:
    conf = cfg.ConfigOpts()
    config.register(conf)
    conf([])
    for name, value in options.items():
        conf.set_override(name, value, group="cinder")
    return cinder.Cinder(ks_session.Session(auth=token_endpoint.Token(url, "token")), conf)


@pytest.fixture
def client() -> cinder.Cinder:
    return _client(page_size=2)


def _error(call: str, client: cinder.Cinder) -> cinder.CinderError:
    with pytest.raises(cinder.CinderError) as caught:
        CALLS[call][2](client)
    return caught.value


def _refused(requests_mock: Mocker, client: cinder.Cinder, call: str, **answer: Any) -> Any:
    method, url, _ = CALLS[call]
    requests_mock.register_uri(method, url, **answer)
    return _error(call, client)


# ---------------------------------------------------------------- refusals, in Cinder's own words

_MUST_BE = "Invalid volume: Volume to be backed up must be available or in-use, but the current"
_EXTRA = "Additional properties are not allowed ('foo' was unexpected)"
_QUOTA = "BackupLimitExceeded: Maximum number of backups allowed (1) exceeded"
_QUOTA_SIZE = (
    "VolumeBackupSizeExceedsAvailableQuota: Requested backup exceeds allowed Backup gigabytes "
    "quota. Requested 1G, quota is 1G and 12G has been consumed."
)
_NO_VERSION = "Version 3.99 is not supported by the API. Minimum is 3.0 and maximum is 3.71."


@pytest.mark.parametrize(
    ("status", "fault", "message", "kind", "code"),
    [
        (
            400,
            "badRequest",
            "Invalid volume: Backing up an in-use volume must use the force flag.",
            cinder.NeedsForce,
            "needs-force",
        ),
        (
            400,
            "badRequest",
            "Invalid backup: No backups available to do an incremental backup.",
            cinder.NoParent,
            "no-parent",
        ),
        (400, "badRequest", f'{_MUST_BE} status is "backing-up".', cinder.Busy, "volume-busy"),
        (400, "badRequest", f'{_MUST_BE} status is "error".', cinder.Busy, "volume-busy"),
        (
            400,
            "badRequest",
            "Invalid volume: Volume to be restored to must be available",
            cinder.Busy,
            "volume-busy",
        ),
        (
            400,
            "badRequest",
            "Invalid backup: Backup status must be available",
            cinder.Busy,
            "backup-busy",
        ),
        (
            400,
            "badRequest",
            "Invalid volume: volume size 1 is too small to restore backup of size 2.",
            cinder.Rejected,
            "rejected",
        ),
        (
            400,
            "badRequest",
            "Invalid backup: Backup already exists in database.",
            cinder.Rejected,
            "backup-exists",
        ),
        (400, "badRequest", "Malformed request url", cinder.Rejected, "rejected"),
        (
            400,
            "badRequest",
            f"Invalid input for field/attribute backup. Value: {{'foo': 1}}. {_EXTRA}",
            cinder.Rejected,
            "rejected",
        ),
        (
            404,
            "itemNotFound",
            f"Volume {VOLUME} could not be found.",
            cinder.NotFound,
            "not-found",
        ),
        (
            404,
            "itemNotFound",
            f"Backup {BACKUP} could not be found.",
            cinder.NotFound,
            "not-found",
        ),
        (404, "itemNotFound", "Service cinder-backup could not be found.", cinder.Busy, "busy"),
        (
            403,
            "forbidden",
            "Policy doesn't allow backup:create to be performed.",
            cinder.Rejected,
            "access-denied",
        ),
        (
            401,
            "error",
            "The request you have made requires authentication.",
            cinder.AccessDenied,
            "access-denied",
        ),
        (406, "computeFault", _NO_VERSION, cinder.Rejected, "rejected"),
        (413, "overLimit", _QUOTA, cinder.OverQuota, "over-quota"),
        (413, "overLimit", _QUOTA_SIZE, cinder.OverQuota, "over-quota"),
        (429, "overLimit", "This request was rate-limited.", cinder.Busy, "busy"),
        (
            503,
            "serviceUnavailable",
            "Service x could not be found.",
            cinder.Uncertain,
            "uncertain",
        ),
        (
            500,
            "computeFault",
            "The server has either erred or is incapable of performing the requested operation.",
            cinder.Uncertain,
            "uncertain",
        ),
    ],
)
def test_refusals(
    requests_mock: Mocker,
    client: cinder.Cinder,
    status: int,
    fault: str,
    message: str,
    kind: type[cinder.CinderError],
    code: str,
) -> None:
    answer = {fault: {"code": status, "message": message}}
    error = _refused(requests_mock, client, "create", status_code=status, json=answer)
    assert (type(error), error.code, error.message) == (kind, code, message)


def test_a_quota_is_a_reason_to_wait() -> None:
    assert issubclass(cinder.OverQuota, cinder.Busy)
    assert issubclass(cinder.NotFound, cinder.Rejected)
    assert not issubclass(cinder.Uncertain, (cinder.Busy, cinder.Rejected))


# ---------------------------------------------------------------- answers that are not Cinder's


@all_calls
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_load_balancer_without_cinder(
    requests_mock: Mocker, client: cinder.Cinder, call: str, status: int
) -> None:
    headers = {"Content-Type": "text/html"}
    error = _refused(
        requests_mock,
        client,
        call,
        status_code=status,
        text=HTML,
        headers=headers,
        reason="Bad Weather",
    )
    assert (type(error), error.message) == (cinder.Uncertain, f"HTTP {status} Bad Weather")


@pytest.mark.parametrize(
    "text", ["", "null", "[]", '"no"', "{}", '{"a": 1, "b": 2}', '{"badRequest": "no"}']
)
def test_a_refusal_in_an_unknown_shape(
    requests_mock: Mocker, client: cinder.Cinder, text: str
) -> None:
    error = _refused(
        requests_mock, client, "create", status_code=400, text=text, reason="Bad Request"
    )
    assert (type(error), error.message) == (cinder.Rejected, "HTTP 400 Bad Request")


@all_calls
@pytest.mark.parametrize("text", ["", HTML, "{}"], ids=["empty", "html", "object"])
def test_success_in_an_unknown_shape(
    requests_mock: Mocker, client: cinder.Cinder, call: str, text: str
) -> None:
    assert type(_refused(requests_mock, client, call, text=text)) is cinder.Uncertain


@all_calls
def test_too_many_requests(requests_mock: Mocker, client: cinder.Cinder, call: str) -> None:
    error = _refused(requests_mock, client, call, status_code=429, text="slow down")
    assert type(error) is cinder.Busy
    assert requests_mock.call_count == 1  # to wait is the business of the caller


# ---------------------------------------------------------------- no answer at all


@all_calls
@pytest.mark.parametrize(
    "failure",
    [
        requests.exceptions.ConnectTimeout,
        requests.exceptions.ReadTimeout,
        requests.exceptions.ConnectionError("Connection refused"),
        requests.exceptions.SSLError,
        requests.exceptions.ChunkedEncodingError,
        ks_exceptions.ServiceUnavailable,
    ],
)
def test_no_answer(requests_mock: Mocker, client: cinder.Cinder, call: str, failure: Any) -> None:
    error = _refused(requests_mock, client, call, exc=failure)
    assert type(error) is cinder.Uncertain
    assert error.message.startswith("No answer from Cinder: ")
    assert requests_mock.call_count == 1  # a repeated POST could be a second backup


@contextmanager
def _server(answer: bytes | None) -> Iterator[str]:
    """A server that sends these bytes to each request, and hangs up; None: it says nothing."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                connection, _ = listener.accept()
                with connection:
                    if over.is_set():
                        return
                    connection.recv(65536)
                    if answer is None:
                        over.wait(10)
                        continue
                    connection.sendall(answer)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass  # or what is unread would make it a reset

        thread = threading.Thread(target=serve)
        thread.start()
        address = listener.getsockname()
        try:
            yield f"http://127.0.0.1:{address[1]}/v3"
        finally:
            over.set()
            socket.create_connection(address).close()
            thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 202 Acc",
        b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\n" + b'{"backup": {"id": "',
        b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n" + b'9\r\n{"backup"\r\n',
        b"nonsense\r\n\r\n",
    ],
    ids=["nothing", "status", "body", "chunk", "nonsense"],
)
def test_an_answer_that_breaks_off(answer: bytes) -> None:
    with _server(answer) as url:
        assert type(_error("create", _client(url))) is cinder.Uncertain


def test_an_answer_that_does_not_come() -> None:
    with _server(None) as url:
        error = _error("create", _client(url, timeout=1))
    assert type(error) is cinder.Uncertain
    assert "timed out" in error.message


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert type(_error("create", _client(f"http://127.0.0.1:{port}/v3"))) is cinder.Uncertain


# ---------------------------------------------------------------- the way to Cinder


def test_what_is_sent(requests_mock: Mocker, client: cinder.Cinder) -> None:
    requests_mock.post(f"{URL}/backups", status_code=202, json={"backup": {"id": BACKUP}})
    assert _create(client) == BACKUP
    (request,) = requests_mock.request_history
    assert request.headers["OpenStack-API-Version"] == "volume 3.43"
    assert request.json() == {
        "backup": {
            "volume_id": VOLUME,
            "name": "nightly",
            "description": "Full backup",
            "incremental": False,
            "force": False,
            "metadata": {cinder.TASK_KEY: "a-task"},
        }
    }
    assert request.timeout == 60


def test_the_configured_endpoint_counts(requests_mock: Mocker) -> None:
    requests_mock.get("http://internal/v3/volumes/detail", json={"volumes": []})
    assert list(_client(endpoint_override="http://internal/v3").volumes()) == [[]]


@pytest.mark.parametrize(
    ("failure", "kind", "code"),
    [
        (ks_exceptions.EndpointNotFound("none"), cinder.Rejected, "no-endpoint"),
        (ks_exceptions.Unauthorized("no such trust"), cinder.AccessDenied, "access-denied"),
        (ks_exceptions.Forbidden("locked"), cinder.AccessDenied, "access-denied"),
        (ks_exceptions.ServiceUnavailable("Keystone"), cinder.Uncertain, "uncertain"),
        (ks_exceptions.ConnectFailure("Keystone"), cinder.Uncertain, "uncertain"),
    ],
)
def test_a_login_that_fails(
    monkeypatch: pytest.MonkeyPatch,
    client: cinder.Cinder,
    failure: Exception,
    kind: type[cinder.CinderError],
    code: str,
) -> None:
    def fail(*_: Any, **__: Any) -> str:
        raise failure

    monkeypatch.setattr(token_endpoint.Token, "get_endpoint", fail)
    error = _error("volumes", client)
    assert (type(error), error.code) == (kind, code)


# ---------------------------------------------------------------- pages


def _row(number: int, **values: Any) -> dict[str, Any]:
    """A backup as Cinder 29 lists it."""
    return {
        "id": f"backup-{number}",
        "status": "available",
        "size": 1,
        "object_count": 1,
        "availability_zone": "nova",
        "container": "31/88",
        "created_at": "2026-11-20T08:43:40.104121",
        "updated_at": "2026-11-20T08:43:40.510429",
        "name": "by-hand",
        "description": None,
        "fail_reason": None,
        "volume_id": VOLUME,
        "links": [],
        "is_incremental": False,
        "has_dependent_backups": False,
        "snapshot_id": None,
        "data_timestamp": "2026-11-20T08:43:40.104121",
        "metadata": {},
        **values,
    }


def _volume_row(**values: Any) -> dict[str, Any]:
    """What matters of a volume as Cinder 29 lists it."""
    return {
        "id": VOLUME,
        "name": "web-data",
        "status": "in-use",
        "size": 20,
        "volume_type": "ssd",
        "availability_zone": "nova",
        "attachments": [{"server_id": "server-1"}, {"server_id": "server-2"}],
        "bootable": "true",
        "created_at": "2026-11-20T08:43:40.000000",
        "updated_at": None,
        **values,
    }


def _page(*numbers: int, more: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"backups": [_row(number) for number in numbers]}
    if more:
        href = f"http://another-name/v3/backups/detail?limit=2&marker=backup-{numbers[-1]}"
        body["backups_links"] = [{"rel": "next", "href": href}]
    return body


def test_pages(requests_mock: Mocker, client: cinder.Cinder) -> None:
    pages = [_page(1, 2, more=True), _page(3, 4, more=True), _page(5, more=False)]
    requests_mock.get(f"{URL}/backups/detail", [{"json": page} for page in pages])
    found = [[backup.id for backup in page] for page in client.backups(volume_id=VOLUME)]
    assert found == [["backup-1", "backup-2"], ["backup-3", "backup-4"], ["backup-5"]]
    queries = [request.qs for request in requests_mock.request_history]
    common = {"limit": ["2"], "sort": ["created_at:desc"], "volume_id": [VOLUME]}
    assert queries == [
        common,
        {**common, "marker": ["backup-2"]},
        {**common, "marker": ["backup-4"]},
    ]


def test_a_page_is_read_only_when_it_is_wanted(
    requests_mock: Mocker, client: cinder.Cinder
) -> None:
    requests_mock.get(f"{URL}/backups/detail", json=_page(1, 2, more=True))
    next(client.backups())
    assert requests_mock.call_count == 1


def test_a_last_page_without_rows(requests_mock: Mocker, client: cinder.Cinder) -> None:
    # Cinder promises a next page whenever a page is full.
    pages = [_page(1, 2, more=True), {"backups": []}]
    requests_mock.get(f"{URL}/backups/detail", [{"json": page} for page in pages])
    assert [len(page) for page in client.backups()] == [2, 0]


def test_fewer_rows_than_asked_for_are_not_the_end(
    requests_mock: Mocker, client: cinder.Cinder
) -> None:
    # The operator of Cinder may have set a smaller limit.
    pages = [_page(1, more=True), _page(2, more=True), _page(3, more=False)]
    requests_mock.get(f"{URL}/backups/detail", [{"json": page} for page in pages])
    assert [len(page) for page in client.backups()] == [1, 1, 1]


def test_a_marker_that_vanished(requests_mock: Mocker, client: cinder.Cinder) -> None:
    gone = {"itemNotFound": {"code": 404, "message": "Backup backup-2 could not be found."}}
    answers: list[dict[str, Any]] = [
        {"json": _page(1, 2, more=True)},
        {"json": gone, "status_code": 404},
        {"json": _page(1, 3, more=True)},
        {"json": _page(4, more=False)},
    ]
    requests_mock.get(f"{URL}/backups/detail", answers)
    found = [backup.id for page in client.backups() for backup in page]
    # What it saw before comes again, and nothing is missing.
    assert found == ["backup-1", "backup-2", "backup-1", "backup-3", "backup-4"]


# ---------------------------------------------------------------- rows


def test_a_volume(requests_mock: Mocker, client: cinder.Cinder) -> None:
    requests_mock.get(f"{URL}/volumes/{VOLUME}", json={"volume": _volume_row()})
    assert client.volume(VOLUME) == cinder.Volume(
        id=VOLUME,
        name="web-data",
        status="in-use",
        size_gb=20,
        volume_type="ssd",
        availability_zone="nova",
        server_ids=["server-1", "server-2"],
        bootable=True,
        created_at=datetime(2026, 11, 20, 8, 43, 40, tzinfo=timezone.utc),
        updated_at=None,
    )


def test_a_volume_without_a_name(requests_mock: Mocker, client: cinder.Cinder) -> None:
    row = _volume_row(name="", attachments=[], bootable="false", volume_type=None)
    requests_mock.get(f"{URL}/volumes/{VOLUME}", json={"volume": row})
    volume = client.volume(VOLUME)
    assert (volume.name, volume.server_ids, volume.bootable) == (None, [], False)


def test_a_backup(requests_mock: Mocker, client: cinder.Cinder) -> None:
    row = _row(
        1,
        is_incremental=True,
        has_dependent_backups=True,
        description="Incremental backup",
        metadata={cinder.TASK_KEY: "a-task"},
    )
    requests_mock.get(f"{URL}/backups/{BACKUP}", json={"backup": row})
    created = datetime(2026, 11, 20, 8, 43, 40, 104121, tzinfo=timezone.utc)
    assert client.backup(BACKUP) == cinder.Backup(
        id="backup-1",
        volume_id=VOLUME,
        snapshot_id=None,
        name="by-hand",
        description="Incremental backup",
        status="available",
        is_incremental=True,
        has_dependents=True,
        size_gb=1,
        fail_reason=None,
        availability_zone="nova",
        data_timestamp=created,
        created_at=created,
        updated_at=created.replace(microsecond=510429),
        metadata={cinder.TASK_KEY: "a-task"},
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-20T08:43:40.104121", datetime(2026, 11, 20, 8, 43, 40, 104121)),
        ("2026-11-20T08:43:40", datetime(2026, 11, 20, 8, 43, 40)),
        ("2026-11-20T08:43:40Z", datetime(2026, 11, 20, 8, 43, 40)),
        ("2026-11-20T16:43:40+08:00", datetime(2026, 11, 20, 8, 43, 40)),
    ],
)
def test_times_are_utc(
    requests_mock: Mocker, client: cinder.Cinder, text: str, expected: datetime
) -> None:
    requests_mock.get(f"{URL}/backups/{BACKUP}", json={"backup": _row(1, created_at=text)})
    found = client.backup(BACKUP).created_at
    assert found == expected.replace(tzinfo=timezone.utc)
    assert found.utcoffset() is not None


def test_a_row_that_has_no_times_yet(requests_mock: Mocker, client: cinder.Cinder) -> None:
    row = _row(1, created_at=None, updated_at=None, data_timestamp=None, status="creating")
    requests_mock.get(f"{URL}/backups/{BACKUP}", json={"backup": row})
    backup = client.backup(BACKUP)
    assert (backup.updated_at, backup.data_timestamp) == (None, None)
    age = datetime.now(timezone.utc) - backup.created_at
    assert timedelta(0) <= age < timedelta(minutes=1)


_ROOT = {
    "versions": [
        {
            "id": "v3.0",
            "status": "CURRENT",
            "version": "3.71",
            "min_version": "3.0",
            "links": [{"rel": "self", "href": f"{URL}/"}],
        }
    ]
}


@pytest.mark.parametrize(
    ("endpoint", "root"),
    [
        (URL, "http://cinder/"),
        ("http://cloud/volume/v3/%(project_id)s", "http://cloud/volume/"),
    ],
)
def test_versions(requests_mock: Mocker, endpoint: str, root: str) -> None:
    requests_mock.get(root, json=_ROOT, status_code=300)
    found = _client(endpoint_override=endpoint).versions()
    assert found == cinder.Versions("3.0", "3.71")
    assert found.suffice
    # Access rules may keep the token from being of any use there.
    assert "X-Auth-Token" not in requests_mock.request_history[-1].headers


@pytest.mark.parametrize(
    ("highest", "suffice"), [("3.9", False), ("3.42", False), ("3.43", True), ("3.100", True)]
)
def test_versions_are_numbers(highest: str, suffice: bool) -> None:
    assert cinder.Versions("3.0", highest).suffice is suffice


@pytest.mark.parametrize(
    "answer",
    [
        {"exc": requests.ConnectionError},
        {"exc": requests.Timeout},
        {"status_code": 503, "text": HTML},
        {"status_code": 200, "text": HTML},
        {"status_code": 200, "json": {}},
    ],
)
def test_no_version_document(requests_mock: Mocker, answer: dict[str, Any]) -> None:
    requests_mock.get(ANY, **answer)
    with pytest.raises(cinder.Uncertain, match="No version document from Cinder at http://cinder/"):
        _client(endpoint_override=URL).versions()


# ---------------------------------------------------------------- restores


def test_a_new_volume(requests_mock: Mocker, client: cinder.Cinder) -> None:
    requests_mock.post(f"{URL}/volumes", json={"volume": {"id": VOLUME}})
    body = {"size": 5, "name": "restored", "metadata": {cinder.TASK_KEY: "a-task"}}
    # Where nothing is asked for, Cinder's own defaults hold.
    assert _create_volume(client) == VOLUME
    assert requests_mock.request_history[-1].json() == {"volume": body}
    wanted = {"availability_zone": "east", "volume_type": "fast"}
    assert _create_volume(client, **wanted) == VOLUME
    assert requests_mock.request_history[-1].json() == {"volume": {**body, **wanted}}


def test_a_restore(requests_mock: Mocker, client: cinder.Cinder) -> None:
    answer = {"backup_id": BACKUP, "volume_id": VOLUME, "volume_name": "restored"}
    requests_mock.post(f"{URL}/backups/{BACKUP}/restore", json={"restore": answer})
    assert client.restore_backup(BACKUP, VOLUME) == VOLUME
    assert requests_mock.request_history[-1].json() == {"restore": {"volume_id": VOLUME}}


def test_messages(requests_mock: Mocker, client: cinder.Cinder) -> None:
    def row(about: str, minute: int) -> dict[str, Any]:
        return {
            "event_id": "VOLUME_VOLUME_BACKUP_015_026",
            "user_message": f"message {minute}",
            "resource_uuid": about,
            "created_at": f"2026-11-20T08:{minute:02}:00.000000",
        }

    # The newest last, and one of another backup: Cinder did neither sort nor filter.
    rows = [row(BACKUP, 1), row(VOLUME, 3), row(BACKUP, 2), {"user_message": "of nothing"}]
    requests_mock.get(f"{URL}/messages", json={"messages": rows})
    newest, older = client.messages(BACKUP)
    assert requests_mock.request_history[-1].qs == {"resource_uuid": [BACKUP]}
    assert newest == cinder.Message(
        resource_id=BACKUP,
        action="015",
        text="message 2",
        created_at=datetime(2026, 11, 20, 8, 2, tzinfo=timezone.utc),
    )
    assert older.text == "message 1"


def test_records_stay_out_of_the_log(
    requests_mock: Mocker, client: cinder.Cinder, caplog: pytest.LogCaptureFixture
) -> None:
    record = {"backup_service": "a.driver", "backup_url": "cmVjaXBl"}
    requests_mock.get(f"{URL}/backups/{BACKUP}/export_record", json={"backup-record": record})
    requests_mock.post(f"{URL}/backups/import_record", json={"backup": {"id": BACKUP}})
    requests_mock.get(f"{URL}/backups/{BACKUP}", json={})
    with caplog.at_level(logging.DEBUG):
        assert client.export_record(BACKUP) == ("a.driver", "cmVjaXBl")
        assert client.import_record("a.driver", "cmVjaXBl") == BACKUP
        assert requests_mock.request_history[-1].json() == {"backup-record": record}
        assert "cmVjaXBl" not in caplog.text
        # Other requests are seen at that level.
        with pytest.raises(cinder.Uncertain):
            client.backup(BACKUP)
        assert f"/backups/{BACKUP}" in caplog.text


_LIMITS = {
    "maxTotalVolumes": 10,
    "maxTotalBackups": 10,
    "totalBackupsUsed": 3,
    "maxTotalBackupGigabytes": -1,
    "totalBackupGigabytesUsed": 40,
}


def test_limits_without_backups(requests_mock: Mocker, client: cinder.Cinder) -> None:
    absolute = {"maxTotalVolumes": 10}
    requests_mock.get(f"{URL}/limits", json={"limits": {"absolute": absolute}})
    with pytest.raises(cinder.Rejected, match="maxTotalBackups"):
        client.quota()


def test_quota(requests_mock: Mocker, client: cinder.Cinder) -> None:
    requests_mock.get(f"{URL}/limits", json={"limits": {"rate": [], "absolute": _LIMITS}})
    assert client.quota() == Quota(backups=10, backups_used=3, gigabytes=None, gigabytes_used=40)

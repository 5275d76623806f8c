"""What somebody sends in order to reach the database, the headers, the log or the memory."""

from __future__ import annotations

import gzip
import http.client
import itertools
import json
import re
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from backup_manager.api.routes import ROUTES
from sandbox.client import Sandbox
from tests.functional.stack import Stack, Tenant, once, wait_for
from tests.functional.test_requests import rows

_SECONDS = 60
_DAILY = {"type": "daily", "time": "02:00"}
# Each in a name and in a filter; what SQL, LIKE, SQLAlchemy and formats would take for their own.
_TEXTS = (
    "'",
    '"',
    "\\",
    "\\'",
    "%",
    "_",
    "100%",
    "a_b",
    "' OR '1'='1",
    "'; DROP TABLE schedules; --",
    "') UNION SELECT trust_id FROM delegations -- ",
    "/* */ # --",
    ":id",
    "%s %(id)s {0}",
    "${jndi:ldap://127.0.0.1/}",
    "İstanbul ß 💾",
)
_FORGED_LINE = "2026-11-28 02:00:00.000 1 CRITICAL forged by a client"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


@dataclass(frozen=True)
class Client:
    """A member of a project, whose requests nothing tidies up.

    :param names: of his schedules
    """

    stack: Stack
    tenant: Tenant
    token: str
    names: tuple[str, ...] = ()

    @property
    def project_id(self) -> str:
        return self.tenant.project.id

    def __call__(
        self, method: str, url: str, body: Any = None, token: str | None = "", **headers: str
    ) -> Answer:
        """:param token: his own where it is empty, none where it is None"""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["X-Auth-Token"] = token or self.token
        connection = http.client.HTTPConnection("127.0.0.1", self.stack.port, timeout=_SECONDS)
        try:
            content = json.dumps(body) if isinstance(body, dict) else body
            connection.request(method, url, content, sent)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read().decode())
        finally:
            connection.close()

    def raw(self, content: bytes) -> bytes:
        """What comes back for something that is hardly HTTP, until the service hangs up."""
        with socket.create_connection(("127.0.0.1", self.stack.port), _SECONDS) as connection:
            try:
                connection.sendall(content)
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it has seen enough
            received = b""
            try:
                while more := connection.recv(65536):
                    received += more
            except ConnectionResetError:
                pass
            return received


@pytest.fixture(scope="module")
def client(stack: Stack, sandbox: Sandbox) -> Client:
    tenant = Tenant(sandbox, sandbox.create_project())
    volume = sandbox.create_volume(tenant.connection, "50% _off_ 'now'")
    names = []
    for number, text in enumerate(_TEXTS):
        names.append(f"{number}: {text} :end")
        tenant.client.create_schedule(names[-1], _DAILY, [volume.id], is_enabled=False)
    return Client(stack, tenant, str(tenant.connection.session.get_token()), tuple(names))


# ---------------------------------------------------------------- the database


@pytest.mark.parametrize("text", _TEXTS)
def test_a_text_is_nothing_but_a_text(client: Client, text: str) -> None:
    for search in (text, text.upper(), f"{text} :e"):
        found = client("GET", f"/v1/schedules?{urlencode({'search': search})}").body["schedules"]
        assert {each["name"] for each in found} == {
            name for name in client.names if search.lower() in name.lower()
        }
    name = next(each for each in client.names if f" {text} :end" in each)
    for wanted, count in ((name, 1), (text, 0), (f"{text}%", 0)):
        found = client("GET", f"/v1/schedules?{urlencode({'name': wanted})}").body["schedules"]
        assert [each["name"] for each in found] == [name] * count


def test_wildcards_of_sql_are_letters(client: Client) -> None:
    for search, count in (("50% _OFF_", 1), ("5_%", 0), ("%", 1), ("_", 1), ("now%", 0)):
        query = urlencode({"search": search})
        assert len(client("GET", f"/v1/volumes?{query}").body["volumes"]) == count, search


def _parameters() -> list[tuple[str, str]]:
    return [
        (route.path, name)
        for route in ROUTES
        if route.method == "GET"
        for name in route.operation.query["properties"]
    ]


def test_no_parameter_reaches_the_database_as_sql(client: Client) -> None:
    """Each parameter of each route, also together with what makes it count."""
    before = rows(client.stack, client.project_id)
    nothing = str(uuid.uuid4())
    problems = []
    for (path, name), text in itertools.product(_parameters(), (*_TEXTS, "1e1", "-1", "9" * 19)):
        url = re.sub(r"{\w+}", nothing, path)
        answer = client("GET", f"{url}?{urlencode({name: text})}")
        # Only texts are looked for at all; ids and numbers are refused before.
        if answer.status not in ({200, 404} if name in ("name", "search", "status") else {400}):
            problems.append((url, name, text, answer))
        if re.search("sqlalchemy|pymysql|sqlite|syntax|SELECT id", answer.text):
            problems.append((url, name, text, answer))
    # Policies and paths are looked at before parameters.
    assert [each for each in problems if each[3].status not in (400, 403, 404)] == []
    assert rows(client.stack, client.project_id) == before


def test_no_id_reaches_the_database_as_sql(client: Client) -> None:
    before = rows(client.stack, client.project_id)
    for route in ROUTES:
        if "{" not in route.path:
            continue
        for text in (*_TEXTS, "..", "a\r\nSet-Cookie: a=b", "\0", "1" * 36, "x" * 5_000):
            url = re.sub(r"{\w+}", quote(text, safe=""), route.path)
            body = {} if route.operation.request else None
            answer = client(route.method, url, body)
            # 405: one of the texts makes the path of another route.
            assert answer.status in (400, 403, 404, 405), (route.method, url, answer)
            assert "Set-Cookie" not in answer.headers
    for text in _TEXTS:
        for noun, values in (
            ("backup", {"volumes": [text]}),
            ("deletion", {"backup_ids": [text]}),
            ("restore", {"items": [{"backup_id": text}]}),
            ("cleanup", {"volume_policies": [{"volume_id": text, "max_age_days": 1}]}),
        ):
            assert client("POST", f"/v1/{noun}s", {noun: values}).status == 400
    assert rows(client.stack, client.project_id) == before


# ---------------------------------------------------------------- headers

_IDENTITY = {
    "X_Identity_Status": "Confirmed",
    "X_Roles": "admin,member,reader,service",
    "X_Role": "admin",
    "X_User_Id": "0" * 32,
    "X_Project_Id": "0" * 32,
    "X_Tenant_Id": "0" * 32,
    "X_Is_Admin_Project": "True",
    "X_Service_Identity_Status": "Confirmed",
    "X_Service_Roles": "admin,service",
    "OpenStack_System_Scope": "all",
    "X_Domain_Id": "default",
}


@once
def test_nobody_says_himself_who_he_is(client: Client) -> None:
    for route in ROUTES:
        if route.policy is not None:
            url = re.sub(r"{\w+}", str(uuid.uuid4()), route.path)
            body = {} if route.operation.request else None
            assert client(route.method, url, body, token=None, **_IDENTITY).status == 401
            assert client(route.method, url, body, token="forged", **_IDENTITY).status == 401
    # A good token counts, and nothing beside it.
    found = client("GET", "/v1/schedules", **_IDENTITY).body["schedules"]
    assert {each["project_id"] for each in found} == {client.project_id}
    assert client("GET", "/v1/services", **_IDENTITY).status == 403
    assert client("GET", "/v1/schedules?all_projects=true", **_IDENTITY).status == 403
    # The names of WSGI's variables can't be reached in another spelling either.
    spelt = client.raw(
        b"GET /v1/services HTTP/1.1\r\nHost: localhost\r\nX_Identity_Status: Confirmed\r\n"
        b"X_Roles: admin\r\nX_Project_Id: 1\r\nConnection: close\r\n\r\n"
    )
    assert spelt.startswith((b"HTTP/1.1 401 ", b"HTTP/1.1 400 "))


@once
def test_the_id_of_a_request_is_the_services_own(client: Client) -> None:
    for sent in ("req-forged", f"req-{uuid.uuid4()}", "req-1 CRITICAL forged", "x" * 4_000):
        answer = client("GET", "/v1/info", X_Openstack_Request_Id=sent)
        assert re.fullmatch(r"req-[0-9a-f-]{36}", answer.headers["x-openstack-request-id"])
        assert answer.headers["x-openstack-request-id"] != sent
    assert "forged" not in client.stack.directory.joinpath("api.log").read_text()


@once
def test_links_are_not_bent_by_a_client(client: Client) -> None:
    """Only a front that the operator believes may say what the service is called.

    The scheme alone gunicorn takes from any front on the same host.
    """
    plain = client("GET", "/").body
    for forged in (
        {"X_Forwarded_Host": "evil.example"},
        {"X_Forwarded_Prefix": "/evil"},
        {"X_Forwarded_For": "192.0.2.1"},
        {"Forwarded": "for=192.0.2.1;host=evil.example;proto=https"},
        {"X_Original_Url": "/v1/services"},
        {"X_Http_Method_Override": "DELETE"},
    ):
        assert client("GET", "/", **forged).body == plain
    page = client("GET", "/v1/schedules?limit=1", X_Forwarded_Host="evil.example")
    assert "evil" not in page.text
    for host in ("a b", "<script>", "evil.example/", "[::1", "x:99999", "a\tb", "é"):
        answer = client.raw(
            f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("latin-1")
        )
        assert re.match(rb"HTTP/1.1 (300|400) ", answer), (host, answer)
        assert b"<script>" not in answer.partition(b"\r\n\r\n")[0]


@once
def test_requests_are_not_smuggled(client: Client) -> None:
    """A second request in the body of the first is no request, and a doubtful length is refused."""
    hidden = b"GET /v1/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = b"POST /v1/backups HTTP/1.1\r\nHost: localhost\r\n"
    for lengths in (
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 5 5\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: x\r\n",
        b"X: a\r\n Content-Length: 1\r\n",
        b"Content Length: 5\r\n",
    ):
        received = client.raw(head + lengths + b"\r\n0\r\n\r\n" + hidden)
        statuses = re.findall(rb"HTTP/1.1 (\d+) ", received)
        assert statuses in ([b"400"], [b"501"], []), (lengths, received)


# ---------------------------------------------------------------- bodies


@once
def test_no_kind_of_content_is_a_problem(client: Client) -> None:
    before = rows(client.stack, client.project_id)
    content = json.dumps({"simulation": {"days": 1}}).encode()
    for sent, headers in (
        (gzip.compress(content), {"Content_Encoding": "gzip"}),
        (gzip.compress(b"0" * 50_000_000), {"Content_Encoding": "gzip"}),
        (b"simulation=1", {"Content_Type": "application/x-www-form-urlencoded"}),
        (b"<simulation/>", {"Content_Type": "application/xml"}),
        (b"--x\r\n\r\n1\r\n--x--", {"Content_Type": "multipart/form-data; boundary=x"}),
        (content.decode().encode("utf-16-be")[1:], {"Content_Type": "application/json"}),
        (b"\xff\xfe\x00\xd8", {"Content_Type": "application/json; charset=utf-7"}),
    ):
        for path in ("/v1/retention/simulate", "/v1/schedules", "/v1/backups"):
            answer = client("POST", path, sent, **headers)
            assert (answer.status, answer.body["error"]["message"]) == (
                400,
                "the body is not JSON",
            )
    assert rows(client.stack, client.project_id) == before


@once
def test_no_length_of_a_request_is_a_problem(client: Client) -> None:
    before = rows(client.stack, client.project_id)
    many = urlencode([(f"p{number}", "x") for number in range(800)])
    assert client("GET", f"/v1/volumes?{many}").status == 400
    assert client("GET", f"/v1/volumes?{'&' * 8_000}").status in (200, 400)
    for url in (f"/v1/volumes?{many * 5}", f"/v1/{'x' * 9_000}"):
        assert client.raw(f"GET {url} HTTP/1.1\r\n\r\n".encode()).startswith(b"HTTP/1.1 4")
    heads = b"".join(b"X-%d: x\r\n" % number for number in range(200))
    for more in (heads, b"X: " + b"x" * 9_000 + b"\r\n", b"X-Auth-Token: " + b"x" * 8_000):
        received = client.raw(b"GET /v1/volumes HTTP/1.1\r\nHost: x\r\n" + more + b"\r\n\r\n")
        assert received.startswith(b"HTTP/1.1 4"), received
    assert rows(client.stack, client.project_id) == before


def _peak(stack: Stack) -> int:
    """MiB that the processes of the API have had at most, all together."""
    (api,) = (each for each in stack._programs if each.log.name == "api.log")
    total = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rpartition(")")[2].split()[2]) == api.running.pid:
                status = path.with_name("status").read_text()
                total += int(re.findall(r"VmHWM:\s+(\d+)", status)[0])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total // 1024


@once
def test_large_bodies_are_not_kept(client: Client) -> None:
    """Who may not import anything fills no memory with what he sends there."""
    before = _peak(client.stack)
    assert before > 30
    for token in ("forged", client.token):
        for _ in range(5):
            head = f"POST /v1/backups/import HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {token}\r\n"
            head += "Connection: close\r\nContent-Length: 8000000\r\n\r\n"
            # Whoever is refused may be hung up on before he has sent all.
            received = client.raw(head.encode() + b"[" * 8_000_000)
            assert re.match(rb"(HTTP/1.1 40[13] |$)", received), received
            answer = client("POST", "/v1/schedules", b"[" * 100_000, token=token)
            assert answer.status in (400, 401)
    assert _peak(client.stack) - before < 64


# ---------------------------------------------------------------- the log

_RECORD = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \d+ [A-Z]+ [\w.]+ \[")


def _forged(log: Path) -> list[str]:
    return [line for line in log.read_text().splitlines() if line.startswith(_FORGED_LINE)]


@once
def test_nobody_writes_lines_into_the_log_of_the_api(client: Client) -> None:
    log = client.stack.directory / "api.log"
    for text in (f"x\n{_FORGED_LINE}", f"x\r\n{_FORGED_LINE}", f"x\r{_FORGED_LINE}"):
        coded = quote(text, safe="")
        assert client("GET", f"/v1/{coded}").status == 404
        assert client("GET", f"/v1/schedules/{coded}").status == 404
        assert client("GET", f"/v1/schedules?name={coded}").status in (200, 400)
        assert client("GET", f"/v1/schedules?{coded}=1").status == 400
        assert client("DELETE", f"/v1/backups/{coded}").status in (404, 405)
        schedule = {"name": text, "recurrence": _DAILY, "volumes": []}
        assert client("POST", "/v1/schedules", {"schedule": schedule}).status == 400
        assert client("GET", f"/v1/schedules/{coded}", token=None).status == 401
    assert _forged(log) == []


def test_nobody_writes_lines_into_the_log_of_an_engine(
    stack: Stack, tenant: Tenant, sandbox: Sandbox
) -> None:
    """Names and the words of Cinder may hold line breaks."""
    volume = sandbox.create_volume(tenant.connection, f"x\n{_FORGED_LINE}")
    with sandbox.fault("backup", error=f"x\n{_FORGED_LINE}", volume_id=volume.id):
        run = tenant.finished(tenant.client.create_backup([volume.id]))
    (task,) = tenant.client.run_tasks(run)
    assert (run.status, _FORGED_LINE in task.error) == ("failed", True)
    log = stack.directory / "engine.log"
    wait_for(lambda: f"Task {task.id} failed" in log.read_text())
    assert _forged(log) == []

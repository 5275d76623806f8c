"""A proxy that stands in front of Cinder and, on demand, makes trouble on the way."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_Headers = list[tuple[str, str]]
_NOT_PASSED_ON = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}
_UNHAPPY = b"<html><body>The load balancer is unhappy.</body></html>"


@dataclass(frozen=True)
class Trouble:
    """What happens to a request.

    :param status: answer with this; None leaves it to Cinder
    :param forward: whether Cinder gets the request
    :param drop: hang up instead of answering
    :param delay: seconds between Cinder's answer and ours
    """

    status: int | None = None
    forward: bool = True
    drop: bool = False
    delay: float = 0


NO_TROUBLE = Trouble()
# From the method of a request, and how many came before it, to its trouble.
Rule = Callable[[str, int], Trouble]


class Proxy(ThreadingHTTPServer):
    """Use its ``url`` in place of Cinder's.

    :param target: Cinder's URL
    """

    daemon_threads = True

    def __init__(self, target: str, rule: Rule) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        parts = urlsplit(target)
        self.target = parts.netloc
        self.url = f"http://127.0.0.1:{self.server_port}{parts.path}"
        self._rule = rule
        self._methods: list[str] = []
        self._lock = threading.Lock()

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield
        finally:
            self.shutdown()
            thread.join()
            self.server_close()

    def trouble(self, method: str) -> Trouble:
        """Note a request, and say what is to happen to it."""
        with self._lock:
            self._methods.append(method)
            return self._rule(method, len(self._methods) - 1)

    def count(self, method: str) -> int:
        """How many requests of that method came."""
        return self._methods.count(method)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def _handle(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        trouble = self.server.trouble(self.command)
        status, headers, body = self._forward(content) if trouble.forward else (502, [], b"")
        time.sleep(trouble.delay)
        if trouble.drop:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif trouble.status is not None:
            self._answer(trouble.status, [("Content-Type", "text/html")], _UNHAPPY)
        else:
            self._answer(status, headers, body)

    do_DELETE = do_GET = do_POST = do_PUT = _handle

    def _forward(self, content: bytes) -> tuple[int, _Headers, bytes]:
        cinder = http.client.HTTPConnection(self.server.target, timeout=60)
        try:
            headers = dict(_passed_on(self.headers.items()))
            cinder.request(self.command, self.path, content or None, headers)
            answer = cinder.getresponse()
            return answer.status, _passed_on(answer.getheaders()), answer.read()
        finally:
            cinder.close()

    def _answer(self, status: int, headers: _Headers, body: bytes) -> None:
        self.send_response_only(status)
        for name, value in [*headers, ("Content-Length", str(len(body)))]:
            self.send_header(name, value)
        try:
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # the client had enough of waiting

    def log_message(self, *arguments: Any) -> None:
        """Keep quiet."""


def _passed_on(headers: Iterable[tuple[str, str]]) -> _Headers:
    return [(name, value) for name, value in headers if name.lower() not in _NOT_PASSED_ON]

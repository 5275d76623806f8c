"""Signs of life for systemd, which starts an engine anew that gives none (``WatchdogSec=``)."""

from __future__ import annotations

import os
import socket
import time

from oslo_log import log as logging

LOG = logging.getLogger(__name__)


class Watchdog:
    """Call it whenever the work moves on; it passes that on four times per interval at most.

    Make it before oslo.service starts: that says READY=1 and then takes ``NOTIFY_SOCKET`` away.
    """

    def __init__(self) -> None:
        address = os.environ.get("NOTIFY_SOCKET", "")
        # In the abstract namespace, a leading @ stands for a zero byte.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._pause = int(os.environ.get("WATCHDOG_USEC", "0")) / 1e6 / 4
        self._next = 0.0

    def __call__(self) -> None:
        now = time.monotonic()
        if not self._address or not self._pause or now < self._next:
            return
        self._next = now + self._pause
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
                notify.connect(self._address)
                notify.sendall(b"WATCHDOG=1")
        except OSError as error:
            LOG.warning("systemd can't be told that the engine is alive: %s", error)

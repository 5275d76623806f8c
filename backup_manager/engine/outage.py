"""What the timers of an engine do while the database is away: nothing, and one of them looks.

Each of them on its own would try, wait, fail and log, some ten times a second in all.
"""

from __future__ import annotations

import threading
import time

from oslo_log import log as logging

from backup_manager.db import health
from backup_manager.db import session as db_session

LOG = logging.getLogger(__name__)

_FIRST_PAUSE_S = 1
_LONGEST_PAUSE_S = 60


class Outage:
    """Shared by the timers of an engine; without trouble it costs the look at one attribute."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # On the monotonic clock. None: the database was there when it was last needed.
        self._since: float | None = None
        self._look_at = 0.0
        self._pause_s = 0

    def is_over(self) -> bool:
        """Whether there is a database to work with; one caller of many looks, now and then."""
        with self._lock:
            if self._since is None:
                return True
            if time.monotonic() < self._look_at:
                return False
            # Nobody else looks while this one does.
            self._look_at = time.monotonic() + _LONGEST_PAUSE_S
        if (error := _look()) is not None:
            self._wait(error)
            return False
        with self._lock:
            seconds = time.monotonic() - self._since
            self._since = None
        LOG.info("The database answers again, after %d s", seconds)
        return True

    def note(self, error: Exception) -> bool:
        """Begin to wait, if the error says that the database is away.

        :returns: whether it says that
        """
        if not db_session.is_away(error):
            return False
        with self._lock:
            if self._since is not None:
                return True
            self._since = time.monotonic()
            self._pause_s = 0
        self._wait(error)
        return True

    def _wait(self, error: Exception) -> None:
        with self._lock:
            self._pause_s = min(self._pause_s * 2 or _FIRST_PAUSE_S, _LONGEST_PAUSE_S)
            self._look_at = time.monotonic() + self._pause_s
        LOG.error(
            "The database does not answer: %s. Nothing is done until it does; next look in %d s",
            db_session.words(error),
            self._pause_s,
        )


def _look() -> Exception | None:
    """What the database has against being asked; None when it answers."""
    try:
        with db_session.reader() as session:
            health.ping(session)
    except Exception as error:
        return error
    return None

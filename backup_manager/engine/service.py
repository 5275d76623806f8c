"""The engine process: which timer calls what, and how it starts and stops."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from oslo_config import cfg
from oslo_log import log as logging
from oslo_service import service
from oslo_utils import uuidutils

from backup_manager import clock
from backup_manager.db import migration
from backup_manager.db import service as db
from backup_manager.db import session as db_session
from backup_manager.db.models import Service
from backup_manager.engine.clients import Clients
from backup_manager.engine.expire import Expire
from backup_manager.engine.fire import Fire
from backup_manager.engine.history import History
from backup_manager.engine.outage import Outage
from backup_manager.engine.recover import Recover
from backup_manager.engine.retain import Retain
from backup_manager.engine.submit import Submit
from backup_manager.engine.sync import Release, Sync
from backup_manager.engine.track import Track
from backup_manager.engine.watchdog import Watchdog
from backup_manager.keyring import Keyring
from backup_manager.version import VERSION

LOG = logging.getLogger(__name__)

BINARY = "backup-manager-engine"
_RELEASE_INTERVAL = 600
_HISTORY_INTERVAL = 600


class Engine(service.Service):
    """One engine. Any number of them share a database, on any hosts.

    Nothing is opened before ``start``: that runs in the worker, after the fork.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        super().__init__()
        self._conf = conf
        self._id = ""
        self._submit: Submit | None = None
        self._outage = Outage()
        self._watchdog = Watchdog()

    def start(self) -> None:
        """Begin to work, in the background.

        :raises SchemaMismatch: the database is not at the revision of this version
        """
        conf = self._conf
        # Each worker that is forked anew is another engine.
        self._id = uuidutils.generate_uuid()
        db_session.configure(conf)
        migration.check()
        self._register()
        clients = Clients(conf, Keyring(conf))
        submit = self._submit = Submit(conf, clients, f"{conf.engine.host}:{self._id}")
        fire = Fire(conf)

        def fire_and_submit() -> None:
            if fire():
                submit()

        def next_second() -> float:
            # A database that is away is no reason to start anew; one that never answers is.
            self._watchdog()
            return self._whole_second()

        self._every(next_second, fire_and_submit)
        self._every(lambda: 1, submit)
        self._every(lambda: 5, Expire())
        self._every(lambda: 5, Recover(conf, clients, f"{conf.engine.host}:{self._id}"))
        self._every(lambda: conf.engine.track_interval, Track(conf, clients))
        self._every(lambda: min(conf.engine.sync_interval, 5), Sync(conf, clients))
        self._every(lambda: 5, Retain(conf, clients))
        self._every(lambda: _RELEASE_INTERVAL, Release(conf), initial_delay=_RELEASE_INTERVAL)
        self._every(lambda: _HISTORY_INTERVAL, History(conf), initial_delay=_HISTORY_INTERVAL)
        self._every(lambda: conf.engine.heartbeat_interval, self._beat)
        LOG.info("Engine %s on %s is ready", self._id, conf.engine.host)

    def stop(self, graceful: bool = True) -> None:
        """Finish what is under way, leave the rest to others, and take leave."""
        LOG.info("Engine %s is stopping", self._id)
        super().stop(graceful=True)
        if self._submit is not None:
            self._submit.stop()
            self._unregister()
        LOG.info("Engine %s has stopped", self._id)

    def _every(
        self,
        pause: Callable[[], float],
        tick: Callable[[], Any],
        initial_delay: float | None = None,
    ) -> None:
        """Call ``tick`` again and again; one that fails is logged, and the next one comes.

        :param pause: seconds to the next call, asked anew each time, so that options may change
        """
        name = getattr(tick, "__qualname__", type(tick).__name__)

        def safely() -> float:
            failure: Exception | None = None
            try:
                if self._outage.is_over():
                    tick()
            except Exception as error:
                failure = error
            # Not above: to what is logged there, oslo.log adds the error once more.
            if failure is not None and not self._outage.note(failure):
                LOG.error("%s failed; it is called again in due time", name, exc_info=failure)
            return pause()

        self.tg.add_dynamic_timer_args(safely, initial_delay=initial_delay, stop_on_exception=False)

    @staticmethod
    def _whole_second() -> float:
        """Schedules are due at whole seconds: look right after each begins."""
        return 1.002 - time.time() % 1

    @db_session.retry
    def _register(self) -> None:
        now = clock.now()
        stale = now - timedelta(seconds=self._conf.engine.down_after)
        row = Service(
            id=self._id,
            binary=BINARY,
            host=self._conf.engine.host,
            version=VERSION,
            started_at=now,
            heartbeat_at=now,
        )
        with db_session.writer() as session:
            db.register(session, row, stale)

    def _beat(self) -> None:
        with db_session.writer() as session:
            alive = db.beat(session, self._id, clock.now())
        if not alive:
            # A paused engine that another one took for dead enters the list again.
            self._register()

    @db_session.retry
    def _unregister(self) -> None:
        with db_session.writer() as session:
            db.unregister(session, self._id)

"""``backup-manager-engine``: runs schedules and their backups until it is told to stop."""

from __future__ import annotations

import sys

from oslo_config import cfg
from oslo_log import log as logging
from oslo_service import service

from backup_manager import conf, exceptions
from backup_manager.db import migration
from backup_manager.db import session as db_session
from backup_manager.engine import outcome
from backup_manager.engine.service import Engine

LOG = logging.getLogger(__name__)

_DESCRIPTION = """\
Run schedules and their backups until it is told to stop. SIGTERM ends it in good order, SIGHUP
reads the configuration again.
"""


def main() -> int:
    """Run the engine; SIGTERM ends it in good order, SIGHUP reads the configuration again."""
    try:
        options = conf.load(sys.argv[1:], description=_DESCRIPTION)
        _check(options)
    except (exceptions.BackupManagerError, cfg.Error) as error:
        LOG.error("%s", error)
        print(f"backup-manager-engine: {error}", file=sys.stderr)
        return 1
    launcher = service.launch(options, Engine(options), restart_method="mutate")
    return launcher.wait() or 0


def _check(options: cfg.ConfigOpts) -> None:
    """Refuse at once what would only fail again and again in the worker."""
    outcome.check_timeouts(options)
    db_session.configure(options)
    migration.check()
    # The worker opens connections of its own after the fork.
    db_session.engine().dispose()


if __name__ == "__main__":
    sys.exit(main())

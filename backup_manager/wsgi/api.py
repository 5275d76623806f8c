"""``gunicorn backup_manager.wsgi.api:application``, or the same with another server."""

from __future__ import annotations

import os

from flask import Flask
from oslo_log import log as logging

from backup_manager import conf as config
from backup_manager.api import app
from backup_manager.db import migration, session

LOG = logging.getLogger(__name__)

# WSGI servers pass no arguments: paths of configuration files, separated by colons, instead of
# the usual places.
CONFIG_FILES = "BACKUP_MANAGER_CONFIG_FILES"


def build() -> Flask:
    """The application as the configuration says.

    :raises SchemaMismatch: the database was not migrated, or is newer than this
    """
    files = [path for path in os.environ.get(CONFIG_FILES, "").split(":") if path]
    conf = config.load(config_files=files or None)
    session.configure(conf)
    try:
        migration.check()
    except Exception as error:
        LOG.critical("The API can't start: %s", error)
        raise
    # Servers may fork after loading this; connections must not be shared with the children.
    session.engine().dispose()
    return app.create_app(conf)


application = build()

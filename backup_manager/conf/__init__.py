"""Configuration: one module per option group, collected here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from keystoneauth1 import loading as ks_loading
from keystonemiddleware import opts as auth_token_opts
from oslo_config import cfg
from oslo_db import options as db_options
from oslo_log import log as logging
from oslo_middleware.healthcheck import opts as healthcheck_opts
from oslo_policy import opts as policy_opts

from backup_manager import log
from backup_manager.conf import (
    admin_credentials,
    api,
    backup,
    cinder,
    delegation,
    engine,
    retention,
    service_credentials,
)
from backup_manager.version import VERSION

_GROUPS = (
    *(api, backup, cinder, delegation, engine, retention),
    *(service_credentials, admin_credentials),
)

# Good for one host; the help of [database]connection says when MariaDB is needed.
DEFAULT_DATABASE = "sqlite:////var/lib/backup-manager/backup-manager.sqlite"
_DATABASE_DEFAULTS: dict[str, Any] = {
    "connection": DEFAULT_DATABASE,
    # An engine's dozen workers and its timers; with fewer they open a connection for nearly each
    # use.
    "max_pool_size": 25,
}
_LOG_LEVELS = [
    *logging.get_default_log_levels(),
    "alembic=WARN",
    "cotyledon=WARN",
    "futurist=WARN",
    # Whoever asked logs what it was, once.
    "oslo_db.api=CRITICAL",
    "oslo_service=INFO",
]


def list_opts() -> Iterable[tuple[str, Sequence[cfg.Opt]]]:
    """All our options, for oslo-config-generator."""
    yield from _own_opts()
    # Who the service is: keystoneauth registers these only when auth_type says so.
    yield service_credentials.DEFAULT_SECTION, ks_loading.get_auth_plugin_conf_options("password")


def set_sample_defaults() -> None:
    """Our defaults for options of libraries, for oslo-config-generator, which has no ``conf``."""
    logging.set_defaults(default_log_levels=_LOG_LEVELS)
    cfg.set_defaults(db_options.database_opts, **_DATABASE_DEFAULTS)
    cfg.set_defaults(healthcheck_opts.HEALTHCHECK_OPTS, backends=[api.DATABASE_CHECK])
    cfg.set_defaults(service_credentials.OPTS, **service_credentials.DEFAULTS)


def _own_opts() -> Iterable[tuple[str, Sequence[cfg.Opt]]]:
    for group in _GROUPS:
        yield from group.list_opts()


def load(
    args: Sequence[str] = (),
    config_files: Sequence[str] | None = None,
    description: str | None = None,
) -> cfg.ConfigOpts:
    """Read the configuration and set up logging.

    :param args: command-line arguments, without the program's name
    :param config_files: read these instead of the default places
    :param description: what the program says of itself with ``--help``
    :returns: a configuration object of its own: nothing global is touched
    """
    conf = cfg.ConfigOpts()
    register(conf)
    conf(
        list(args),
        project="backup-manager",
        version=VERSION,
        default_config_files=list(config_files) if config_files else None,
        description=description,
    )
    logging.setup(conf, "backup-manager")
    log.protect()
    return conf


def register(conf: cfg.ConfigOpts) -> None:
    """Register every option that the service reads on ``conf``."""
    logging.register_options(conf)
    logging.set_defaults(default_log_levels=_LOG_LEVELS)
    db_options.set_defaults(conf, **_DATABASE_DEFAULTS)
    policy_opts.set_defaults(conf, policy_file="policy.yaml")
    for group, opts in [*auth_token_opts.list_auth_token_opts(), *_own_opts()]:
        conf.register_opts(opts, group=group)
    service_credentials.set_defaults(conf)

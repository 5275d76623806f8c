"""Configuration: one module per option group, collected here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from keystonemiddleware import opts as auth_token_opts
from oslo_config import cfg
from oslo_db import options as db_options
from oslo_log import log as logging
from oslo_policy import opts as policy_opts

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
# An engine's dozen workers and its timers; with fewer they open a connection for nearly each use.
_MAX_POOL_SIZE = 25


def list_opts() -> Iterable[tuple[str, Sequence[cfg.Opt]]]:
    """All our options, for oslo-config-generator."""
    for group in _GROUPS:
        yield from group.list_opts()


def load(
    args: Sequence[str] = (),
    config_files: Sequence[str] | None = None,
    cli_opts: Sequence[cfg.Opt] = (),
) -> cfg.ConfigOpts:
    """Read the configuration and set up logging.

    :param args: command-line arguments, without the program's name
    :param config_files: read these instead of the default places
    :param cli_opts: options of one command, given on its command line
    :returns: a configuration object of its own: nothing global is touched
    """
    conf = cfg.ConfigOpts()
    register(conf)
    conf.register_cli_opts(cli_opts)
    conf(
        list(args),
        project="backup-manager",
        version=VERSION,
        default_config_files=list(config_files) if config_files else None,
    )
    logging.setup(conf, "backup-manager")
    return conf


def register(conf: cfg.ConfigOpts) -> None:
    """Register every option that the service reads on ``conf``."""
    logging.register_options(conf)
    logging.set_defaults(
        default_log_levels=[
            *logging.get_default_log_levels(),
            "alembic=WARN",
            "cotyledon=WARN",
            "futurist=WARN",
            "oslo_service=INFO",
        ]
    )
    db_options.set_defaults(conf, connection=DEFAULT_DATABASE, max_pool_size=_MAX_POOL_SIZE)
    policy_opts.set_defaults(conf, policy_file="policy.yaml")
    for group, opts in [*auth_token_opts.list_auth_token_opts(), *list_opts()]:
        conf.register_opts(opts, group=group)
    service_credentials.set_defaults(conf)

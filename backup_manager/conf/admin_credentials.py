"""Options of the administrator with whose rights records of backups are exported and imported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from keystoneauth1 import loading as ks_loading
from oslo_config import cfg

from backup_manager.conf import service_credentials

GROUP = "admin_credentials"

OPTS = [*ks_loading.get_auth_common_conf_options()]


def in_use(conf: cfg.ConfigOpts) -> str:
    """The group with the credentials: this one where it has any, else the service's own."""
    options = conf[GROUP]
    return GROUP if options.auth_type or options.auth_section else service_credentials.GROUP


def list_opts() -> Iterable[tuple[str, Sequence[cfg.Opt]]]:
    return [(GROUP, OPTS)]

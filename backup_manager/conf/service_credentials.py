"""Options of the service's own user in Keystone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from keystoneauth1 import loading as ks_loading
from oslo_config import cfg

GROUP = "service_credentials"

# One set of credentials is enough: the section that validates tokens serves the engine too.
DEFAULT_SECTION = "keystone_authtoken"

OPTS = [
    *ks_loading.get_auth_common_conf_options(),
    *ks_loading.get_session_conf_options(),
]


def set_defaults(conf: cfg.ConfigOpts) -> None:
    conf.set_default("auth_section", DEFAULT_SECTION, group=GROUP)
    # Without one, a Keystone that swallows requests holds every worker for good.
    conf.set_default("timeout", 30, group=GROUP)


def list_opts() -> Iterable[tuple[str, Sequence[cfg.Opt]]]:
    return [(GROUP, OPTS)]

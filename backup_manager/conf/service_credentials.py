"""Options of the service's own user in Keystone."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence

from keystoneauth1 import loading as ks_loading
from oslo_config import cfg

GROUP = "service_credentials"

# One set of credentials is enough: the section that validates tokens serves the engine too.
DEFAULT_SECTION = "keystone_authtoken"

DEFAULTS = {
    "auth_section": DEFAULT_SECTION,
    # Without one, a Keystone that swallows requests holds every worker for good.
    "timeout": 30,
}

# Copies: other groups have the very same objects.
OPTS = copy.deepcopy(
    [*ks_loading.get_auth_common_conf_options(), *ks_loading.get_session_conf_options()]
)


def set_defaults(conf: cfg.ConfigOpts) -> None:
    for name, value in DEFAULTS.items():
        conf.set_default(name, value, group=GROUP)


def list_opts() -> Iterable[tuple[str, Sequence[cfg.Opt]]]:
    return [(GROUP, OPTS)]

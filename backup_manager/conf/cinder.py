"""Options of the way to Cinder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from oslo_config import cfg

GROUP = "cinder"

OPTS = [
    cfg.StrOpt(
        "service_type",
        default="block-storage",
        help="Service type of Cinder in the catalog; older names such as volumev3 are found too.",
    ),
    cfg.StrOpt(
        "interface",
        default="public",
        choices=["public", "internal", "admin"],
        help="Which endpoint of Cinder to use. Set internal when the engines stand in the "
        "control plane's network.",
    ),
    cfg.StrOpt(
        "region_name",
        help="Region whose Cinder is used. Needed when the catalog has more than one.",
    ),
    cfg.StrOpt(
        "endpoint_override",
        help="URL of Cinder, instead of the catalog's. %(project_id)s is filled in.",
    ),
    cfg.IntOpt(
        "timeout",
        default=60,
        min=1,
        help="Seconds to wait for a connection to Cinder, and then for its answer. Raise it when "
        "a busy Cinder is slow to accept; [engine]claim_timeout must be more than twice as long.",
    ),
    cfg.IntOpt(
        "page_size",
        default=1000,
        min=1,
        help="Rows to ask Cinder for at once. Cinder's own osapi_max_limit is the upper bound.",
    ),
]


def list_opts() -> Iterable[tuple[str, Sequence[cfg.Opt]]]:
    return [(GROUP, OPTS)]

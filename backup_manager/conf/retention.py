"""Options of retention."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from oslo_config import cfg

GROUP = "retention"

OPTS = [
    cfg.IntOpt(
        "max_age_days",
        default=30,
        min=0,
        max=365,
        help="Days that a backup is kept where neither its volume, its schedule nor its project "
        "has a policy. 0 keeps everything there. So far this shows in previews only: this version "
        "deletes nothing automatically.",
    ),
]


def list_opts() -> Iterable[tuple[str, Sequence[cfg.Opt]]]:
    return [(GROUP, OPTS)]

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
        "has a policy. 0 keeps everything there.",
    ),
    cfg.IntOpt(
        "interval",
        default=3600,
        min=0,
        mutable=True,
        help="Seconds between two looks at what retention lets go in a project; another one comes "
        "soon after each run of backups. 0 turns automatic deletion off: set it while you try "
        "policies out with previews.",
    ),
    cfg.IntOpt(
        "brake_percent",
        default=50,
        min=0,
        max=100,
        mutable=True,
        help="When more than so many percent of a project's backups would go at once, nothing is "
        "deleted before somebody confirms the run. 100 never asks, 0 always.",
    ),
]


def list_opts() -> Iterable[tuple[str, Sequence[cfg.Opt]]]:
    return [(GROUP, OPTS)]

"""Options of the REST API."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from oslo_config import cfg

GROUP = "api"

# What load balancers ask at /healthcheck.
DATABASE_CHECK = "backup_manager_database"

OPTS = [
    cfg.IntOpt(
        "max_limit",
        default=1000,
        min=1,
        help="Most items that one page of a list may hold. Lower it when clients with large "
        "pages make the API use too much memory.",
    ),
    cfg.IntOpt(
        "inventory_max_age",
        default=60,
        min=0,
        help="Seconds that the API shows the recorded state of a project's volumes and backups "
        "before it asks Cinder again, with the token of the user who asks. The engines refresh "
        "projects with schedules on their own; raise this when many people browse projects "
        "without schedules and Cinder is slow.",
    ),
]


def list_opts() -> Iterable[tuple[str, Sequence[cfg.Opt]]]:
    return [(GROUP, OPTS)]

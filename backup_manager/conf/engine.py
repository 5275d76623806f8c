"""Options of the engine."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Sequence

from oslo_config import cfg

GROUP = "engine"

OPTS = [
    cfg.HostAddressOpt(
        "host",
        default=socket.gethostname(),
        sample_default="<hostname>",
        help="Name of this engine in the list of services. Set it when several engines share a "
        "host name.",
    ),
    cfg.IntOpt(
        "max_running",
        default=40,
        min=1,
        help="Backups and restores that may be under way at once over all engines and projects; "
        "the rest wait in line. Raise it when the backup services of your cloud take more, lower "
        "it when backups slow the storage down.",
    ),
    cfg.IntOpt(
        "max_running_per_project",
        default=10,
        min=1,
        help="Backups and restores that may be under way at once in one project, so that none "
        "takes all places.",
    ),
    cfg.IntOpt(
        "submit_workers",
        default=12,
        min=1,
        help="Requests for new backups that one engine sends to Cinder at once. Cinder's API "
        "gains little beyond a dozen.",
    ),
    cfg.IntOpt(
        "fire_batch",
        default=200,
        min=1,
        help="Due schedules that one engine takes up at a time. Only bounds memory.",
    ),
    cfg.IntOpt(
        "track_interval",
        default=5,
        min=1,
        mutable=True,
        help="Seconds between two looks at the backups under way: one list request per project "
        "with running tasks. Raise it when Cinder is slow to list.",
    ),
    cfg.IntOpt(
        "sync_interval",
        default=60,
        min=1,
        mutable=True,
        help="Seconds after which the recorded volumes and backups of a project with schedules "
        "are compared with Cinder again: two list requests per project. Raise it for thousands "
        "of projects.",
    ),
    cfg.IntOpt(
        "claim_timeout",
        default=300,
        min=12,
        help="Seconds after which a task that an engine took and never reported on is looked "
        "after by another one. At least twice [cinder]timeout and ten more, or a slow answer of "
        "Cinder is taken for a dead engine. Lower both to recover sooner from a dead engine.",
    ),
    cfg.IntOpt(
        "max_attempts",
        default=10,
        min=1,
        help="How often a task is submitted while Cinder answers that it is busy or over a limit, "
        "with growing pauses, before it fails. Ten attempts last about an hour.",
    ),
    cfg.IntOpt(
        "retry_pause",
        default=15,
        min=1,
        help="Seconds before the second attempt of a task; doubled with each further one, up to "
        "ten minutes.",
    ),
    cfg.IntOpt(
        "completion_limit",
        default=86400,
        min=1,
        help="Seconds that a backup or a restore may take in Cinder before its task is marked "
        "expired and the volume is free for the next run. Cinder's own operation is not cancelled.",
    ),
    cfg.IntOpt(
        "history_days",
        default=365,
        min=0,
        mutable=True,
        help="Days after which a finished run is deleted with its tasks; its backups stay. 0 "
        "keeps all. Lower it when the database grows too large; statistics look back 30 days.",
    ),
    cfg.IntOpt(
        "heartbeat_interval",
        default=10,
        min=1,
        help="Seconds between two signs of life of an engine in the list of services.",
    ),
    cfg.IntOpt(
        "down_after",
        default=60,
        min=2,
        help="Seconds without a sign of life after which an engine is shown as down.",
    ),
]


def list_opts() -> Iterable[tuple[str, Sequence[cfg.Opt]]]:
    return [(GROUP, OPTS)]

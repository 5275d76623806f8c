"""Options of the backups that the service makes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from oslo_config import cfg

GROUP = "backup"

OPTS = [
    cfg.StrOpt(
        "name_template",
        default="{volume}-backup-{volume_id}-{time}",
        help="Name of a backup that nobody named. {volume} is the volume's name, {volume_id} its "
        "id, {time} YYYY-MM-DD-HH-MM in the zone of the schedule. Names are cut to 255 "
        "characters, at the volume's name. Change it when other tools expect other names.",
    ),
    cfg.StrOpt(
        "default_timezone",
        default="UTC",
        help="IANA name of the zone of schedules that name none, such as Asia/Shanghai. Change "
        "it to where most of your users are; existing schedules keep theirs.",
    ),
    cfg.IntOpt(
        "max_incrementals",
        default=6,
        min=0,
        max=1000,
        help="Incremental backups that follow a full one before the next full one, where a "
        "request does not say. A restore needs the whole chain: longer chains save space, "
        "shorter ones restore faster and lose less when one link is damaged.",
    ),
]


def list_opts() -> Iterable[tuple[str, Sequence[cfg.Opt]]]:
    return [(GROUP, OPTS)]

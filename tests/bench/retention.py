"""Deciding about all backups of a big cloud: seconds, and the memory that it takes.

The volumes stream through one process, as they do in the engine, and no two are alike. What is
measured includes making the backups up, which takes a good part of the time::

    python -m tests.bench.retention [--volumes 100000] [--backups 10]
"""

from __future__ import annotations

import argparse
import random
import resource
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from backup_manager.rules import chain, deletion, retention
from backup_manager.rules.links import Item
from backup_manager.rules.policy import Policy

NOW = datetime(2027, 1, 4, 12, tzinfo=timezone.utc)
POLICIES = (
    Policy("project default", max_age_days=7),
    Policy("schedule nightly", keep_last=2, keep_daily=3, keep_weekly=2, keep_monthly=12),
    Policy("volume policy", keep_daily=4, keep_monthly=12, timezone="Europe/Helsinki"),
    Policy("schedule hourly", keep_hourly=4, keep_yearly=1, timezone="America/New_York"),
    Policy("installation default", full_count=1, incremental_count=3),
)
MAX_INCREMENTALS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--volumes", type=int, default=100_000)
    parser.add_argument("--backups", type=int, default=10, help="of each volume")
    options = parser.parse_args()
    deciding, going, waves = 0.0, 0, 0
    began = time.perf_counter()
    for number, items in enumerate(_volumes(options.volumes, options.backups)):
        policy = POLICIES[number % len(POLICIES)]
        before = time.perf_counter()
        plan = deletion.order(retention.decide(items, policy, NOW, automatic=True))
        deciding += time.perf_counter() - before
        going += sum(len(wave) for wave in plan)
        waves = max(waves, len(plan))
    seconds = time.perf_counter() - began
    total = options.volumes * options.backups
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{total:,} backups of {options.volumes:,} volumes")
    print(f"{going:,} of them go, in {waves} waves at most")
    print(
        f"{seconds:.1f} s, of which deciding and ordering {deciding:.1f} s "
        f"({deciding / total * 1e6:.1f} µs a backup); peak RSS {memory:.0f} MiB"
    )


def _volumes(volumes: int, backups: int) -> Iterator[list[Item]]:
    """Daily backups: full ones with increments; in between failed, held and foreign ones."""
    dice = random.Random(1)
    for number in range(volumes):
        yield [_item(dice, f"volume-{number}", n, backups - n) for n in range(backups)]


def _item(dice: random.Random, volume_id: str, number: int, days_ago: int) -> Item:
    link = number % (MAX_INCREMENTALS + 1)
    made = NOW - timedelta(days=days_ago, seconds=dice.randrange(3600))
    # Every tenth volume has a backup that somebody else made, with a parent that is worked out.
    ours = number != 3 or not volume_id.endswith("7")
    backup = chain.Backup(
        id=f"{volume_id}-{number:03}",
        volume_id=volume_id,
        status="error" if link == MAX_INCREMENTALS and dice.random() < 0.1 else "available",
        is_incremental=link > 0,
        created_at=made,
        data_timestamp=made,
        size_gb=10,
        parent_id=f"{volume_id}-{number - 1:03}" if link and ours else None,
    )
    return Item(backup, ours=ours, verified=True, held=dice.random() < 0.01)


if __name__ == "__main__":
    main()

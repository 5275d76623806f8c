"""How long a user waits for the list of 100 backups, against the list that Cinder's command gives.

Whole processes, from the call to the prompt: ``openstack backup-manager backup list`` and
``openstack volume backup list`` in turn, each as often first as second. The backups are real, and a
schedule has an engine keep the project's inventory fresh, as users have it::

    python -m tests.bench.commands [--rounds 10] [--mariadb]
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.bench import service
from tests.functional.stack import Stack, Tenant

BACKUPS = 100
_VOLUMES = 20
_OPENSTACK = str(Path(sys.executable).with_name("openstack"))
OURS = (_OPENSTACK, "backup-manager", "backup", "list")
CINDERS = (_OPENSTACK, "volume", "backup", "list")


class User:
    """Somebody at a shell, in a project with backups."""

    def __init__(self, stack: Stack) -> None:
        self._tenant = Tenant(stack.sandbox, stack.sandbox.create_project())
        stack.sandbox.set_quota(self._tenant.project.id, backups=-1, backup_gigabytes=-1)
        volume_ids = self._tenant.volumes(_VOLUMES)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(self._back_up, volume_ids))
        never = {"type": "cron", "expression": "0 0 1 1 *"}
        self._tenant.client.create_schedule("yearly", never, volume_ids)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        self._environment = kept | self._tenant.project.environment

    def _back_up(self, volume_id: str) -> None:
        cinder = self._tenant.connection.block_storage
        for number in range(BACKUPS // _VOLUMES):
            backup = cinder.create_backup(volume_id=volume_id, name=f"backup-{number}")
            cinder.wait_for_status(backup, "available", ["error"], interval=0.2, wait=300)

    def seconds(self, command: Sequence[str]) -> float:
        """How long a command takes, from its call to its end."""
        began = time.perf_counter()
        self._run(command)
        return time.perf_counter() - began

    def ids(self, command: Sequence[str]) -> set[str]:
        """The backups that a command lists."""
        rows: list[dict[str, Any]] = json.loads(self._run([*command, "-f", "json"]))
        return {row["ID"] for row in rows}

    def _run(self, command: Sequence[str]) -> str:
        done = subprocess.run(
            command, env=self._environment, check=True, text=True, stdout=subprocess.PIPE
        )
        return done.stdout


def main() -> None:
    parser = service.parser(__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    with service.running(options.mariadb) as stack:
        stack.start_api()
        with stack.running_engine():
            user = User(stack)
            # The first call of each is not counted; both list the same.
            assert user.ids(OURS) == user.ids(CINDERS)
            assert len(user.ids(OURS)) == BACKUPS
            _compare(user, options.rounds)


def _compare(user: User, rounds: int) -> None:
    ours, cinders = [], []
    for number in range(rounds):
        if number % 2:
            ours.append(user.seconds(OURS))
            cinders.append(user.seconds(CINDERS))
        else:
            cinders.append(user.seconds(CINDERS))
            ours.append(user.seconds(OURS))
    ratios = [one / other for one, other in zip(ours, cinders, strict=True)]
    _report("backup-manager backup list", ours)
    _report("volume backup list", cinders)
    print(
        f"ratio of the medians {statistics.median(ours) / statistics.median(cinders):.2f}, "
        f"of pairs {min(ratios):.2f} to {max(ratios):.2f}; load {os.getloadavg()[0]:.1f}"
    )


def _report(name: str, seconds: list[float]) -> None:
    median = statistics.median(seconds)
    print(f"openstack {name}: {median:.2f} s ({min(seconds):.2f} to {max(seconds):.2f})")


if __name__ == "__main__":
    main()

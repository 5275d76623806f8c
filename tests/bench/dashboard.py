"""How long Horizon takes for our pages, against its own page of volume backups.

One user of a project with many volumes and backups asks for the pages in turn. Their rows are
written to Cinder's database, from which the service then takes them. Proxies in front of the
service and of Cinder count what is asked for each page, and for one that has but Horizon's menu,
for which Horizon asks Cinder too::

    python -m tests.bench.dashboard [--volumes 1000] [--backups 1000] [--rounds 20] [--mariadb]
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import sqlite3
import statistics
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from sandbox import identity
from sandbox.client import Sandbox
from tests.bench import service
from tests.functional.conftest import DASHBOARD_VENV
from tests.functional.proxy import NO_TROUBLE, Proxy
from tests.functional.stack import Stack, Tenant

HORIZONS = "/project/backups/"
MENU = "/project/api_access/"
OURS = ["overview", "volumes", "backups", "schedules", "cleanup", "runs"]
SCHEDULES = 30
# The project would be compared with Cinder again while the bench runs.
FRESH = {"api__inventory_max_age": 86400}


def main() -> None:
    parser = service.parser(__doc__)
    parser.add_argument("--volumes", type=int, default=1000)
    parser.add_argument("--backups", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    with service.running(options.mariadb, **FRESH) as stack, _proxies(stack) as (ours, cinders):
        tenant = Tenant(stack.sandbox, stack.sandbox.create_project())
        _fill(tenant, stack.sandbox, options.volumes, options.backups)
        visitor = Visitor(stack.sandbox.start_horizon(DASHBOARD_VENV), tenant.project.name)
        pages = [HORIZONS, MENU, *(f"/project/backup_manager_{name}/" for name in OURS)]
        took: dict[str, list[float]] = {page: [] for page in pages}
        asked: dict[str, set[tuple[int, int]]] = {page: set() for page in pages}
        for page in pages:
            visitor.seconds(page)
        for page in itertools.chain.from_iterable([pages, pages[::-1]] * (options.rounds // 2)):
            before = ours.count("GET"), cinders.count("GET")
            took[page].append(visitor.seconds(page))
            asked[page].add((ours.count("GET") - before[0], cinders.count("GET") - before[1]))
    _report(took, asked)


def _report(took: dict[str, list[float]], asked: dict[str, set[tuple[int, int]]]) -> None:
    usual = statistics.median(took[HORIZONS])
    print(f"load {os.getloadavg()[0]:.1f}; {HORIZONS} {usual * 1000:.0f} ms")
    for page, seconds in took.items():
        ours, cinders = (max(counts) for counts in zip(*asked[page], strict=True))
        menus = min(count for _, count in asked[MENU])
        print(
            f"{page}: ratio {statistics.median(seconds) / usual:.2f}; requests at most: "
            f"{ours} to Backup Manager, {cinders} to Cinder, {menus} of them for the menu"
        )


@contextlib.contextmanager
def _proxies(stack: Stack) -> Iterator[tuple[Proxy, Proxy]]:
    """Start the API, with counters on the way to it and to Cinder."""
    stack.start_api()
    ours, cinders = (
        Proxy(url, lambda method, before: NO_TROUBLE)
        for url in (stack.url, stack.sandbox.cinder_url)
    )
    with ours.running(), cinders.running():
        stack.sandbox.register_endpoint(ours.url)
        keystone = identity.Keystone(stack.sandbox.keystone_url)
        keystone.register("cinder", "block-storage", cinders.url)
        yield ours, cinders


def _fill(tenant: Tenant, sandbox: Sandbox, volumes: int, backups: int) -> None:
    """Have a project with that many, and schedules for a good part of the volumes."""
    volume_id = tenant.volumes(1)[0]
    backup = tenant.connection.block_storage.create_backup(volume_id=volume_id, name="backup-0")
    sandbox.wait_for_backup(tenant.connection, backup.id)
    path = sandbox.settings.database_dir / "cinder.db"
    ids = [volume_id, *(str(uuid.uuid4()) for _ in range(volumes - 1))]
    _copy(path, "volumes", volume_id, [{"id": each} for each in ids[1:]])
    _copy(
        path,
        "backups",
        backup.id,
        [
            {"id": str(uuid.uuid4()), "volume_id": ids[number % volumes]}
            for number in range(1, backups)
        ],
    )
    for number in range(SCHEDULES):
        tenant.client.create_schedule(
            f"schedule-{number:02}",
            {"type": "daily", "time": f"{number % 24:02}:00"},
            ids[number * 20 : number * 20 + 30],
            timezone="UTC",
        )
    assert len(list(tenant.client.volumes())) == volumes
    assert len(list(tenant.client.backups())) == backups


def _copy(path: Path, table: str, template: str, changes: list[dict[str, Any]]) -> None:
    """Write rows to Cinder's database that differ from one there only in that, and in the name."""
    with contextlib.closing(sqlite3.connect(path, timeout=60)) as database, database:
        database.row_factory = sqlite3.Row
        row = dict(database.execute(f"SELECT * FROM {table} WHERE id = ?", [template]).fetchone())
        columns = ", ".join(row)
        values = ", ".join(f":{column}" for column in row)
        rows = (
            row | {"display_name": f"{table}-{number:04}"} | change
            for number, change in enumerate(changes, 1)
        )
        database.executemany(f"INSERT INTO {table} ({columns}) VALUES ({values})", rows)


class Visitor:
    """Somebody who has logged in to Horizon."""

    def __init__(self, url: str, user: str) -> None:
        self._url = url
        self._http = requests.Session()
        form = self._http.get(f"{url}/auth/login/").text
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
        assert found is not None
        fields = {"csrfmiddlewaretoken": found[1], "username": user, "password": user}
        region = re.search(r'name="region" value="([^"]+)"', form)
        fields |= {"region": region[1] if region else "default"}
        answer = self._http.post(f"{url}/auth/login/", fields, headers={"Referer": url})
        assert "/auth/login" not in answer.url, answer.url

    def seconds(self, page: str) -> float:
        """How long a page takes, without what the browser would load for it besides."""
        began = time.perf_counter()
        answer = self._http.get(self._url + page)
        took = time.perf_counter() - began
        assert answer.status_code == 200 and 'id="content_body"' in answer.text, answer.text
        return took


if __name__ == "__main__":
    main()

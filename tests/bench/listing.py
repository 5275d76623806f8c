"""A page of 100 backups: of a project with 10,000 of them, against one that has only these 100.

Two projects ask the API in turn, with real tokens. Their rows are written to the database past the
service, and count as just compared with Cinder; a proxy in front of Cinder counts what it is asked
in spite of that. Filters find as many rows in the one project as in the other::

    python -m tests.bench.listing [--backups 10000] [--rounds 20] [--mariadb]
"""

from __future__ import annotations

import os
import statistics
import time
from dataclasses import dataclass

import requests

from backup_manager import clock, conf
from backup_manager.db import session as db_session
from tests.bench import service
from tests.functional import rows
from tests.functional.proxy import NO_TROUBLE, Proxy
from tests.functional.stack import Stack, Tenant

PAGE = 100
# A round is long enough for the scheduler of the machine to even out.
REQUESTS = 10
# The projects would be compared with Cinder again while the bench runs.
FRESH = {"api__inventory_max_age": 86400}


class Owner:
    """A user of a project with that many backups."""

    def __init__(self, stack: Stack, backups: int) -> None:
        tenant = Tenant(stack.sandbox, stack.sandbox.create_project())
        self.backups = backups
        self.ids = rows.fill(tenant.project.id, backups, clock.now())
        self._url = f"{stack.url}/v1/backups"
        self._http = requests.Session()
        self._http.headers["X-Auth-Token"] = tenant.connection.authorize()
        self.volume_id = self.list()[0]["volume_id"]

    def list(self, **query: object) -> list[dict[str, object]]:
        answer = self._http.get(self._url, params={"limit": PAGE, **query})
        answer.raise_for_status()
        found: list[dict[str, object]] = answer.json()["backups"]
        return found

    def seconds(self, query: dict[str, object]) -> float:
        began = time.perf_counter()
        self._http.get(self._url, params={"limit": PAGE, **query}).raise_for_status()
        return time.perf_counter() - began


@dataclass(frozen=True)
class Case:
    """What is asked of the project with many backups, and of the one with few."""

    name: str
    many: dict[str, object]
    few: dict[str, object]


def main() -> None:
    parser = service.parser(__doc__)
    parser.add_argument("--backups", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    print(f"{options.backups} backups against {PAGE}, {'MariaDB' if options.mariadb else 'SQLite'}")
    with service.running(options.mariadb, **FRESH) as stack:
        proxy = Proxy(stack.sandbox.cinder_url, lambda method, before: NO_TROUBLE)
        with proxy.running():
            stack.write_config("backup-manager", cinder__endpoint_override=proxy.url)
            _configure(stack)
            stack.start_api()
            _prove(proxy, stack)
            many, few = Owner(stack, options.backups), Owner(stack, PAGE)
            asked = proxy.count("GET")
            for case in _cases(many, few):
                _compare(case, many, few, options.rounds)
            print(f"requests to Cinder: {proxy.count('GET') - asked}")


def _configure(stack: Stack) -> None:
    """Let this process write to the service's database."""
    options = conf.load(config_files=[])
    options.set_override("connection", stack.database, group="database")
    db_session.configure(options)


def _prove(proxy: Proxy, stack: Stack) -> None:
    """The proxy would see it if Cinder were asked: a project that was never looked at is."""
    stranger = Tenant(stack.sandbox, stack.sandbox.create_project())
    assert list(stranger.client.backups()) == []
    assert proxy.count("GET") > 0


def _cases(many: Owner, few: Owner) -> list[Case]:
    half, last = many.ids[many.backups // 2 - 1], many.ids[many.backups - PAGE - 1]
    by_volume = [{"volume_id": owner.volume_id} for owner in (many, few)]
    failed = {"status": "error"}
    return [
        Case("first page", {}, {}),
        Case("page in the middle", {"marker": half}, {}),
        Case("last page", {"marker": last}, {}),
        Case("of one volume", *by_volume),
        Case("in error", failed, failed),
        Case("available, in the middle", {"status": "available", "marker": half}, {}),
    ]


def _compare(case: Case, many: Owner, few: Owner, rounds: int) -> None:
    found = len(many.list(**case.many))
    assert found == len(few.list(**case.few)), case
    ratios, usual = [], []
    for number in range(rounds):
        took = {many: 0.0, few: 0.0}
        for repeat in range(REQUESTS):
            # Taking turns at being first.
            pair = ((many, case.many), (few, case.few))
            for owner, query in pair if (number + repeat) % 2 else pair[::-1]:
                took[owner] += owner.seconds(query)
        ratios.append(took[many] / took[few])
        usual.append(took[few] / REQUESTS * 1000)
    print(
        f"{case.name} ({found} rows): ratio {statistics.median(ratios):.2f} "
        f"({min(ratios):.2f} to {max(ratios):.2f}) to {statistics.median(usual):.0f} ms; "
        f"load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


if __name__ == "__main__":
    main()

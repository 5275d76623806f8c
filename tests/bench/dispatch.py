"""From the second a schedule is due until Cinder has accepted the last backup.

Against a loop that POSTs the same backups over one keystoneauth session with the same number of
threads: nothing can be faster than that. Both run in turn on one sandbox, and only their ratio
means anything on another machine::

    python -m tests.bench.dispatch [--volumes 60] [--rounds 5] [--mariadb]
"""

from __future__ import annotations

import re
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import sqlalchemy
from keystoneauth1 import adapter

from tests.bench import service
from tests.functional.stack import Stack, Tenant, wait_for

WORKERS = 12
_REQUEST = re.compile(r'"(GET|POST|PUT|DELETE) /v3|(GET|POST|PUT|DELETE) http://\S+/v3/')


def main() -> None:
    parser = service.parser(__doc__)
    parser.add_argument("--volumes", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    # The defaults of the service, but for the limits: what is measured is the way to Cinder.
    limits = {"engine__max_running": 1000, "engine__max_running_per_project": 1000}
    with service.running(options.mariadb) as stack:
        stack.start_api()
        tenant = Tenant(stack.sandbox, stack.sandbox.create_project())
        stack.sandbox.set_quota(tenant.project.id, backups=-1, backup_gigabytes=-1)
        volume_ids = tenant.volumes(options.volumes)
        schedule = tenant.client.create_schedule(
            "bench", {"type": "cron", "expression": "0 0 1 1 *"}, volume_ids
        )
        with stack.running_engine(engine__submit_workers=WORKERS, **limits):
            _compare(stack, tenant, schedule.id, volume_ids, options.rounds)


def _compare(
    stack: Stack, tenant: Tenant, schedule_id: str, volume_ids: list[str], rounds: int
) -> None:
    ratios, requests = [], []
    print(f"{len(volume_ids)} volumes, {WORKERS} threads, {stack.database.split(':')[0]}")
    # Logins, the first listing of the project, connections: not counted.
    _scheduled(stack, tenant, schedule_id, len(volume_ids))
    for number in range(rounds):
        # Taking turns at being first, so that neither profits from a warm Cinder.
        if number % 2:
            ours, asked = _scheduled(stack, tenant, schedule_id, len(volume_ids))
            raw = _raw(tenant, volume_ids)
        else:
            raw = _raw(tenant, volume_ids)
            ours, asked = _scheduled(stack, tenant, schedule_id, len(volume_ids))
        ratios.append(ours / raw)
        requests.append(asked / len(volume_ids))
        print(
            f"round {number + 1}: raw {raw:.2f} s, schedule {ours:.2f} s, "
            f"ratio {ratios[-1]:.2f}, requests per finished backup {requests[-1]:.2f}",
            flush=True,
        )
    print(
        f"median: ratio {statistics.median(ratios):.2f} "
        f"({min(ratios):.2f} to {max(ratios):.2f}), "
        f"requests per finished backup {statistics.median(requests):.2f}"
    )


def _raw(tenant: Tenant, volume_ids: list[str]) -> float:
    """Seconds from the first POST to the last 202."""
    cinder = adapter.Adapter(
        tenant.connection.session, service_type="block-storage", default_microversion="3.43"
    )
    cinder.get("/limits")  # the token and the endpoint are fetched before the clock starts

    def post(volume_id: str) -> None:
        body = {"volume_id": volume_id, "name": "raw", "description": "Full backup", "force": False}
        cinder.post("/backups", json={"backup": {**body, "metadata": {"made": "raw"}}})

    began = time.monotonic()
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(post, volume_ids))
    seconds = time.monotonic() - began
    _wait_until_idle(tenant)
    return seconds


def _wait_until_idle(tenant: Tenant) -> None:
    wait_for(
        lambda: not list(tenant.connection.block_storage.backups(status="creating")), 300, pause=0.5
    )


def _scheduled(stack: Stack, tenant: Tenant, schedule_id: str, count: int) -> tuple[float, int]:
    """Seconds from the slot to the last backup accepted; requests that Cinder got until the end."""
    known = {run.id for run in tenant.client.runs()}
    due = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(seconds=2)
    before = _requests(stack)
    stack.move("schedules.next_run_at", due, id=schedule_id)
    time.sleep(2)
    last = wait_for(lambda: _last_submitted(stack, due, count), 300, pause=0.5)
    asked = _requests(stack) - before
    (run,) = [run for run in tenant.client.runs() if run.id not in known and run.status != "missed"]
    assert run.status == "succeeded", run.status
    submitted = datetime.fromisoformat(str(last)).replace(tzinfo=timezone.utc)
    return (submitted - due).total_seconds(), asked


def _last_submitted(stack: Stack, due: datetime, count: int) -> object:
    """When Cinder accepted the last backup, once the run is finished.

    Looking at the database instead of asking the API keeps the API out of Cinder's way.
    """
    query = sqlalchemy.text(
        "SELECT max(t.submitted_at) FROM tasks t JOIN runs r ON r.id = t.run_id "
        "WHERE r.finished_at IS NOT NULL AND r.scheduled_for = :due HAVING count(*) = :count"
    )
    values = {"due": due.strftime("%Y-%m-%d %H:%M:%S.%f"), "count": count}
    with stack.sql() as database:
        return database.execute(query, values).scalar()


def _requests(stack: Stack) -> int:
    """Requests that Cinder has logged."""
    log = stack.sandbox.settings.log_dir / "cinder.log"
    return len(_REQUEST.findall(log.read_text()))


if __name__ == "__main__":
    main()

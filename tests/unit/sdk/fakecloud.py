"""A cloud of one process: Keystone, and a Backup Manager that answers as its API promises.

It keeps its data in lists that tests fill and look at, and remembers every request.
"""

from __future__ import annotations

import http.server
import json
import re
import threading
import urllib.parse
import uuid
from collections.abc import Callable
from typing import Any

from tests.unit.sdk import fakeplans

PROJECT = "5a0ee2e6d4a54b6d8b0b0c5b7a7d1c11"
USER = "0c9a0a3d0f6b4a3c9d8f2f4a0e6f7b21"
REGION = "RegionOne"

Answer = tuple[int, Any]

_PAGING = {"limit", "marker", "sort", "all_projects", "project_id"}

#: The filters of each list, and how the filter tells whether an item is wanted.
_FILTERS: dict[str, dict[str, Callable[[dict[str, Any], str], bool]]] = {
    "volumes": {
        "name": lambda item, text: item["name"] == text,
        "status": lambda item, text: item["status"] == text,
        "can_back_up": lambda item, text: item["can_back_up"] == _true(text),
        "protected": lambda item, text: bool(item["schedules"]) == _true(text),
        "late": lambda item, text: item["late"] == _true(text),
        "search": lambda item, text: text in (item["name"] or ""),
    },
    "backups": {
        "search": lambda item, text: text in item["name"],
        "type": lambda item, text: item["type"] == text,
        "volume_id": lambda item, text: item["volume_id"] == text,
        "status": lambda item, text: item["status"] == text,
        "name": lambda item, text: item["name"] == text,
        "since": lambda item, text: item["created_at"] >= text,
        "until": lambda item, text: item["created_at"] < text,
        "retention": lambda item, text: True,
    },
    "schedules": {
        "search": lambda item, text: text in item["name"],
        "name": lambda item, text: item["name"] == text,
        "enabled": lambda item, text: item["enabled"] == _true(text),
        "failing": lambda item, text: (item["delegation"]["state"] == "broken") == _true(text),
        "volume_id": lambda item, text: text in item["volumes"],
    },
    "runs": {
        "schedule_id": lambda item, text: item["schedule_id"] == text,
        "status": lambda item, text: item["status"] == text,
        "action": lambda item, text: item["action"] == text,
        "trigger": lambda item, text: item["trigger"] == text,
        "volume_id": lambda item, text: item.get("volume_id") == text,
        "since": lambda item, text: item["created_at"] >= text,
        "until": lambda item, text: item["created_at"] < text,
    },
    "tasks": {
        "status": lambda item, text: item["status"] == text,
        "action": lambda item, text: item["action"] == text,
        "volume_id": lambda item, text: item["volume_id"] == text,
        "since": lambda item, text: (item["finished_at"] or "9") >= text,
        "until": lambda item, text: (item["finished_at"] or "9") < text,
    },
    "services": {},
    "projects": {},
}


def _true(text: str) -> bool:
    return {"true": True, "false": False}[text]


class Refused(Exception):
    """An error answer."""

    def __init__(self, code: int, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.body: dict[str, Any] = {
            "error": {
                "code": code,
                "title": http.HTTPStatus(code).phrase,
                "message": message,
                "request_id": "req-6d8f2f4a",
                "field": field,
            }
        }


class FakeCloud:
    """The cloud; ``with FakeCloud() as cloud`` runs it on a port of 127.0.0.1.

    :ivar requests: what Backup Manager was asked: ``(method, path, query, body)``.
    :ivar in_catalog: whether the catalog lists Backup Manager.
    :ivar page: how many items a page has at most.
    :ivar link_host: what the links to next pages begin with, instead of the right address.
    :ivar refusals: what the next requests are refused with.
    :ivar warnings: what new backups and schedules are warned of.
    :ivar verdicts: what becomes of the records of an import.
    :ivar singles: what there is only one of: ``statistics``, ``info`` and ``health``.
    :ivar scripts: by the id of a run, what changes in it with each look at it.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self.data: dict[str, list[dict[str, Any]]] = {name: [] for name in _FILTERS}
        self.scripts: dict[str, list[dict[str, Any]]] = {}
        self.refusals: list[Refused] = []
        self.singles: dict[str, Any] = {}
        self.warnings: list[str] = []
        self.verdicts: list[dict[str, Any]] = []
        self.in_catalog = True
        self.page = 100
        self.link_host = ""
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.endpoint = f"{self.url}/backup-manager"

    def __enter__(self) -> FakeCloud:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    # What tests put in

    def volume(self, name: str | None, **values: Any) -> dict[str, Any]:
        """Add a volume."""
        volume: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "project_id": PROJECT,
            "name": name,
            "status": "available",
            "size_gb": 10,
            "volume_type": "ceph",
            "availability_zone": "nova",
            "server_ids": [],
            "bootable": False,
            "created_at": "2026-11-01T08:00:00Z",
            "can_back_up": True,
            "reason": None,
            "schedules": [],
            "last_backup": None,
            "late": False,
            "seen_at": "2026-11-20T10:00:00Z",
        }
        self.data["volumes"].append({**volume, **values})
        return self.data["volumes"][-1]

    def backup(self, volume: dict[str, Any], **values: Any) -> dict[str, Any]:
        """Add a backup."""
        backup = {
            "id": str(uuid.uuid4()),
            "project_id": PROJECT,
            "name": f"{volume['name']}-backup-{volume['id']}-2026-11-20-02-00",
            "description": "Full backup",
            "status": "available",
            "type": "full",
            "is_incremental": False,
            "has_dependents": False,
            "volume_id": volume["id"],
            "volume_name": volume["name"],
            "snapshot_id": None,
            "parent_id": None,
            "parent_source": None,
            "size_gb": volume["size_gb"],
            "fail_reason": None,
            "run_id": None,
            "schedule_id": None,
            "ours": True,
            "held": False,
            "hold_reason": None,
            "created_at": "2026-11-20T02:00:07Z",
            "data_timestamp": "2026-11-20T02:00:07Z",
            "availability_zone": "nova",
            "retention": None,
            "seen_at": "2026-11-20T10:00:00Z",
        }
        self.data["backups"].append({**backup, **values})
        return self.data["backups"][-1]

    def schedule(self, name: str, volumes: list[dict[str, Any]], **values: Any) -> dict[str, Any]:
        """Add a schedule."""
        schedule = {
            "id": str(uuid.uuid4()),
            "project_id": PROJECT,
            "user_id": USER,
            "name": name,
            "description": None,
            "enabled": True,
            "backup_type": "full",
            "max_incrementals": 6,
            "recurrence": {"type": "daily", "time": "02:00"},
            "recurrence_text": "every day at 02:00",
            "cron": "0 2 * * *",
            "timezone": "UTC",
            "volumes": [volume["id"] for volume in volumes],
            "selector": None,
            "selected": [],
            "start_window_s": 3600,
            "completion_limit_s": None,
            "spread_s": 0,
            "retention": None,
            "next_run_at": "2026-11-21T02:00:00Z",
            "last_run": None,
            "delegation": {
                "mode": "trust",
                "state": "active",
                "user_id": USER,
                "error": None,
                "checked_at": "2026-11-20T02:00:00Z",
            },
            "generation": 1,
            "created_at": "2026-11-10T09:30:00Z",
            "updated_at": None,
        }
        self.data["schedules"].append({**schedule, **values})
        return self.data["schedules"][-1]

    def run(self, volumes: list[dict[str, Any]], **values: Any) -> dict[str, Any]:
        """Add a run with a pending task for each volume."""
        run = {
            "id": str(uuid.uuid4()),
            "project_id": PROJECT,
            "user_id": USER,
            "action": "backup",
            "trigger": "user",
            "schedule_id": None,
            "schedule_name": None,
            "scheduled_for": None,
            "status": "pending",
            "missed_slots": 0,
            "counts": counts(pending=len(volumes)),
            "error": None,
            "request_id": "req-1",
            "created_at": "2026-11-20T10:15:00Z",
            "started_at": None,
            "finished_at": None,
        }
        self.data["runs"].append({**run, **values})
        run = self.data["runs"][-1]
        self.data["tasks"] += [_task(run, volume) for volume in volumes]
        return run

    def tasks_of(self, run: dict[str, Any]) -> list[dict[str, Any]]:
        """The tasks of a run."""
        return [task for task in self.data["tasks"] if task["run_id"] == run["id"]]

    def finish(self, run: dict[str, Any], errors: dict[str, str] | None = None) -> None:
        """Let the tasks of a run succeed, but those of the volumes with an error."""
        tasks, errors = self.tasks_of(run), errors or {}
        for task in tasks:
            error = errors.get(task["volume_name"])
            made = {} if task["backup_id"] else {"backup_id": str(uuid.uuid4())}
            task.update(status="failed", error=error) if error else task.update(
                status="succeeded", backup_type="full", **made
            )
        failed, total = len(errors), len(tasks)
        status = "failed" if failed == total else "partial" if failed else "succeeded"
        run.update(
            status=status,
            counts=counts(succeeded=total - failed, failed=failed),
            started_at="2026-11-20T10:15:01Z",
            finished_at="2026-11-20T10:15:09Z",
        )

    # What it answers

    def answer(self, method: str, url: str, body: Any) -> Answer:
        """Answer a request."""
        parts = urllib.parse.urlsplit(url)
        if parts.path.startswith("/identity"):
            return self._identity(method, parts.path)
        path = parts.path.replace("/backup-manager", "", 1)
        query = dict(urllib.parse.parse_qsl(parts.query))
        self.requests.append((method, path, query, body))
        try:
            if self.refusals:
                raise self.refusals.pop(0)
            for pattern, answer in _ROUTES:
                found = re.fullmatch(pattern, f"{method} {path}")
                if found:
                    return answer(self, *found.groups(), query, body)
            raise Refused(404, f"There is nothing at {path}")
        except Refused as refused:
            return refused.code, refused.body

    def _identity(self, method: str, path: str) -> Answer:
        if path.endswith("/projects"):
            return 200, {"projects": [{"id": PROJECT, "name": "demo"}], "links": {}}
        if "/projects/" in path:
            return 404, {"error": {"code": 404, "message": "No such project"}}
        if method == "GET":
            link = {"rel": "self", "href": f"{self.url}/identity/v3/"}
            return 200, {"version": {"id": "v3.14", "status": "stable", "links": [link]}}
        catalog = [_service("identity", f"{self.url}/identity")]
        if self.in_catalog:
            catalog.append(_service("backup-manager", self.endpoint))
        domain = {"id": "default", "name": "Default"}
        return 201, {
            "token": {
                "methods": ["password"],
                "expires_at": "2099-01-01T00:00:00.000000Z",
                "issued_at": "2026-11-20T00:00:00.000000Z",
                "user": {"id": USER, "name": "demo", "domain": domain},
                "project": {"id": PROJECT, "name": "demo", "domain": domain},
                "roles": [{"id": "1", "name": "member"}],
                "catalog": catalog,
            }
        }

    def item(self, plural: str, id_: str) -> dict[str, Any]:
        """The item of a list that has the id."""
        for item in self.data[plural]:
            if item["id"] == id_:
                return item
        raise Refused(404, f"There is no {plural[:-1]} {id_}")

    def list_(self, plural: str, query: dict[str, str], body: None, **only: str) -> Answer:
        """A page of a list."""
        filters = _FILTERS[plural]
        unknown = set(query) - set(filters) - _PAGING
        if unknown:
            raise Refused(400, f"Unknown query parameter {unknown.pop()}")
        items = [
            item
            for item in self.data[plural]
            if all(item[key] == value for key, value in only.items())
            and all(filters[key](item, query[key]) for key in query if key in filters)
        ]
        return 200, self._page_of(plural, items, query)

    def _page_of(
        self, plural: str, items: list[dict[str, Any]], query: dict[str, str]
    ) -> dict[str, Any]:
        start = 0
        key = "project_id" if plural == "projects" else "id"
        if "marker" in query:
            start = [item[key] for item in items].index(query["marker"]) + 1
        limit = min(int(query.get("limit", 100)), self.page)
        page = items[start : start + limit]
        # Lists of schedules don't tell what is selected.
        shown = [{key: value for key, value in item.items() if key != "selected"} for item in page]
        body: dict[str, Any] = {plural: shown}
        if len(items) > start + limit:
            more = urllib.parse.urlencode({**query, "marker": items[start + limit - 1][key]})
            href = f"{self.link_host or self.endpoint}/v1/{plural}?{more}"
            body[f"{plural}_links"] = [{"rel": "next", "href": href}]
        return body

    def show(self, plural: str, id_: str, query: dict[str, str], body: None) -> Answer:
        """One item."""
        item = self.item(plural, id_)
        script = self.scripts.get(id_)
        if script:
            change = script.pop(0)
            if change.pop("finish", False):
                self.finish(item, change.pop("errors", None))
            item.update(change)
        return 200, {plural[:-1]: item}

    def single(self, noun: str, query: dict[str, str], body: None) -> Answer:
        """What there is only one of."""
        return 200, {noun: self.singles[noun]}

    def tasks(self, run_id: str, query: dict[str, str], body: None) -> Answer:
        self.item("runs", run_id)
        return self.list_("tasks", query, None, run_id=run_id)

    def create_backup(self, query: dict[str, str], body: Any) -> Answer:
        wanted = body["backup"]
        known = {"volumes", "type", "name", "description", "max_incrementals", "strict"}
        unknown = set(wanted) - known
        if unknown:
            raise Refused(400, f"{unknown.pop()} is not allowed", "backup")
        warnings = self._warnings(wanted)
        return 202, {"run": self._start(wanted["volumes"]), "warnings": warnings}

    def restore(self, query: dict[str, str], body: Any) -> Answer:
        items = body["restore"]["items"]
        run = self._start([self._restored(item)["volume_id"] for item in items])
        run["action"] = "restore"
        for task, item in zip(self.tasks_of(run), items):
            target = item.get("target_volume_id", str(uuid.uuid4()))
            task.update(backup_id=self._restored(item)["id"], target_volume_id=target)
        return 202, {"run": run}

    def export_records(self, query: dict[str, str], body: Any) -> Answer:
        wanted = body["export"]
        ids = wanted.get("backup_ids") or [
            each["id"] for each in self.data["backups"] if each["volume_id"] == wanted["volume_id"]
        ]
        document = {"format": "backup-manager/records", "records": [{"backup_id": i} for i in ids]}
        return 200, {"document": document, "warnings": self.warnings}

    def import_records(self, query: dict[str, str], body: Any) -> Answer:
        answer: dict[str, Any] = {"records": self.verdicts, "warnings": self.warnings}
        if body["import"].get("dry_run"):
            return 200, answer
        wanted = [each for each in self.verdicts if each["result"] == "import"]
        run = None
        if wanted:
            volumes = [{"id": v["volume_id"], "name": v["name"], "size_gb": 1} for v in wanted]
            run = self.run(volumes, action="import")
            for task, verdict in zip(self.tasks_of(run), wanted):
                task.update(action="import", backup_id=verdict["backup_id"])
            self.scripts[run["id"]] = list(self.scripts.pop("next", []))
        return 202, {**answer, "run": run}

    def verdict(self, name: str, result: str = "import", **values: Any) -> dict[str, Any]:
        """Add what becomes of a record."""
        verdict = {
            "backup_id": str(uuid.uuid4()),
            "volume_id": str(uuid.uuid4()),
            "name": name,
            "type": "full",
            "parent_id": None,
            "size_gb": 1,
            "created_at": "2026-11-20T02:00:00Z",
            "result": result,
            "reason": None,
        }
        self.verdicts.append({**verdict, **values})
        return self.verdicts[-1]

    def _restored(self, item: dict[str, Any]) -> dict[str, Any]:
        backups: list[dict[str, Any]] = self.data["backups"]
        wanted = (item.get("backup_id"), item.get("volume_id"))
        return next(each for each in backups if each["id"] in wanted or each["volume_id"] in wanted)

    def delete_backups(self, query: dict[str, str], body: Any) -> Answer:
        wanted = body["deletion"]
        ids, cascade = wanted["backup_ids"], wanted.get("cascade", False)
        return self._delete(wanted, fakeplans.deletion(self.data["backups"], ids, cascade))

    def clean_up(self, query: dict[str, str], body: Any) -> Answer:
        wanted = body["cleanup"]
        return self._delete(wanted, fakeplans.cleanup(self.data["backups"], wanted))

    def _delete(self, wanted: dict[str, Any], plan: dict[str, Any]) -> Answer:
        if wanted.get("dry_run"):
            return 200, {"plan": plan}
        if plan["digest"] != wanted.get("digest", plan["digest"]) or not plan["count"]:
            raise Refused(409, "What would be deleted has changed since you looked")
        run = self._start([each["volume_id"] for each in plan["going"]])
        run["action"] = "delete"
        for task, each in zip(self.tasks_of(run), plan["going"]):
            task.update(action="delete", backup_id=each["backup_id"], note=each["reason"])
        return 202, {"run": run}

    def create_schedule(self, query: dict[str, str], body: Any) -> Answer:
        wanted = dict(body["schedule"])
        volumes = [self._volume(id_, at) for at, id_ in enumerate(wanted.pop("volumes"))]
        warnings = self._warnings(wanted)
        wanted.pop("strict", None)
        schedule = self.schedule(wanted.pop("name"), volumes, **wanted)
        return 201, {"schedule": schedule, "warnings": warnings}

    def _warnings(self, wanted: dict[str, Any]) -> list[str]:
        if self.warnings and wanted.get("strict"):
            raise Refused(409, f"Nothing was done. {self.warnings[0]}")
        return self.warnings

    def add_volumes(self, id_: str, query: dict[str, str], body: Any) -> Answer:
        schedule, wanted = self.item("schedules", id_), body["volumes"]
        known = {volume["id"] for volume in self.data["volumes"]}
        present = [each for each in wanted if each in schedule["volumes"]]
        added = [each for each in wanted if each in known and each not in present]
        schedule["volumes"] = [*schedule["volumes"], *added]
        missing = [each for each in wanted if each not in {*added, *present}]
        return 200, {"result": {"added": added, "present": present, "not_found": missing}}

    def remove_volumes(self, id_: str, query: dict[str, str], body: Any) -> Answer:
        schedule, wanted = self.item("schedules", id_), body["volumes"]
        removed = [each for each in wanted if each in schedule["volumes"]]
        schedule["volumes"] = [each for each in schedule["volumes"] if each not in removed]
        absent = [each for each in wanted if each not in removed]
        return 200, {"result": {"removed": removed, "absent": absent}}

    def update_schedule(self, id_: str, query: dict[str, str], body: Any) -> Answer:
        schedule, wanted = self.item("schedules", id_), dict(body["schedule"])
        if wanted.pop("generation") != schedule["generation"]:
            raise Refused(409, "The schedule was changed in the meantime; fetch it again")
        schedule.update(wanted, generation=schedule["generation"] + 1)
        return 200, {"schedule": schedule}

    def delete_schedule(self, id_: str, query: dict[str, str], body: None) -> Answer:
        self.data["schedules"].remove(self.item("schedules", id_))
        return 204, None

    def run_schedule(self, id_: str, query: dict[str, str], body: None) -> Answer:
        schedule = self.item("schedules", id_)
        run = self._start(schedule["volumes"])
        run.update(schedule_id=schedule["id"], schedule_name=schedule["name"])
        return 202, {"run": run}

    def preview(self, id_: str, query: dict[str, str], body: None) -> Answer:
        schedule = self.item("schedules", id_)
        return 200, _preview(schedule["timezone"], int(query.get("count", 5)))

    def preview_times(self, query: dict[str, str], body: Any) -> Answer:
        wanted = body["preview"]
        answer = _preview(wanted.get("timezone", "UTC"), wanted.get("count", 5))
        if "retention" in wanted:
            answer["preview"]["kept"] = {"count": wanted["retention"]["keep_last"]}
        return 200, answer

    def preview_retention(self, query: dict[str, str], body: Any) -> Answer:
        wanted = body["preview"]
        listed = [each for each in self.data["backups"] if each["volume_id"] in wanted["volumes"]]
        ids = [each["id"] for each in listed][wanted["retention"]["keep_last"] :]
        return 200, {"plan": fakeplans.deletion(listed, ids, True)}

    def cancel_run(self, id_: str, query: dict[str, str], body: None) -> Answer:
        run = self.item("runs", id_)
        pending = [task for task in self.tasks_of(run) if task["status"] == "pending"]
        if not pending:
            raise Refused(409, "Nothing of this run is pending")
        for task in pending:
            task["status"] = "cancelled"
        run.update(status="cancelled", counts=counts(cancelled=len(pending)))
        return 200, {"run": run}

    def confirm_run(self, id_: str, query: dict[str, str], body: None) -> Answer:
        run = self.item("runs", id_)
        if run["status"] != "waiting":
            raise Refused(409, f"Run {id_} does not wait for consent")
        for task in self.tasks_of(run):
            task["status"] = "pending"
        run.update(status="pending", error=None, counts=counts(pending=len(self.tasks_of(run))))
        self.scripts[id_] = list(self.scripts.pop("next", []))
        return 200, {"run": run}

    def _start(self, ids: list[str]) -> dict[str, Any]:
        run = self.run([self._volume(id_, at) for at, id_ in enumerate(ids)])
        self.scripts[run["id"]] = list(self.scripts.pop("next", []))
        return run

    def _volume(self, id_: str, at: int) -> dict[str, Any]:
        try:
            return self.item("volumes", id_)
        except Refused:
            raise Refused(404, f"There is no volume {id_}", f"volumes[{at}]") from None


def _service(type_: str, url: str) -> dict[str, Any]:
    where = {"interface": "public", "region_id": REGION, "region": REGION, "url": url}
    return {"type": type_, "name": type_, "id": type_, "endpoints": [where]}


def counts(**values: int) -> dict[str, int]:
    """The counts of a run."""
    names = ("waiting", "pending", "submitting", "running", "succeeded", "failed", "skipped")
    all_ = {**dict.fromkeys((*names, "cancelled", "expired"), 0), **values}
    return {"total": sum(all_.values()), **all_}


def _task(run: dict[str, Any], volume: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "run_id": run["id"],
        "project_id": PROJECT,
        "action": "backup",
        "status": "pending",
        "volume_id": volume["id"],
        "volume_name": volume["name"],
        "backup_id": None,
        "target_volume_id": None,
        "backup_type": None,
        "parent_id": None,
        "note": None,
        "size_gb": volume["size_gb"],
        "attempts": 0,
        "not_before": "2026-11-20T10:15:00Z",
        "submitted_at": None,
        "finished_at": None,
        "seconds": None,
        "rate_mb_s": None,
        "error_code": None,
        "error": None,
    }


def _preview(timezone: str, count: int) -> dict[str, Any]:
    offset = "+08:00" if timezone == "Asia/Shanghai" else "+00:00"
    runs = [
        {"at": f"2026-11-{21 + n}T02:00:00Z", "local": f"2026-11-{21 + n}T02:00:00{offset}"}
        for n in range(count)
    ]
    words = {"cron": "0 2 * * *", "description": "every day at 02:00"}
    return {"preview": {**words, "timezone": timezone, "runs": runs, "kept": None}}


_ID = "([0-9a-f-]{36})"

_ROUTES: list[tuple[str, Callable[..., Answer]]] = [
    ("GET /v1/(volumes|backups|schedules|runs|tasks|projects|services)", FakeCloud.list_),
    (f"GET /v1/(volumes|backups|schedules|runs)/{_ID}", FakeCloud.show),
    ("GET /v1/(statistics|info|health)", FakeCloud.single),
    (f"GET /v1/runs/{_ID}/tasks", FakeCloud.tasks),
    (f"POST /v1/runs/{_ID}/cancel", FakeCloud.cancel_run),
    (f"POST /v1/runs/{_ID}/confirm", FakeCloud.confirm_run),
    ("POST /v1/deletions", FakeCloud.delete_backups),
    ("POST /v1/cleanups", FakeCloud.clean_up),
    ("POST /v1/backups", FakeCloud.create_backup),
    ("POST /v1/backups/export", FakeCloud.export_records),
    ("POST /v1/backups/import", FakeCloud.import_records),
    ("POST /v1/restores", FakeCloud.restore),
    ("POST /v1/schedules", FakeCloud.create_schedule),
    (f"PATCH /v1/schedules/{_ID}", FakeCloud.update_schedule),
    (f"DELETE /v1/schedules/{_ID}", FakeCloud.delete_schedule),
    (f"POST /v1/schedules/{_ID}/volumes", FakeCloud.add_volumes),
    (f"POST /v1/schedules/{_ID}/volumes/remove", FakeCloud.remove_volumes),
    (f"POST /v1/schedules/{_ID}/run", FakeCloud.run_schedule),
    (f"GET /v1/schedules/{_ID}/preview", FakeCloud.preview),
    ("POST /v1/schedules/preview", FakeCloud.preview_times),
    ("POST /v1/retention/preview", FakeCloud.preview_retention),
]


def _handler(cloud: FakeCloud) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Without this each answer of a kept connection waits for a delayed acknowledgement.
        disable_nagle_algorithm = True

        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            sent = json.loads(self.rfile.read(length)) if length else None
            status, answer = cloud.answer(self.command, self.path, sent)
            text = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.send_header("X-Openstack-Request-Id", "req-6d8f2f4a")
            self.send_header("X-Subject-Token", "token")
            if text:
                self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = do_DELETE = _do

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler

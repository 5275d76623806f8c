"""The calls of the API, as methods."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any, TypeVar, Union

from openstack import exceptions, proxy, resource

from backup_manager.sdk.v1 import _base
from backup_manager.sdk.v1.backup import Backup
from backup_manager.sdk.v1.chain import Chain
from backup_manager.sdk.v1.health import Health
from backup_manager.sdk.v1.info import Info
from backup_manager.sdk.v1.policy import Policy
from backup_manager.sdk.v1.retention import Plan, Simulation
from backup_manager.sdk.v1.run import Run, Task
from backup_manager.sdk.v1.schedule import Preview, Schedule
from backup_manager.sdk.v1.service import Service
from backup_manager.sdk.v1.statistics import Statistics
from backup_manager.sdk.v1.volume import Volume

ResourceT = TypeVar("ResourceT", bound=resource.Resource)

#: A moment: ISO 8601 text, or a datetime (one without zone is taken as UTC).
Moment = Union[str, datetime.datetime]

#: While waiting for a run, answers like these are asked for again instead of giving up.
_POLL_AGAIN = {
    "connect_retries": 6,
    "status_code_retries": 6,
    "retriable_status_codes": [502, 503, 504],
}


class Proxy(proxy.Proxy):
    """Backup Manager, version 1 of its API.

    The methods that list something are generators that fetch page after page as they are read.
    They share these parameters:

    :param sort: the attribute to sort by, as the API names it, with ``:asc`` or ``:desc``.
    :param limit: how many to fetch with one request, at most 1000.
    :param marker: the id of the last one not to list.
    :param all_projects: list those of every project (administrators).
    :param project_id: with ``all_projects``, list those of this project.
    :param paginated: False ends the list after the first page.

    All methods raise :class:`openstack.exceptions.HttpException` or one of its subclasses when
    the service refuses; :func:`backup_manager.sdk.problem` tells why.
    """

    #: The URLs below carry the version, so there is nothing to discover.
    skip_discovery = True

    # Volumes

    def volumes(
        self,
        *,
        name: str | None = None,
        status: str | None = None,
        can_back_up: bool | None = None,
        is_protected: bool | None = None,
        sort: str | None = None,
        limit: int | None = None,
        marker: str | None = None,
        all_projects: bool | None = None,
        project_id: str | None = None,
        paginated: bool = True,
    ) -> Generator[Volume, None, None]:
        """List volumes, by name unless ``sort`` says otherwise.

        :param name: only those with exactly this name.
        :param status: only those that have this status in Cinder.
        :param can_back_up: only those that can, or can't, be backed up now.
        :param is_protected: only those that are, or aren't, in an enabled schedule.
        """
        query = _query(
            name=name,
            status=status,
            can_back_up=can_back_up,
            is_protected=is_protected,
            sort=sort,
            limit=limit,
            marker=marker,
            all_projects=all_projects,
            project_id=project_id,
        )
        return self._list(Volume, paginated=paginated, **query)

    def get_volume(self, volume: str | Volume) -> Volume:
        """Fetch a volume.

        :param volume: its id, or a :class:`Volume` to fetch again.
        :raises openstack.exceptions.NotFoundException: there is no such volume.
        """
        return self._get(Volume, volume)

    def find_volume(self, name_or_id: str) -> Volume:
        """Find a volume by its name or id.

        :raises openstack.exceptions.NotFoundException: there is no such volume.
        :raises openstack.exceptions.DuplicateResource: several volumes have the name; the
            message lists their ids.
        """
        return self._find_one(Volume, name_or_id)

    # Backups

    def backups(
        self,
        *,
        name: str | None = None,
        type: str | None = None,
        volume_id: str | None = None,
        status: str | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        sort: str | None = None,
        limit: int | None = None,
        marker: str | None = None,
        all_projects: bool | None = None,
        project_id: str | None = None,
        paginated: bool = True,
    ) -> Generator[Backup, None, None]:
        """List backups, the newest first unless ``sort`` says otherwise.

        :param name: only those with exactly this name.
        :param type: only those of this type, ``full`` or ``incremental``.
        :param volume_id: only those of this volume.
        :param status: only those that have this status in Cinder.
        :param since: only those created at this moment or later.
        :param until: only those created before this moment.
        """
        query = _query(
            name=name,
            type=type,
            volume_id=volume_id,
            status=status,
            since=since,
            until=until,
            sort=sort,
            limit=limit,
            marker=marker,
            all_projects=all_projects,
            project_id=project_id,
        )
        return self._list(Backup, paginated=paginated, **query)

    def get_backup(self, backup: str | Backup) -> Backup:
        """Fetch a backup.

        :param backup: its id, or a :class:`Backup` to fetch again.
        :raises openstack.exceptions.NotFoundException: there is no such backup.
        """
        return self._get(Backup, backup)

    def find_backup(self, name_or_id: str) -> Backup:
        """Find a backup by its name or id; see :meth:`find_volume`."""
        return self._find_one(Backup, name_or_id)

    def create_backup(
        self,
        volumes: Iterable[str | Volume],
        *,
        type: str | None = None,
        name: str | None = None,
        description: str | None = None,
        max_incrementals: int | None = None,
        strict: bool | None = None,
    ) -> Run:
        """Back up volumes now.

        :param volumes: 1 to 1000 volumes, or their ids.
        :param type: ``full`` (the default) or ``incremental``.
        :param name: the name of the backups, at most 255 characters.
        :param description: their description, at most 255 characters.
        :param max_incrementals: 0 to 1000; make a full backup where that many incremental ones
            follow the last full one already.
        :param strict: make no backup at all if they don't all fit into the quota.
        :returns: the run that makes the backups; see :meth:`wait_for_run`. Its ``warnings`` say
            what the quota has no room for.
        """
        body = _given(
            volumes=[_id(volume) for volume in volumes],
            type=type,
            name=name,
            description=description,
            max_incrementals=max_incrementals,
            strict=strict,
        )
        response = self.post("/v1/backups", json={"backup": body})
        run = self._answer(Run, "run", response)
        run.warnings = response.json()["warnings"]
        return run

    def update_backup(
        self, backup: str | Backup, *, is_held: bool, hold_reason: str | None = None
    ) -> Backup:
        """Put a backup on hold, so that nothing automatic deletes it, or release it.

        :param hold_reason: why, at most 255 characters; only with ``is_held``.
        """
        body = {"backup": {"held": is_held, "hold_reason": hold_reason}}
        response = self.patch(f"/v1/backups/{_id(backup)}", json=body)
        return self._answer(Backup, "backup", response)

    def get_chain(self, volume: str | Volume) -> Chain:
        """Fetch how the backups of a volume build on each other."""
        return self._answer(Chain, "chain", self.get(f"/v1/volumes/{_id(volume)}/chain"))

    def restore_backups(self, items: Iterable[Mapping[str, Any]]) -> Run:
        """Restore backups, each to a new volume or onto an existing one.

        :param items: 1 to 100 of them. Each names a backup by ``backup_id``, or by ``volume_id``
            and ``at``: the newest backup of that volume made at that moment or before. With
            ``target_volume_id`` it overwrites that volume, which has to be available and large
            enough. Otherwise a new one is made, which ``name``, ``availability_zone`` and
            ``volume_type`` describe; what is left out is as it was for the backed up volume.
        :returns: the run that restores them; see :meth:`wait_for_run`. Its tasks tell the
            volumes: :attr:`Task.target_volume_id`.
        """
        body = {"items": [{name: _spell(value) for name, value in item.items()} for item in items]}
        return self._call(Run, "/v1/restores", {"restore": body})

    # Schedules

    def schedules(
        self,
        *,
        name: str | None = None,
        is_enabled: bool | None = None,
        volume_id: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
        marker: str | None = None,
        all_projects: bool | None = None,
        project_id: str | None = None,
        paginated: bool = True,
    ) -> Generator[Schedule, None, None]:
        """List schedules, by name unless ``sort`` says otherwise.

        :param name: only those with exactly this name.
        :param is_enabled: only those that are, or aren't, enabled.
        :param volume_id: only those that back up this volume.
        """
        query = _query(
            name=name,
            is_enabled=is_enabled,
            volume_id=volume_id,
            sort=sort,
            limit=limit,
            marker=marker,
            all_projects=all_projects,
            project_id=project_id,
        )
        return self._list(Schedule, paginated=paginated, **query)

    def get_schedule(self, schedule: str | Schedule) -> Schedule:
        """Fetch a schedule.

        :param schedule: its id, or a :class:`Schedule` to fetch again.
        :raises openstack.exceptions.NotFoundException: there is no such schedule.
        """
        return self._get(Schedule, schedule)

    def find_schedule(self, name_or_id: str) -> Schedule:
        """Find a schedule by its name or id; see :meth:`find_volume`."""
        return self._find_one(Schedule, name_or_id)

    def create_schedule(
        self,
        name: str,
        recurrence: dict[str, Any],
        volume_ids: Iterable[str | Volume] = (),
        *,
        selector: dict[str, Any] | None = None,
        timezone: str | None = None,
        backup_type: str | None = None,
        max_incrementals: int | None = None,
        description: str | None = None,
        is_enabled: bool | None = None,
        start_window_s: int | None = None,
        completion_limit_s: int | None = None,
        spread_s: int | None = None,
        retention: dict[str, int] | None = None,
        strict: bool | None = None,
    ) -> Schedule:
        """Create a schedule. What is left out gets the service's default.

        :param name: 1 to 255 characters.
        :param recurrence: when it runs, one of

            - ``{'type': 'daily', 'time': 'HH:MM'}``
            - ``{'type': 'weekly', 'time': 'HH:MM', 'weekdays': [1]}``, 1 is Monday
            - ``{'type': 'monthly', 'time': 'HH:MM', 'day': 1}``, or ``'last'``
            - ``{'type': 'interval', 'minutes': 30}``, a divisor of 60
            - ``{'type': 'interval', 'hours': 6, 'minute': 0}``, a divisor of 24
            - ``{'type': 'cron', 'expression': '0 2 * * *'}``
        :param volume_ids: up to 1000 volumes, or their ids; none only with a selector.
        :param selector: what to back up besides those, looked up at each run. All criteria that
            are given must fit: ``{'metadata': {'backup': 'yes'}, 'volume_types': ['ssd'],
            'servers': [id]}``; or ``{'whole_project': True}``. With ``'exclude': [id]`` these
            volumes are left out.
        :param timezone: the IANA name of the zone the recurrence is in.
        :param backup_type: ``full`` or ``incremental``.
        :param max_incrementals: how many incremental backups may follow a full one, 0 to 1000.
        :param description: a description.
        :param is_enabled: whether it runs.
        :param start_window_s: how many seconds late a run may begin, from a minute to a week.
        :param completion_limit_s: how many seconds after its time a run is given up.
        :param spread_s: the seconds, up to a day, over which the backups of a run begin.
        :param retention: what is kept of its backups, as for :meth:`set_policy`; None leaves it to
            the project. So far it is previewed only.
        :param strict: create nothing if one more backup of each volume does not fit into the
            quota.
        :returns: the schedule. Its ``warnings`` say what the quota has no room for.
        """
        attributes = _given(
            name=name,
            recurrence=recurrence,
            volume_ids=[_id(volume) for volume in volume_ids],
            timezone=timezone,
            backup_type=backup_type,
            max_incrementals=max_incrementals,
            description=description,
            is_enabled=is_enabled,
            selector=selector,
            start_window_s=start_window_s,
            completion_limit_s=completion_limit_s,
            spread_s=spread_s,
            retention=retention,
            strict=strict,
        )
        return self._create(Schedule, **attributes)

    def add_schedule_volumes(
        self, schedule: str | Schedule, volumes: Iterable[str | Volume]
    ) -> dict[str, list[str]]:
        """Have a schedule back up more volumes, whoever else changes it meanwhile.

        :param volumes: 1 to 1000 volumes, or their ids. One that the selector of the schedule
            excluded no longer is.
        :returns: the ids by what became of them: ``added``, ``present`` (it was there before) or
            ``not_found``.
        """
        return self._edit_volumes(f"/v1/schedules/{_id(schedule)}/volumes", volumes)

    def remove_schedule_volumes(
        self, schedule: str | Schedule, volumes: Iterable[str | Volume]
    ) -> dict[str, list[str]]:
        """Have a schedule back up fewer of the volumes that it lists.

        :param volumes: 1 to 1000 volumes, or their ids.
        :returns: the ids by what became of them: ``removed`` or ``absent``.
        :raises openstack.exceptions.ConflictException: nothing would be left to back up.
        """
        return self._edit_volumes(f"/v1/schedules/{_id(schedule)}/volumes/remove", volumes)

    def _edit_volumes(self, url: str, volumes: Iterable[str | Volume]) -> dict[str, list[str]]:
        response = self.post(url, json={"volumes": [_id(volume) for volume in volumes]})
        exceptions.raise_from_response(response)
        result: dict[str, list[str]] = response.json()["result"]
        return result

    def update_schedule(self, schedule: str | Schedule, **attributes: Any) -> Schedule:
        """Change a schedule. Only what differs is sent.

        Any update of an enabled schedule, also one without attributes, renews a broken
        delegation in the name of the caller.

        :param schedule: the schedule as it was fetched, so that a change somebody else made in
            the meantime is noticed; or its id, to change whatever is there now.
        :param attributes: the attributes of :meth:`create_schedule` to change. ``volume_ids``
            replaces the list. A description of None removes it.
        :raises openstack.exceptions.ConflictException: somebody changed it in the meantime.
        """
        if not isinstance(schedule, Schedule):
            schedule = self.get_schedule(schedule)
        if "volume_ids" in attributes:
            attributes["volume_ids"] = [_id(volume) for volume in attributes["volume_ids"]]
        return self._update(Schedule, schedule, **attributes)

    def delete_schedule(self, schedule: str | Schedule, ignore_missing: bool = True) -> None:
        """Delete a schedule. Its runs and backups stay.

        :param ignore_missing: do not raise when it doesn't exist.
        """
        self._delete(Schedule, schedule, ignore_missing=ignore_missing)

    def run_schedule(self, schedule: str | Schedule) -> Run:
        """Run a schedule now. Its next run is not changed.

        :returns: the run; see :meth:`wait_for_run`.
        """
        return self._call(Run, f"/v1/schedules/{_id(schedule)}/run")

    def preview_schedule(self, schedule: str | Schedule, count: int | None = None) -> Preview:
        """When a schedule runs next.

        :param count: how many runs to list, 1 to 100.
        """
        url = f"/v1/schedules/{_id(schedule)}/preview"
        response = self.get(url, params=_given(count=count))
        return self._answer(Preview, "preview", response)

    def preview_recurrence(
        self,
        recurrence: dict[str, Any],
        timezone: str | None = None,
        count: int | None = None,
    ) -> Preview:
        """When a schedule would run, without creating it.

        :param recurrence: as for :meth:`create_schedule`.
        :param timezone: the IANA name of the zone the recurrence is in.
        :param count: how many runs to list, 1 to 100.
        """
        body = _given(recurrence=recurrence, timezone=timezone, count=count)
        return self._call(Preview, "/v1/schedules/preview", {"preview": body}, key="preview")

    # Retention: so far it is shown and previewed, and the service deletes nothing by itself.

    def get_policy(self, volume: str | Volume | None = None) -> Policy:
        """Fetch the policy of retention of a volume, or of the project."""
        return self._answer(Policy, "policy", self.get(_policy_url(volume)))

    def set_policy(
        self, retention: Mapping[str, int], volume: str | Volume | None = None
    ) -> Policy:
        """Set the policy of retention of a volume, or of the project.

        :param retention: rules, of which each keeps backups that others don't: ``max_age_days``,
            ``keep_last``, ``keep_hourly``, ``keep_daily``, ``keep_weekly``, ``keep_monthly``,
            ``keep_yearly``, ``full_count``, ``incremental_count``. Without any, all are kept.
        """
        body = {"policy": {"retention": dict(retention)}}
        return self._answer(Policy, "policy", self.put(_policy_url(volume), json=body))

    def unset_policy(self, volume: str | Volume | None = None) -> None:
        """Remove the policy of retention of a volume, or of the project."""
        exceptions.raise_from_response(self.delete(_policy_url(volume)))

    def preview_volume_retention(self, volume: str | Volume) -> Plan:
        """What retention would delete now of the backups of a volume."""
        return self._answer(Plan, "plan", self.get(f"/v1/volumes/{_id(volume)}/retention"))

    def preview_schedule_retention(self, schedule: str | Schedule) -> Plan:
        """What retention would delete now of the volumes that a schedule backs up, or did."""
        return self._answer(Plan, "plan", self.get(f"/v1/schedules/{_id(schedule)}/retention"))

    def simulate_retention(self, days: int | None = None) -> Simulation:
        """Work out what schedules make and retention would delete, and when a quota is full.

        :param days: how many, from today; 1 to 366 (default: 90).
        """
        body = {"simulation": _given(days=days)}
        return self._call(Simulation, "/v1/retention/simulate", body, key="simulation")

    # Runs

    def runs(
        self,
        *,
        schedule_id: str | None = None,
        status: str | None = None,
        action: str | None = None,
        trigger: str | None = None,
        volume_id: str | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        sort: str | None = None,
        limit: int | None = None,
        marker: str | None = None,
        all_projects: bool | None = None,
        project_id: str | None = None,
        paginated: bool = True,
    ) -> Generator[Run, None, None]:
        """List runs, the newest first unless ``sort`` says otherwise.

        :param schedule_id: only those of this schedule.
        :param status: only those with this status.
        :param action: only those that do this, such as ``backup``.
        :param trigger: only those started by a ``schedule``, or by a ``user``.
        :param volume_id: only those that do something about this volume.
        :param since: only those created at this moment or later.
        :param until: only those created before this moment.
        """
        query = _query(
            schedule_id=schedule_id,
            status=status,
            action=action,
            trigger=trigger,
            volume_id=volume_id,
            since=since,
            until=until,
            sort=sort,
            limit=limit,
            marker=marker,
            all_projects=all_projects,
            project_id=project_id,
        )
        return self._list(Run, paginated=paginated, **query)

    def get_run(self, run: str | Run) -> Run:
        """Fetch a run.

        :param run: its id, or a :class:`Run` to fetch again.
        :raises openstack.exceptions.NotFoundException: there is no such run.
        """
        return self._get(Run, run)

    def run_tasks(
        self, run: str | Run, *, status: str | None = None, limit: int | None = None
    ) -> Generator[Task, None, None]:
        """List the tasks of a run, in the order of their creation.

        :param status: only those with this status.
        :param limit: how many to fetch with one request, at most 1000.
        """
        return self._list(Task, run_id=_id(run), **_query(status=status, limit=limit))

    def cancel_run(self, run: str | Run) -> Run:
        """Cancel the tasks of a run that have not started.

        :raises openstack.exceptions.ConflictException: all have started.
        """
        return self._call(Run, f"/v1/runs/{_id(run)}/cancel")

    def wait_for_run(
        self,
        run: str | Run,
        interval: float = 2,
        timeout: float | None = None,
        callback: Callable[[Run], None] | None = None,
    ) -> Run:
        """Wait until a run is finished, however it ends.

        An interruption of the connection, or of the service, is sat out for half a minute.

        :param interval: seconds between two looks at the run.
        :param timeout: seconds after which to give up; None waits for ever.
        :param callback: called with the run after each look.
        :returns: the finished run; ask its :attr:`Run.is_successful`.
        :raises openstack.exceptions.ResourceTimeout: the run was not finished in time.
        """
        run_id = _id(run)
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            response = self.get(f"/v1/runs/{run_id}", **_POLL_AGAIN)
            latest = self._answer(Run, "run", response)
            if callback:
                callback(latest)
            if latest.is_finished:
                return latest
            if deadline is not None and time.monotonic() + interval > deadline:
                raise exceptions.ResourceTimeout(
                    f"Run {run_id} was still {latest.status} after {timeout} seconds"
                )
            time.sleep(interval)

    # Services

    def services(self) -> Generator[Service, None, None]:
        """List the engines (administrators)."""
        return self._list(Service)

    def get_health(self) -> Health:
        """Fetch what is wrong with the service (administrators; in personal mode its user)."""
        return self._answer(Health, "health", self.get("/v1/health"))

    def get_info(self) -> Info:
        """Fetch versions, limits and defaults of the service."""
        return self._answer(Info, "info", self.get("/v1/info"))

    # Statistics

    def get_statistics(
        self, *, all_projects: bool | None = None, project_id: str | None = None
    ) -> Statistics:
        """Fetch figures about the caller's project.

        :param all_projects: those of every project (administrators).
        :param project_id: with ``all_projects``, those of this project.
        """
        query = _query(all_projects=all_projects, project_id=project_id)
        return self._answer(Statistics, "statistics", self.get("/v1/statistics", params=query))

    # Helpers

    def _call(
        self,
        resource_type: type[ResourceT],
        url: str,
        body: dict[str, Any] | None = None,
        key: str = "run",
    ) -> ResourceT:
        """POST to a URL that answers with a resource of another kind."""
        arguments = {} if body is None else {"json": body}
        return self._answer(resource_type, key, self.post(url, **arguments))

    def _answer(self, resource_type: type[ResourceT], key: str, response: Any) -> ResourceT:
        exceptions.raise_from_response(response)
        return resource_type.existing(connection=self._get_connection(), **response.json()[key])

    def _find_one(self, resource_type: type[ResourceT], name_or_id: str) -> ResourceT:
        # Not Resource.find(): that puts names into URLs, and tells no ids for an ambiguous name.
        noun = resource_type.__name__.lower()
        if _base.is_id(name_or_id):
            try:
                return self._get(resource_type, name_or_id)
            except exceptions.NotFoundException:
                pass  # it may yet be a name that looks like an id
        listed = self._list(resource_type, name=name_or_id)
        found = [item for item in listed if item.name == name_or_id]
        if not found:
            raise exceptions.NotFoundException(f"No {noun} has the name or ID '{name_or_id}'")
        if len(found) > 1:
            ids = ", ".join(item.id for item in found)
            raise exceptions.DuplicateResource(
                f"More than one {noun} has the name '{name_or_id}', use an ID: {ids}"
            )
        return found[0]


def _id(value: str | resource.Resource) -> str:
    return value.id if isinstance(value, resource.Resource) else value


def _policy_url(volume: str | Volume | None) -> str:
    return "/v1/policy" if volume is None else f"/v1/volumes/{_id(volume)}/policy"


def _given(**values: Any) -> dict[str, Any]:
    """Those of the values that are not None."""
    return {key: value for key, value in values.items() if value is not None}


def _query(**values: Any) -> dict[str, Any]:
    """Those of the values that are not None, as a URL spells them."""
    return {key: _spell(value) for key, value in _given(**values).items()}


def _spell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            value = value.astimezone(datetime.timezone.utc)
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return value

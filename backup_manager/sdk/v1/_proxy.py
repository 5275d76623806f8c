"""All calls of the API, as methods."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Mapping

from openstack import exceptions

from backup_manager.sdk.v1._backups import BackupCalls
from backup_manager.sdk.v1._calls import Moment, as_id, as_query, given
from backup_manager.sdk.v1._schedules import ScheduleCalls
from backup_manager.sdk.v1.health import Health
from backup_manager.sdk.v1.info import Info
from backup_manager.sdk.v1.policy import Policy
from backup_manager.sdk.v1.project import Project
from backup_manager.sdk.v1.retention import Plan, Simulation
from backup_manager.sdk.v1.run import Run, Task
from backup_manager.sdk.v1.schedule import Schedule
from backup_manager.sdk.v1.service import Service
from backup_manager.sdk.v1.statistics import Statistics
from backup_manager.sdk.v1.volume import Volume

#: While waiting for a run, answers like these are asked for again instead of giving up.
_POLL_AGAIN = {
    "connect_retries": 6,
    "status_code_retries": 6,
    "retriable_status_codes": [502, 503, 504],
}


class Proxy(BackupCalls, ScheduleCalls):
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

    #: The URLs carry the version, so there is nothing to discover.
    skip_discovery = True

    # Volumes

    def volumes(
        self,
        *,
        name: str | None = None,
        search: str | None = None,
        status: str | None = None,
        can_back_up: bool | None = None,
        is_protected: bool | None = None,
        is_late: bool | None = None,
        sort: str | None = None,
        limit: int | None = None,
        marker: str | None = None,
        all_projects: bool | None = None,
        project_id: str | None = None,
        paginated: bool = True,
    ) -> Generator[Volume, None, None]:
        """List volumes, by name unless ``sort`` says otherwise.

        :param name: only those with exactly this name.
        :param search: only those with this text in their name, or with this id.
        :param status: only those that have this status in Cinder.
        :param can_back_up: only those that can, or can't, be backed up now.
        :param is_protected: only those that are, or aren't, in an enabled schedule.
        :param is_late: only those whose newest good backup is, or isn't, older than an enabled
            schedule promises.
        """
        query = as_query(
            name=name,
            search=search,
            status=status,
            can_back_up=can_back_up,
            is_protected=is_protected,
            is_late=is_late,
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

    # Retention

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
        return self._answer(Plan, "plan", self.get(f"/v1/volumes/{as_id(volume)}/retention"))

    def preview_schedule_retention(self, schedule: str | Schedule) -> Plan:
        """What retention would delete now of the volumes that a schedule backs up, or did."""
        return self._answer(Plan, "plan", self.get(f"/v1/schedules/{as_id(schedule)}/retention"))

    def preview_retention(
        self, retention: Mapping[str, int], volumes: Iterable[str | Volume]
    ) -> Plan:
        """What retention would delete now of some volumes under another policy.

        :param retention: as for :meth:`set_policy`.
        :param volumes: 1 to 1000 volumes, or their ids.
        """
        wanted = {"retention": dict(retention), "volumes": [as_id(volume) for volume in volumes]}
        return self._call(Plan, "/v1/retention/preview", {"preview": wanted}, key="plan")

    def simulate_retention(self, days: int | None = None) -> Simulation:
        """Work out what schedules make and retention would delete, and when a quota is full.

        :param days: how many, from today; 1 to 366 (default: 90).
        """
        body = {"simulation": given(days=days)}
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
        query = as_query(
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
        self,
        run: str | Run,
        *,
        status: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
        marker: str | None = None,
        paginated: bool = True,
    ) -> Generator[Task, None, None]:
        """List the tasks of a run, in the order of their creation unless ``sort`` says otherwise.

        :param status: only those with this status.
        """
        query = as_query(status=status, sort=sort, limit=limit, marker=marker)
        return self._list(Task, run_id=as_id(run), paginated=paginated, **query)

    def tasks(
        self,
        *,
        status: str | None = None,
        action: str | None = None,
        volume_id: str | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        sort: str | None = None,
        limit: int | None = None,
        marker: str | None = None,
        all_projects: bool | None = None,
        project_id: str | None = None,
        paginated: bool = True,
    ) -> Generator[Task, None, None]:
        """List the tasks of all runs: unfinished ones, then those that ended last.

        :param status: only those with this status.
        :param action: only those that do this, such as ``backup``.
        :param volume_id: only those that do something about this volume.
        :param since: only those that ended at this moment or later, or are not finished.
        :param until: only those that ended before this moment.
        """
        query = as_query(
            status=status,
            action=action,
            volume_id=volume_id,
            since=since,
            until=until,
            sort=sort,
            limit=limit,
            marker=marker,
            all_projects=all_projects,
            project_id=project_id,
        )
        return self._list(Task, base_path="/v1/tasks", paginated=paginated, **query)

    def cancel_run(self, run: str | Run) -> Run:
        """Cancel the tasks of a run that have not started.

        :raises openstack.exceptions.ConflictException: all have started.
        """
        return self._call(Run, f"/v1/runs/{as_id(run)}/cancel")

    def confirm_run(self, run: str | Run) -> Run:
        """Have a run carried out that waits for consent: :attr:`Run.is_waiting`.

        :raises openstack.exceptions.ConflictException: it does not wait (any more).
        """
        return self._call(Run, f"/v1/runs/{as_id(run)}/confirm")

    def wait_for_run(
        self,
        run: str | Run,
        interval: float = 2,
        timeout: float | None = None,
        callback: Callable[[Run], None] | None = None,
    ) -> Run:
        """Wait until a run is finished, however it ends, or needs somebody's consent.

        An interruption of the connection, or of the service, is sat out for half a minute.

        :param interval: seconds between two looks at the run.
        :param timeout: seconds after which to give up; None waits for ever.
        :param callback: called with the run after each look.
        :returns: the run, finished or waiting for consent; ask its :attr:`Run.is_successful` and
            :attr:`Run.is_waiting`.
        :raises openstack.exceptions.ResourceTimeout: the run was not finished in time.
        """
        run_id = as_id(run)
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            response = self.get(f"/v1/runs/{run_id}", **_POLL_AGAIN)
            latest = self._answer(Run, "run", response)
            if callback:
                callback(latest)
            if latest.is_finished or latest.is_waiting:
                return latest
            if deadline is not None and time.monotonic() + interval > deadline:
                raise exceptions.ResourceTimeout(
                    f"Run {run_id} was still {latest.status} after {timeout} seconds"
                )
            time.sleep(interval)

    # Projects and services

    def projects(
        self,
        *,
        sort: str | None = None,
        limit: int | None = None,
        marker: str | None = None,
        paginated: bool = True,
    ) -> Generator[Project, None, None]:
        """List the projects that the service knows, with what they have (administrators)."""
        query = as_query(sort=sort, limit=limit, marker=marker)
        return self._list(Project, paginated=paginated, **query)

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
        query = as_query(all_projects=all_projects, project_id=project_id)
        return self._answer(Statistics, "statistics", self.get("/v1/statistics", params=query))


def _policy_url(volume: str | Volume | None) -> str:
    return "/v1/policy" if volume is None else f"/v1/volumes/{as_id(volume)}/policy"

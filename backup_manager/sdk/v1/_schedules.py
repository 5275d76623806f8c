"""The calls about schedules, as methods."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

from openstack import exceptions

from backup_manager.sdk.v1._calls import Calls, as_id, as_query, given
from backup_manager.sdk.v1.run import Run
from backup_manager.sdk.v1.schedule import Preview, Schedule
from backup_manager.sdk.v1.volume import Volume


class ScheduleCalls(Calls):
    """Looking at schedules, making, changing and running them."""

    def schedules(
        self,
        *,
        name: str | None = None,
        search: str | None = None,
        is_enabled: bool | None = None,
        is_failing: bool | None = None,
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
        :param search: only those with this text in their name, or with this id.
        :param is_enabled: only those that are, or aren't, enabled.
        :param is_failing: only the enabled ones whose delegation is broken, or whose last run is
            failed, partial, missed or expired; or only the others.
        :param volume_id: only those that back up this volume.
        """
        query = as_query(
            name=name,
            search=search,
            is_enabled=is_enabled,
            is_failing=is_failing,
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
            the project.
        :param strict: create nothing if one more backup of each volume does not fit into the
            quota.
        :returns: the schedule. Its ``warnings`` say what the quota has no room for.
        """
        attributes = given(
            name=name,
            recurrence=recurrence,
            volume_ids=[as_id(volume) for volume in volume_ids],
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
        return self._edit_volumes(f"/v1/schedules/{as_id(schedule)}/volumes", volumes)

    def remove_schedule_volumes(
        self, schedule: str | Schedule, volumes: Iterable[str | Volume]
    ) -> dict[str, list[str]]:
        """Have a schedule back up fewer of the volumes that it lists.

        :param volumes: 1 to 1000 volumes, or their ids.
        :returns: the ids by what became of them: ``removed`` or ``absent``.
        :raises openstack.exceptions.ConflictException: nothing would be left to back up.
        """
        return self._edit_volumes(f"/v1/schedules/{as_id(schedule)}/volumes/remove", volumes)

    def _edit_volumes(self, url: str, volumes: Iterable[str | Volume]) -> dict[str, list[str]]:
        response = self.post(url, json={"volumes": [as_id(volume) for volume in volumes]})
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
            attributes["volume_ids"] = [as_id(volume) for volume in attributes["volume_ids"]]
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
        return self._call(Run, f"/v1/schedules/{as_id(schedule)}/run")

    def preview_schedule(self, schedule: str | Schedule, count: int | None = None) -> Preview:
        """When a schedule runs next.

        :param count: how many runs to list, 1 to 100.
        """
        url = f"/v1/schedules/{as_id(schedule)}/preview"
        response = self.get(url, params=given(count=count))
        return self._answer(Preview, "preview", response)

    def preview_recurrence(
        self,
        recurrence: dict[str, Any],
        timezone: str | None = None,
        count: int | None = None,
        *,
        retention: dict[str, int] | None = None,
        backup_type: str | None = None,
        max_incrementals: int | None = None,
    ) -> Preview:
        """When a schedule would run, without creating it, and what would be kept of its backups.

        The latter only where one of the last three is given: :attr:`Preview.kept`.

        :param recurrence: as for :meth:`create_schedule`.
        :param timezone: the IANA name of the zone the recurrence is in.
        :param count: how many runs to list, 1 to 100.
        :param retention: what is kept, as for :meth:`set_policy`; None is the project's policy.
        :param backup_type: ``full`` (the default) or ``incremental``.
        :param max_incrementals: how many incremental backups may follow a full one, 0 to 1000.
        """
        body = given(
            recurrence=recurrence,
            timezone=timezone,
            count=count,
            retention=retention,
            backup_type=backup_type,
            max_incrementals=max_incrementals,
        )
        return self._call(Preview, "/v1/schedules/preview", {"preview": body}, key="preview")

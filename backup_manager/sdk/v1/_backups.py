"""The calls about backups, as methods."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from typing import Any

from openstack import exceptions

from backup_manager.sdk.v1._calls import Calls, Moment, as_id, as_query, given, spell
from backup_manager.sdk.v1.backup import Backup
from backup_manager.sdk.v1.chain import Chain
from backup_manager.sdk.v1.record import Export, Import, Verdict
from backup_manager.sdk.v1.retention import Plan
from backup_manager.sdk.v1.run import Run
from backup_manager.sdk.v1.volume import Volume


class BackupCalls(Calls):
    """Looking at backups, making, restoring, deleting and moving them."""

    def backups(
        self,
        *,
        name: str | None = None,
        search: str | None = None,
        type: str | None = None,
        volume_id: str | None = None,
        status: str | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        with_retention: bool | None = None,
        sort: str | None = None,
        limit: int | None = None,
        marker: str | None = None,
        all_projects: bool | None = None,
        project_id: str | None = None,
        paginated: bool = True,
    ) -> Generator[Backup, None, None]:
        """List backups, the newest first unless ``sort`` says otherwise.

        :param name: only those with exactly this name.
        :param search: only those with this text in their name, or with this id or volume's id.
        :param type: only those of this type, ``full`` or ``incremental``.
        :param volume_id: only those of this volume.
        :param status: only those that have this status in Cinder.
        :param since: only those created at this moment or later.
        :param until: only those created before this moment.
        :param with_retention: tell what the policies decide about each: :attr:`Backup.retention`.
        """
        query = as_query(
            name=name,
            search=search,
            type=type,
            volume_id=volume_id,
            status=status,
            since=since,
            until=until,
            with_retention=with_retention,
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
        body = given(
            volumes=[as_id(volume) for volume in volumes],
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
        response = self.patch(f"/v1/backups/{as_id(backup)}", json=body)
        return self._answer(Backup, "backup", response)

    def get_chain(self, volume: str | Volume) -> Chain:
        """Fetch how the backups of a volume build on each other."""
        return self._answer(Chain, "chain", self.get(f"/v1/volumes/{as_id(volume)}/chain"))

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
        body = {"items": [{name: spell(value) for name, value in item.items()} for item in items]}
        return self._call(Run, "/v1/restores", {"restore": body})

    def preview_deletion(
        self, backups: Iterable[str | Backup], *, cascade: bool | None = None
    ) -> Plan:
        """What :meth:`delete_backups` would delete. Nothing is deleted.

        :returns: its ``kept`` are those that can't go. As long as there are any, none is deleted.
        """
        body = given(
            backup_ids=[as_id(backup) for backup in backups], cascade=cascade, dry_run=True
        )
        return self._call(Plan, "/v1/deletions", {"deletion": body}, key="plan")

    def delete_backups(
        self,
        backups: Iterable[str | Backup],
        *,
        cascade: bool | None = None,
        digest: str | None = None,
    ) -> Run:
        """Delete backups, all of them or none.

        :param backups: 1 to 100 backups, or their ids.
        :param cascade: delete what builds on them as well, first; without it those are refused on
            which others build.
        :param digest: that of :meth:`preview_deletion`, to delete what that showed and nothing
            else; needed with ``cascade``.
        :returns: the run that deletes them; see :meth:`wait_for_run`.
        :raises openstack.exceptions.ConflictException: some can't be deleted, or ``digest`` is not
            that of what would be deleted now.
        """
        body = given(
            backup_ids=[as_id(backup) for backup in backups], cascade=cascade, digest=digest
        )
        return self._call(Run, "/v1/deletions", {"deletion": body})

    def preview_cleanup(
        self,
        *,
        max_age_days: int | None = None,
        volume_policies: Mapping[str, int] | None = None,
        include_last: bool | None = None,
    ) -> Plan:
        """What :meth:`cleanup` would delete. Nothing is deleted."""
        body = _cleanup(max_age_days, volume_policies, include_last=include_last, dry_run=True)
        return self._call(Plan, "/v1/cleanups", body, key="plan")

    def cleanup(
        self,
        digest: str,
        *,
        max_age_days: int | None = None,
        volume_policies: Mapping[str, int] | None = None,
        include_last: bool | None = None,
    ) -> Run:
        """Delete backups that are too old, whoever made them.

        What is on hold stays, and what something that stays builds on.

        :param digest: that of :meth:`preview_cleanup`: what that showed is deleted, nothing else.
        :param max_age_days: how many days old the backups of all volumes may get, 1 to 365.
        :param volume_policies: the same for up to 100 volumes, by their ids, in its place.
        :param include_last: let the last good backup of a volume go, too.
        :returns: the run that deletes them; see :meth:`wait_for_run`.
        :raises openstack.exceptions.ConflictException: there is nothing to delete, or ``digest``
            is not that of what would be deleted now.
        """
        body = _cleanup(max_age_days, volume_policies, include_last=include_last, digest=digest)
        return self._call(Run, "/v1/cleanups", body)

    def export_records(
        self,
        backups: Iterable[str | Backup] | None = None,
        *,
        volume: str | Volume | None = None,
        project_id: str | None = None,
    ) -> Export:
        """Export records of backups, for a cloud that shares the store (administrators).

        :param backups: 1 to 1000 backups, or their ids; all of them have to be available.
        :param volume: in their place a volume, or its id: all of its available backups.
        :param project_id: the project that has them, if it is not the caller's.
        """
        body = given(
            backup_ids=None if backups is None else [as_id(backup) for backup in backups],
            volume_id=None if volume is None else as_id(volume),
            project_id=project_id,
        )
        response = self.post("/v1/backups/export", json={"export": body})
        exceptions.raise_from_response(response)
        answer = response.json()
        return Export(answer["document"], answer["warnings"])

    def import_records(
        self,
        document: Mapping[str, Any],
        *,
        dry_run: bool | None = None,
        project_id: str | None = None,
    ) -> Import:
        """Import the records of backups, in any order (administrators).

        Each backup keeps its id. Backups that the project has already are left alone; what lacks
        a backup it builds on is refused.

        :param document: what an export gave.
        :param dry_run: only tell what would be imported.
        :param project_id: the project that is to have them, if it is not the caller's.
        """
        return self._import(document=document, dry_run=dry_run, project_id=project_id)

    def import_record(
        self,
        backup_service: str,
        backup_url: str,
        *,
        dry_run: bool | None = None,
        project_id: str | None = None,
    ) -> Import:
        """Import one record as Cinder's own ``export_record`` gives it; see above."""
        record = {"backup_service": backup_service, "backup_url": backup_url}
        return self._import(record=record, dry_run=dry_run, project_id=project_id)

    def _import(self, **wanted: Any) -> Import:
        response = self.post("/v1/backups/import", json={"import": given(**wanted)})
        exceptions.raise_from_response(response)
        answer = response.json()
        run = answer.get("run")
        started = run and Run.existing(connection=self._get_connection(), **run)
        records = [Verdict.existing(**record) for record in answer["records"]]
        for record in records:
            record.run_id = started.id if started and record.result == "import" else None
        return Import(records, answer["warnings"], started)


def _cleanup(
    max_age_days: int | None, volume_policies: Mapping[str, int] | None, **more: Any
) -> dict[str, Any]:
    """The body that asks for a clean-up."""
    policies = volume_policies and [
        {"volume_id": volume_id, "max_age_days": days}
        for volume_id, days in volume_policies.items()
    ]
    return {"cleanup": given(max_age_days=max_age_days, volume_policies=policies, **more)}

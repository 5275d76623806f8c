"""Queries on the policies of retention of volumes and projects, and which one applies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from backup_manager.db.models import ProjectPolicy, Schedule, VolumePolicy
from backup_manager.rules import policy as rules

_Row = ProjectPolicy | VolumePolicy


def get(session: Session, project_id: str, volume_id: str | None) -> _Row | None:
    """The policy that was set for a volume; that of the project where it is None."""
    if volume_id is None:
        return session.get(ProjectPolicy, project_id)
    return session.get(VolumePolicy, (project_id, volume_id))


def put(
    session: Session,
    project_id: str,
    volume_id: str | None,
    retention: dict[str, Any],
    now: datetime,
) -> None:
    """Set the policy of a volume, or of the project where it is None."""
    row = get(session, project_id, volume_id)
    if row is not None:
        row.retention, row.updated_at = retention, now
    elif volume_id is None:
        session.add(ProjectPolicy(project_id=project_id, retention=retention, updated_at=now))
    else:
        session.add(
            VolumePolicy(
                project_id=project_id, volume_id=volume_id, retention=retention, updated_at=now
            )
        )
    session.flush()


def remove(session: Session, project_id: str, volume_id: str | None) -> None:
    """Remove the policy of a volume, or of the project where it is None; there may be none."""
    if volume_id is None:
        session.execute(delete(ProjectPolicy).where(ProjectPolicy.project_id == project_id))
    else:
        session.execute(
            delete(VolumePolicy).where(
                VolumePolicy.project_id == project_id, VolumePolicy.volume_id == volume_id
            )
        )


@dataclass(frozen=True)
class Policies:
    """All policies of a project, and which of them applies to what.

    :param volumes: by the volume's id
    :param schedules: by the schedule's id, of those that have one
    :param otherwise: that of the project, or else that of the installation
    """

    volumes: Mapping[str, rules.Policy]
    schedules: Mapping[str, rules.Policy]
    otherwise: rules.Policy

    def of(self, volume_id: str, schedule_id: str | None) -> rules.Policy:
        """The policy of a backup of a volume that a schedule made, or none did.

        A schedule that was deleted decides nothing any more.
        """
        if volume_id in self.volumes:
            return self.volumes[volume_id]
        return self.schedules.get(schedule_id or "", self.otherwise)

    def of_volume(self, volume_id: str, schedule_ids: Iterable[str | None]) -> list[rules.Policy]:
        """The policies of backups of a volume that such schedules made, or for None none did.

        :returns: each once, in that order
        """
        each = (self.of(volume_id, schedule_id) for schedule_id in schedule_ids)
        return list(dict.fromkeys(each))


def policies(session: Session, project_id: str, max_age_days: int, timezone: str) -> Policies:
    """All policies of a project.

    :param max_age_days: of the installation; 0 keeps everything
    :param timezone: the calendar of policies that are not a schedule's
    """
    of_volumes = session.scalars(select(VolumePolicy).where(VolumePolicy.project_id == project_id))
    of_schedules = session.scalars(
        select(Schedule).where(Schedule.project_id == project_id, Schedule.retention.is_not(None))
    )
    of_project = session.get(ProjectPolicy, project_id)
    return Policies(
        volumes={
            row.volume_id: rules.parse(row.retention, "the policy of the volume", timezone)
            for row in of_volumes
        },
        schedules={
            row.id: rules.parse(row.retention or {}, f"schedule {row.name}", row.timezone)
            for row in of_schedules
        },
        otherwise=rules.parse(
            {"max_age_days": max_age_days or None}, "the default of this installation", timezone
        )
        if of_project is None
        else rules.parse(of_project.retention, "the policy of the project", timezone),
    )

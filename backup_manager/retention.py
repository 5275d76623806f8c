"""What becomes of the recorded backups of a project, by policy, by age or by name.

Nothing is deleted here. What goes is told again right before Cinder is asked to delete it, from
the same ``Basis``: in the meantime the world may have changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from oslo_config import cfg
from sqlalchemy.orm import Session

from backup_manager import clock
from backup_manager.db import policy as db_policy
from backup_manager.db import retention as db
from backup_manager.db import session as db_session
from backup_manager.db.models import Backup
from backup_manager.db.run import Target
from backup_manager.rules import deletion, retention
from backup_manager.rules.links import Item
from backup_manager.rules.policy import Policy
from backup_manager.rules.retention import Decision


@dataclass(frozen=True)
class Decided:
    """The backups of one volume, and what becomes of each.

    :param rows: by their ids
    :param items: the same as the rules have them
    :param decisions: about all of them, or about those that somebody named and what goes with them
    :param policies: by the ids of the backups, where policies decide
    """

    volume_id: str
    rows: Mapping[str, Backup]
    items: Sequence[Item]
    decisions: Sequence[Decision]
    policies: Mapping[str, Policy] = field(default_factory=dict)

    @property
    def expires(self) -> dict[str, datetime]:
        """Where policies decide: when those go of which that is certain, by their ids."""
        return retention.expiries_each(self.items, self.policies)

    @property
    def going(self) -> list[str]:
        """The ids of those that go, in the order in which Cinder deletes them."""
        return [one for wave in deletion.order(self.decisions) for one in wave]


@dataclass(frozen=True)
class ByPolicy:
    """The policies of the project decide, and nobody looks at it before.

    :param instead: one that decides in the place of all of them, to see what it would do
    """

    instead: Policy | None = None

    def parameters(self, volume_id: str) -> dict[str, Any]:
        """What the task of a backup of that volume has to know, so that ``basis_of`` finds it."""
        return {"by": "policy"}


@dataclass(frozen=True)
class ByAge:
    """Somebody says how old backups may get.

    :param days: by the volume's id; for None those of all volumes that have none
    :param include_last: the last good backup of a volume may go as well
    """

    days: Mapping[str | None, int]
    include_last: bool = False

    def parameters(self, volume_id: str) -> dict[str, Any]:
        """As for :class:`ByPolicy`."""
        days = self.days_of(volume_id)
        return {"by": "age", "max_age_days": days, "include_last": self.include_last}

    def days_of(self, volume_id: str) -> int:
        """How old backups of a volume may get."""
        return self.days[volume_id if volume_id in self.days else None]


@dataclass(frozen=True)
class ByName:
    """Somebody names backups, whatever they are.

    :param cascade: what builds on them goes as well
    """

    backup_ids: Collection[str]
    cascade: bool = field(default=False)

    def parameters(self, volume_id: str) -> dict[str, Any]:
        """As for :class:`ByPolicy`."""
        return {"by": "name"}


Basis = ByPolicy | ByAge | ByName


def basis_of(parameters: Mapping[str, Any], backup_id: str) -> Basis:
    """Why a backup was to go, as its task has it."""
    if parameters["by"] == "policy":
        return ByPolicy()
    if parameters["by"] == "age":
        return ByAge({None: parameters["max_age_days"]}, parameters["include_last"])
    return ByName([backup_id])


def policies(conf: cfg.ConfigOpts, session: Session, project_id: str) -> db_policy.Policies:
    """All policies of a project."""
    return db_policy.policies(
        session, project_id, conf.retention.max_age_days, conf.backup.default_timezone
    )


def decide(
    conf: cfg.ConfigOpts,
    project_id: str,
    volume_ids: Collection[str] | None = None,
    basis: Basis = ByPolicy(),
) -> Iterator[Decided]:
    """What becomes of backups, volume by volume; only those of one volume are in memory.

    :param volume_ids: of these volumes; None for all of the project
    """
    now = clock.now()
    with db_session.reader() as session:
        known = policies(conf, session, project_id)
        restoring = db.restoring(session, project_id)
        for volume_id, rows in db.backups(session, project_id, volume_ids):
            items = db.items(rows, restoring)
            applied: dict[str, Policy] = {}
            if isinstance(basis, ByPolicy):
                applied = {
                    row.id: basis.instead or known.of(volume_id, row.schedule_id) for row in rows
                }
                decisions = retention.decide_each(items, applied, now, automatic=True)
            elif isinstance(basis, ByAge):
                days = basis.days_of(volume_id)
                decisions = retention.decide(
                    items,
                    Policy("this clean-up", max_age_days=days),
                    now,
                    automatic=False,
                    include_last=basis.include_last,
                )
            else:
                decisions = deletion.named(items, basis.backup_ids, cascade=basis.cascade)
            yield Decided(volume_id, {row.id: row for row in rows}, items, decisions, applied)


def targets(decided: Decided, basis: Basis, volume_name: str | None) -> list[Target]:
    """The tasks that delete what goes, in their order."""
    reasons = {each.backup_id: each.reason for each in decided.decisions}
    return [
        Target.locked(
            decided.volume_id,
            volume_name,
            backup_id=backup_id,
            backup_type=decided.rows[backup_id].type,
            size_gb=decided.rows[backup_id].size_gb,
            note=reasons[backup_id],
            parameters=basis.parameters(decided.volume_id),
        )
        for backup_id in decided.going
    ]

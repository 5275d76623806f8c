"""What retention would delete, now and in the days to come. Nothing is deleted here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from sqlalchemy.orm import Session

from backup_manager import clock, exceptions
from backup_manager.api import mirror, policy
from backup_manager.api import quota as api_quota
from backup_manager.api.call import Body, Call
from backup_manager.db import retention as db
from backup_manager.db import schedule as db_schedule
from backup_manager.db import session as db_session
from backup_manager.db import volume as db_volume
from backup_manager.db.models import Backup, Schedule
from backup_manager.retention import ByPolicy, Decided, decide, policies
from backup_manager.rules import deletion, simulation
from backup_manager.rules import policy as policy_rules
from backup_manager.rules import retention as rules
from backup_manager.rules.quota import Quota


def show_volume(call: Call, volume_id: str) -> Body:
    """Show what retention would delete now of a volume."""
    policy.find_volume(call, volume_id)
    return plan(call, decide(call.conf, call.context.project_id, [volume_id]))


def show_schedule(call: Call, schedule_id: str) -> Body:
    """Show what retention would delete now of the volumes of a schedule.

    All backups of the volumes that it backs up, and of those that it did back up before.
    """
    with db_session.reader() as session:
        schedule = db_schedule.get(session, call.own, schedule_id)
    if schedule is None:
        raise exceptions.NotFound(resource="schedule", id=schedule_id)
    mirror.refresh(call)
    with db_session.reader() as session:
        volume_ids = db.volumes_backed_up_by(session, schedule.project_id, schedule_id)
        volume_ids.update(_targets(session, schedule))
    return plan(call, decide(call.conf, call.context.project_id, volume_ids))


def preview(call: Call) -> Body:
    """Show what retention would delete now of some volumes under another policy."""
    volume_ids = call.body["volumes"]
    timezone = call.conf.backup.default_timezone
    policy_ = policy_rules.parse(call.body["retention"], "this policy", timezone)
    mirror.refresh(call)
    with db_session.reader() as session:
        left = db.backed_up(session, call.own, volume_ids)
    mirror.targets(call, volume_ids, taken=left)
    basis = ByPolicy(instead=policy_)
    return plan(call, decide(call.conf, call.context.project_id, volume_ids, basis))


def simulate(call: Call) -> Body:
    """Work out what schedules and retention come to in the next days."""
    mirror.refresh(call)
    quota, quota_error = api_quota.tell(call)
    volumes, schedules = _simulated(call)
    forecast = simulation.simulate(
        volumes,
        schedules,
        clock.now(),
        days=call.body["days"],
        timezone=call.conf.backup.default_timezone,
        quota_backups=quota.backups if quota else None,
        quota_gigabytes=quota.gigabytes if quota else None,
    )
    return {
        "simulation": {
            "days": [_view_day(day) for day in forecast.days],
            "is_complete": forecast.is_complete,
            "quota": quota and _view_quota(quota, forecast),
            "quota_error": quota_error,
        }
    }


# ---------------------------------------------------------------- now


def plan(call: Call, volumes: Iterable[Decided]) -> Body:
    """What goes, in the order in which it can, and what stays, the newest of a volume first."""
    known = list(volumes)
    names = volume_names(call, known)
    going: list[Body] = []
    kept: list[Body] = []
    for each in known:
        by_id = {decision.backup_id: decision for decision in each.decisions}
        staying = [decision.backup_id for decision in each.decisions if decision.keep]
        for ids, entries in ((each.going, going), (staying, kept)):
            entries += [view(by_id[one], each.rows[one], names.get(each.volume_id)) for one in ids]
    return {
        "plan": {
            "digest": digest(known),
            "going": going,
            "kept": kept,
            "count": len(going),
            "size_gb": sum(entry["size_gb"] for entry in going),
        }
    }


def volume_names(call: Call, volumes: Iterable[Decided]) -> dict[str, str | None]:
    """The names of those of the volumes that are still there, by their ids."""
    with db_session.reader() as session:
        return db_volume.names(session, call.own, (each.volume_id for each in volumes))


def digest(volumes: Iterable[Decided]) -> str:
    """A fingerprint of what goes."""
    return deletion.digest(decision for each in volumes for decision in each.decisions)


def view(decision: rules.Decision, backup: Backup, volume_name: str | None) -> Body:
    """A backup, and why it stays or goes."""
    return {
        "backup_id": backup.id,
        "volume_id": backup.volume_id,
        "volume_name": volume_name,
        "type": backup.type,
        "size_gb": backup.size_gb,
        "created_at": clock.iso(backup.created_at),
        "status": backup.status,
        "rule": decision.rule,
        "reason": decision.reason,
    }


# ---------------------------------------------------------------- the days to come


def _simulated(call: Call) -> tuple[list[simulation.Volume], list[simulation.Schedule]]:
    """All volumes of the project that have backups or a schedule, and the enabled schedules."""
    project_id = call.context.project_id
    with db_session.reader() as session:
        rows = db.enabled_schedules(session, project_id)
        targets = {row.id: _targets(session, row) for row in rows}
        known = policies(call.conf, session, project_id)
        backups = dict(db.backups(session, project_id))
        sizes = db.sizes(session, project_id)
    made_by: defaultdict[str, list[str | None]] = defaultdict(list)
    for schedule_id, volume_ids in targets.items():
        for volume_id in volume_ids:
            made_by[volume_id].append(schedule_id)
    for volume_id, existing in backups.items():
        # The others don't go automatically, whatever their policy.
        made_by[volume_id] += [row.schedule_id for row in existing if db.is_ours(row)]
    volumes = [
        simulation.Volume(
            volume_id,
            _size(volume_id, sizes, backups),
            policy_rules.widest(known.of_volume(volume_id, made_by[volume_id] or [None])),
            db.items(backups.get(volume_id, [])),
        )
        for volume_id in sorted({*made_by, *backups})
    ]
    schedules = [
        simulation.Schedule(
            row.cron, row.timezone, row.backup_type, row.max_incrementals, targets[row.id]
        )
        for row in rows
    ]
    return volumes, schedules


def _targets(session: Session, schedule: Schedule) -> list[str]:
    return [target.volume_id for target in db_schedule.targets(session, schedule)]


def _size(volume_id: str, sizes: Mapping[str, int], backups: Mapping[str, Sequence[Backup]]) -> int:
    """The size of a volume; of one that is gone, that of its newest backup."""
    if volume_id in sizes:
        return sizes[volume_id]
    return backups[volume_id][-1].size_gb if backups.get(volume_id) else 0


def _view_day(day: simulation.Day) -> Body:
    return {
        "date": day.date.isoformat(),
        "backups": day.backups,
        "size_gb": day.gigabytes,
        "made": day.full + day.incremental,
        "deleted": day.deleted,
    }


def _view_quota(quota: Quota, forecast: simulation.Forecast) -> Body:
    def text(day: date | None) -> str | None:
        return day.isoformat() if day else None

    return {
        "backups": quota.backups,
        "backups_full_on": text(forecast.backups_exceeded),
        "gigabytes": quota.gigabytes,
        "gigabytes_full_on": text(forecast.gigabytes_exceeded),
    }

"""Schedules: which volumes are backed up when."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from keystoneauth1 import exceptions as ks_exceptions
from oslo_log import log as logging
from oslo_utils import uuidutils
from sqlalchemy.orm import Session

from backup_manager import clock, delegation, exceptions, retention
from backup_manager.api import listing, mirror, quota, run
from backup_manager.api.call import Body, Call
from backup_manager.api.schemas.schedule import MAX_KEPT
from backup_manager.context import Scope
from backup_manager.db import delegation as db_delegation
from backup_manager.db import project as db_project
from backup_manager.db import run as db_run
from backup_manager.db import schedule as db
from backup_manager.db import selector as db_selector
from backup_manager.db import session as db_session
from backup_manager.db.models import Delegation, Run, Schedule
from backup_manager.rules import backup_type, steady
from backup_manager.rules import policy as policy_rules
from backup_manager.rules import recurrence as rules
from backup_manager.rules import selector as selector_rules

LOG = logging.getLogger(__name__)

ALL_PROJECTS = "schedule:all_projects"
DELETE_ANYWHERE = "schedule:delete:all_projects"
DISABLE_ANYWHERE = "schedule:disable:all_projects"

# Properties that are columns of the same name, and that nothing else follows from.
_PLAIN = (
    *("name", "description", "enabled", "backup_type", "max_incrementals"),
    *("selector", "start_window_s", "completion_limit_s", "spread_s", "retention"),
)
# What decides about the backups that a preview shows.
_KEPT_BY = frozenset({"backup_type", "max_incrementals", "retention"})
# What has to fit together.
_CHECKED = frozenset({"volumes", "selector", "completion_limit_s", "spread_s"})

# Others who change a schedule at the same moment make the change of its volumes begin anew.
_TRIES = 50


def list_schedules(call: Call) -> Body:
    """List schedules."""
    scope = listing.scope(call, ALL_PROJECTS)
    with db_session.reader() as session:
        page = db.list_page(session, scope, listing.paging(call), **listing.filters(call))
        view = _viewer(session, page.rows)
    return listing.body(call, "schedules", page, view)


def show_schedule(call: Call, schedule_id: str) -> Body:
    """Show a schedule, with the volumes that its selector picks now."""
    with db_session.reader() as session:
        schedule = _get(session, call.reach(ALL_PROJECTS), schedule_id)
    if schedule.selector and schedule.project_id == call.context.project_id:
        mirror.refresh(call)
    with db_session.reader() as session:
        return _shown(session, call.reach(ALL_PROJECTS), schedule_id)


def create_schedule(call: Call) -> Body:
    """Create a schedule."""
    timezone = call.body.get("timezone", call.conf.backup.default_timezone)
    timing = _timing(call.body["recurrence"], timezone)
    _check(call.body, call.body["volumes"])
    mirror.targets(call, call.body["volumes"])
    warnings = quota.check(call, _chosen(call))
    values = {
        "description": None,
        "max_incrementals": call.conf.backup.max_incrementals,
        **_plain(call.body),
        **timing,
        "delegation_id": delegation.grant(call.conf, call.context),
        "id": uuidutils.generate_uuid(),
    }
    return {**_insert(call, values), "warnings": warnings}


def update_schedule(call: Call, schedule_id: str) -> Body:
    """Change, enable or disable a schedule."""
    scope = call.reach(DISABLE_ANYWHERE) if _only_disables(call.body) else call.own
    with db_session.reader() as session:
        schedule = _get(session, scope, schedule_id)
        relies_on = db.delegations(session, [schedule])[schedule.delegation_id]
        present = set(db.volumes(session, [schedule_id]).get(schedule_id, []))
    if schedule.generation != call.body["generation"]:
        raise exceptions.StaleGeneration(id=schedule_id, sent=call.body["generation"])
    values = {**_plain(call.body), **_changed_timing(schedule, call.body)}
    if call.body.keys() & _CHECKED:
        current = {name: getattr(schedule, name) for name in _PLAIN}
        _check({**current, **call.body}, call.body.get("volumes", present))
    # A volume that is gone from Cinder must not keep others from being added.
    mirror.targets(call, call.body.get("volumes", []), taken=present)
    is_enabled = call.body.get("enabled", schedule.enabled)
    if is_enabled and relies_on.state == db_delegation.BROKEN:
        values["delegation_id"] = delegation.grant(call.conf, call.context)
    return _change(call, scope, schedule, values)


def add_volumes(call: Call, schedule_id: str) -> Body:
    """Have a schedule back up more volumes.

    One that its selector excluded no longer is.
    """
    wanted: list[str] = call.body["volumes"]
    with db_session.reader() as session:
        _get(session, call.own, schedule_id)
        listed = set(db.volumes(session, [schedule_id]).get(schedule_id, []))
    known = {*mirror.known(call, wanted, taken=listed), *listed}
    added = _edit_volumes(call, schedule_id, db.add_volumes, known.intersection(wanted))
    result = {
        "added": [volume_id for volume_id in wanted if volume_id in added],
        "present": [volume_id for volume_id in wanted if volume_id in known - added],
        "not_found": [volume_id for volume_id in wanted if volume_id not in known],
    }
    return {"result": result}


def remove_volumes(call: Call, schedule_id: str) -> Body:
    """Have a schedule back up fewer of the volumes that it lists."""
    wanted: list[str] = call.body["volumes"]
    removed = _edit_volumes(call, schedule_id, db.remove_volumes, set(wanted))
    result = {
        "removed": [volume_id for volume_id in wanted if volume_id in removed],
        "absent": [volume_id for volume_id in wanted if volume_id not in removed],
    }
    return {"result": result}


def delete_schedule(call: Call, schedule_id: str) -> None:
    """Delete a schedule. Its runs and backups stay."""
    project_id = _delete(call.reach(DELETE_ANYWHERE), schedule_id)
    try:
        delegation.release_unneeded(call.conf, call.context, project_id)
    except (exceptions.BackupManagerError, ks_exceptions.ClientException) as error:
        # The schedule is gone, which is what was asked for; engines look for such trusts too.
        LOG.warning("What the deleted schedule %s relied on stays for now: %s", schedule_id, error)


def run_schedule(call: Call, schedule_id: str) -> Body:
    """Run a schedule now."""
    with db_session.reader() as session:
        schedule = _get(session, call.own, schedule_id)
    if schedule.selector:
        mirror.refresh(call)
    with db_session.reader() as session:
        targets = db.targets(session, schedule)
    delegation_id = delegation.grant(call.conf, call.context, lasting=False)
    return run.start(call, delegation_id, targets, db.parameters(schedule), schedule)


def preview_schedule(call: Call, schedule_id: str) -> Body:
    """Show when a schedule will run, whether or not it is enabled."""
    with db_session.reader() as session:
        schedule = _get(session, call.reach(ALL_PROJECTS), schedule_id)
    return _preview(schedule.recurrence, schedule.timezone, call.query["count"])


def preview_recurrence(call: Call) -> Body:
    """Show when a recurrence would run, and what would be kept in the long run.

    The latter is worked out where the type of the backups, the length of chains or a policy is
    given. A policy of null is that of the project.
    """
    timezone = call.body.get("timezone", call.conf.backup.default_timezone)
    shown = _preview(call.body["recurrence"], timezone, call.body["count"])
    if call.body.keys() & _KEPT_BY:
        shown["preview"]["kept"] = _kept(call, shown["preview"]["cron"], timezone)
    return shown


# ---------------------------------------------------------------- recurrence


def _timing(recurrence: Mapping[str, Any], timezone: str) -> dict[str, Any]:
    """The columns that say when a schedule runs.

    :raises RecurrenceError: the recurrence or the zone can't be used
    """
    rules.zone(timezone)
    return {"recurrence": recurrence, "cron": rules.to_cron(recurrence), "timezone": timezone}


def _changed_timing(schedule: Schedule, body: Mapping[str, Any]) -> dict[str, Any]:
    """The same for a change; the next run is worked out anew only where it has to be.

    A schedule that is enabled starts from now: what passed meanwhile is not made up for.
    """
    timing: dict[str, Any] = {}
    if "recurrence" in body or "timezone" in body:
        timing = _timing(
            body.get("recurrence", schedule.recurrence), body.get("timezone", schedule.timezone)
        )
    cron, timezone = timing.get("cron", schedule.cron), timing.get("timezone", schedule.timezone)
    if not body.get("enabled", schedule.enabled):
        return {**timing, "next_run_at": None}
    if schedule.enabled and (cron, timezone) == (schedule.cron, schedule.timezone):
        return timing
    return {**timing, "next_run_at": rules.next_after(cron, timezone, clock.now())}


def _preview(recurrence: Mapping[str, Any], timezone: str, count: int) -> Body:
    timing = _timing(recurrence, timezone)
    zone = rules.zone(timezone)
    slots = rules.upcoming(timing["cron"], timezone, clock.now(), count)
    runs = [{"at": clock.iso(slot), "local": slot.astimezone(zone).isoformat()} for slot in slots]
    description = rules.describe(recurrence)
    preview = {"cron": timing["cron"], "timezone": timezone, "description": description}
    return {"preview": {**preview, "runs": runs, "kept": None}}


def _kept(call: Call, cron: str, timezone: str) -> Body:
    """What there would be of a volume when the schedule of a body has run for long."""
    if call.body.get("retention") is None:
        with db_session.reader() as session:
            policy = retention.policies(call.conf, session, call.context.project_id).otherwise
    else:
        policy = policy_rules.parse(call.body["retention"], "this policy", timezone)
    found = steady.steady(
        cron,
        timezone,
        call.body.get("backup_type", backup_type.FULL),
        call.body.get("max_incrementals", call.conf.backup.max_incrementals),
        policy,
        clock.now(),
    )
    zone = rules.zone(timezone)
    return {
        "at": clock.iso(found.at),
        "local": found.at.astimezone(zone).isoformat(),
        "count": len(found.kept),
        "is_complete": found.is_complete,
        "backups": [
            {
                "at": clock.iso(each.at),
                "local": each.at.astimezone(zone).isoformat(),
                "type": each.type,
                "rule": each.rule,
                "reason": each.reason,
            }
            for each in found.kept[:MAX_KEPT]
        ],
    }


# ---------------------------------------------------------------- volumes


def _check(values: Mapping[str, Any], volume_ids: Collection[str]) -> None:
    """Make sure that a schedule has something to back up, and time for it.

    :param values: what is checked of the schedule, as it is to be
    :raises InvalidInput, SelectorError: with the property that is wrong
    """
    excluded: set[str] = set()
    if values["selector"] is not None:
        excluded.update(selector_rules.parse(values["selector"]).exclude)
    elif not volume_ids:
        raise exceptions.InvalidInput("volumes", "must not be empty without a selector")
    both = sorted(excluded.intersection(volume_ids))
    if both:
        raise exceptions.InvalidInput(
            "selector.exclude", f"{both[0]} can't be excluded: it is one of the schedule's volumes"
        )
    limit = values["completion_limit_s"]
    if limit is not None and values["spread_s"] >= limit:
        raise exceptions.InvalidInput(
            "spread_s",
            f"{values['spread_s']} is not less than completion_limit_s, {limit}: the backups that "
            "are to begin last would be given up before",
        )


def _chosen(call: Call) -> set[str]:
    """The volumes that the new schedule of a body would back up now."""
    listed = set(call.body["volumes"])
    if call.body["selector"] is None:
        return listed
    mirror.refresh(call)
    selector = selector_rules.parse(call.body["selector"])
    with db_session.reader() as session:
        found = db_selector.picked(session, call.context.project_id, selector)
        return listed.union(volume.id for volume in found)


def _edit_volumes(
    call: Call,
    schedule_id: str,
    edit: Callable[[Session, Schedule, set[str], datetime], set[str]],
    volume_ids: set[str],
) -> set[str]:
    """Add or remove volumes, whoever else changes the schedule meanwhile.

    :returns: those with which something changed
    """
    for _ in range(_TRIES):
        with suppress(exceptions.StaleGeneration):
            return _edit_once(call, schedule_id, edit, volume_ids)
    raise exceptions.Conflict(
        f"Schedule {schedule_id} is changed by others all the time. Try again later."
    )


@db_session.retry
def _edit_once(
    call: Call,
    schedule_id: str,
    edit: Callable[[Session, Schedule, set[str], datetime], set[str]],
    volume_ids: set[str],
) -> set[str]:
    with db_session.writer() as session:
        return edit(session, _get(session, call.own, schedule_id), volume_ids, clock.now())


# ---------------------------------------------------------------- transactions


@db_session.retry
def _insert(call: Call, values: Mapping[str, Any]) -> Body:
    """Insert the schedule; ``values`` have its id, so that doing it twice makes one."""
    now = clock.now()
    next_run_at = None
    if values["enabled"]:
        next_run_at = rules.next_after(values["cron"], values["timezone"], now)
    with db_session.writer() as session:
        if db.get(session, call.own, values["id"]) is not None:
            return _shown(session, call.own, values["id"])  # an earlier COMMIT got no answer
        db_run.hold_delegation(session, values["delegation_id"])
        schedule = db.create(
            session,
            now,
            call.body["volumes"],
            project_id=call.context.project_id,
            user_id=call.context.user_id,
            next_run_at=next_run_at,
            **values,
        )
        db_project.watch(session, schedule.project_id, now)
        return _shown(session, call.own, schedule.id)


@db_session.retry
def _change(call: Call, scope: Scope, schedule: Schedule, values: Mapping[str, Any]) -> Body:
    now = clock.now()
    with db_session.writer() as session:
        if "delegation_id" in values:
            db_run.hold_delegation(session, values["delegation_id"])
        db.change(
            session,
            schedule.id,
            call.body["generation"],
            now,
            values,
            call.body.get("volumes"),
        )
        if values.get("next_run_at"):
            db_project.watch(session, schedule.project_id, now)
        return _shown(session, scope, schedule.id)


@db_session.retry
def _delete(scope: Scope, schedule_id: str) -> str:
    """:returns: id of the project that it belonged to"""
    with db_session.writer() as session:
        project_id = _get(session, scope, schedule_id).project_id
        if not db.delete(session, scope, schedule_id):
            raise exceptions.NotFound(resource="schedule", id=schedule_id)
    return project_id


def _get(session: Session, scope: Scope, schedule_id: str) -> Schedule:
    found = db.get(session, scope, schedule_id)
    if found is None:
        raise exceptions.NotFound(resource="schedule", id=schedule_id)
    return found


# ---------------------------------------------------------------- bodies


def _plain(body: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: body[name] for name in _PLAIN if name in body}
    if values.get("retention") is not None:
        values["retention"] = policy_rules.normalise(values["retention"])
    return values


def _only_disables(body: Mapping[str, Any]) -> bool:
    return body.keys() == {"generation", "enabled"} and not body["enabled"]


def _shown(session: Session, scope: Scope, schedule_id: str) -> Body:
    schedule = _get(session, scope, schedule_id)
    view = _viewer(session, [schedule])
    return {"schedule": {**view(schedule), "selected": _selected(session, schedule)}}


def _selected(session: Session, schedule: Schedule) -> list[str]:
    if schedule.selector is None:
        return []
    selector = selector_rules.parse(schedule.selector)
    return [volume.id for volume in db_selector.picked(session, schedule.project_id, selector)]


def _viewer(session: Session, schedules: Sequence[Schedule]) -> Callable[[Schedule], Body]:
    """A function that shows each of the schedules, with what belongs to them read at once."""
    ids = [schedule.id for schedule in schedules]
    volumes = db.volumes(session, ids)
    runs = db.last_runs(session, ids)
    delegations = db.delegations(session, schedules)
    return lambda schedule: _view(
        schedule,
        volumes.get(schedule.id, []),
        runs.get(schedule.id),
        delegations[schedule.delegation_id],
    )


def _view(
    schedule: Schedule, volume_ids: Sequence[str], last_run: Run | None, relies_on: Delegation
) -> Body:
    return {
        "id": schedule.id,
        "project_id": schedule.project_id,
        "user_id": schedule.user_id,
        "name": schedule.name,
        "description": schedule.description,
        "enabled": schedule.enabled,
        "backup_type": schedule.backup_type,
        "max_incrementals": schedule.max_incrementals,
        "recurrence": schedule.recurrence,
        "recurrence_text": rules.describe(schedule.recurrence),
        "cron": schedule.cron,
        "timezone": schedule.timezone,
        "volumes": volume_ids,
        "selector": schedule.selector,
        "start_window_s": schedule.start_window_s,
        "completion_limit_s": schedule.completion_limit_s,
        "spread_s": schedule.spread_s,
        "retention": schedule.retention,
        "next_run_at": clock.iso(schedule.next_run_at),
        "last_run": last_run and _view_last(last_run),
        "delegation": delegation.describe(relies_on),
        "generation": schedule.generation,
        "created_at": clock.iso(schedule.created_at),
        "updated_at": clock.iso(schedule.updated_at),
    }


def _view_last(last: Run) -> Body:
    return {
        "id": last.id,
        "status": last.status,
        "scheduled_for": clock.iso(last.scheduled_for),
        "created_at": clock.iso(last.created_at),
    }

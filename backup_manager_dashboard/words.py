"""What the service says in one word, in words of the user's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext, ngettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

#: Statuses of runs and tasks, as Backup Manager has them.
RUN_STATUSES = {
    "waiting": _("Waiting for consent"),
    "pending": _("Pending"),
    "submitting": _("Starting"),
    "running": _("Running"),
    "succeeded": _("Succeeded"),
    "partial": _("Partly failed"),
    "failed": _("Failed"),
    "cancelled": _("Cancelled"),
    "skipped": _("Skipped"),
    "missed": _("Missed"),
    "expired": _("Expired"),
}

#: Statuses of volumes and backups, as Cinder has them. It knows more, which are shown as they are.
CINDER_STATUSES = {
    "available": _("Available"),
    "in-use": _("In use"),
    "creating": _("Creating"),
    "backing-up": _("Backing up"),
    "restoring": _("Restoring"),
    "restoring-backup": _("Restoring a backup"),
    "deleting": _("Deleting"),
    "deleted": pgettext_lazy("status of a volume or backup", "Deleted"),
    "attaching": _("Attaching"),
    "detaching": _("Detaching"),
    "extending": _("Extending"),
    "uploading": _("Uploading"),
    "downloading": _("Downloading"),
    "maintenance": _("Maintenance"),
    "reserved": _("Reserved"),
    "retyping": _("Retyping"),
    "awaiting-transfer": _("Awaiting transfer"),
    "error": pgettext_lazy("status of a volume or backup", "Error"),
    "error_deleting": _("Error while deleting"),
    "error_restoring": _("Error while restoring"),
    "error_backing-up": _("Error while backing up"),
    "error_extending": _("Error while extending"),
}

TYPES = {
    "full": pgettext_lazy("type of a backup", "Full"),
    "incremental": pgettext_lazy("type of a backup", "Incremental"),
}

ACTIONS = {
    "backup": pgettext_lazy("what a run does", "Back up"),
    "restore": pgettext_lazy("what a run does", "Restore"),
    "delete": pgettext_lazy("what a run does", "Delete"),
    "import": pgettext_lazy("what a run does", "Import"),
}

TRIGGERS = {
    "schedule": pgettext_lazy("what started a run", "Schedule"),
    "user": pgettext_lazy("what started a run", "User"),
    "retention": pgettext_lazy("what started a run", "Retention"),
}

VERDICTS = {
    "import": pgettext_lazy("what becomes of a record", "Will be imported"),
    "present": pgettext_lazy("what becomes of a record", "Is there already"),
    "refused": pgettext_lazy("what becomes of a record", "Refused"),
}

# Bootstrap's words for how good something is.
_GOOD = {"succeeded", "available", "in-use", "up"}
_BAD = {"failed", "partial", "missed", "expired", "error", "down", "broken"}
_BUSY = {"waiting", "skipped", "cancelled"}

_RULES = {
    "status": _("Cinder does not delete it in its status."),
    "held": _("On hold."),
    "foreign": _("Not made by Backup Manager, which deletes only its own automatically."),
    "unverified": _("It is not certain that its chain is whole."),
    "last_good": _("The last good backup of the volume."),
    "unresolved": _("It failed, and no newer backup is good."),
    "snapshot": _("It failed and was made from a snapshot; deleting it can destroy other data."),
    "needed": _("A backup that is kept builds on it."),
    "no_rules": _("No rule is set, so everything is kept."),
    "expired": _("No rule keeps it."),
    "failed": _("It failed, and no rule keeps it."),
    "max_age_days": _("Younger than the age limit."),
    "keep_last": _("One of the newest."),
    "keep_hourly": _("The newest of its hour."),
    "keep_daily": _("The newest of its day."),
    "keep_weekly": _("The newest of its week."),
    "keep_monthly": _("The newest of its month."),
    "keep_yearly": _("The newest of its year."),
    "full_count": _("One of the newest full backups."),
    "incremental_count": _("One of the newest incremental backups."),
    "named": _("Somebody named it."),
    "dependant": _("It builds on one that goes."),
}


def status(value: str) -> Any:
    """A status of a run, a task, a volume or a backup."""
    return RUN_STATUSES.get(value) or CINDER_STATUSES.get(value) or value


def level(value: str) -> str:
    """How good a status is: the end of a Bootstrap class such as ``label-danger``."""
    if value in _GOOD:
        return "success"
    if value in _BAD or value.startswith("error"):
        return "danger"
    return "warning" if value in _BUSY else "info"


def rule(value: str, reason: str) -> Any:
    """Why a backup is kept or goes.

    :param reason: the same in the words of the service, for what is not known here
    """
    return _RULES.get(value, reason)


_REMEDIES = {
    "held": _("Release it first; or wait until the restore that needs it is over, or cancel that."),
    "status": _("Wait until it is available; an administrator can reset one that hangs in Cinder."),
    "snapshot": _("If the backups are not on Ceph, delete it with Cinder's own command."),
    "needed": _("Delete what builds on it as well."),
}


def remedy(value: str, text: str) -> Any:
    """What to do so that a backup can be deleted.

    :param value: why it can't, in one word
    :param text: what to do, in the words of the service, for what is not known here
    """
    return _REMEDIES.get(value, text)


def recurrence(value: Mapping[str, Any], text: str) -> str:
    """When a schedule runs.

    :param text: the same in the words of the service, for what is not known here
    """
    kind = value.get("type")
    if kind == "daily":
        return gettext("every day at %(time)s") % value
    if kind == "weekly":
        days = pgettext("between days of the week", ", ").join(
            str(WEEKDAYS[day - 1]) for day in value["weekdays"]
        )
        return gettext("every %(days)s at %(time)s") % {"days": days, "time": value["time"]}
    if kind == "monthly" and value["day"] == "last":
        return gettext("on the last day of each month at %(time)s") % value
    if kind == "monthly":
        return gettext("on day %(day)s of each month at %(time)s") % value
    if kind == "interval" and "minutes" in value:
        each = ngettext("every minute", "every %(minutes)s minutes", value["minutes"])
        return each % value
    if kind == "interval":
        minute = f"{value.get('minute', 0):02}"
        each = ngettext(
            "every hour, at minute %(minute)s",
            "every %(hours)s hours, at minute %(minute)s",
            value["hours"],
        )
        return each % {"hours": value["hours"], "minute": minute}
    if kind == "cron":
        return gettext("by cron expression %(expression)s") % value
    return text


def size(gigabytes: int | None) -> str:
    """A size, as Cinder counts: whole GiB."""
    return "–" if gigabytes is None else gettext("%(size)s GiB") % {"size": gigabytes}


def retention(rules: Mapping[str, int]) -> list[str]:
    """What rules of retention keep."""
    known = {
        "max_age_days": lambda n: ngettext(
            "what is younger than %d day", "what is younger than %d days", n
        ),
        "keep_last": lambda n: ngettext("the newest", "the %d newest", n),
        "keep_hourly": lambda n: ngettext("the newest of %d hour", "the newest of %d hours", n),
        "keep_daily": lambda n: ngettext("the newest of %d day", "the newest of %d days", n),
        "keep_weekly": lambda n: ngettext("the newest of %d week", "the newest of %d weeks", n),
        "keep_monthly": lambda n: ngettext("the newest of %d month", "the newest of %d months", n),
        "keep_yearly": lambda n: ngettext("the newest of %d year", "the newest of %d years", n),
        "full_count": lambda n: ngettext("the newest full one", "the %d newest full ones", n),
        "incremental_count": lambda n: ngettext(
            "the newest incremental one", "the %d newest incremental ones", n
        ),
    }
    lines = []
    for rule, number in rules.items():
        text = known[rule](number) if rule in known else f"{rule}: {number}"
        lines.append(text % number if "%d" in text else text)
    return lines


def duration(seconds: float | None) -> str:
    """How long something took, in its two largest units."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < 60:
        return gettext("%(seconds)s s") % {"seconds": whole}
    minutes, left = divmod(whole, 60)
    if minutes < 60:
        return gettext("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": left}
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return gettext("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": minutes}
    days, hours = divmod(hours, 24)
    return gettext("%(days)s d %(hours)s h") % {"days": days, "hours": hours}


# What became of tasks that did not succeed, in the order in which it is told.
_OUTCOMES = {
    "failed": _("%(count)s failed"),
    "expired": _("%(count)s expired"),
    "skipped": _("%(count)s skipped"),
    "cancelled": _("%(count)s cancelled"),
    "waiting": _("%(count)s waiting for consent"),
}


def counts(tasks: Mapping[str, int]) -> str:
    """How many tasks of a run are done, and what became of the others.

    :param tasks: how many there are, ``total`` and by status
    """
    if not tasks.get("total"):
        return "–"
    said = [gettext("%(done)s of %(total)s done") % {"done": tasks["succeeded"], **tasks}]
    said += [str(text) % {"count": tasks[key]} for key, text in _OUTCOMES.items() if tasks.get(key)]
    return pgettext("between numbers of tasks", ", ").join(said)


#: What is looked at to see whether the service works.
CHECKS = {
    "database": _("Database"),
    "keystone": _("Keystone"),
    "cinder": _("Cinder"),
    "schema": _("Tables of the database"),
    "engines": pgettext_lazy("check of the service", "Engines"),
    "delegations": _("Right to act for users"),
    "schedules": pgettext_lazy("check of the service", "Schedules"),
}

ENGINE_STATES = {
    "up": pgettext_lazy("state of an engine", "Up"),
    "down": pgettext_lazy("state of an engine", "Down"),
}

DELEGATION_MODES = {
    "trust": _("trusts of the users"),
    "service": _("a role of the service in the projects"),
    "self": _("the credentials of its one user"),
}


_ORIGINS = {
    "the policy of the volume": _("the policy of the volume"),
    "the policy of the project": _("the policy of the project"),
    "the default of this installation": _("the default of this installation"),
}


def origin(text: str) -> str:
    """Whose policy something is.

    :param text: in the words of the service
    """
    schedule = text.removeprefix("schedule ")
    if schedule != text:
        return gettext("schedule %(name)s") % {"name": schedule}
    return str(_ORIGINS.get(text, text))

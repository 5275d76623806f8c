"""What the service says in one word, in words of the user's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

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
    "deleted": _("Deleted"),
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


def recurrence(value: Mapping[str, Any], text: str) -> str:
    """When a schedule runs.

    :param text: the same in the words of the service, for what is not known here
    """
    kind = value.get("type")
    if kind == "daily":
        return now("every day at %(time)s") % value
    if kind == "weekly":
        days = now(", ").join(str(WEEKDAYS[day - 1]) for day in value["weekdays"])
        return now("every %(days)s at %(time)s") % {"days": days, "time": value["time"]}
    if kind == "monthly" and value["day"] == "last":
        return now("on the last day of each month at %(time)s") % value
    if kind == "monthly":
        return now("on day %(day)s of each month at %(time)s") % value
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
        return now("by cron expression %(expression)s") % value
    return text


def size(gigabytes: int | None) -> str:
    """A size, as Cinder counts: whole GiB."""
    return "–" if gigabytes is None else now("%(size)s GiB") % {"size": gigabytes}

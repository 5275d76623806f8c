"""Statuses of runs and of their tasks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

# Somebody has to agree before anything is done.
WAITING = "waiting"
PENDING = "pending"
SUBMITTING = "submitting"
RUNNING = "running"
SUCCEEDED = "succeeded"
PARTIAL = "partial"
FAILED = "failed"
SKIPPED = "skipped"
CANCELLED = "cancelled"
EXPIRED = "expired"
MISSED = "missed"

ACTIVE_TASK = frozenset({WAITING, PENDING, SUBMITTING, RUNNING})
FINAL_TASK = frozenset({SUCCEEDED, FAILED, SKIPPED, CANCELLED, EXPIRED})
ACTIVE_RUN = frozenset({WAITING, PENDING, RUNNING})
FINAL_RUN = frozenset({SUCCEEDED, PARTIAL, FAILED, CANCELLED, SKIPPED, MISSED, EXPIRED})
# A schedule whose last run ended so does not do what it is there for.
BAD_RUN = frozenset({PARTIAL, FAILED, MISSED, EXPIRED})
# The same of a task; what was skipped or cancelled was not tried.
BAD_TASK = frozenset({FAILED, EXPIRED})

# A task in one of these was taken up; skipped, cancelled and expired ones may never have been.
_STARTED = (SUBMITTING, RUNNING, SUCCEEDED, FAILED)
# When nothing succeeded, the run is called after the worst that happened.
_WORST_FIRST = (FAILED, EXPIRED, CANCELLED, SKIPPED)


def status_of(counts: Mapping[str, int]) -> str:
    """The status of a run, from its tasks.

    - Unfinished tasks: ``running`` when one was taken up, else ``waiting`` when one waits for
      somebody's consent, else ``pending``.
    - All succeeded: ``succeeded``. Some did: ``partial``, whatever became of the others. That
      includes skipped ones: a volume that was left out is not protected, and a run that calls
      itself succeeded would hide it.
    - None succeeded: ``failed`` if any failed, else ``expired`` if any expired, else
      ``cancelled`` if any was cancelled, else ``skipped``.
    - No tasks at all: ``skipped``, as there was nothing to do.

    ``missed`` is never worked out: such runs have no tasks and are recorded so.

    :param counts: number of tasks by status; absent statuses count as 0, ``total`` is ignored
    :raises ValueError: a status is not one of a task
    """
    number = {status: count for status, count in counts.items() if count and status != "total"}
    unknown = number.keys() - ACTIVE_TASK - FINAL_TASK
    if unknown:
        raise ValueError(f"not a status of a task: {', '.join(sorted(unknown))}")
    if number.keys() & ACTIVE_TASK:
        if any(status in number for status in _STARTED):
            return RUNNING
        return WAITING if WAITING in number else PENDING
    if SUCCEEDED in number:
        return SUCCEEDED if len(number) == 1 else PARTIAL
    return next((status for status in _WORST_FIRST if status in number), SKIPPED)


def seconds(submitted_at: datetime | None, finished_at: datetime | None) -> float | None:
    """How long Cinder worked on a task, None while that is not known."""
    if submitted_at is None or finished_at is None:
        return None
    return max(round((finished_at - submitted_at).total_seconds(), 1), 0.0)


def rate(status: str, size_gb: int | None, seconds: float | None) -> float | None:
    """MiB of the volume per second, None where nothing was completed.

    :param seconds: as :func:`seconds` gives them
    """
    if status != SUCCEEDED or not size_gb or not seconds:
        return None
    return round(size_gb * 1024 / seconds, 1)

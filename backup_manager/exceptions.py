"""Errors of the service, as data: what happened, to which object, what to do.

The HTTP status is decided here once per class and applied at the edge of the API.
"""

from __future__ import annotations

from typing import Any


class BackupManagerError(Exception):
    """Base of all expected errors.

    :param field: the property of the request that is wrong, such as ``recurrence.time``
    :param values: what ``msg_fmt`` names
    """

    code = 500
    msg_fmt = "An unexpected error occurred."

    def __init__(self, message: str | None = None, *, field: str | None = None, **values: Any):
        self.field = field
        self.message = message if message is not None else self.msg_fmt.format(**values)
        super().__init__(self.message)


class InvalidInput(BackupManagerError):
    code = 400
    msg_fmt = "{field}: {reason}"

    def __init__(self, field: str | None, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason, field=field)


class Unauthorized(BackupManagerError):
    code = 401
    msg_fmt = "The request you have made requires authentication."


class Forbidden(BackupManagerError):
    code = 403
    msg_fmt = "You are not allowed to do this: it needs the policy {rule}."


class NotFound(BackupManagerError):
    code = 404
    msg_fmt = "No {resource} with id {id} exists in this project."


class Conflict(BackupManagerError):
    code = 409


class DelegationReleased(Conflict):
    """An engine gave up a delegation between its grant and the transaction that relies on it."""

    msg_fmt = (
        "The right to act in this project was given up meanwhile, because nothing needed it. "
        "Repeat the request."
    )


class StaleGeneration(Conflict):
    msg_fmt = (
        "Schedule {id} was changed by somebody else in the meantime (you sent generation {sent}). "
        "Fetch it again and repeat your change."
    )


class Unavailable(BackupManagerError):
    """A service that we depend on does not answer; the same request may work later."""

    code = 503


class DelegationRefused(BackupManagerError):
    """Keystone does not let this token hand its rights on."""

    code = 403


class DelegationBroken(BackupManagerError):
    """The engine can no longer act for the user in the project.

    The message says why and what to do: it is shown on schedules and runs.
    """

    code = 409


class SchemaMismatch(BackupManagerError):
    """The program was written for another schema than the database has."""


class SchemaOutdated(SchemaMismatch):
    msg_fmt = (
        "The database schema is at revision {found}, this version needs {needed}. "
        "Run: backup-manager-manage db sync"
    )


class SchemaTooNew(SchemaMismatch):
    msg_fmt = (
        "The database schema is at revision {found}, which this version does not know: its newest "
        "is {needed}. The program is older than the database: upgrade the program here too."
    )

"""Which volumes can be backed up."""

from __future__ import annotations

from collections.abc import Collection

AVAILABLE = "available"
IN_USE = "in-use"
BACKING_UP = "backing-up"


def unusable_reason(status: str) -> str | None:
    """Why a volume can't be backed up now, None when it can.

    :param status: Cinder's status of the volume
    """
    if status in (AVAILABLE, IN_USE):
        return None
    return (
        f"The volume's status is {status}; only {AVAILABLE} and {IN_USE} volumes can be backed up."
    )


def needs_force(status: str, server_ids: Collection[str] = ()) -> bool:
    """Whether Cinder wants the force flag: it does for volumes attached to a server.

    :param status: Cinder's status of the volume
    :param server_ids: the servers; while it is backed up, the status does not tell of them
    """
    return status == IN_USE or (status == BACKING_UP and bool(server_ids))


# Other operations hold the volume for a while; it can be backed up when they are done.
_PASSING = frozenset(
    {
        "attaching",
        "awaiting-transfer",
        BACKING_UP,
        "creating",
        "detaching",
        "downloading",
        "extending",
        "maintenance",
        "reserved",
        "restoring-backup",
        "retyping",
        "uploading",
    }
)


def is_passing(status: str) -> bool:
    """Whether a volume in this status is worth waiting for.

    :param status: Cinder's status of the volume
    """
    return status in _PASSING

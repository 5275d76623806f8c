"""Whether backups still fit into a project's quota."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Quota:
    """A project's quota of backups, and what is used of it. None: there is no limit."""

    backups: int | None
    backups_used: int
    gigabytes: int | None
    gigabytes_used: int


def shortfalls(quota: Quota, backups: int, gigabytes: int) -> list[str]:
    """What does not fit, in words with all figures; nothing when it does.

    :param backups: how many are to be made
    :param gigabytes: the sizes of their volumes: that is what Cinder charges, for increments too
    """
    needs = (
        ("backups", "", quota.backups, quota.backups_used, backups),
        ("backup gigabytes", " GB", quota.gigabytes, quota.gigabytes_used, gigabytes),
    )
    return [
        f"The project's quota of {name} is too small: this needs {needed}{unit}, and {used} of "
        f"{limit}{unit} are used, so {max(limit - used, 0)}{unit} are free."
        for name, unit, limit, used, needed in needs
        if limit is not None and needed > limit - used
    ]

"""When in its window each volume of a run has its turn."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from hashlib import sha256


def offsets(seed: str, volume_ids: Iterable[str], window: timedelta) -> dict[str, timedelta]:
    """How long after the slot each volume begins, evenly over the window.

    The order looks random but is the same each time, and a volume that joins or leaves moves the
    others a little only: the backups of a volume stay about as far apart as the slots.

    :param seed: another one gives another order, such as the id of the schedule, so that not all
        schedules begin with the same volumes
    :param window: zero lets all begin at once
    """
    order = sorted(set(volume_ids), key=lambda volume_id: _place(seed, volume_id))
    return {volume_id: window * place / len(order) for place, volume_id in enumerate(order)}


def _place(seed: str, volume_id: str) -> bytes:
    return sha256(f"{seed} {volume_id}".encode()).digest()

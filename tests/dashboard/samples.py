"""What the service answers, as the tests of the pages need it."""

from __future__ import annotations

import uuid
from typing import Any

PROJECT = "1"


def identifier(number: int) -> str:
    return str(uuid.UUID(int=number))


def volume(number: int = 1, **differences: Any) -> dict[str, Any]:
    return {
        "id": identifier(number),
        "project_id": PROJECT,
        "name": f"volume-{number}",
        "status": "available",
        "size_gb": 10,
        "volume_type": "lvmdriver-1",
        "availability_zone": "nova",
        "server_ids": [],
        "bootable": False,
        "created_at": "2026-11-01T00:00:00Z",
        "can_back_up": True,
        "reason": None,
        "schedules": [],
        "last_backup": None,
        "late": False,
        "seen_at": "2026-11-01T00:00:00Z",
        **differences,
    }

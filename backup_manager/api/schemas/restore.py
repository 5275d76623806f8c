"""Schemas of restores."""

from __future__ import annotations

from backup_manager.api.schemas import common
from backup_manager.api.schemas.run import RUN

MAX_ITEMS = 100

# What a combination of these must hold is checked where the items are looked up.
_ITEM = common.record(
    {
        "backup_id": common.UUID,
        "volume_id": common.UUID,
        "at": common.TIME,
        "target_volume_id": common.UUID,
        "name": common.NAME,
        "availability_zone": common.NAME,
        "volume_type": common.NAME,
    },
    required=[],
)
CREATE_REQUEST = common.wrapped(
    "restore",
    common.record(
        {"items": {"type": "array", "items": _ITEM, "minItems": 1, "maxItems": MAX_ITEMS}}
    ),
)

CREATE = common.Operation(request=CREATE_REQUEST, response=common.wrapped("run", RUN), status=202)

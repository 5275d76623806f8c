"""Schemas of restores."""

from __future__ import annotations

from backup_manager.api.schemas import common
from backup_manager.api.schemas.run import RUN

MAX_ITEMS = 100

# What a combination of these must hold is checked where the items are looked up.
_ITEM = common.record(
    {
        "backup_id": common.described(common.UUID, "the backup; or volume_id and at"),
        "volume_id": common.described(common.UUID, "the volume whose backup is wanted"),
        "at": common.described(
            common.TIME, "finds the newest backup of volume_id made then or before, never a later"
        ),
        "target_volume_id": common.described(
            common.UUID, "an available volume to overwrite; a new one is made without"
        ),
        "name": common.described(common.NAME, "of the new volume"),
        "availability_zone": common.described(
            common.NAME, "of the new volume; as the volume backed up without"
        ),
        "volume_type": common.described(
            common.NAME, "of the new volume; as the volume backed up without"
        ),
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

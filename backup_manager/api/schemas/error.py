"""Schema of errors: all of them have this shape."""

from __future__ import annotations

from backup_manager.api.schemas import common

ERROR = common.record(
    {
        "code": common.INTEGER,
        "title": common.STRING,
        "message": common.STRING,
        "request_id": common.nullable(common.STRING),
        "field": common.nullable(common.STRING),
    }
)
RESPONSE = common.wrapped("error", ERROR)

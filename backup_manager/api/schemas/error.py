"""Schema of errors: all of them have this shape."""

from __future__ import annotations

from backup_manager.api.schemas import common

ERROR = common.record(
    {
        "code": common.described(common.INTEGER, "the HTTP status"),
        "title": common.described(common.STRING, "the name of the HTTP status"),
        "message": common.described(common.STRING, "what happened, to what, and what to do"),
        "request_id": common.described(
            common.nullable(common.STRING), "under which operators find the request in their logs"
        ),
        "field": common.described(
            common.nullable(common.STRING),
            "the property or parameter that is wrong, such as recurrence.time or volumes[1]",
        ),
    }
)
RESPONSE = common.record({"error": ERROR}, title="Error")

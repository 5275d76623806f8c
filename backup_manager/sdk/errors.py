"""What the service said about a request that failed, as data."""

from __future__ import annotations

import dataclasses
from typing import Any

from openstack import exceptions


@dataclasses.dataclass(frozen=True)
class Problem:
    """The error body of the service.

    :ivar code: HTTP status; 0 when the error did not come from a response.
    :ivar message: a sentence for the user.
    :ivar field: the field of the request at fault, such as ``recurrence.time``, if one is.
    :ivar request_id: what to look for in the service's log, if it is known.
    """

    code: int
    message: str
    field: str | None = None
    request_id: str | None = None

    def __str__(self) -> str:
        text = self.message
        if self.field and self.field not in text:
            text = f"{self.field}: {text}"
        if self.code >= 500 and self.request_id:
            text = f"{text} ({self.request_id})"
        return text


def problem(error: exceptions.HttpException) -> Problem:
    """Read the service's error body out of an exception of openstacksdk.

    An answer that is not of the service (of a proxy in front of it, say) gives its text.
    """
    body = _body(error.response)
    return Problem(
        code=error.status_code or 0,
        message=body.get("message") or error.details or error.message,
        field=body.get("field"),
        request_id=body.get("request_id") or error.request_id,
    )


def _body(response: Any) -> dict[str, Any]:
    try:
        body = response.json()["error"]
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}
    return body if isinstance(body, dict) else {}

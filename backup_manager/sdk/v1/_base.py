"""What all resources of the service share."""

from __future__ import annotations

import uuid
from typing import Any

from openstack import resource


class Resource(resource.Resource):
    """A resource whose lists are paged by ``<plural>_links``."""

    @classmethod
    def _get_next_link(
        cls,
        uri: str,
        response: Any,
        data: dict[str, Any],
        marker: str | None,
        limit: Any,
        total_yielded: int,
    ) -> tuple[str | None, Any]:
        # A list without a next link is complete: withholding the limit keeps openstacksdk from
        # asking for one page more. The next page is asked for where the first one was found,
        # since the host name in the link is right only as far as a load balancer passes it on.
        link, query = super()._get_next_link(uri, response, data, marker, None, total_yielded)
        return (uri if link else None), query


def is_id(text: str) -> bool:
    """Whether a text is written as the service writes the ids of its resources."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False

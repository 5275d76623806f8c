"""What the calls of the API have in common."""

from __future__ import annotations

import datetime
from typing import Any, TypeVar, Union

from openstack import exceptions, proxy, resource

from backup_manager.sdk.v1 import _base

ResourceT = TypeVar("ResourceT", bound=resource.Resource)

#: A moment: ISO 8601 text, or a datetime (one without zone is taken as UTC).
Moment = Union[str, datetime.datetime]


class Calls(proxy.Proxy):
    """A part of the proxy: some of the calls, as methods."""

    def _call(
        self,
        resource_type: type[ResourceT],
        url: str,
        body: dict[str, Any] | None = None,
        key: str = "run",
    ) -> ResourceT:
        """POST to a URL that answers with a resource of another kind."""
        arguments = {} if body is None else {"json": body}
        return self._answer(resource_type, key, self.post(url, **arguments))

    def _answer(self, resource_type: type[ResourceT], key: str, response: Any) -> ResourceT:
        exceptions.raise_from_response(response)
        return resource_type.existing(connection=self._get_connection(), **response.json()[key])

    def _find_one(self, resource_type: type[ResourceT], name_or_id: str) -> ResourceT:
        # Not Resource.find(): that puts names into URLs, and tells no ids for an ambiguous name.
        noun = resource_type.__name__.lower()
        if _base.is_id(name_or_id):
            try:
                return self._get(resource_type, name_or_id)
            except exceptions.NotFoundException:
                pass  # it may yet be a name that looks like an id
        listed = self._list(resource_type, name=name_or_id)
        found = [item for item in listed if item.name == name_or_id]
        if not found:
            raise exceptions.NotFoundException(f"No {noun} has the name or ID '{name_or_id}'")
        if len(found) > 1:
            ids = ", ".join(item.id for item in found)
            raise exceptions.DuplicateResource(
                f"More than one {noun} has the name '{name_or_id}', use an ID: {ids}"
            )
        return found[0]


def as_id(value: str | resource.Resource) -> str:
    """The id of what is given by that or as a resource."""
    return value.id if isinstance(value, resource.Resource) else value


def given(**values: Any) -> dict[str, Any]:
    """Those of the values that are not None."""
    return {key: value for key, value in values.items() if value is not None}


def as_query(**values: Any) -> dict[str, Any]:
    """Those of the values that are not None, as a URL spells them."""
    return {key: spell(value) for key, value in given(**values).items()}


def spell(value: Any) -> Any:
    """A value as a URL or a body of the API spells it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.datetime):
        if value.tzinfo is not None:
            value = value.astimezone(datetime.timezone.utc)
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return value

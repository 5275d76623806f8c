"""Which volumes of its project a schedule backs up beside those that it lists.

All criteria that a selector gives must fit: each of the metadata, one of the volume types, one of
the servers. What it excludes is never backed up, listed or not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

_CRITERIA = ("metadata", "volume_types", "servers")
_PROPERTIES = (*_CRITERIA, "whole_project", "exclude")
_SHOWN = 64


class SelectorError(ValueError):
    """A selector that can't be used.

    :param field: the property that is wrong, such as ``selector.servers``
    :param message: what is wrong with it and what is allowed
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True)
class Volume:
    """What a selector looks at.

    :param labels: Cinder's metadata of the volume; None when it was not read yet
    """

    id: str
    name: str | None
    volume_type: str | None
    server_ids: Collection[str]
    labels: Mapping[str, str] | None


@dataclass(frozen=True)
class Selector:
    """What to look for. Criteria that are empty don't count."""

    metadata: Mapping[str, str] = field(default_factory=dict)
    volume_types: frozenset[str] = frozenset()
    servers: frozenset[str] = frozenset()
    whole_project: bool = False
    exclude: frozenset[str] = frozenset()


def parse(selector: Mapping[str, Any]) -> Selector:
    """Read a selector as the API takes it.

    :param selector: anything; all of it is checked
    :raises SelectorError: with the property that is wrong
    """
    if not isinstance(selector, Mapping):
        raise SelectorError("selector", "must be an object")
    for name in selector:
        if name not in _PROPERTIES:
            raise SelectorError(
                f"selector.{str(name)[:_SHOWN]}",
                f"is not known here; allowed: {', '.join(_PROPERTIES)}",
            )
    whole_project = selector.get("whole_project", False)
    if not isinstance(whole_project, bool):
        raise SelectorError("selector.whole_project", "must be true or false")
    parsed = Selector(
        metadata=_metadata(selector.get("metadata", {})),
        volume_types=_texts(selector, "volume_types"),
        servers=_texts(selector, "servers"),
        whole_project=whole_project,
        exclude=_texts(selector, "exclude"),
    )
    _check(parsed)
    return parsed


def _metadata(value: Any) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or not all(
        isinstance(part, str) for pair in value.items() for part in pair
    ):
        raise SelectorError("selector.metadata", "must be an object with texts as values")
    return dict(value)


def _texts(selector: Mapping[str, Any], name: str) -> frozenset[str]:
    value = selector.get(name, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise SelectorError(f"selector.{name}", "must be a list of texts")
    return frozenset(value)


def _check(selector: Selector) -> None:
    given = [name for name in _CRITERIA if getattr(selector, name)]
    if selector.whole_project and given:
        raise SelectorError(
            "selector.whole_project",
            f"selects every volume, so it does not go together with {', '.join(given)}",
        )
    if not selector.whole_project and not given:
        raise SelectorError(
            "selector",
            f"selects nothing: give whole_project as true, or at least one of "
            f"{', '.join(_CRITERIA)}",
        )


def matches(selector: Selector, volume: Volume) -> bool:
    """Whether the selector picks the volume. That they are of one project is for the caller."""
    if volume.id in selector.exclude:
        return False
    if selector.whole_project:
        return True
    labels = volume.labels or {}
    if any(labels.get(key) != value for key, value in selector.metadata.items()):
        return False
    if selector.volume_types and volume.volume_type not in selector.volume_types:
        return False
    return not selector.servers or not selector.servers.isdisjoint(volume.server_ids)

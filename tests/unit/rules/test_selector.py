"""What selectors pick, and which can't be used."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_manager.rules import selector as rules
from tests.unit.rules.support import stable


def volume(**values: Any) -> rules.Volume:
    defaults: dict[str, Any] = {
        "id": "v1",
        "name": "data",
        "volume_type": "ssd",
        "server_ids": ["s1", "s2"],
        "labels": {"backup": "yes", "tier": "1"},
    }
    return rules.Volume(**{**defaults, **values})


@pytest.mark.parametrize(
    ("selector", "picks"),
    [
        ({"whole_project": True}, True),
        ({"whole_project": True, "exclude": ["v1"]}, False),
        ({"whole_project": True, "exclude": ["v2"]}, True),
        ({"metadata": {"backup": "yes"}}, True),
        ({"metadata": {"backup": "yes", "tier": "1"}}, True),
        ({"metadata": {"backup": "yes", "tier": "2"}}, False),
        ({"metadata": {"backup": "Yes"}}, False),
        ({"metadata": {"other": ""}}, False),
        ({"volume_types": ["hdd", "ssd"]}, True),
        ({"volume_types": ["hdd"]}, False),
        ({"servers": ["s2"]}, True),
        ({"servers": ["s3"]}, False),
        ({"servers": ["s3", "s1"]}, True),
        ({"metadata": {"backup": "yes"}, "volume_types": ["ssd"], "servers": ["s1"]}, True),
        ({"metadata": {"backup": "no"}, "volume_types": ["ssd"], "servers": ["s1"]}, False),
        ({"metadata": {"backup": "yes"}, "volume_types": ["hdd"], "servers": ["s1"]}, False),
        ({"metadata": {"backup": "yes"}, "volume_types": ["ssd"], "servers": ["s3"]}, False),
        ({"metadata": {"backup": "yes"}, "exclude": ["v1"]}, False),
    ],
)
def test_matches(selector: dict[str, Any], picks: bool) -> None:
    assert rules.matches(rules.parse(selector), volume()) is picks


def test_what_is_not_known_of_a_volume_does_not_match() -> None:
    bare = volume(volume_type=None, server_ids=[], labels=None)
    for selector in ({"metadata": {"a": "b"}}, {"volume_types": ["ssd"]}, {"servers": ["s1"]}):
        assert not rules.matches(rules.parse(selector), bare)
    assert rules.matches(rules.parse({"whole_project": True}), bare)


@pytest.mark.parametrize(
    ("selector", "field", "reason"),
    [
        ({}, "selector", "selects nothing"),
        ({"exclude": ["v1"]}, "selector", "selects nothing"),
        ({"whole_project": False}, "selector", "selects nothing"),
        ({"metadata": {}, "volume_types": [], "servers": []}, "selector", "selects nothing"),
        (
            {"whole_project": True, "servers": ["s1"]},
            "selector.whole_project",
            "does not go together with servers",
        ),
        ({"whole_project": "yes"}, "selector.whole_project", "true or false"),
        ({"metadata": ["a"]}, "selector.metadata", "object"),
        ({"metadata": {"a": 1}}, "selector.metadata", "texts"),
        ({"volume_types": "ssd"}, "selector.volume_types", "list"),
        ({"servers": [1]}, "selector.servers", "list of texts"),
        ({"whole_project": True, "exclude": [None]}, "selector.exclude", "list of texts"),
        ({"size": 1}, "selector.size", "not known"),
        ("all", "selector", "object"),
    ],
)
def test_what_is_no_selector(selector: Any, field: str, reason: str) -> None:
    with pytest.raises(rules.SelectorError, match=reason) as caught:
        rules.parse(selector)
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")


_NAMES = st.sampled_from(["a", "b", "c"])
_METADATA = st.dictionaries(_NAMES, _NAMES, max_size=2)
_LISTS = st.lists(_NAMES, max_size=2)
_VOLUMES = st.builds(
    rules.Volume,
    id=_NAMES,
    name=st.none(),
    volume_type=st.none() | _NAMES,
    server_ids=_LISTS,
    labels=st.none() | _METADATA,
)


@stable(300)
@given(metadata=_METADATA, types=_LISTS, servers=_LISTS, exclude=_LISTS, found=_VOLUMES)
def test_each_criterion_narrows_and_exclusion_wins(
    metadata: dict[str, str],
    types: list[str],
    servers: list[str],
    exclude: list[str],
    found: rules.Volume,
) -> None:
    given_ = {"metadata": metadata, "volume_types": types, "servers": servers, "exclude": exclude}
    if not (metadata or types or servers):
        with pytest.raises(rules.SelectorError):
            rules.parse(given_)
        return
    alone = [
        rules.matches(rules.parse({name: given_[name]}), found)
        for name in ("metadata", "volume_types", "servers")
        if given_[name]
    ]
    assert rules.matches(rules.parse(given_), found) is (all(alone) and found.id not in exclude)

"""Values for the requests that schemathesis makes up: of the service's own formats, and ids."""

from __future__ import annotations

import os

import schemathesis
from hypothesis import strategies as st

# Ids of what exists, with commas between them.
KNOWN_IDS = "KNOWN_IDS"


def _known_id(number: int) -> str:
    ids = os.environ[KNOWN_IDS].split(",")
    return ids[number % len(ids)]


_ids = st.integers(0, 11).map(_known_id)
_letters = st.characters(exclude_categories=("Cc", "Cs"))
_zones = st.sampled_from(["UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York"])
_crons = st.sampled_from(
    ["0 2 * * *", "*/5 * * * 1-5", "30 4 L * *", "0 0 29 2 *", "15,45 0 1 1 *"]
)
_FORMATS = {
    "cron": _crons | _crons | st.text(max_size=255),
    "timezone": _zones | _zones | st.text(max_size=64),
    "uuid": _ids | _ids | st.uuids().map(str),
    "text": st.text(_letters | st.sampled_from("\t\n\r"), max_size=255),
    "name": st.text(_letters, min_size=1, max_size=255).filter(lambda name: not name.isspace()),
    "time-of-day": st.times().map(lambda time: time.strftime("%H:%M")),
}
for _name, _values in _FORMATS.items():
    schemathesis.openapi.format(_name, _values)

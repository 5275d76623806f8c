"""Schema of the document that describes the API."""

from __future__ import annotations

from backup_manager.api.schemas import common
from backup_manager.api.schemas.common import Schema

VERSION = "3.1.0"

_OBJECT: Schema = {"type": "object"}
_LIST: Schema = {"type": "array", "items": _OBJECT}
# What is inside is described by https://spec.openapis.org/oas/v3.1.0.
DOCUMENT = common.record(
    {
        "openapi": {"const": VERSION},
        "info": _OBJECT,
        "servers": _LIST,
        "security": _LIST,
        "tags": _LIST,
        "paths": _OBJECT,
        "components": _OBJECT,
    },
    title="OpenAPI",
)

SHOW = common.Operation(response=DOCUMENT)

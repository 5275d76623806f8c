"""Schemas of policies of retention."""

from __future__ import annotations

from backup_manager.api.schemas import common
from backup_manager.rules import retention as rules

# Which numbers are possible is the business of the rule itself.
RETENTION = common.record(
    {rule: common.nullable(common.INTEGER) for rule in rules.RULES}, required=[]
)
_EFFECTIVE = common.record(
    {"origin": common.STRING, "retention": RETENTION, "description": common.STRING}
)
POLICY = common.record(
    {
        "retention": common.nullable(RETENTION),
        "effective": {"type": "array", "items": _EFFECTIVE},
    }
)

_ONE = common.wrapped("policy", POLICY)
SHOW = common.Operation(response=_ONE)
PUT = common.Operation(
    request=common.wrapped("policy", common.record({"retention": RETENTION})), response=_ONE
)
DELETE = common.Operation(response=None, status=204)

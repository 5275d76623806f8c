"""Schemas of policies of retention."""

from __future__ import annotations

from backup_manager.api.schemas import common
from backup_manager.rules import policy as rules

# What each keeps. Which numbers are possible is the business of the rule itself.
_RULES = {
    "max_age_days": f"the last so many times 24 hours, at most {rules.MAX_AGE_DAYS}",
    "keep_last": "the newest so many",
    "keep_hourly": "the newest of each of so many hours that have one",
    "keep_daily": "the newest of each of so many days that have one",
    "keep_weekly": "the newest of each of so many ISO weeks that have one",
    "keep_monthly": "the newest of each of so many months that have one",
    "keep_yearly": "the newest of each of so many years that have one",
    "full_count": "the newest so many full ones",
    "incremental_count": "the newest so many incremental ones",
}
RETENTION = common.record(
    {rule: common.described(common.nullable(common.INTEGER), _RULES[rule]) for rule in rules.RULES},
    required=[],
    title="Retention",
)
_EFFECTIVE = common.record(
    {
        "origin": common.described(common.STRING, "whose policy it is, such as schedule nightly"),
        "retention": RETENTION,
        "description": common.described(common.STRING, "the same in words"),
    }
)
POLICY = common.record(
    {
        "retention": common.described(
            common.nullable(RETENTION), "the one that is set here; null if none is"
        ),
        "effective": {
            "type": "array",
            "items": _EFFECTIVE,
            "description": "the policies that apply; of a volume in several schedules, several",
        },
    },
    title="Policy",
)

_ONE = common.wrapped("policy", POLICY)
SHOW = common.Operation(response=_ONE)
PUT = common.Operation(
    request=common.wrapped("policy", common.record({"retention": RETENTION})),
    response=_ONE,
    conflicts=False,
)
DELETE = common.Operation(response=None, status=204, conflicts=False)

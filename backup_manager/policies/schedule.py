"""Rules for schedules."""

from __future__ import annotations

from backup_manager.policies.base import ADMIN, MEMBER, READER, rule

_ONE = "/v1/schedules/{schedule_id}"

RULES = [
    rule("schedule:list", READER, "List schedules.", ("GET", "/v1/schedules")),
    rule(
        "schedule:show",
        READER,
        "Show a schedule, and when it will run.",
        ("GET", _ONE),
        ("GET", f"{_ONE}/preview"),
    ),
    rule(
        "schedule:preview",
        READER,
        "Work out when a schedule would run that does not exist yet.",
        ("POST", "/v1/schedules/preview"),
    ),
    rule("schedule:create", MEMBER, "Create a schedule.", ("POST", "/v1/schedules")),
    rule(
        "schedule:update",
        MEMBER,
        "Change, enable or disable a schedule.",
        ("PATCH", _ONE),
        ("POST", f"{_ONE}/volumes"),
        ("POST", f"{_ONE}/volumes/remove"),
    ),
    rule("schedule:delete", MEMBER, "Delete a schedule.", ("DELETE", _ONE)),
    rule("schedule:run", MEMBER, "Run a schedule now.", ("POST", f"{_ONE}/run")),
    rule(
        "schedule:all_projects",
        ADMIN,
        "See the schedules of all projects.",
        ("GET", "/v1/schedules?all_projects=true"),
        ("GET", _ONE),
        ("GET", f"{_ONE}/preview"),
    ),
    rule(
        "schedule:disable:all_projects",
        ADMIN,
        "Disable a schedule of another project. No other change of it is possible.",
        ("PATCH", _ONE),
    ),
    rule(
        "schedule:delete:all_projects",
        ADMIN,
        "Delete a schedule of another project.",
        ("DELETE", _ONE),
    ),
]

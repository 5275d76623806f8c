"""Rules for runs."""

from __future__ import annotations

from backup_manager.policies.base import ADMIN, MEMBER, READER, rule

_ONE = "/v1/runs/{run_id}"

RULES = [
    rule("run:list", READER, "List runs.", ("GET", "/v1/runs")),
    rule("run:show", READER, "Show a run and its tasks.", ("GET", _ONE), ("GET", f"{_ONE}/tasks")),
    rule(
        "run:cancel",
        MEMBER,
        "Cancel what has not been started of a run.",
        ("POST", f"{_ONE}/cancel"),
    ),
    rule(
        "run:confirm",
        MEMBER,
        "Have a run carried out that waits for consent.",
        ("POST", f"{_ONE}/confirm"),
    ),
    rule(
        "run:all_projects",
        ADMIN,
        "See the runs of all projects.",
        ("GET", "/v1/runs?all_projects=true"),
        ("GET", _ONE),
        ("GET", f"{_ONE}/tasks"),
    ),
    rule(
        "run:cancel:all_projects",
        ADMIN,
        "Cancel a run of another project.",
        ("POST", f"{_ONE}/cancel"),
    ),
    rule(
        "run:confirm:all_projects",
        ADMIN,
        "Have a run of another project carried out that waits for consent.",
        ("POST", f"{_ONE}/confirm"),
    ),
]

"""Options of how the engine comes to act in a project."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from oslo_config import cfg

GROUP = "delegation"

OPTS = [
    cfg.StrOpt(
        "mode",
        default="trust",
        choices=[
            ("trust", "a Keystone trust of the user who made the schedule"),
            ("service", "the service user has a role in every protected project"),
            ("self", "the service's credentials are the user's own (personal mode)"),
        ],
        help="How the engine gets the right to act in a project. Use service where users are "
        "federated and cannot make trusts; then give the service user the role member in each "
        "project that wants schedules.",
    ),
    cfg.ListOpt(
        "roles",
        default=["member"],
        help="Roles that a trust hands on. Change it when your Cinder policy wants another role "
        "for making backups. Users must hold all of them; existing trusts keep what they have.",
    ),
    cfg.IntOpt(
        "check_interval",
        default=300,
        min=1,
        help="Seconds between two checks that a delegation in use still works. A lost role or a "
        "deleted trust is shown on the schedule after this time at the latest, even when "
        "nothing is due.",
    ),
]


def list_opts() -> Iterable[tuple[str, Sequence[cfg.Opt]]]:
    return [(GROUP, OPTS)]

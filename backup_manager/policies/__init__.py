"""Who may do what: documented default rules, one module per noun."""

from __future__ import annotations

from collections.abc import Iterator

from oslo_config import cfg
from oslo_policy import policy

from backup_manager import conf as config
from backup_manager.policies import (
    backup,
    chain,
    cleanup,
    deletion,
    health,
    info,
    project,
    record,
    restore,
    retention,
    run,
    schedule,
    service,
    statistics,
    task,
    volume,
)


def list_rules() -> Iterator[policy.DocumentedRuleDefault]:
    """All rules, for oslopolicy-sample-generator and its like."""
    nouns = (
        *(volume, backup, chain, restore, deletion, cleanup, record, schedule, retention),
        *(run, task, project, service, statistics, info, health),
    )
    for noun in nouns:
        yield from noun.RULES


def enforcer(conf: cfg.ConfigOpts) -> policy.Enforcer:
    """The rules as the operator's policy file has them."""
    made = policy.Enforcer(conf)
    made.register_defaults(list(list_rules()))
    # Loading by the first requests, several at once, would refuse some of them.
    made.load_rules()
    return made


def get_enforcer() -> policy.Enforcer:
    """For the tools of oslo.policy, which call it without arguments."""
    return enforcer(config.load())

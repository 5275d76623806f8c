"""What a route is, and what its handler gets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from oslo_config import cfg
from oslo_policy import policy

from backup_manager import exceptions
from backup_manager.api.schemas.common import Operation
from backup_manager.context import RequestContext, Scope

Body = dict[str, Any]
Handler = Callable[..., "Body | None"]
Wsgi = Callable[..., Iterable[bytes]]


@dataclass(frozen=True)
class Route:
    """One line of the table of routes.

    :param path: with its variables in braces; each is a UUID
    :param handler: gets the call and the path's variables; the first line of its docstring says
        what the route does
    :param policy: the rule that a caller must pass, None if anybody may call without a token
    """

    method: str
    path: str
    handler: Handler
    policy: str | None
    operation: Operation

    @property
    def summary(self) -> str:
        """What the route does, in one line without a full stop."""
        return (self.handler.__doc__ or "").partition("\n")[0].removesuffix(".")


@dataclass(frozen=True)
class Call:
    """One request, checked.

    :param query: the parameters, typed, with their defaults
    :param arguments: the parameters as they were sent
    :param body: the resource that was sent
    :param url: of the request, as the caller sees it, without parameters
    :param root: URL of the service, as the caller sees it
    """

    route: Route
    conf: cfg.ConfigOpts
    context: RequestContext
    enforcer: policy.Enforcer
    query: Mapping[str, Any]
    arguments: Mapping[str, str]
    body: Mapping[str, Any]
    url: str
    root: str

    def may(self, rule: str) -> bool:
        """Whether the caller passes a rule in his own project."""
        target = {
            "project_id": self.context.project_id,
            "delegation_mode": self.conf.delegation.mode,
        }
        return bool(self.enforcer.authorize(rule, target, self.context))

    def authorize(self, rule: str) -> None:
        """:raises Forbidden: the caller does not pass the rule"""
        if not self.may(rule):
            raise exceptions.Forbidden(rule=rule)

    @property
    def own(self) -> Scope:
        """The caller's project."""
        return Scope(self.context.project_id)

    def reach(self, rule: str) -> Scope:
        """All projects for callers who pass ``rule``, for the others their own."""
        return Scope(None) if self.may(rule) else self.own

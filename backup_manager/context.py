"""Who asks: the caller of a request, as keystonemiddleware found him."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keystoneauth1 import plugin
from oslo_context import context


class RequestContext(context.RequestContext):
    """The caller, with his token as a keystoneauth plugin.

    :param auth: acts with the caller's own token, nothing more
    :param is_delegated: the token came from an application credential or a trust: Keystone
        does not let such tokens make trusts
    """

    # The API lets nobody in without both.
    project_id: str
    user_id: str

    def __init__(
        self,
        auth: plugin.BaseAuthPlugin | None = None,
        is_delegated: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.auth = auth
        self.is_delegated = is_delegated


@dataclass(frozen=True)
class Scope:
    """Which rows a query may see: those of one project, or of all when None."""

    project_id: str | None

"""The service as the user sees it who looks at a page.

Everything goes through the SDK, with the token of the user: the service decides what he may see
and do.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import openstack.connection
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from horizon import exceptions as horizon_exceptions
from horizon import messages
from horizon.utils.memoized import memoized
from keystoneauth1 import exceptions as ks_exceptions
from keystoneauth1 import session, token_endpoint
from openstack import exceptions as sdk_exceptions
from openstack_auth import utils as auth_utils
from openstack_dashboard import policy
from openstack_dashboard.api import base

from backup_manager import sdk

LOG = logging.getLogger(__name__)

#: What a call of the SDK raises when it fails.
ERRORS = (sdk_exceptions.SDKException, ks_exceptions.ClientException)

#: Seconds after which the service is taken to be down.
_TIMEOUT = 30


@memoized
def client(request: HttpRequest) -> sdk.Proxy:
    """The service, for the user of a request.

    :raises horizon.exceptions.ServiceCatalogException: the catalog does not have it.
    """
    endpoint = base.url_for(request, sdk.SERVICE_TYPE)
    verify = not settings.OPENSTACK_SSL_NO_VERIFY and (settings.OPENSTACK_SSL_CACERT or True)
    keystone_session = session.Session(
        auth=token_endpoint.Token(endpoint=endpoint, token=request.user.token.id),
        verify=verify,
        timeout=_TIMEOUT,
        original_ip=auth_utils.get_client_ip(request),
        app_name="backup_manager_dashboard",
    )
    return sdk.attach(openstack.connection.Connection(session=keystone_session))


@memoized
def may(request: HttpRequest, *rules: str) -> bool:
    """Whether the rules of the service allow something, as far as the dashboard knows them.

    Good for hiding a button only: the service itself decides. Remembered for the request: each row
    of a table asks anew.
    """
    return bool(policy.check(tuple((sdk.SERVICE_TYPE, rule) for rule in rules), request))


def explain(error: Exception) -> sdk.Problem:
    """What went wrong, for the user.

    :raises horizon.exceptions.NotAuthenticated: his token is not good any more; Horizon has him log
        in again.
    """
    if isinstance(error, sdk_exceptions.HttpException) and error.response is not None:
        problem = sdk.problem(error)
    elif isinstance(error, ks_exceptions.HttpError):
        problem = sdk.Problem(error.http_status, str(error))
    else:
        LOG.warning("Backup Manager does not answer: %s", error)
        return sdk.Problem(0, str(_("The service does not answer. Try again in a moment.")))
    if problem.code == 401:
        raise horizon_exceptions.NotAuthenticated from error
    if problem.code >= 500:
        LOG.error("Backup Manager failed: %s", problem)
    return problem


@contextmanager
def tell(request: HttpRequest, what: Any) -> Iterator[None]:
    """Tell the user when a call in this context fails, and go on after it.

    :param what: a sentence that says what could not be done
    """
    try:
        yield
    except ERRORS as error:
        messages.error(request, f"{what} {explain(error)}")


@contextmanager
def leave(request: HttpRequest, what: Any, url: str) -> Iterator[None]:
    """Tell the user when a call in this context fails, and send him to another page.

    :param what: a sentence that says what could not be done
    """
    try:
        yield
    except ERRORS as error:
        messages.error(request, f"{what} {explain(error)}")
        raise horizon_exceptions.Http302(url) from error

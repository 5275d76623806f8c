"""What projects are called."""

from __future__ import annotations

import logging

from django.http import HttpRequest
from keystoneauth1 import exceptions as ks_exceptions
from openstack_dashboard import policy
from openstack_dashboard.api import keystone

LOG = logging.getLogger(__name__)

_LIST = (("identity", "identity:list_projects"),)


def of_projects(request: HttpRequest) -> dict[str, str]:
    """The names of projects by their ids, as far as the user may see them.

    Backup Manager knows the ids only. Without names its pages work too.
    """
    if not policy.check(_LIST, request):
        return {}
    try:
        projects, _more = keystone.tenant_list(request)
    except ks_exceptions.ClientException as error:
        LOG.warning("Keystone does not give the names of projects: %s", error)
        return {}
    return {project.id: project.name for project in projects}

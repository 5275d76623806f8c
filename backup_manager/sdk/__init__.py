"""Backup Manager for openstacksdk.

.. code-block:: python

    import openstack
    from backup_manager import sdk

    backups = sdk.attach(openstack.connect(cloud='mycloud'))
    for volume in backups.volumes(is_protected=False):
        print(volume.name, volume.last_backup)

Works with openstacksdk 1.0 and later.
"""

from __future__ import annotations

from typing import Any

from keystoneauth1 import exceptions as ks_exceptions
from openstack import connection, exceptions, service_description

from backup_manager.sdk.errors import Problem, problem
from backup_manager.sdk.v1._base import is_id
from backup_manager.sdk.v1._proxy import Proxy

__all__ = ["SERVICE_TYPE", "Problem", "Proxy", "attach", "is_id", "problem"]

#: What the catalog calls the service.
SERVICE_TYPE = "backup-manager"

_MISSING = (
    "The service catalog of this cloud has no {type} endpoint for region {region} and interface"
    " {interface}. Ask the operator for it, or set backup_manager_endpoint_override in clouds.yaml"
    " (or OS_BACKUP_MANAGER_ENDPOINT_OVERRIDE) to the URL of the service."
)


def attach(conn: connection.Connection) -> Proxy:
    """Add the service to a connection and return its proxy.

    Afterwards the proxy is also ``conn.backup_manager``. The endpoint is the one of the
    catalog for the connection's region and interface, or ``backup_manager_endpoint_override``
    of clouds.yaml; it is used as it is, without a request for its versions.

    :param conn: a connection with which the user is, or can be, authenticated.
    :raises openstack.exceptions.ServiceDiscoveryException: there is no endpoint; the message
        says what to do.
    """
    adapter = conn.config.get_session_client(SERVICE_TYPE)
    try:
        endpoint = adapter.get_endpoint(skip_discovery=True)
    except ks_exceptions.EndpointNotFound:
        endpoint = None
    if not endpoint:
        raise exceptions.ServiceDiscoveryException(_missing(conn.config))
    # Older releases of openstacksdk leave out discovery only for an endpoint that is configured.
    conn.config.set_service_value("endpoint_override", SERVICE_TYPE, _root(endpoint))
    conn.add_service(
        service_description.ServiceDescription(SERVICE_TYPE, supported_versions={"1": Proxy})
    )
    proxy: Proxy = getattr(conn, SERVICE_TYPE.replace("-", "_"))
    return proxy


def _missing(config: Any) -> str:
    return _MISSING.format(
        type=SERVICE_TYPE,
        region=config.get_region_name(SERVICE_TYPE) or "(any)",
        interface=config.get_interface(SERVICE_TYPE) or "public",
    )


def _root(endpoint: str) -> str:
    """The unversioned root, also when somebody registered the versioned URL."""
    endpoint = endpoint.rstrip("/")
    return endpoint[: -len("/v1")] if endpoint.endswith("/v1") else endpoint

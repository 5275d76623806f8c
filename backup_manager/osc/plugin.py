"""How the ``openstack`` command finds Backup Manager.

The four constants and two functions are what its shell looks for in a plugin.
"""

from __future__ import annotations

import argparse
from typing import Any

from openstack import exceptions as sdk_exceptions
from osc_lib import exceptions, utils

from backup_manager import sdk

API_NAME = "backup_manager"
API_VERSION_OPTION = "os_backup_manager_api_version"
DEFAULT_API_VERSION = "1"
API_VERSIONS = {"1": "backup_manager.sdk.v1"}


def make_client(instance: Any) -> sdk.Proxy:
    """Return the proxy of the service, on the connection of the shell.

    :param instance: the client manager of the shell.
    :raises osc_lib.exceptions.CommandError: there is no endpoint; the message says what to do.
    """
    try:
        return sdk.attach(instance.sdk_connection)
    except sdk_exceptions.ServiceDiscoveryException as error:
        raise exceptions.CommandError(str(error)) from error


def build_option_parser(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add the options that every command shares."""
    parser.add_argument(
        "--os-backup-manager-api-version",
        metavar="<backup-manager-api-version>",
        default=utils.env("OS_BACKUP_MANAGER_API_VERSION"),
        help=f"Backup Manager API version, default={DEFAULT_API_VERSION} "
        "(Env: OS_BACKUP_MANAGER_API_VERSION)",
    )
    parser.add_argument(
        "--os-backup-manager-endpoint-override",
        metavar="<url>",
        default=utils.env("OS_BACKUP_MANAGER_ENDPOINT_OVERRIDE"),
        help="URL of Backup Manager, instead of the one in the service catalog "
        "(Env: OS_BACKUP_MANAGER_ENDPOINT_OVERRIDE)",
    )
    return parser

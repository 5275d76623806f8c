"""``backup-manager-manage service register``: enter the service in Keystone."""

from __future__ import annotations

import argparse
from typing import Any

import openstack
from keystoneauth1 import exceptions as ks_exceptions
from keystoneauth1 import loading as ks_loading
from openstack import exceptions as sdk_exceptions
from oslo_config import cfg

from backup_manager import conf, delegation, exceptions, sdk
from backup_manager.conf import service_credentials
from backup_manager.registration import Account, Registration

_DESCRIPTION = """\
Enter the service in Keystone: the user that [keystone_authtoken] names, with its password from
there and its roles, the service backup-manager, and its endpoints. What exists is left as it is,
but an endpoint with another URL is moved; so the command can be repeated. It takes an
administrator's login. At the end, the service user logs in.
"""
_INTERFACES = ("public", "internal", "admin")


def add_parser(nouns: Any) -> None:
    """Add the command.

    :param nouns: the subparsers to add it to
    """
    service = nouns.add_parser("service", help="the service in Keystone")
    verbs = service.add_subparsers(dest="verb", required=True, metavar="register")
    parser = verbs.add_parser(
        "register", help="make its user, its roles and its endpoints", description=_DESCRIPTION
    )
    parser.add_argument(
        "--os-cloud",
        metavar="NAME",
        help="log in with this entry of clouds.yaml, an administrator's (default: the OS_ "
        "variables)",
    )
    parser.add_argument(
        "--region", metavar="NAME", help="region of the endpoints (default: that of the login)"
    )
    parser.add_argument(
        "--role",
        action="append",
        metavar="NAME",
        help="role of the service user in its own project; can be repeated (default: service)",
    )
    for interface in _INTERFACES:
        parser.add_argument(
            f"--{interface}-url",
            required=interface == "public",
            type=_url,
            metavar="URL",
            help=f"{interface} URL of the API, such as http://controller:8790",
        )
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """Carry it out, with a line for each step.

    :returns: the exit code
    :raises BackupManagerError: it could not begin, or not go on
    """
    options = conf.load(config_files=chosen.config_file)
    account = _account(options)
    urls = {name: url for name in _INTERFACES if (url := getattr(chosen, f"{name}_url"))}
    try:
        conn = openstack.connect(cloud=chosen.os_cloud)
        region = chosen.region or conn.config.get_region_name()
        if not region:
            raise exceptions.BackupManagerError(
                "In which region? Give --region, or region_name in clouds.yaml."
            )
        work = Registration(conn)
        for steps in (
            work.account(account, chosen.role or ["service"]),
            work.endpoints(urls, region),
        ):
            for line in steps:
                print(line, flush=True)
    except sdk_exceptions.HttpException as error:
        raise exceptions.BackupManagerError(f"Keystone: {sdk.problem(error)}") from error
    except (sdk_exceptions.SDKException, ks_exceptions.ClientException) as error:
        raise exceptions.BackupManagerError(
            f"{error} The login takes --os-cloud NAME, or the OS_ variables."
        ) from error
    print(_log_in(options, account))
    return 0


def _account(options: cfg.ConfigOpts) -> Account:
    """What the service logs in with, as its configuration says."""
    group = service_credentials.GROUP
    delegation.load_auth(options, group)
    section = options[group].auth_section or group
    settings = options[section]
    if settings.auth_type not in ("password", "v3password"):
        raise exceptions.BackupManagerError(
            f"[{section}]auth_type is {settings.auth_type}; password is needed to make a user."
        )
    # They are registered by now: loading the plugin did it.
    names = {opt.dest for opt in ks_loading.get_auth_plugin_conf_options(settings.auth_type)}
    values = {name: getattr(settings, name) for name in names}
    missing = [name for name in ("username", "password", "project_name") if not values[name]]
    if missing:
        raise exceptions.BackupManagerError(f"[{section}] lacks {', '.join(missing)}.")
    return Account(
        values["username"],
        values["password"],
        values["project_name"],
        *(
            values[f"{whose}_domain_id"] or values[f"{whose}_domain_name"] or "default"
            for whose in ("user", "project")
        ),
    )


def _log_in(options: cfg.ConfigOpts, account: Account) -> str:
    try:
        delegation.new_session(options, delegation.load_auth(options)).get_token()
    except ks_exceptions.ClientException as error:
        raise exceptions.BackupManagerError(
            f"All is there, but {account.username} can't log in with what the configuration says: "
            f"{error} If it had another password already, write that into the configuration."
        ) from error
    return f"{account.username} can log in."


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise argparse.ArgumentTypeError(f"{text!r} does not begin with http:// or https://")
    return text.rstrip("/")

"""Enters the service in Keystone: its user with its roles, and where its API is.

What exists is looked at first: a second time changes nothing. A user's password is never changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openstack.connection import Connection

from backup_manager import exceptions

SERVICE_TYPE = "backup-manager"
_DESCRIPTION = "Scheduled protection of volumes"


@dataclass(frozen=True)
class Account:
    """The service user, as the service itself will log in.

    :param domain: name or id of the domain that user and project are in
    """

    username: str
    password: str
    project: str
    user_domain: str
    project_domain: str


class Registration:
    """One Keystone, as its administrator sees it.

    :param conn: of a user who may create users, services and endpoints
    """

    def __init__(self, conn: Connection) -> None:
        self._identity: Any = conn.identity

    def account(self, account: Account, roles: Sequence[str]) -> Iterator[str]:
        """Make project, user and roles.

        :returns: a line for each step, when it is done
        """
        project_domain = self._domain(account.project_domain)
        project = self._identity.find_project(account.project, domain_id=project_domain)
        if project is None:
            project = self._identity.create_project(
                name=account.project, domain_id=project_domain, description="Services of the cloud"
            )
            yield f"Created the project {account.project}."
        user_domain = self._domain(account.user_domain)
        user = self._identity.find_user(account.username, domain_id=user_domain)
        if user is None:
            user = self._identity.create_user(
                name=account.username,
                password=account.password,
                domain_id=user_domain,
                default_project_id=project.id,
                description=_DESCRIPTION,
            )
            yield f"Created the user {account.username}."
        else:
            yield f"The user {account.username} exists; its password is left as it is."
        for name in roles:
            yield self._assign(project, user, name)

    def _assign(self, project: Any, user: Any, name: str) -> str:
        role = self._identity.find_role(name)
        if role is None:
            raise exceptions.BackupManagerError(
                f"Keystone has no role {name}. If it is meant, run: openstack role create {name}"
            )
        if self._identity.validate_user_has_project_role(project, user, role):
            return f"It has the role {name} in the project {project.name}."
        self._identity.assign_project_role_to_user(project, user, role)
        return f"Gave it the role {name} in the project {project.name}."

    def endpoints(self, urls: Mapping[str, str], region: str) -> Iterator[str]:
        """Have the catalog lead to the API.

        :param urls: by interface, such as ``public``; other interfaces are left alone
        :returns: a line for each step, when it is done
        """
        services = list(self._identity.services(type=SERVICE_TYPE))
        if len(services) > 1:
            ids = ", ".join(service.id for service in services)
            raise exceptions.BackupManagerError(
                f"Keystone has {len(services)} services of the type {SERVICE_TYPE} ({ids}): delete "
                "what is too much with openstack service delete."
            )
        if services:
            yield f"The service {SERVICE_TYPE} exists."
        else:
            services = [
                self._identity.create_service(
                    name=SERVICE_TYPE, type=SERVICE_TYPE, description=_DESCRIPTION
                )
            ]
            yield f"Created the service {SERVICE_TYPE}."
        self._require_region(region)
        for interface, url in urls.items():
            yield self._endpoint(services[0].id, region, interface, url)

    def _endpoint(self, service_id: str, region: str, interface: str, url: str) -> str:
        place = {"service_id": service_id, "region_id": region, "interface": interface}
        found = list(self._identity.endpoints(**place))
        where = f"{interface} endpoint in {region}"
        if any(endpoint.url == url for endpoint in found):
            return f"The {where} is {url}."
        if found:
            before = found[0].url
            self._identity.update_endpoint(found[0], url=url)
            return f"Moved the {where} from {before} to {url}."
        self._identity.create_endpoint(**place, url=url)
        return f"Created the {where}: {url}."

    def _require_region(self, region: str) -> None:
        names = [each.id for each in self._identity.regions()]
        if region not in names:
            raise exceptions.BackupManagerError(
                f"Keystone has no region {region}; it has: {', '.join(sorted(names)) or 'none'}. "
                "Give --region, or region_name in clouds.yaml."
            )

    def _domain(self, name_or_id: str) -> str:
        found = self._identity.find_domain(name_or_id)
        if found is None:
            raise exceptions.BackupManagerError(f"Keystone has no domain {name_or_id}.")
        return str(found.id)

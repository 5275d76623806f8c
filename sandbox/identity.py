"""Projects, users and catalog in Keystone. All calls are idempotent."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from sandbox.config import REGION, SandboxError, Settings, write_file

# A project of the same name as the user, unless said otherwise. The password
# is always the user's name.
PROJECT_OF = {
    "admin": "admin",
    "demo": "demo",
    "alt": "alt",
    "reader": "demo",
    "cinder": "service",
    "backup-manager": "service",
}
ROLES_OF = {
    "admin": ["admin"],
    "demo": ["member"],
    "alt": ["member"],
    "reader": ["reader"],
    "cinder": ["admin", "service"],
    # "service" is enough for it to validate the tokens of others.
    "backup-manager": ["service"],
}
CLOUDS = "admin", "demo", "alt", "reader", "backup-manager"

_TIMEOUT = 30
_DOMAIN = "default"
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Keystone:
    """The little of Keystone's API that setting up a cloud takes, as the administrator."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._token = ""
        body = {"auth": {"identity": _password("admin"), "scope": _scope("admin")}}
        self._token = self._send("POST", "auth/tokens", body)[1]["x-subject-token"]

    def project(self, name: str) -> str:
        """The id of a project, which is made when missing."""
        return self._find("projects", name) or self._create(
            "projects", {"name": name, "domain_id": _DOMAIN}
        )

    def user(self, name: str, password: str, project_id: str) -> str:
        """The id of a user, who is made when missing."""
        return self._find("users", name) or self._create(
            "users",
            {
                "name": name,
                "password": password,
                "domain_id": _DOMAIN,
                "default_project_id": project_id,
            },
        )

    def grant(self, project_id: str, user_id: str, role: str) -> None:
        role_id = self._find("roles", role) or self._create("roles", {"name": role})
        self._send("PUT", f"projects/{project_id}/users/{user_id}/roles/{role_id}")

    def revoke(self, project_id: str, user_id: str, role: str) -> None:
        role_id = self._find("roles", role)
        self._send("DELETE", f"projects/{project_id}/users/{user_id}/roles/{role_id}")

    def register(self, name: str, service_type: str, url: str) -> None:
        """Make the catalog lead to this URL for a service, whatever it said before."""
        service_id = self._find("services", name, domain=None) or self._create(
            "services", {"name": name, "type": service_type}
        )
        query = urllib.parse.urlencode({"service_id": service_id, "region_id": REGION})
        existing = self._get(f"endpoints?{query}")["endpoints"]
        by_interface = {endpoint["interface"]: endpoint for endpoint in existing}
        for interface in ("public", "internal", "admin"):
            endpoint = by_interface.get(interface)
            if endpoint is None:
                self._create(
                    "endpoints",
                    {
                        "service_id": service_id,
                        "interface": interface,
                        "region_id": REGION,
                        "url": url,
                    },
                )
            elif endpoint["url"] != url:
                self._send("PATCH", f"endpoints/{endpoint['id']}", {"endpoint": {"url": url}})

    def _find(self, kind: str, name: str, domain: str | None = _DOMAIN) -> str | None:
        query = {"name": name}
        if domain and kind != "roles":
            query["domain_id"] = domain
        found = self._get(f"{kind}?{urllib.parse.urlencode(query)}")[kind]
        return str(found[0]["id"]) if found else None

    def _create(self, kind: str, values: dict[str, Any]) -> str:
        singular = kind.removesuffix("s")
        return str(self._send("POST", kind, {singular: values})[0][singular]["id"])

    def _get(self, path: str) -> Any:
        return self._send("GET", path)[0]

    def _send(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, str]]:
        """The answer's body and headers (in lower case)."""
        request = urllib.request.Request(
            f"{self._url}/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "X-Auth-Token": self._token},
        )
        try:
            with _direct.open(request, timeout=_TIMEOUT) as response:
                content = response.read()
                headers = {name.lower(): value for name, value in response.getheaders()}
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            raise SandboxError(f"Keystone: {method} {path}: {error.code} {text}") from None
        except OSError as error:
            raise SandboxError(f"Keystone at {self._url} can't be reached: {error}") from None
        return (json.loads(content) if content else None), headers


def set_up(settings: Settings) -> None:
    """The sandbox's users and projects, and where its two services are."""
    keystone = Keystone(settings.keystone_url)
    keystone.register("keystone", "identity", settings.keystone_url)
    keystone.register("cinder", "block-storage", settings.cinder_url)
    for name, project in PROJECT_OF.items():
        project_id = keystone.project(project)
        user_id = keystone.user(name, name, project_id)
        for role in ROLES_OF[name]:
            keystone.grant(project_id, user_id, role)


def register_backup_manager(settings: Settings, url: str) -> None:
    Keystone(settings.keystone_url).register("backup-manager", "backup-manager", url)


def auth(settings: Settings, user: str, password: str, project: str) -> dict[str, str]:
    """What a client needs to sign in, in the words of clouds.yaml."""
    return {
        "auth_url": settings.keystone_url,
        "username": user,
        "password": password,
        "project_name": project,
        "user_domain_id": _DOMAIN,
        "project_domain_id": _DOMAIN,
    }


def write_clouds_yaml(settings: Settings) -> None:
    lines = ["clouds:"]
    for name in CLOUDS:
        lines += [f"  {name}:", f"    region_name: {REGION}", "    auth:"]
        values = auth(settings, name, name, PROJECT_OF[name])
        # A string in JSON is one in YAML too, and the standard library can write it.
        lines += [f"      {key}: {json.dumps(value)}" for key, value in values.items()]
    write_file(settings.clouds_yaml, "\n".join(lines) + "\n")


def _password(user: str) -> dict[str, Any]:
    credentials = {"name": user, "domain": {"id": _DOMAIN}, "password": user}
    return {"methods": ["password"], "password": {"user": credentials}}


def _scope(project: str) -> dict[str, Any]:
    return {"project": {"name": project, "domain": {"id": _DOMAIN}}}

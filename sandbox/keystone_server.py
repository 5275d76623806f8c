"""Keystone as one process: first-time set-up, then waitress. Runs in the sandbox's own venv."""

# mypy: ignore-errors
from __future__ import annotations

import os
import pwd
import sys

from keystone.cmd import manage
from keystone.common.rbac_enforcer.enforcer import RBACEnforcer

from sandbox import config, serving, sqlite

_THREADS = 8


def main() -> None:
    settings, listener = serving.arguments()
    sqlite.install()
    serving.once(settings.database_dir / "keystone.ready", lambda: _first_run(settings))

    # Reads the configuration while it is imported.
    from keystone.wsgi.api import application

    # Keystone loads its policy with the first request, without a lock: the
    # requests that come meanwhile would be answered with 403.
    RBACEnforcer()._enforcer.load_rules()
    serving.serve(application, listener, _THREADS)


def _first_run(settings: config.Settings) -> None:
    """What keystone-manage does on a new installation, without starting Python four times."""
    owner = _owner()
    _manage(settings, "db_sync")
    _manage(settings, "fernet_setup", *owner)
    _manage(settings, "credential_setup", *owner)
    urls = [f"--bootstrap-{kind}-url={settings.keystone_url}" for kind in _INTERFACES]
    _manage(
        settings,
        "bootstrap",
        "--bootstrap-password=admin",
        f"--bootstrap-region-id={config.REGION}",
        *urls,
    )


_INTERFACES = "public", "internal", "admin"


def _manage(settings: config.Settings, *arguments: str) -> None:
    def keystone_manage() -> None:
        conf = settings.config_dir / "keystone.conf"
        sys.argv = ["keystone-manage", "--config-file", str(conf), *arguments]
        manage.main()

    serving.in_child(keystone_manage)


def _owner() -> list[str]:
    """Whose the keys are: root has to say so, and a container's user may have no name."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return []
    return [f"--keystone-user={name}", f"--keystone-group={os.getgid()}"]


if __name__ == "__main__":
    main()

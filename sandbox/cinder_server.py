"""Cinder's API, scheduler, volume and backup service as one process, in native threads.

Runs in the sandbox's own venv. Cinder's files are unmodified; what differs from a real
deployment is changed here, in memory.
"""

# mypy: ignore-errors
# ruff: noqa: E402
from __future__ import annotations

import os
import signal
import sys
import threading

from sandbox import faults, serving, sqlite

SETTINGS, LISTENER = serving.arguments()

# Before anything else of Cinder: chooses between eventlet and native threads.
from cinder import monkey_patch

monkey_patch.patch(backend="threading")

import cinder.cmd.backup
import cinder.cmd.volume  # registers options
import cinder.privsep
import os_brick
from cinder import coordination, i18n, objects, rpc, service, utils, version
from cinder.common import config as cinder_config
from cinder.common import constants
from cinder.db import migration
from os_brick import privileged
from os_brick.initiator import connector
from oslo_config import cfg
from oslo_log import log as logging
from oslo_service import wsgi

CONF = cfg.CONF
_API_THREADS = 16


class Service(service.Service):
    """Cinder keeps a service's id in the class, as every service has a process of its own."""

    _one_at_a_time = threading.Lock()

    def report_state(self) -> None:
        with self._one_at_a_time:
            service.Service.service_id = self.origin_service_id
            super().report_state()


def main() -> None:
    i18n.enable_lazy()
    sqlite.install()
    _configure()
    serving.once(SETTINGS.database_dir / "cinder.ready", migration.db_sync)
    faults.forget_held(SETTINGS.faults_dir)
    _stay_unprivileged()
    coordination.COORDINATOR.start()
    rpc.init(CONF)
    for each in _services():
        each.start()
    application = wsgi.Loader(CONF).load_app("osapi_volume")
    # The threads would wait for their work to finish. A sandbox may be
    # stopped in the middle: what that does to backups is worth testing.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    serving.serve(application, LISTENER, _API_THREADS)


def _configure() -> None:
    objects.register_all()
    CONF(
        [],
        project="cinder",
        version=version.version_string(),
        default_config_files=[str(SETTINGS.config_dir / "cinder.conf")],
        # Not /etc/cinder, should this machine have one.
        default_config_dirs=[],
    )
    cinder_config.set_middleware_defaults()
    logging.setup(CONF, "cinder")
    # Why it died belongs on stderr, where the launcher looks.
    sys.excepthook = sys.__excepthook__
    os_brick.setup(CONF)


def _stay_unprivileged() -> None:
    """Run what Cinder would do as root in this process, as this user. Files need no more."""
    privileged.default.set_client_mode(False)
    privileged.brick_privsep_hide_output.set_client_mode(False)
    cinder.privsep.sys_admin_pctxt.set_client_mode(False)
    # os-brick would start nvme, multipathd and systool for every backup to
    # describe the host to a storage that isn't there.
    properties = {
        "platform": "x86_64",
        "os_type": "linux",
        "ip": CONF.my_ip,
        "host": CONF.host,
        "multipath": False,
        "do_local_attach": False,
    }
    connector.get_connector_properties = lambda *_args, **_kwargs: dict(properties)


def _services() -> list[Service]:
    services = [
        Service.create(
            host=f"{CONF.host}@{backend}",
            service_name=backend,
            binary=constants.VOLUME_BINARY,
            coordination=True,
        )
        for backend in CONF.enabled_backends
    ]
    if SETTINGS.backup_service:
        services.append(
            Service.create(
                binary=constants.BACKUP_BINARY,
                coordination=True,
                service_name="backup",
                process_number=1,
                semaphore=utils.semaphore_factory(CONF.backup_max_operations, 1),
            )
        )
    # Last: it asks the others what they can do.
    services.append(Service.create(binary=constants.SCHEDULER_BINARY))
    return services


if __name__ == "__main__":
    main()

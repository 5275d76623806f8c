"""What stands between the server and the application, outermost first.

Request ids, addresses behind a proxy, the health check, the shape of errors, the size of bodies,
and the token.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from keystonemiddleware import auth_token
from oslo_config import cfg
from oslo_middleware import healthcheck, http_proxy_to_wsgi, request_id, sizelimit
from oslo_middleware.healthcheck import opts as healthcheck_opts
from oslo_middleware.healthcheck import pluginbase
from sqlalchemy import text

from backup_manager.api import errors
from backup_manager.api.call import Wsgi
from backup_manager.conf.api import DATABASE_CHECK
from backup_manager.db import session

SERVICE_TYPE = "backup-manager"
HEALTHCHECK_PATH = "/healthcheck"
IMPORT_PATH = "/v1/backups/import"

# Bytes: 1000 records, each of them with long names and a lot of metadata.
_LARGEST_FILE = 8 * 1024**2


class DatabaseCheck(pluginbase.HealthcheckBaseExtension):
    """Healthy while the database answers."""

    def healthcheck(self, server_port: int) -> pluginbase.HealthcheckResult:
        try:
            with session.reader() as database:
                database.execute(text("SELECT 1"))
        except Exception as error:
            return pluginbase.HealthcheckResult(
                available=False, reason="The database does not answer", details=str(error)
            )
        return pluginbase.HealthcheckResult(available=True, reason="OK")


class Authentication(auth_token.AuthProtocol):
    """Keystone's check of tokens, on all paths but the open ones.

    The check decides itself instead of delegating to the application: only so it tells a wrong
    token (401) from a Keystone that does not answer (503).
    """

    def __init__(self, app: Wsgi, conf: cfg.ConfigOpts, open_paths: Collection[str]) -> None:
        super().__init__(app, {"oslo_config_config": conf, "delay_auth_decision": False})
        self._open_paths = open_paths

    def process_request(self, request: Any) -> Any:
        if request.environ["PATH_INFO"].rstrip("/") in self._open_paths:
            request.remove_auth_headers()
            return None
        return super().process_request(request)


def set_defaults(conf: cfg.ConfigOpts) -> None:
    """Defaults that an operator may override."""
    # Access rules of application credentials are compared with this type.
    conf.set_default("service_type", SERVICE_TYPE, group="keystone_authtoken")
    conf.register_opts(healthcheck_opts.HEALTHCHECK_OPTS, group="healthcheck")
    conf.set_default("backends", [DATABASE_CHECK], group="healthcheck")


def wrap(app: Wsgi, conf: cfg.ConfigOpts, open_paths: Collection[str]) -> Wsgi:
    """Put everything in front of ``app``.

    :param open_paths: no token is needed there; without a slash at the end
    """
    set_defaults(conf)
    app = Authentication(app, conf, open_paths)
    app = _with_size_limits(app, conf)
    app = errors.in_front(app)
    app = _with_healthcheck(app, conf)
    app = http_proxy_to_wsgi.HTTPProxyToWSGI(app, conf)
    return request_id.RequestId(app, conf)


def _with_size_limits(app: Wsgi, conf: cfg.ConfigOpts) -> Wsgi:
    """Limit the size of bodies; files of records may be larger than other requests."""
    usual = sizelimit.RequestBodySizeLimiter(app, conf)
    wider = cfg.ConfigOpts()
    wider.register_opts(sizelimit.OPTS, group="oslo_middleware")
    limit = max(conf.oslo_middleware.max_request_body_size, _LARGEST_FILE)
    wider.set_override("max_request_body_size", limit, group="oslo_middleware")
    for_files = sizelimit.RequestBodySizeLimiter(app, wider)

    def dispatch(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        is_file = environ.get("PATH_INFO", "").rstrip("/") == IMPORT_PATH
        return (for_files if is_file else usual)(environ, start_response)  # type: ignore[no-any-return]

    return dispatch


def _with_healthcheck(app: Wsgi, conf: cfg.ConfigOpts) -> Wsgi:
    check = healthcheck.Healthcheck(app, conf)

    def dispatch(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        answers = check if environ.get("PATH_INFO") == HEALTHCHECK_PATH else app
        return answers(environ, start_response)

    return dispatch

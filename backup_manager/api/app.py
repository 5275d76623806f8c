"""The WSGI application: each request is authorized, validated, handled and answered."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from flask import Flask, Response, jsonify, request
from keystoneauth1 import access
from keystoneauth1.identity.access import AccessInfoPlugin
from oslo_config import cfg
from oslo_log import log as logging
from oslo_middleware.request_id import ENV_REQUEST_ID
from oslo_policy import policy

from backup_manager import exceptions, policies
from backup_manager.api import errors, middleware, routes, validation
from backup_manager.api.call import Call, Route
from backup_manager.context import RequestContext

LOG = logging.getLogger(__name__)

# Of a request whose delegation is released between two of its steps, a matter of milliseconds.
_REPEATS = 2
_NO_PROJECT = (
    "Your token has no project scope. Volumes and backups belong to projects: "
    "authenticate with a project, for example with OS_PROJECT_NAME set."
)


def create_app(conf: cfg.ConfigOpts, check_responses: bool = False) -> Flask:
    """The API as a WSGI application. The database must have been configured.

    :param check_responses: compare each response with its schema; for tests
    """
    app = Flask("backup_manager.api", static_folder=None)
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.json.sort_keys = False  # type: ignore[attr-defined]
    enforcer = policies.enforcer(conf)
    for route in routes.ROUTES:
        app.add_url_rule(
            route.path.replace("{", "<").replace("}", ">"),
            endpoint=f"{route.method} {route.path}",
            view_func=partial(_answer, route, conf, enforcer, check_responses),
            methods=[route.method],
            provide_automatic_options=False,
        )
    errors.register(app)
    open_paths = {route.path.rstrip("/") for route in routes.ROUTES if route.policy is None}
    app.wsgi_app = middleware.wrap(app.wsgi_app, conf, open_paths)  # type: ignore[method-assign]
    return app


def _answer(
    route: Route,
    conf: cfg.ConfigOpts,
    enforcer: policy.Enforcer,
    check_responses: bool,
    **ids: str,
) -> Response:
    call = _validate(_authorize(route, conf, enforcer), ids)
    result = _handle(call, ids)
    schema, status = route.operation.answer(call.body)
    if check_responses:
        validation.response(schema or {"type": "null"}, result)
    response = jsonify(result) if result is not None else Response()
    response.status_code = status
    return response


def _handle(call: Call, ids: dict[str, str]) -> Any:
    """What the handler answers, which begins anew when its delegation is released meanwhile.

    It may: the transaction that makes what was asked for holds the delegation first, and what
    comes before that (a look at Cinder, a trust) bears being done twice.
    """
    for _ in range(_REPEATS):
        try:
            return call.route.handler(call, **ids)
        except exceptions.DelegationReleased:
            LOG.info("The delegation was released at this moment; another one is asked for.")
    return call.route.handler(call, **ids)


def _authorize(route: Route, conf: cfg.ConfigOpts, enforcer: policy.Enforcer) -> Call:
    call = Call(
        route=route,
        conf=conf,
        context=_context(request.environ),
        enforcer=enforcer,
        query={},
        arguments=request.args,
        body={},
        url=request.base_url,
        root=request.root_url,
    )
    if route.policy is not None:
        if request.environ.get("HTTP_X_IDENTITY_STATUS") != "Confirmed":
            raise exceptions.Unauthorized()
        if not call.context.project_id:
            raise exceptions.Forbidden(_NO_PROJECT)
        call.authorize(route.policy)
    return call


def _context(environ: dict[str, Any]) -> RequestContext:
    info = environ.get("keystone.token_info", {})
    token = info.get("token", {})
    return RequestContext.from_environ(
        environ,
        request_id=environ.get(ENV_REQUEST_ID),
        auth=_auth(info, environ["HTTP_X_AUTH_TOKEN"]) if token else None,
        is_delegated="application_credential" in token or "OS-TRUST:trust" in token,
    )


def _auth(info: dict[str, Any], token_id: str) -> AccessInfoPlugin:
    """The caller's own token, and nothing beside it.

    The plugin that keystonemiddleware offers adds the token of the service, which Cinder turns
    away where that is not a service user's, as in personal mode.
    """
    return AccessInfoPlugin(access.create(body=info, auth_token=token_id))


def _validate(call: Call, ids: dict[str, str]) -> Call:
    for name, value in ids.items():
        if not validation.is_uuid(value):
            resource = name.removesuffix("_id")
            raise exceptions.NotFound(resource=resource, id=validation.legible(value))
    operation = call.route.operation
    query = validation.query(operation.query, request.args)
    body = validation.body(operation.request, request.get_data())
    return replace(call, query=query, body=body)

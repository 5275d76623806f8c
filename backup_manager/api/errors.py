"""Every error leaves the service in one shape, and none tells what nobody expected."""

from __future__ import annotations

from http import HTTPStatus

import webob.dec
import webob.exc
from flask import Flask, Response, jsonify, request
from keystoneauth1 import exceptions as ks_exceptions
from oslo_context import context
from oslo_db import exception as db_exceptions
from oslo_log import log as logging
from oslo_middleware.request_id import ENV_REQUEST_ID
from sqlalchemy import exc as sql_exceptions
from werkzeug.exceptions import HTTPException

from backup_manager import exceptions
from backup_manager.api.call import Body, Wsgi
from backup_manager.db import session as db_session
from backup_manager.rules import policy, record, recurrence, selector

LOG = logging.getLogger(__name__)

_SHAPED = "backup_manager.error"
_NO_DATABASE = "The database does not answer. Try again later."
_UNEXPECTED = "An unexpected error occurred. The operators find it in their log by the request id."
# What the middleware in front of the application refuses, and why.
_REFUSED_IN_FRONT = {
    401: exceptions.Unauthorized.msg_fmt,
    413: "The body of the request is larger than this service accepts.",
    500: _UNEXPECTED,
    503: "Keystone does not answer, so the token can't be checked. Try again later.",
}


def shape(code: int, message: str, request_id: str | None, field: str | None = None) -> Body:
    """The body of an error."""
    return {
        "error": {
            "code": code,
            "title": HTTPStatus(code).phrase,
            "message": message,
            "request_id": request_id,
            "field": field,
        }
    }


def _response(code: int, message: str, field: str | None = None) -> Response:
    request.environ[_SHAPED] = True
    response = jsonify(shape(code, message, request.environ.get(ENV_REQUEST_ID), field))
    response.status_code = code
    return response


def _expected(error: exceptions.BackupManagerError) -> Response:
    if error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        LOG.warning("%s %s: %s", request.method, request.path, error.message)
    return _response(error.code, error.message, error.field)


def _rule(
    error: (
        recurrence.RecurrenceError
        | policy.PolicyError
        | record.RecordError
        | selector.SelectorError
    ),
) -> Response:
    return _expected(exceptions.InvalidInput(error.field, error.message))


def _http(error: HTTPException) -> Response:
    """What Flask refuses: unknown paths and methods."""
    words = {404: f"Nothing is at {request.path}.", 405: f"{request.method} is not possible here."}
    code = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    response = _response(code, words.get(code) or error.description or "")
    for name, value in error.get_headers(request.environ):
        if name == "Allow":
            response.headers[name] = value
    return response


def _in_front(error: webob.exc.HTTPException) -> Response:
    """What a middleware raises while the body is read."""
    return _response(error.code, _REFUSED_IN_FRONT.get(error.code, error.title))


def _no_database(error: Exception) -> Response:
    LOG.exception("%s %s: the database does not answer", request.method, request.path)
    return _response(503, _NO_DATABASE)


def _refused_by_database(error: Exception) -> Response:
    return _no_database(error) if db_session.is_away(error) else _unexpected(error)


def _unexpected(error: Exception) -> Response:
    LOG.exception("%s %s: unexpected error", request.method, request.path)
    return _response(500, _UNEXPECTED)


def register(app: Flask) -> None:
    """Have ``app`` turn exceptions into responses; the most specific handler counts."""
    app.register_error_handler(exceptions.BackupManagerError, _expected)
    app.register_error_handler(recurrence.RecurrenceError, _rule)
    app.register_error_handler(policy.PolicyError, _rule)
    app.register_error_handler(record.RecordError, _rule)
    app.register_error_handler(selector.SelectorError, _rule)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(webob.exc.HTTPException, _in_front)
    app.register_error_handler(db_exceptions.DBConnectionError, _no_database)
    app.register_error_handler(db_exceptions.DBDeadlock, _no_database)
    app.register_error_handler(sql_exceptions.TimeoutError, _no_database)
    app.register_error_handler(sql_exceptions.OperationalError, _refused_by_database)
    app.register_error_handler(Exception, _unexpected)


def in_front(app: Wsgi) -> Wsgi:
    """Put the errors of the middleware behind this one into the one shape."""
    return webob.dec.wsgify(lambda req: _answer(req, app))  # type: ignore[no-any-return]


def _answer(req: webob.Request, app: Wsgi) -> webob.Response:
    # What is logged until the caller is known must not carry the id of the request before.
    context.RequestContext(request_id=req.environ.get(ENV_REQUEST_ID))
    try:
        response = req.get_response(app)
    except ks_exceptions.ClientException:
        LOG.exception("%s %s: Keystone does not answer", req.method, req.url)
        response = webob.Response(status=503)
    except Exception:
        LOG.exception("%s %s: unexpected error", req.method, req.url)
        response = webob.Response(status=500)
    code = response.status_int
    if code >= HTTPStatus.BAD_REQUEST and _SHAPED not in req.environ:
        message = _REFUSED_IN_FRONT.get(code, response.status)
        response.content_type = "application/json"
        response.json = shape(code, message, req.environ.get(ENV_REQUEST_ID))
    return response

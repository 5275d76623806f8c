"""Settings for gunicorn: ``gunicorn -c python:backup_manager.wsgi.gunicorn …``."""

from __future__ import annotations

wsgi_app = "backup_manager.wsgi.api:application"
threads = 8
# Two filters of 255 characters may need three times four bytes for each of them.
limit_request_line = 8190
# Clients look at a run every two seconds; gunicorn's own two seconds would close the connection
# under them now and then.
keepalive = 65
# Nothing but the port is to be opened.
control_socket_disable = True

"""gunicorn for the API: ``gunicorn --config /etc/backup-manager/gunicorn.conf.py``."""

from backup_manager.wsgi.gunicorn import *  # noqa: F403

# Only the server in front, which has the certificate. Without one, on a network that you trust:
# bind = "0.0.0.0:8790"
bind = "127.0.0.1:8791"
# Processes, of eight threads each. Two answer some hundred requests a second.
workers = 2

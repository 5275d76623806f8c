"""gunicorn for the API: ``gunicorn --config /etc/backup-manager/gunicorn.conf.py``."""

from backup_manager.wsgi.gunicorn import *  # noqa: F403

# Only the server in front, which has the certificate. Without one, on a network that you trust:
# bind = "0.0.0.0:8790"
bind = "127.0.0.1:8791"
# Processes, of eight threads each; one for each core is plenty.
workers = 2

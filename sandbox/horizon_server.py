"""Horizon as one process: its static files, then waitress. Runs in the dashboard's own venv."""

# mypy: ignore-errors
from __future__ import annotations

import os

from django.core import management
from django.core.wsgi import get_wsgi_application
from whitenoise import WhiteNoise

# First, for Horizon would take its absence for that of local_settings.py, and go on without both.
import backup_manager_dashboard  # noqa: F401
from sandbox import serving

_THREADS = 8


def main() -> None:
    settings, listener = serving.arguments()
    os.environ["DJANGO_SETTINGS_MODULE"] = "openstack_dashboard.settings"
    application = get_wsgi_application()
    management.call_command("collectstatic", interactive=False, verbosity=0)
    management.call_command("compress", force=True, verbosity=0)
    static = settings.horizon_dir / "static"
    serving.serve(WhiteNoise(application, root=static, prefix="static"), listener, _THREADS)


if __name__ == "__main__":
    main()

"""The programs. oslo.service runs on native threads: this must be said before it is imported."""

import warnings

# futurist looks for eventlet on import, and eventlet complains to everybody who looks at it.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")

from oslo_service import backend  # noqa: E402

backend.init_backend(backend.BackendType.THREADING)

"""Pages that show how something goes on."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from horizon import exceptions
from horizon.utils import functions
from horizon.utils import http as http_utils


class Live:
    """A view with a part that is fetched anew, by one request, while something in it runs.

    The part has a template of its own, whose outermost element has ``data-bm-live`` (see
    backup_manager.js); the page includes ``_live_note.html`` above it.

    :cvar live_template: the template of the part
    :cvar live_seconds: how often it is fetched
    """

    request: HttpRequest
    live_template: str
    live_seconds = 5
    #: Whether the page could not be had from the service.
    failed = False

    def running(self) -> int:
        """How much of what is shown runs, or will by itself."""
        raise NotImplementedError

    def progress(self) -> Any:
        """What runs, in words."""
        raise NotImplementedError

    @property
    def is_part(self) -> bool:
        """Whether the part alone is asked for."""
        return "live" in self.request.GET and http_utils.is_ajax(self.request)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not self.is_part:
            return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        # What comes by script, Horizon leaves in the zone of the server.
        with timezone.override(functions.get_timezone(request)):
            try:
                part = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
            except exceptions.Http302:
                return HttpResponse(status=503)
            if self.failed:
                return HttpResponse(status=503)
            return part.render() if hasattr(part, "render") else part

    def get_template_names(self) -> list[str]:
        if self.is_part:
            return [self.live_template]
        return super().get_template_names()  # type: ignore[misc]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)  # type: ignore[misc]
        running = 0 if self.failed else self.running()
        context["live_template"] = self.live_template
        context["live"] = {
            "seconds": self.live_seconds if running else 0,
            "progress": self.progress() if running else "",
            "updated": _("updated at %(time)s")
            % {"time": timezone.localtime().strftime("%H:%M:%S")},
        }
        return context

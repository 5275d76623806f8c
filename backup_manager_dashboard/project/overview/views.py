"""Whether one is safe, at a glance."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

from django.utils.translation import gettext_lazy as _
from horizon import views

from backup_manager_dashboard import api, charts

_A_DAY = timedelta(days=1)
#: As many runs, and failures, of the last day are shown; the history has the others.
_SHOWN = 10


class IndexView(views.HorizonTemplateView):
    page_title = _("Overview")
    template_name = "backup_manager_dashboard/overview/index.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        request = self.request
        client = api.client(request)
        since = datetime.now(timezone.utc) - _A_DAY
        with api.tell(request, _("The figures can't be shown.")):
            context.update(_figures(client.get_statistics()))
        with api.tell(request, _("The last runs can't be shown.")):
            context["runs"] = list(client.runs(since=since, limit=_SHOWN, paginated=False))
        with api.tell(request, _("What failed can't be shown.")):
            failures = client.tasks(status="failed", since=since, limit=_SHOWN, paginated=False)
            context["failures"] = list(failures)
        with api.tell(request, _("The failing schedules can't be shown.")):
            failing = list(client.schedules(is_failing=True, limit=_SHOWN, paginated=False))
            context["broken"] = [each for each in failing if each.delegation["state"] == "broken"]
            context["failing"] = [each for each in failing if each not in context["broken"]]
        context["may_repair"] = api.may(request, "schedule:update")
        context["may_create"] = api.may(request, "schedule:create")
        return context


def _figures(statistics: Any) -> dict[str, Any]:
    today = date.today()
    return {
        "statistics": statistics,
        "successes": charts.successes(statistics.days, today),
        "stored": charts.stored(statistics.days, today),
        "quota": _quota(statistics.quota or {}),
    }


def _quota(quota: dict[str, Any]) -> list[dict[str, Any]]:
    """What is limited, and how much of it is used."""
    return [
        {
            "name": name,
            "limit": quota[key],
            "used": quota[f"{key}_used"],
            "full_on": quota[f"{key}_full_on"],
        }
        for key, name in (("backups", _("Backups")), ("gigabytes", _("GiB of backups")))
        if quota.get(key) is not None
    ]

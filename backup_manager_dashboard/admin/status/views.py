"""How the service is, and all projects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from horizon.views import HorizonTemplateView

from backup_manager_dashboard import api
from backup_manager_dashboard.admin.status import names, tables
from backup_manager_dashboard.project.runs.views import explain
from backup_manager_dashboard.views import ListView

_TEMPLATES = "backup_manager_dashboard/status"
#: Rows of each list on the page: who has more trouble than that needs to see that it is so.
_ROWS = 10
#: Projects that are looked at in order to find the worst ones.
_MOST_PROJECTS = 1000


class IndexView(HorizonTemplateView):
    """What somebody wants to know who was woken at three in the morning, the worst first.

    Each section is asked for by itself: where one can't be shown, the others are.
    """

    page_title = _("Backup Manager")
    template_name = f"{_TEMPLATES}/index.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        self.failures: list[Any] = []
        client = api.client(self.request)
        health = self._ask(_("Health"), client.get_health)
        services = self._ask(_("Engines"), lambda: list(client.services()))
        projects = self._ask(_("Projects"), lambda: list(islice(client.projects(), _MOST_PROJECTS)))
        schedules = self._ask(_("Failing schedules"), lambda: self._failing(client))
        runs = self._ask(_("Failed runs"), lambda: self._failed(client))
        context["info"] = self._ask(_("Limits and defaults"), client.get_info)
        context["health"] = health
        context["problems"] = [each for each in health.checks if not each.is_ok] if health else None
        context["services"] = services
        context["schedules"], context["runs"] = schedules, runs
        known = names.of_projects(self.request)
        _name([*(projects or ()), *(schedules or ()), *(runs or ())], known)
        context["work"] = _work(projects) if projects is not None else None
        context["projects"] = projects and _worst(projects)
        context["failures"] = self.failures
        context["most_rows"] = _ROWS
        return context

    def _ask(self, what: Any, question: Callable[[], Any]) -> Any:
        """The answer to a question, None where there is none."""
        try:
            return question()
        except api.ERRORS as error:
            self.failures.append((what, api.explain(error)))
            return None

    def _failing(self, client: Any) -> list[Any]:
        found = client.schedules(
            all_projects=True, is_failing=True, limit=_ROWS + 1, paginated=False
        )
        return list(found)

    def _failed(self, client: Any) -> list[Any]:
        """The newest runs that failed, or partly did."""
        since = timezone.now() - timedelta(days=1)
        found = [
            run
            for status in ("failed", "partial")
            for run in client.runs(
                all_projects=True, status=status, since=since, limit=_ROWS + 1, paginated=False
            )
        ]
        newest = sorted(found, key=lambda run: str(run.created_at), reverse=True)[: _ROWS + 1]
        explain(client, newest, all_projects=True)
        return newest


def _name(rows: Iterable[Any], known: dict[str, str]) -> None:
    for row in rows:
        row.project_name = known.get(row.project_id, row.project_id)


def _work(projects: Sequence[Any]) -> dict[str, Any]:
    """What all projects have to do."""
    waiting = [each.oldest_waiting_at for each in projects if each.oldest_waiting_at]
    return {
        "waiting": sum(each.tasks_waiting for each in projects),
        "running": sum(each.tasks_running for each in projects),
        "oldest": min(waiting, default=None),
        "projects": len(projects),
        "are_all": len(projects) < _MOST_PROJECTS,
    }


def _worst(projects: Sequence[Any]) -> list[Any]:
    """The projects with the most trouble."""

    def trouble(project: Any) -> tuple[int, int, int]:
        return project.failing_schedules, project.unprotected_volumes, project.tasks_waiting

    return sorted(projects, key=trouble, reverse=True)[:_ROWS]


class ProjectsView(ListView):
    """All projects that the service knows."""

    page_title = _("Projects in Backup Manager")
    template_name = f"{_TEMPLATES}/projects.html"
    table_class = tables.ProjectsTable
    failure = _("The projects can't be shown.")

    def fetch(self, **query: Any) -> Iterable[Any]:
        found = list(api.client(self.request).projects(**query))
        _name(found, names.of_projects(self.request))
        return found

"""Pages about runs: what was done, what is being done, and how it ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django import shortcuts
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.generic import View
from horizon import messages

from backup_manager import sdk
from backup_manager_dashboard import api, words
from backup_manager_dashboard.live import Live
from backup_manager_dashboard.project.runs import forms, tables
from backup_manager_dashboard.views import ListView

INDEX = "horizon:project:backup_manager_runs:index"
DETAIL = "horizon:project:backup_manager_runs:detail"
_TEMPLATES = "backup_manager_dashboard/runs"
#: Statuses of what goes on without anybody's doing.
_RUNNING = ("pending", "submitting", "running")


class _HistoryView(Live, ListView):
    """A list of what was done."""

    template_name = f"{_TEMPLATES}/index.html"
    live_template = f"{_TEMPLATES}/_list.html"

    def running(self) -> int:
        return sum(row.status in _RUNNING for row in self.table.data)

    def progress(self) -> str:
        running = self.running()
        return ngettext("%(count)s running", "%(count)s running", running) % {"count": running}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        context["empty_template"] = f"{_TEMPLATES}/_none.html"
        if not self.is_part:
            context["about"] = self._about(self._query() or {})
        return context

    def _about(self, query: dict[str, Any]) -> Any:
        """The volume or the schedule to which a link to this page restricts it."""
        client = api.client(self.request)
        with api.tell(self.request, _("The name can't be shown.")):
            if volume := query.get("volume_id"):
                return client.get_volume(volume)
            if schedule := query.get("schedule_id"):
                return client.get_schedule(schedule)
        return None


# As many errors of tasks are looked at for a page of runs.
_MOST_ERRORS = 100


class IndexView(_HistoryView):
    page_title = _("History")
    table_class = tables.RunsTable
    filter_class = forms.RunFilter
    sort = "created_at:desc"
    failure = _("The runs can't be shown.")

    def fetch(self, **query: Any) -> Iterable[Any]:
        return api.client(self.request).runs(**query)

    def get_data(self) -> Sequence[Any]:
        page = super().get_data()
        with api.tell(self.request, _("What went wrong can't be shown.")):
            explain(api.client(self.request), page)
        return page


class TasksView(_HistoryView):
    page_title = _("Tasks")
    table_class = tables.TasksTable
    filter_class = forms.TaskFilter
    sort = "finished_at:desc"
    failure = _("The tasks can't be shown.")

    def fetch(self, **query: Any) -> Iterable[Any]:
        return api.client(self.request).tasks(**query)


def explain(client: sdk.Proxy, runs: Iterable[Any], **where: Any) -> None:
    """Have each run tell why one of its tasks failed, as far as one request finds that.

    :param where: of which projects the runs are, as the SDK takes it
    """
    unexplained = [run for run in runs if run.counts["failed"] and not run.error]
    if not unexplained:
        return
    tasks = client.tasks(
        status="failed",
        since=min(run.created_at for run in unexplained),
        sort="finished_at:asc",
        limit=_MOST_ERRORS,
        paginated=False,
        **where,
    )
    errors = {task.run_id: task.error for task in tasks}
    for run in unexplained:
        run.error = errors.get(run.id)


class DetailView(Live, ListView):
    """A run and its tasks."""

    page_title = "{{ title }}"
    template_name = f"{_TEMPLATES}/detail.html"
    live_template = f"{_TEMPLATES}/_run.html"
    live_seconds = 3
    table_class = tables.TasksOfRunTable
    filter_class = forms.TaskOfRunFilter
    sort = "position:asc"
    failure = _("The tasks can't be shown.")
    run: sdk.v1.run.Run

    def fetch(self, **query: Any) -> Iterable[Any]:
        return api.client(self.request).run_tasks(self.run.id, **query)

    def get_data(self) -> Any:
        with api.leave(self.request, _("The run can't be shown."), reverse(INDEX)):
            self.run = api.client(self.request).get_run(str(self.kwargs["run_id"]))
        return super().get_data()

    def running(self) -> int:
        return int(self.run.status in _RUNNING)

    def progress(self) -> str:
        return words.counts(self.run.counts)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        request, run = self.request, self.run
        action = words.ACTIONS.get(run.action, run.action)
        context["run"] = run
        context["title"] = f"{action}: {run.schedule_name}" if run.schedule_name else action
        context["is_mine"] = run.user_id == request.user.id
        context["may_confirm"] = run.is_waiting and api.may(request, "run:confirm")
        pending = run.counts.get("pending") or run.is_waiting
        context["may_cancel"] = bool(pending) and api.may(request, "run:cancel")
        return context


class _ActView(View):
    """Does something to a run, and shows it."""

    http_method_names = ["post"]
    failure: Any
    done: Any

    def act(self, client: sdk.Proxy, run_id: str) -> None:
        raise NotImplementedError

    def post(self, request: HttpRequest, run_id: Any) -> HttpResponse:
        with api.tell(request, self.failure):
            self.act(api.client(request), str(run_id))
            messages.success(request, self.done)
        return shortcuts.redirect(DETAIL, run_id)


class ConfirmView(_ActView):
    failure = _("The run was not confirmed.")
    done = _("The run has been confirmed.")

    def act(self, client: sdk.Proxy, run_id: str) -> None:
        client.confirm_run(run_id)


class CancelView(_ActView):
    failure = _("The run was not cancelled.")
    done = _("What had not begun is cancelled.")

    def act(self, client: sdk.Proxy, run_id: str) -> None:
        client.cancel_run(run_id)

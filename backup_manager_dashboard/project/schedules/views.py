"""Pages about schedules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from horizon import messages
from horizon import workflows as horizon_workflows
from horizon.utils import functions

from backup_manager_dashboard import api, views
from backup_manager_dashboard.project.schedules import definition, forms, tables, workflows

INDEX = "horizon:project:backup_manager_schedules:index"
_TEMPLATES = "backup_manager_dashboard/schedules"
#: How many runs a preview shows, and how many past ones the page of a schedule.
_RUNS = 5
#: As many volumes can be listed by a schedule.
_MOST_VOLUMES = 1000


class IndexView(views.ListView):
    page_title = _("Schedules")
    table_class = tables.SchedulesTable
    filter_class = forms.ScheduleFilter
    template_name = f"{_TEMPLATES}/index.html"
    sort = "name:asc"
    failure = _("The schedules can't be shown.")

    def fetch(self, **query: Any) -> Iterable[Any]:
        return api.client(self.request).schedules(**query)


class CreateView(views.WorkflowView):
    workflow_class = workflows.CreateSchedule

    def get_initial(self) -> dict[str, Any]:
        return {"volumes": self.request.GET.getlist("volume")}


class EditView(views.WorkflowView):
    workflow_class: type[horizon_workflows.Workflow] = workflows.EditSchedule

    def get_initial(self) -> dict[str, Any]:
        schedule = fetch(self.request, self.kwargs["schedule_id"])
        return {
            **definition.fields(schedule),
            "schedule_id": schedule.id,
            "schedule_name": schedule.name,
        }


class EditVolumesView(EditView):
    workflow_class = workflows.EditVolumes


def fetch(request: HttpRequest, schedule_id: Any) -> Any:
    """A schedule; without it, the user is sent to the list."""
    with api.leave(request, _("The schedule can't be shown."), reverse(INDEX)):
        return api.client(request).get_schedule(str(schedule_id))


class DetailView(views.DetailView):
    page_title = "{{ schedule.name }}"
    template_name = f"{_TEMPLATES}/detail.html"
    table_class = tables.SchedulesTable
    noun = "schedule"
    index = INDEX
    failure = _("The schedule can't be shown.")

    def fetch(self, identifier: str) -> Any:
        return api.client(self.request).get_schedule(identifier)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        request, schedule = self.request, context["schedule"]
        client = api.client(request)
        with api.tell(request, _("The next runs can't be shown.")):
            context["next_runs"] = client.preview_schedule(schedule, count=_RUNS).runs
        with api.tell(request, _("The last runs can't be shown.")):
            runs = client.runs(schedule_id=schedule.id, limit=_RUNS, paginated=False)
            context["last_runs"] = list(runs)
        with api.tell(request, _("What would be deleted can't be shown.")):
            context["plan"] = client.preview_schedule_retention(schedule)
        with api.tell(request, _("The names of the volumes can't be shown.")):
            context["volumes"] = _volumes(client, schedule)
        return context


def _volumes(client: Any, schedule: Any) -> list[dict[str, Any]]:
    """The volumes of a schedule, with their names as far as they are known."""
    known = client.volumes(limit=_MOST_VOLUMES, paginated=False)
    names = {volume.id: volume.name for volume in known}
    selected = [each for each in schedule.selected_ids or () if each not in schedule.volume_ids]
    return [
        {"id": each, "name": names.get(each) or each, "is_selected": each in selected}
        for each in [*schedule.volume_ids, *selected]
    ]


@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """When a schedule would run that a form describes."""
    context: dict[str, Any] = {}
    data = _valid(workflows.WhenAction(request, {}), "name")
    if data is not None:
        try:
            context["preview"] = api.client(request).preview_recurrence(
                definition.recurrence(data), data["timezone"], count=_RUNS
            )
        except api.ERRORS as error:
            context["problem"] = api.explain(error)
    return _fragment(request, "_preview.html", context)


@require_POST
def preview_kept(request: HttpRequest) -> HttpResponse:
    """What would be kept of the backups of a schedule that a form describes."""
    context: dict[str, Any] = {}
    when = _valid(workflows.WhenAction(request, {}), "name")
    what = _valid(workflows.RetentionAction(request, {}))
    if when is not None and what is not None:
        try:
            context["preview"] = api.client(request).preview_recurrence(
                definition.recurrence(when),
                when["timezone"],
                count=1,
                retention=definition.retention(what),
                backup_type=what["backup_type"],
                max_incrementals=what["max_incrementals"],
            )
        except api.ERRORS as error:
            context["problem"] = api.explain(error)
    return _fragment(request, "_preview_kept.html", context)


def _fragment(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    # What comes by script, Horizon leaves in the zone of the server.
    with timezone.override(functions.get_timezone(request)):
        return render(request, f"{_TEMPLATES}/{template}", context)


@require_POST
def repair(request: HttpRequest, schedule_id: Any) -> HttpResponse:
    """Have a schedule act in the name of the user: any update of it does."""
    with api.tell(request, _("The schedule could not be repaired.")):
        schedule = api.client(request).update_schedule(str(schedule_id))
        messages.success(request, _('Schedule "%s" now acts in your name.') % schedule.name)
    return redirect("horizon:project:backup_manager_overview:index")


def _valid(action: Any, *unimportant: str) -> dict[str, Any] | None:
    """What was filled in, None if it is not valid yet.

    :param unimportant: fields that need not be
    """
    action.is_valid()
    if set(action.errors) - {*unimportant}:
        return None
    data: dict[str, Any] = action.cleaned_data
    return data

"""Pages about backups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from horizon import exceptions, messages
from horizon.views import HorizonTemplateView

from backup_manager_dashboard import api, chain, plan
from backup_manager_dashboard.project.backups import forms, tables
from backup_manager_dashboard.views import DetailView as BaseDetailView
from backup_manager_dashboard.views import FormView, ListView

_TEMPLATES = "backup_manager_dashboard/backups"
#: As many schedules are looked up for their names.
_MOST_SCHEDULES = 1000
_FAILURE = _("The backup can't be shown.")


class IndexView(ListView):
    page_title = _("Backups")
    table_class = tables.BackupsTable
    filter_class = forms.BackupFilter
    template_name = f"{_TEMPLATES}/index.html"
    sort = "created_at:desc"
    failure = _("The backups can't be shown.")

    def fetch(self, **query: Any) -> Iterable[Any]:
        client = api.client(self.request)
        backups = list(client.backups(with_retention=True, **query))
        names = _schedule_names(client) if any(each.schedule_id for each in backups) else {}
        for backup in backups:
            backup.schedule_name = names.get(backup.schedule_id)
        return backups

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        context["tabs"] = self._tabs()
        return context

    def _tabs(self) -> list[dict[str, Any]]:
        """The types, each with the address of this list for it."""
        query = self.request.GET.copy()
        chosen = query.get("type", "")
        # Another list has other pages.
        for name in ("type", *self._page_parameters()):
            query.pop(name, None)
        titles = {"": _("All"), "full": _("Full"), "incremental": _("Incremental")}
        tabs = []
        for kind, title in titles.items():
            query["type"] = kind
            tabs.append({"title": title, "query": query.urlencode(), "is_open": kind == chosen})
        return tabs

    def _page_parameters(self) -> tuple[str, str]:
        meta = self.table_class._meta
        return meta.pagination_param, meta.prev_pagination_param


def _schedule_names(client: Any) -> dict[str, str]:
    try:
        found = client.schedules(limit=_MOST_SCHEDULES, paginated=False)
        return {schedule.id: schedule.name for schedule in found}
    except api.ERRORS as error:
        # Their ids are shown then.
        api.explain(error)
        return {}


class DetailView(BaseDetailView):
    page_title = "{{ backup.name|default:backup.id }}"
    template_name = f"{_TEMPLATES}/detail.html"
    table_class = tables.BackupsTable
    noun = "backup"
    index = tables.INDEX
    failure = _FAILURE

    def fetch(self, identifier: str) -> Any:
        return api.client(self.request).get_backup(identifier)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        backup = context["backup"]
        client = api.client(self.request)
        with api.tell(self.request, _("What it builds on can't be shown.")):
            links = client.get_chain(backup.volume_id).backups
            context["tree"] = chain.tree_of(links, backup.id)
            context["needed"] = chain.lineage(links, backup.id)
        if backup.schedule_id:
            backup.schedule_name = _schedule_names(client).get(backup.schedule_id)
        return context


class _OfBackup(FormView):
    """A form about one backup."""

    success_url = reverse_lazy(tables.INDEX)

    def get_initial(self) -> dict[str, Any]:
        with api.leave(self.request, _FAILURE, reverse(tables.INDEX)):
            backup = api.client(self.request).get_backup(str(self.kwargs["backup_id"]))
        return {"backup": backup, "backup_id": backup.id}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        context["backup"] = context["form"].initial["backup"]
        return context


class RestoreView(_OfBackup):
    form_class = forms.RestoreForm
    page_title = _("Restore Backup")
    submit_label = _("Restore Backup")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        context["aside_template"] = f"{_TEMPLATES}/_restore_aside.html"
        return context


class HoldView(_OfBackup):
    form_class = forms.HoldForm
    page_title = _("Put Backup on Hold")
    submit_label = _("Put on Hold")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        context["aside_template"] = f"{_TEMPLATES}/_hold_aside.html"
        return context


class DeleteView(HorizonTemplateView):
    """Shows what a deletion comes to; just that is deleted when the user says so."""

    page_title = _("Delete Backups")
    template_name = f"{_TEMPLATES}/delete.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        backup_ids, cascade = _asked(self.request.GET)
        if not backup_ids:
            messages.info(self.request, _("Choose the backups to delete first."))
            raise exceptions.Http302(reverse(tables.INDEX))
        with api.leave(self.request, _("Nothing was deleted."), reverse(tables.INDEX)):
            preview = api.client(self.request).preview_deletion(backup_ids, cascade=cascade)
        context["plan"] = preview
        context["groups"] = plan.groups(preview)
        context["refused"] = preview.kept[: plan.MOST_REFUSED]
        context["more_refused"] = len(preview.kept) - len(context["refused"])
        context["cascade"] = cascade
        context["backups"] = ",".join(backup_ids)
        context["needs_cascade"] = not cascade and any(
            each["rule"] == "needed" for each in preview.kept
        )
        context["index"] = reverse(tables.INDEX)
        return context

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        backup_ids, cascade = _asked(request.POST)
        digest = request.POST.get("digest")
        if backup_ids and digest:
            with api.tell(request, _("Nothing was deleted.")):
                run = api.client(request).delete_backups(backup_ids, cascade=cascade, digest=digest)
                messages.success(request, _("The deletion has been started."))
                return redirect("horizon:project:backup_manager_runs:detail", run.id)
        # What would be deleted now.
        more = "&cascade=1" if cascade else ""
        return redirect(f"{tables.deletion_url(backup_ids)}{more}")


def _asked(data: Mapping[str, str]) -> tuple[list[str], bool]:
    """The backups that somebody wants to delete, and whether also what builds on them."""
    backup_ids = [each for each in data.get("backups", "").split(",") if each]
    return list(dict.fromkeys(backup_ids)), data.get("cascade") == "1"


class ImportView(FormView):
    form_class = forms.ImportForm
    page_title = _("Import Records of Backups")
    submit_label = _("Import")
    success_url = reverse_lazy(tables.INDEX)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        context["aside_template"] = f"{_TEMPLATES}/_import_aside.html"
        return context


@require_POST
def preview_import(request: HttpRequest) -> HttpResponse:
    """What an import would do that a form describes."""
    form = forms.ImportForm(request, request.POST, request.FILES)
    form.is_preview = True
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        try:
            context["preview"] = form.ask(request, form.cleaned_data, dry_run=True)
            context["seen"] = form.fingerprint(form.cleaned_data)
        except api.ERRORS as error:
            context["problem"] = api.explain(error)
    return render(request, f"{_TEMPLATES}/_import_preview.html", context)

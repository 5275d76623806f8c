"""Pages about volumes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse, reverse_lazy
from django.utils.translation import gettext_lazy as _
from horizon import exceptions, messages
from horizon.views import HorizonTemplateView
from openstack_dashboard.api import base

from backup_manager_dashboard import api, chain
from backup_manager_dashboard.project.schedules import definition
from backup_manager_dashboard.project.volumes import forms, tables
from backup_manager_dashboard.views import DetailView as BaseDetailView
from backup_manager_dashboard.views import FormView, ListView

INDEX = "horizon:project:backup_manager_volumes:index"
_TEMPLATES = "backup_manager_dashboard/volumes"
_FAILURE = _("The volume can't be shown.")
#: How many backups the page of a volume lists, and how many the page for restores.
_SOME = 10
_MOST = 200


class IndexView(ListView):
    page_title = _("Volumes")
    table_class = tables.VolumesTable
    filter_class = forms.VolumeFilter
    template_name = f"{_TEMPLATES}/index.html"
    sort = "name:asc"
    failure = _("The volumes can't be shown.")

    def fetch(self, **query: Any) -> Iterable[Any]:
        for volume in api.client(self.request).volumes(**query):
            volume.servers = _servers(self.request, volume)
            yield volume


def _servers(request: HttpRequest, volume: Any) -> list[dict[str, Any]]:
    """The servers that a volume is attached to, with Horizon's pages where it has some."""
    has_pages = base.is_service_enabled(request, "compute")
    return [
        {"id": each, "url": _server_url(each) if has_pages else None} for each in volume.server_ids
    ]


def _server_url(server_id: str) -> str | None:
    try:
        return reverse("horizon:project:instances:detail", args=[server_id])
    except NoReverseMatch:
        return None


class DetailView(BaseDetailView):
    page_title = "{{ volume.name|default:volume.id }}"
    template_name = f"{_TEMPLATES}/detail.html"
    table_class = tables.VolumesTable
    noun = "volume"
    index = INDEX
    failure = _FAILURE

    def fetch(self, identifier: str) -> Any:
        volume = api.client(self.request).get_volume(identifier)
        volume.servers = _servers(self.request, volume)
        return volume

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        volume = context["volume"]
        client = api.client(self.request)
        with api.tell(self.request, _("What is kept can't be shown.")):
            context["policy"] = client.get_policy(volume.id)
        with api.tell(self.request, _("The backups can't be shown.")):
            links = client.get_chain(volume.id).backups
            context["days"], context["more"] = chain.timeline(links, _SOME)
            context["has_links"] = True
        context["may_restore"] = api.may(self.request, "restore:create")
        return context


class RestoreView(HorizonTemplateView):
    """The backups of a volume, which may be gone, to choose one that is restored."""

    page_title = _("Restore a Point in Time")
    template_name = f"{_TEMPLATES}/restore.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        volume_id = str(self.kwargs["volume_id"])
        with api.leave(self.request, _("The backups can't be shown."), reverse(INDEX)):
            found = api.client(self.request).get_chain(volume_id)
        context["volume_id"], context["volume_name"] = volume_id, found.volume_name
        context["days"], context["more"] = chain.timeline(found.backups, _MOST)
        context["may_restore"] = api.may(self.request, "restore:create")
        form = forms.MomentForm(self.request.GET if "at" in self.request.GET else None)
        context["form"] = form
        if form.is_valid():
            context["has_asked"] = True
            context["latest"] = chain.latest(found.backups, form.cleaned_data["at"])
        return context


class ProtectView(FormView):
    form_class = forms.ProtectForm
    page_title = _("Protect Volumes")
    submit_label = _("Protect")
    success_url = reverse_lazy(INDEX)

    def get_initial(self) -> dict[str, Any]:
        asked = self.request.GET.get("volumes", "").split(",")
        volume_ids = list(dict.fromkeys(each for each in asked if each))
        if not volume_ids:
            messages.info(self.request, _("Choose the volumes to protect first."))
            raise exceptions.Http302(reverse(INDEX))
        return {"volume_ids": volume_ids}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        context["volume_ids"] = context["form"].initial["volume_ids"]
        context["aside_template"] = f"{_TEMPLATES}/_protect_aside.html"
        return context


class PolicyView(FormView):
    form_class = forms.PolicyForm
    page_title = _("What to Keep")
    submit_label = _("Save")
    success_url = reverse_lazy(INDEX)

    def get_initial(self) -> dict[str, Any]:
        client = api.client(self.request)
        volume_id = str(self.kwargs["volume_id"])
        with api.leave(self.request, _FAILURE, reverse(INDEX)):
            volume, policy = client.get_volume(volume_id), client.get_policy(volume_id)
        return {"volume": volume, **definition.retention_fields(policy.retention)}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        context["volume"] = context["form"].initial["volume"]
        context["aside_template"] = f"{_TEMPLATES}/_policy_aside.html"
        return context

"""Deleting old backups: what would go is shown first, and just that goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from horizon import messages
from horizon.views import HorizonTemplateView

from backup_manager_dashboard import api, plan
from backup_manager_dashboard.project.cleanup import forms

#: As many volumes are offered for choice.
_MOST_VOLUMES = 1000


class IndexView(HorizonTemplateView):
    """All volumes, or with ``?scope=volumes`` those that are chosen (``&volume=ID``)."""

    page_title = _("Clean-up")
    template_name = "backup_manager_dashboard/cleanup/index.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["may"] = api.may(self.request, "cleanup:create")
        if "form" not in context:
            chosen = self.request.GET.getlist("volume")
            is_some = bool(chosen) or self.request.GET.get("scope") == "volumes"
            context["form"] = self._form(is_some, chosen=chosen)
        context["is_some"] = isinstance(context["form"], forms.SomeForm)
        return context

    def _form(
        self, is_some: bool, data: Any = None, chosen: Sequence[str] = ()
    ) -> forms.CleanupForm:
        if not is_some:
            return forms.CleanupForm(data)
        return forms.SomeForm(data, volumes=self._volumes(), chosen=chosen)

    def _volumes(self) -> dict[str, str]:
        """The names of the volumes to choose from."""
        names: dict[str, str] = {}
        with api.tell(self.request, _("The volumes can't be shown.")):
            found = api.client(self.request).volumes(
                sort="name:asc", limit=_MOST_VOLUMES, paginated=False
            )
            names = {volume.id: volume.name or volume.id for volume in found}
        data = self.request.POST
        asked = [value for name, value in data.items() if name.endswith("-volume") and value]
        for volume_id in [*asked, *self.request.GET.getlist("volume")]:
            # Of a volume that is gone there are backups all the same.
            names.setdefault(volume_id, volume_id)
        return names

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        is_some = "form-TOTAL_FORMS" in request.POST
        if request.POST.get("do") == "add":
            more = forms.with_more_rows(request.POST)
            return self._show(form=self._form(is_some, more), is_adding=True)
        form = self._form(is_some, request.POST)
        if not form.is_valid():
            return self._show(form=form)
        if request.POST.get("do") == "confirm" and request.POST.get("digest"):
            with api.tell(request, _("Nothing was deleted.")):
                run = api.client(request).cleanup(request.POST["digest"], **form.wanted())
                messages.success(request, _("The clean-up has been started."))
                return redirect("horizon:project:backup_manager_runs:detail", run.id)
        return self._preview(form)

    def _preview(self, form: forms.CleanupForm) -> HttpResponse:
        try:
            preview = api.client(self.request).preview_cleanup(**form.wanted())
        except api.ERRORS as error:
            form.refuse(api.explain(error))
            return self._show(form=form)
        return self._show(
            form=form,
            plan=preview,
            groups=plan.groups(preview),
            reasons=plan.reasons(preview.kept),
            spared=sum(each["rule"] == "last_good" for each in preview.kept),
        )

    def _show(self, **kwargs: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(**kwargs))

"""Creating and changing schedules, step by step."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable, Mapping
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _
from horizon import forms, messages, workflows

from backup_manager_dashboard import api, words
from backup_manager_dashboard.forms import show
from backup_manager_dashboard.project.schedules import definition

#: More volumes than these are not offered for choice: a selector is better for so many.
_MOST_VOLUMES = 2000
_A_PAGE = 1000

_HOURS = (1, 2, 3, 4, 6, 8, 12)
_MINUTES = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)
_A_DAY = 24 * 60


def _switched(label: Any, *kinds: str, switch: str = "kind", **attributes: Any) -> dict[str, Any]:
    """The attributes of a field that is there only for some of the choices of another one."""
    labels = {f"data-{switch}-{kind}": label for kind in kinds}
    return {"class": "switched", "data-switch-on": switch, **labels, **attributes}


class WhenAction(workflows.Action):
    name = forms.CharField(label=_("Name"), max_length=255)
    description = forms.CharField(label=_("Description"), max_length=255, required=False)
    kind = forms.ChoiceField(
        label=_("Repeat"),
        choices=[
            ("daily", _("Every day")),
            ("weekly", _("On days of the week")),
            ("monthly", _("Once a month")),
            ("hours", _("Every few hours")),
            ("minutes", _("Every few minutes")),
            ("cron", _("By a cron expression")),
        ],
        widget=forms.ThemableSelectWidget(attrs={"class": "switchable", "data-slug": "kind"}),
    )
    weekdays = forms.MultipleChoiceField(
        label=_("Days"),
        required=False,
        choices=[(str(day + 1), name) for day, name in WEEKDAYS.items()],
        initial=["1"],
        widget=forms.SelectMultiple(attrs=_switched(_("Days"), "weekly", size=7)),
    )
    day = forms.ChoiceField(
        label=_("Day of the month"),
        required=False,
        choices=[("last", _("The last day"))] + [(str(day), str(day)) for day in range(1, 32)],
        help_text=_("Months that lack the day are left out."),
        widget=forms.ThemableSelectWidget(attrs=_switched(_("Day of the month"), "monthly")),
    )
    hours = forms.ChoiceField(
        label=_("Hours between two runs"),
        required=False,
        choices=[(str(each), str(each)) for each in _HOURS],
        initial="6",
        widget=forms.ThemableSelectWidget(attrs=_switched(_("Hours between two runs"), "hours")),
    )
    minute = forms.IntegerField(
        label=_("Minute of the hour"),
        required=False,
        min_value=0,
        max_value=59,
        initial=0,
        widget=forms.NumberInput(attrs=_switched(_("Minute of the hour"), "hours")),
    )
    minutes = forms.ChoiceField(
        label=_("Minutes between two runs"),
        required=False,
        choices=[(str(each), str(each)) for each in _MINUTES],
        initial="30",
        widget=forms.ThemableSelectWidget(
            attrs=_switched(_("Minutes between two runs"), "minutes")
        ),
    )
    time = forms.CharField(
        label=_("Time of day"),
        required=False,
        initial="02:00",
        widget=forms.TextInput(
            attrs=_switched(_("Time of day"), "daily", "weekly", "monthly", type="time")
        ),
    )
    expression = forms.CharField(
        label=_("Cron expression"),
        required=False,
        max_length=255,
        help_text=_("Five fields: minute, hour, day of the month, month, day of the week."),
        widget=forms.TextInput(
            attrs=_switched(_("Cron expression"), "cron", placeholder="0 2 * * 1-5")
        ),
    )
    timezone = forms.ChoiceField(
        label=_("Time zone"), help_text=_("Times of the schedule follow its clock changes.")
    )

    class Meta:
        name = _("When")
        slug = "when"

    def __init__(self, request: HttpRequest, context: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(request, context, **kwargs)
        names = zoneinfo.available_timezones() | {context.get("timezone") or "UTC"}
        self.fields["timezone"].choices = [(name, name) for name in sorted(names)]
        self.fields["timezone"].initial = timezone.get_current_timezone_name()

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        needed = {
            "daily": ("time",),
            "weekly": ("time", "weekdays"),
            "monthly": ("time", "day"),
            "hours": ("hours",),
            "minutes": ("minutes",),
            "cron": ("expression",),
        }
        for name in needed.get(data.get("kind"), ()):
            if not data.get(name) and name not in self.errors:
                self.add_error(name, _("This field is required."))
        return data


class WhenStep(workflows.Step):
    action_class = WhenAction
    template_name = "backup_manager_dashboard/schedules/_when_step.html"
    contributes = tuple(WhenAction.base_fields)


class VolumesAction(workflows.MembershipAction):
    class Meta:
        name = _("Volumes")
        slug = "volumes"

    def __init__(self, request: HttpRequest, context: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(request, context, **kwargs)
        self.fields[self.get_default_role_field_name()] = forms.CharField(
            required=False, initial="member", label=_("Role")
        )
        self.fields["generation"] = forms.IntegerField(
            required=False, initial=context.get("generation"), widget=forms.HiddenInput()
        )
        chosen = list(context.get("volumes") or ())
        self.fields[self.get_member_field_name("member")] = forms.MultipleChoiceField(
            label=_("Volumes"),
            required=False,
            initial=chosen,
            choices=_volume_choices(request, chosen),
        )


def _volume_choices(request: HttpRequest, chosen: Iterable[str]) -> list[tuple[str, Any]]:
    """The volumes to choose from; those chosen before are there whatever became of them."""
    choices: dict[str, Any] = {}
    with api.tell(request, _("The volumes can't be shown.")):
        for volume in api.client(request).volumes(limit=_A_PAGE):
            choices[volume.id] = _volume_label(volume)
            if len(choices) == _MOST_VOLUMES:
                messages.info(request, _("Of so many volumes only the first are offered here."))
                break
    for volume_id in chosen:
        choices.setdefault(volume_id, _("%s (not found)") % volume_id)
    return list(choices.items())


def _volume_label(volume: Any) -> str:
    mark = "✓" if volume.can_back_up else "✗"
    name = volume.name or volume.id
    return f"{mark} {name} · {words.size(volume.size_gb)} · {words.status(volume.status)}"


class VolumesStep(workflows.UpdateMembersStep):
    action_class = VolumesAction
    help_text = _(
        "The volumes to back up. Those marked ✓ can be backed up as they are now; others are "
        "backed up as soon as their status allows it."
    )
    available_list_title = _("Can be added")
    members_list_title = _("In the schedule")
    no_available_text = _("No volumes found.")
    no_members_text = _("No volumes chosen.")
    show_roles = False
    contributes = ("volumes", "generation")

    def contribute(self, data: Any, context: Any) -> Any:
        if data:
            context["volumes"] = data.get(self.get_member_field_name("member"), [])
            context["generation"] = data.get("generation")
        return context


class ExistingVolumesStep(VolumesStep):
    """The same of a schedule that there is already."""

    depends_on = ("schedule_id", "schedule_name")


def _text(label: Any, help_text: Any) -> forms.CharField:
    return forms.CharField(
        label=label, help_text=help_text, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )


class SelectorAction(workflows.Action):
    whole_project = forms.BooleanField(
        label=_("All volumes of the project"), required=False, help_text=_("Also future ones.")
    )
    metadata = _text(_("Metadata"), _("Lines of key=value; a volume must have all of them."))
    volume_types = _text(_("Volume types"), _("Names, one a line; a volume must have one of them."))
    servers = _text(_("Instances"), _("IDs, one a line; a volume must be attached to one of them."))
    exclude = _text(_("Leave out"), _("IDs of volumes, one a line."))

    class Meta:
        name = _("By rule")
        slug = "selector"
        help_text = _(
            "Volumes besides the chosen ones. They are looked up at each run, so that a new volume "
            "is protected without anybody asking. What is filled in must all fit."
        )

    def clean_metadata(self) -> str:
        text = str(self.cleaned_data["metadata"])
        for line in text.splitlines():
            if line.strip() and not definition.is_pair(line):
                raise forms.ValidationError(_("This is not key=value: %s") % line)
        return text


class SelectorStep(workflows.Step):
    action_class = SelectorAction
    contributes = tuple(SelectorAction.base_fields)


def _rule(label: Any) -> forms.IntegerField:
    attributes = _switched(label, "rules", switch="keep")
    return forms.IntegerField(
        label=label, required=False, min_value=1, widget=forms.NumberInput(attrs=attributes)
    )


class RetentionAction(workflows.Action):
    backup_type = forms.ChoiceField(
        label=_("Type of the backups"),
        choices=[("full", _("Full")), ("incremental", _("Incremental"))],
        widget=forms.ThemableSelectWidget(attrs={"class": "switchable", "data-slug": "type"}),
    )
    max_incrementals = forms.IntegerField(
        label=_("Incremental backups after a full one"),
        required=False,
        min_value=0,
        max_value=1000,
        widget=forms.NumberInput(
            attrs=_switched(_("Incremental backups after a full one"), "incremental", switch="type")
        ),
    )
    keep = forms.ChoiceField(
        label=_("Keep"),
        choices=[
            ("project", _("As the project says")),
            ("rules", _("What these rules keep")),
            ("everything", _("Everything")),
        ],
        widget=forms.ThemableSelectWidget(attrs={"class": "switchable", "data-slug": "keep"}),
    )
    max_age_days = _rule(_("Days: all younger than that"))
    keep_last = _rule(_("Backups: the newest"))
    keep_hourly = _rule(_("Hours: the newest of each"))
    keep_daily = _rule(_("Days: the newest of each"))
    keep_weekly = _rule(_("Weeks: the newest of each"))
    keep_monthly = _rule(_("Months: the newest of each"))
    keep_yearly = _rule(_("Years: the newest of each"))
    full_count = _rule(_("Full backups: the newest"))
    incremental_count = _rule(_("Incremental backups: the newest"))

    class Meta:
        name = _("What to keep")
        slug = "retention"

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        empty = not any(data.get(rule) or rule in self.errors for rule in definition.RULES)
        if data.get("keep") == "rules" and empty:
            self.add_error("keep", _("Fill in at least one rule, or keep everything."))
        return data


class RetentionStep(workflows.Step):
    action_class = RetentionAction
    template_name = "backup_manager_dashboard/schedules/_retention_step.html"
    contributes = tuple(RetentionAction.base_fields)


class WindowsAction(workflows.Action):
    start_window = forms.DecimalField(
        label=_("A run may begin late by (minutes)"),
        initial=60,
        min_value=1,
        max_value=7 * _A_DAY,
        help_text=_("If no engine could begin it until then, the run is recorded as missed."),
    )
    completion_limit = forms.DecimalField(
        label=_("A run is given up after (minutes)"),
        required=False,
        min_value=1,
        max_value=30 * _A_DAY,
        help_text=_("Backups that have not begun until then are not made. Empty: the service's."),
    )
    spread = forms.DecimalField(
        label=_("Spread the backups of a run over (minutes)"),
        initial=0,
        min_value=0,
        max_value=_A_DAY,
        help_text=_("Not all volumes begin at once, which is easier on the storage."),
    )

    class Meta:
        name = _("Time windows")
        slug = "windows"
        help_text = _("The defaults are good for most schedules.")


class WindowsStep(workflows.Step):
    action_class = WindowsAction
    contributes = tuple(WindowsAction.base_fields)


class _Workflow(workflows.Workflow):
    """What the service refuses is shown beside the field that it is about."""

    success_url = "horizon:project:backup_manager_schedules:index"

    def format_status_message(self, message: Any) -> Any:
        return message % {"name": self.context.get("name") or self.context["schedule_name"]}

    def handle(self, request: HttpRequest, context: dict[str, Any]) -> bool:
        try:
            schedule = self.act(request, context)
        except api.ERRORS as error:
            self._refuse(api.explain(error))
        for warning in schedule.warnings:
            messages.warning(request, warning)
        return True

    def act(self, request: HttpRequest, context: dict[str, Any]) -> Any:
        """Make or change the schedule."""
        raise NotImplementedError

    def _refuse(self, problem: Any) -> None:
        actions = [step.action for step in self.steps]
        # The panes of volumes have no place for the error of a field.
        first = [action for action in actions if action.slug == problem.field]
        shown = show(problem, first + actions, definition.PLACES)
        for step in self.steps:
            step.has_errors = step.action is shown
        # Has the view show the form again instead of leaving it.
        raise forms.ValidationError(problem.message)


def attributes(context: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a schedule, from what all steps contributed."""
    incrementals = context["max_incrementals"]
    return {
        "name": context["name"],
        "description": context["description"] or None,
        "recurrence": definition.recurrence(context),
        "timezone": context["timezone"],
        "volume_ids": context["volumes"],
        "selector": definition.selector(context),
        "backup_type": context["backup_type"],
        "retention": definition.retention(context),
        **({} if incrementals is None else {"max_incrementals": incrementals}),
        **definition.windows(context),
    }


class CreateSchedule(_Workflow):
    slug = "create_schedule"
    name = _("Create Schedule")
    finalize_button_name = _("Create Schedule")
    success_message = _('Created schedule "%(name)s".')
    failure_message = _('Unable to create schedule "%(name)s".')
    default_steps = (WhenStep, VolumesStep, SelectorStep, RetentionStep, WindowsStep)
    wizard = True

    def act(self, request: HttpRequest, context: dict[str, Any]) -> Any:
        return api.client(request).create_schedule(**attributes(context))


class _Existing(_Workflow):
    """Changes a schedule; not if somebody else changed it after the form was opened."""

    def change(self, request: HttpRequest, context: dict[str, Any], **changes: Any) -> Any:
        client = api.client(request)
        schedule = client.get_schedule(context["schedule_id"])
        schedule.generation = context["generation"]
        return client.update_schedule(schedule, **changes)


class EditSchedule(_Existing):
    slug = "edit_schedule"
    name = _("Edit Schedule")
    finalize_button_name = _("Save")
    success_message = _('Changed schedule "%(name)s".')
    failure_message = _('Unable to change schedule "%(name)s".')
    default_steps = (WhenStep, ExistingVolumesStep, SelectorStep, RetentionStep, WindowsStep)

    def act(self, request: HttpRequest, context: dict[str, Any]) -> Any:
        return self.change(request, context, **attributes(context))


class EditVolumes(_Existing):
    slug = "edit_volumes"
    name = _("Manage Volumes")
    finalize_button_name = _("Save")
    success_message = _('Changed the volumes of schedule "%(name)s".')
    failure_message = _('Unable to change the volumes of schedule "%(name)s".')
    default_steps = (ExistingVolumesStep,)

    def act(self, request: HttpRequest, context: dict[str, Any]) -> Any:
        return self.change(request, context, volume_ids=context["volumes"])

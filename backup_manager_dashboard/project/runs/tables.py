"""Runs and their tasks in tables."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from horizon import tables

from backup_manager_dashboard import words
from backup_manager_dashboard.tables import Table, cell
from backup_manager_dashboard.templatetags.backup_manager import took


class RunsTable(Table):
    what = tables.Column(cell("runs/_what.html", "run"), verbose_name=_("Run"))
    trigger = tables.Column(lambda run: words.TRIGGERS[run.trigger], verbose_name=_("Started by"))
    status = tables.Column(cell("runs/_status.html", "run"), verbose_name=_("Status"))
    counts = tables.Column(cell("runs/_counts.html", "run"), verbose_name=_("Tasks"))
    began = tables.Column(cell("runs/_began.html", "run"), verbose_name=_("Began"))
    took = tables.Column(took, verbose_name=_("Took"), classes=("bm-nowrap",))
    error = tables.Column(cell("runs/_error.html", "run"), verbose_name=_("Remark"))

    class Meta:
        name = "runs"
        verbose_name = _("Runs")
        hidden_title = True


class TasksOfRunTable(Table):
    volume = tables.Column(cell("runs/_volume.html", "task"), verbose_name=_("Volume"))
    backup = tables.Column(cell("runs/_backup.html", "task"), verbose_name=_("Backup"))
    status = tables.Column(cell("runs/_status.html", "run"), verbose_name=_("Status"))
    size = tables.Column(
        lambda task: words.size(task.size_gb), verbose_name=_("Size"), classes=("bm-nowrap",)
    )
    began = tables.Column(cell("runs/_task_began.html", "task"), verbose_name=_("Began"))
    took = tables.Column(
        cell("runs/_took.html", "task"), verbose_name=_("Took"), classes=("bm-nowrap",)
    )
    error = tables.Column(cell("runs/_task_error.html", "task"), verbose_name=_("Remark"))

    class Meta:
        name = "tasks"
        verbose_name = _("Tasks")
        hidden_title = True


class TasksTable(TasksOfRunTable):
    what = tables.Column(
        cell("runs/_task_what.html", "task"), verbose_name=_("Run"), classes=("bm-nowrap",)
    )

    class Meta:
        name = "tasks"
        verbose_name = _("Tasks")
        hidden_title = True
        columns = ("what", "volume", "backup", "status", "size", "began", "took", "error")

"""Projects in a table."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from horizon import tables

from backup_manager_dashboard import words
from backup_manager_dashboard.tables import Table, cell

_TEMPLATES = "status"


class ProjectsTable(Table):
    project = tables.Column(cell(f"{_TEMPLATES}/_project.html", "row"), verbose_name=_("Project"))
    schedules = tables.Column(
        cell(f"{_TEMPLATES}/_schedules.html", "row"), verbose_name=_("Schedules")
    )
    volumes = tables.Column(cell(f"{_TEMPLATES}/_volumes.html", "row"), verbose_name=_("Volumes"))
    backups = tables.Column("backups", verbose_name=_("Backups"))
    size = tables.Column(lambda row: words.size(row.size_gb), verbose_name=_("Size"))
    work = tables.Column(cell(f"{_TEMPLATES}/_work.html", "row"), verbose_name=_("Work"))
    seen = tables.Column(cell(f"{_TEMPLATES}/_seen.html", "row"), verbose_name=_("Seen"))

    class Meta:
        name = "projects"
        verbose_name = _("Projects")
        hidden_title = True

    def get_object_id(self, datum: Any) -> str:
        return str(datum.project_id)

    def get_object_display(self, datum: Any) -> str:
        return str(datum.project_name)

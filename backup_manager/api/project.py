"""Projects that the service knows: what they have, and what is done for them."""

from __future__ import annotations

from backup_manager import clock
from backup_manager.api import listing
from backup_manager.api.call import Body, Call
from backup_manager.db import paging
from backup_manager.db import project as db
from backup_manager.db import session as db_session
from backup_manager.db import statistics as db_statistics
from backup_manager.db.models import Project


def list_projects(call: Call) -> Body:
    """List projects that the service knows.

    Counted as volumes and backups are recorded: Cinder is not asked.
    """
    with db_session.reader() as session:
        page = paging.fetch(session, db.LISTING, listing.paging(call))
        ids = [project.project_id for project in page.rows]
        figures = db_statistics.projects(session, ids)
    return listing.body(
        call,
        "projects",
        page,
        lambda project: _view(project, figures[project.project_id]),
        marker="project_id",
    )


def _view(project: Project, figures: db_statistics.Project) -> Body:
    return {
        "project_id": project.project_id,
        "volumes": figures.volumes,
        "protected_volumes": figures.protected,
        "unprotected_volumes": figures.volumes - figures.protected,
        "backups": figures.backups,
        "size_gb": figures.size_gb,
        "schedules": figures.schedules,
        "failing_schedules": figures.failing,
        "tasks_waiting": figures.waiting,
        "tasks_running": figures.running,
        "oldest_waiting_at": clock.iso(figures.oldest_waiting_at),
        "synced_at": clock.iso(project.synced_at),
    }

"""Tasks of all runs: what was done, and what is being done, about each volume."""

from __future__ import annotations

from backup_manager.api import listing, run
from backup_manager.api.call import Body, Call
from backup_manager.db import run as db
from backup_manager.db import session as db_session


def list_tasks(call: Call) -> Body:
    """List tasks of all runs.

    What is not finished counts as later than all that is: by default it comes first.
    """
    scope = listing.scope(call, "task:all_projects")
    paging = listing.paging(call)
    with db_session.reader() as session:
        page = db.list_all_tasks(session, scope, paging, **listing.filters(call))
    return listing.body(call, "tasks", page, run.view_task)

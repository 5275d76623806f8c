"""Which of the waiting tasks may start: limits, and fairness between projects."""

from __future__ import annotations

import heapq
from collections.abc import Mapping


def shares(
    waiting: Mapping[str, int],
    running: Mapping[str, int],
    limit_total: int,
    limit_project: int,
    room: int,
) -> dict[str, int]:
    """How many tasks each project may start now.

    Places are given one at a time to the project with the fewest tasks under way, counting those
    just granted, so that a project with thousands of volumes does not hold up one with two. Among
    equals the one that comes first in ``waiting`` is served first. No place is left empty that a
    limit does not forbid. No rotation is needed: who was served has more under way, or his oldest
    waiting task is younger, at the next call.

    :param waiting: waiting tasks by project, in the order of the projects' oldest tasks
    :param running: tasks under way by project, over all engines; also of projects with none waiting
    :param limit_total: tasks under way at once in all
    :param limit_project: tasks under way at once in one project
    :param room: tasks that this call may start at most
    :returns: number of tasks by project, only of projects that may start some, in the order of
        ``waiting``
    """
    free = min(room, limit_total - sum(running.values()))
    granted = dict.fromkeys(waiting, 0)
    queue = [
        (running.get(project, 0), position, project)
        for position, (project, tasks) in enumerate(waiting.items())
        if tasks > 0 and running.get(project, 0) < limit_project
    ]
    heapq.heapify(queue)
    while queue and free > 0:
        under_way, position, project = queue[0]
        granted[project] += 1
        free -= 1
        if granted[project] < waiting[project] and under_way + 1 < limit_project:
            heapq.heapreplace(queue, (under_way + 1, position, project))
        else:
            heapq.heappop(queue)
    return {project: number for project, number in granted.items() if number}

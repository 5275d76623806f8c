"""Queries on the engines that are running."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from backup_manager.db.models import Service


def register(session: Session, service: Service, stale_before: datetime) -> None:
    """Enter a starting engine in the list; dead ones of the same host leave it.

    :param stale_before: an engine with no sign of life since then is dead
    """
    session.execute(
        delete(Service).where(
            Service.host == service.host,
            Service.binary == service.binary,
            Service.heartbeat_at < stale_before,
        )
    )
    session.add(service)


def beat(session: Session, service_id: str, now: datetime) -> bool:
    """Note a sign of life; False when the row is gone."""
    result = session.execute(
        update(Service).where(Service.id == service_id).values(heartbeat_at=now)
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]


def unregister(session: Session, service_id: str) -> None:
    session.execute(delete(Service).where(Service.id == service_id))


def count_alive(session: Session, since: datetime) -> int:
    """How many engines showed a sign of life since a time."""
    query = select(func.count()).select_from(Service).where(Service.heartbeat_at >= since)
    return session.scalar(query) or 0


def list_all(session: Session) -> Sequence[Service]:
    """All engines, by host; a cloud has a handful."""
    return session.scalars(
        select(Service).order_by(Service.host, Service.started_at).limit(1000)
    ).all()

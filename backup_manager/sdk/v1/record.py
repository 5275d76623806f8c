"""Records of backups: with one, another Cinder over the same store takes up a backup."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from openstack import resource

from backup_manager.sdk.v1 import _base
from backup_manager.sdk.v1.run import Run


class Verdict(_base.Resource):
    """What becomes of one record of an import."""

    #: The backup, which keeps its id.
    backup_id: str = resource.Body("backup_id")
    #: The volume that was backed up; it may not exist here.
    volume_id: str = resource.Body("volume_id")
    #: ``full`` or ``incremental``.
    type: str = resource.Body("type")
    #: The backup this one is the difference to.
    parent_id: str | None = resource.Body("parent_id")
    #: The size of the volume in GiB.
    size_gb: int = resource.Body("size_gb", type=int)
    #: When the backup was created (ISO 8601, UTC).
    created_at: str | None = resource.Body("created_at")
    #: ``import``, ``present`` or ``refused``.
    result: str = resource.Body("result")
    #: Why it is not imported.
    reason: str | None = resource.Body("reason")

    #: The run that imports it, if one does.
    run_id: str | None = None


@dataclasses.dataclass(frozen=True)
class Export:
    """What an export gave.

    :ivar document: for JSON, and for the import elsewhere, unchanged.
    :ivar warnings: which backups it lacks, and why.
    """

    document: dict[str, Any]
    warnings: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Import:
    """What an import comes to.

    :ivar records: parents before what builds on them.
    :ivar warnings: what the quota has no room for.
    :ivar run: the run that imports; None where nothing is to be imported, or only was asked.
    """

    records: Sequence[Verdict]
    warnings: Sequence[str]
    run: Run | None

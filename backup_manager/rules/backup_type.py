"""Full or incremental: what a backup is shown as."""

from __future__ import annotations

FULL = "full"
INCREMENTAL = "incremental"

# Exactly these spellings: what the tools of the field write into descriptions.
_IN_DESCRIPTION = (
    ("Full backup", FULL),
    ("full backup", FULL),
    ("Incremental backup", INCREMENTAL),
    ("incremental backup", INCREMENTAL),
)


def shown(description: str | None, is_incremental: bool | None) -> str:
    """The type a user sees: the description decides, then Cinder's field, else it is full.

    Only for showing and filtering. What depends on what follows Cinder's field alone.

    :param description: the backup's description
    :param is_incremental: Cinder's field, None where Cinder did not tell
    :returns: :data:`FULL` or :data:`INCREMENTAL`
    """
    for words, backup_type in _IN_DESCRIPTION:
        if words in (description or ""):
            return backup_type
    return INCREMENTAL if is_incremental else FULL

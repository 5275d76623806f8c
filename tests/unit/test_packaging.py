"""What users of the command line install must stay small and free of the server's libraries."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata


def test_the_client_needs_three_libraries() -> None:
    plain = [text for text in metadata.requires("backup-manager") or [] if "extra" not in text]
    names = {re.split(r"[^A-Za-z0-9._-]", text)[0].lower() for text in plain}
    assert names == {"keystoneauth1", "openstacksdk", "osc-lib"}


def test_the_client_imports_nothing_of_the_server() -> None:
    modules = [
        entry.value.partition(":")[0]
        for entry in metadata.entry_points(group="openstack.backup_manager.v1")
    ]
    assert modules
    # In a fresh interpreter: this one has imported the server already.
    script = (
        f"import importlib, sys; [importlib.import_module(m) for m in {modules!r}]; "
        "print(*sorted(m for m in sys.modules if m.startswith(("
        "'sqlalchemy', 'flask', 'alembic', 'oslo_db', 'oslo_service', 'keystonemiddleware', "
        "'backup_manager.')) and not m.startswith(('backup_manager.sdk', 'backup_manager.osc'))))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], text=True, capture_output=True, check=True
    )
    assert done.stdout.split() == []

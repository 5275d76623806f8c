"""What the audit of the pinned versions makes of pip-audit's answers, which need the network."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tools import audit

FINE = {"name": "flask", "version": "3.1.3", "vulns": []}
BAD = {
    "name": "jinja2",
    "version": "2.4.1",
    "vulns": [{"id": "PYSEC-2019-217", "fix_versions": ["2.10.1"]}],
}
SKIPPED = {"name": "jinja2", "skip_reason": "Dependency not found on PyPI"}

# Answers a question about one package with that alone.
_PROGRAM = """
import json, sys
answer = json.loads(sys.argv[1])
if answer is None:
    sys.exit("ConnectionError: nobody there")
lines = open(sys.argv[-1]).read().splitlines()
print(json.dumps({"dependencies": answer[:len(lines)], "fixes": []}))
"""


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        ([FINE, FINE], 0, "0 vulnerabilities"),
        ([FINE, BAD], 1, "jinja2 2.4.1: PYSEC-2019-217, fixed in 2.10.1"),
        ([FINE, SKIPPED], 2, "NOT AUDITED: jinja2: Dependency not found on PyPI"),
        ([SKIPPED, FINE], 2, "NOT AUDITED: pypi has no data here: jinja2: "),
        ([FINE], 2, "NOT AUDITED: 1 of them are not in the answer"),
        (None, 2, "NOT AUDITED: pip-audit could not look anything up: ConnectionError"),
    ],
    ids=["fine", "vulnerable", "skipped", "nothing", "too few", "no network"],
)
def test_what_it_says(
    answer: Any, code: int, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "constraints.txt"
    path.write_text("# Versions.\nflask==3.1.3\njinja2==2.4.1\n")
    program = [sys.executable, "-c", _PROGRAM, json.dumps(answer)]
    assert audit.main([str(path)], program) == code
    said = capsys.readouterr()
    assert words in said.out + said.err


def test_all_constraints_files_are_audited() -> None:
    root = Path(__file__).parents[2]
    script = (root / "tools" / "audit.sh").read_text()
    found = [*root.glob("constraints*.txt"), *root.glob("*/constraints*.txt")]
    assert len(found) >= 3
    assert [str(path.relative_to(root)) for path in found if path.name not in script] == []
    assert "tests/constraints/*.txt" in script

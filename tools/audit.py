"""Has pip-audit look at constraints files, and says what it could not find out.

pip-audit by itself calls it a success when it knows nothing of a package.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NONE_KNOWN, VULNERABLE, UNKNOWN = 0, 1, 2


class AuditError(Exception):
    """Why nothing could be found out."""


@dataclass(frozen=True)
class Findings:
    """What is known of the versions in a file.

    :param vulnerable: a line for each vulnerability
    :param unknown: a line for each version of which nothing could be learnt
    """

    vulnerable: list[str]
    unknown: list[str]

    @property
    def code(self) -> int:
        if self.vulnerable:
            return VULNERABLE
        return UNKNOWN if self.unknown else NONE_KNOWN


def pins(path: Path) -> list[str]:
    """The lines of a constraints file that name a version."""
    lines = path.read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def ask(program: Sequence[str], lines: Sequence[str]) -> Findings:
    """What pip-audit says of some versions.

    :param program: pip-audit with its options
    :raises AuditError: it said nothing
    """
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(lines))
        file.flush()
        options = ["--no-deps", "--disable-pip", "--progress-spinner=off", "--format=json"]
        done = subprocess.run(
            [*program, *options, "--requirement", file.name], text=True, capture_output=True
        )
    try:
        dependencies = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError) as error:
        last = done.stderr.strip().rpartition("\n")[2]
        raise AuditError(f"pip-audit could not look anything up: {last}") from error
    return Findings(list(_vulnerable(dependencies)), list(_unknown(dependencies, lines)))


def _vulnerable(dependencies: list[Any]) -> Iterator[str]:
    for each in dependencies:
        for found in each.get("vulns", ()):
            fixed = ", ".join(found["fix_versions"]) or "no version yet"
            yield f"{each['name']} {each['version']}: {found['id']}, fixed in {fixed}"


def _unknown(dependencies: list[Any], lines: Sequence[str]) -> Iterator[str]:
    for each in dependencies:
        if "skip_reason" in each:
            yield f"{each['name']}: {each['skip_reason']}"
    if len(dependencies) < len(lines):
        yield f"{len(lines) - len(dependencies)} of them are not in the answer"


def main(arguments: Sequence[str] | None = None, program: Sequence[str] | None = None) -> int:
    """Carry out the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tools/audit.sh", description=__doc__)
    parser.add_argument("--service", choices=("pypi", "osv"), default="pypi")
    parser.add_argument("files", nargs="+", type=Path)
    options = parser.parse_args(arguments)
    command = [*(program or (sys.executable, "-m", "pip_audit"))]
    command += [f"--vulnerability-service={options.service}"]
    codes = set()
    try:
        # A source that knows nothing at all is not asked about hundreds of packages.
        if (first := ask(command, pins(options.files[0])[:1])).unknown:
            raise AuditError(f"{options.service} has no data here: {first.unknown[0]}")
        for path in options.files:
            findings = ask(command, pins(path))
            _tell(path, findings)
            codes.add(findings.code)
    except AuditError as error:
        print(f"NOT AUDITED: {error}", file=sys.stderr)
        return UNKNOWN
    return VULNERABLE if VULNERABLE in codes else max(codes)


def _tell(path: Path, findings: Findings) -> None:
    print(f"== {path}: {len(pins(path))} versions, {len(findings.vulnerable)} vulnerabilities")
    for line in findings.vulnerable:
        print(f"   {line}")
    for line in findings.unknown:
        print(f"   NOT AUDITED: {line}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env bash
# Known vulnerabilities of all versions in the constraints files, as PyPI tells them; with
# "tools/audit.sh osv" as OSV does. It needs the network, so it is no part of the tests.
# Exits with 0 when none is known, 1 when some are, and 2 when that could not be found out.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/venvs.sh
. tools/venvs.sh

_make_venv audit tools/audit-constraints.txt "" pip-audit
exec "$VENVS/audit/bin/python" tools/audit.py --service "${1:-pypi}" \
    constraints.txt constraints-horizon-24.txt sandbox/constraints.txt tests/constraints/*.txt

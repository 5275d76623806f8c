#!/usr/bin/env bash
# Style, types, shell scripts and documents. Uses the tools of the environment it runs in.
set -euo pipefail
cd "$(dirname "$0")/.."

echo "== ruff"
ruff check .
ruff format --check .
echo "== mypy"
mypy
echo "== shell scripts"
mapfile -t scripts < <(git ls-files 'tools/*.sh' '.ci/run' devstack/plugin.sh devstack/settings)
shellcheck -x "${scripts[@]}"
bashate -i E003,E005,E006 "${scripts[@]}"
echo "== documents"
doc8 README.rst README.zh_CN.rst CONTRIBUTING.rst doc/source releasenotes/notes sandbox/README.rst \
    devstack/README.rst
reno -q lint

#!/usr/bin/env bash
# The unit tests of the dashboard, on the newest and on the oldest Horizon, with the package as it
# is installed from a wheel. With --prepare only the virtual environments are made. Other arguments
# go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/venvs.sh
. tools/venvs.sh

# run NAME PYTEST-ARGUMENT...
run() (
    dir=$VENVS/$1
    # Beside the package in the tree Python would take that one.
    mkdir -p "$dir/run"
    ln -sfn "$ROOT/tests" "$dir/run/tests"
    cd "$dir/run"
    "$dir/bin/python" -m pytest -q -c tests/dashboard/pytest.ini "${@:2}" tests/dashboard
)

make_dashboard_venv dashboard constraints.txt
make_dashboard_venv dashboard-oldest constraints-horizon-24.txt
[ "${1:-}" = --prepare ] && exit 0
run dashboard-oldest "$@" >"$VENVS/dashboard-oldest/tests.log" 2>&1 &
oldest=$!
run dashboard "$@"
wait "$oldest" || {
    cat "$VENVS/dashboard-oldest/tests.log"
    exit 1
}

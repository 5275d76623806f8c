#!/usr/bin/env bash
# Everything: lint and types, unit tests, and functional tests against a real Keystone and Cinder
# with SQLite and with MariaDB. Arguments go to pytest, in place of the lint and of all tests.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/venvs.sh
. tools/venvs.sh

ensure_mariadb() {
    if command -v mariadbd >/dev/null || [ -x /usr/sbin/mariadbd ]; then
        return 0
    fi
    local packages=(mariadb-server-core mariadb-client-core)
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "The tests need MariaDB's server. Install it: sudo apt-get install ${packages[*]}" >&2
        return 1
    fi
    echo "Installing MariaDB's server ..."
    local log=$VENVS/mariadb-install.log
    mkdir -p "$VENVS"
    if ! { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
        --no-install-recommends "${packages[@]}"; } >"$log" 2>&1; then
        echo "MariaDB's server could not be installed; the end of $log:" >&2
        tail -n 15 "$log" >&2
        return 1
    fi
}

ensure_mariadb
make_venv main -e '.[server,test,docs]'
"$(find_python)" -m sandbox install --venv "$VENVS/sandbox"
export PATH=$VENVS/main/bin:$PATH
if [ $# -gt 0 ]; then
    exec pytest "$@"
fi
tools/lint.sh
echo "== documentation"
sphinx-build -q -W -b html doc/source doc/build/html
echo "== tests"
# Two at a time, each with a cloud of its own: most of a test is waiting for something.
exec pytest -n 2 --dist worksteal

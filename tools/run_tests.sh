#!/usr/bin/env bash
# Everything: lint and types, unit tests, the dashboard on the oldest and the newest Horizon, and
# functional tests against a real Keystone, Cinder and Horizon, with SQLite and with MariaDB.
# Arguments go to pytest, in place of the lint and of all tests.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/venvs.sh
. tools/venvs.sh

HAS_HEADERS='import pathlib, sys, sysconfig
sys.exit(not pathlib.Path(sysconfig.get_path("include"), "Python.h").exists())'

ensure_packages() {
    local packages=()
    PATH=$PATH:/usr/sbin command -v mariadbd >/dev/null ||
        packages+=(mariadb-server-core mariadb-client-core)
    command -v chromedriver >/dev/null || packages+=(chromium chromium-driver)
    # Without a font with Chinese, its letters are boxes of another width.
    [ -n "$(fc-list :lang=zh-cn family 2>/dev/null)" ] ||
        packages+=(fontconfig fonts-wqy-microhei)
    command -v systemd-analyze >/dev/null || packages+=(systemd)
    command -v openssl >/dev/null || packages+=(openssl)
    command -v curl >/dev/null || packages+=(curl)
    PATH=$PATH:/usr/sbin command -v nginx >/dev/null || packages+=(nginx-light)
    PATH=$PATH:/usr/sbin command -v apache2 >/dev/null || packages+=(apache2-bin)
    command -v msgfmt >/dev/null || packages+=(gettext)
    # For one library of the oldest Horizon.
    { command -v gcc >/dev/null && "$PYTHON" -c "$HAS_HEADERS"; } ||
        packages+=(gcc python3-dev)
    [ ${#packages[@]} -gt 0 ] || return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "The tests need more. Install it: sudo apt-get install ${packages[*]}" >&2
        return 1
    fi
    echo "Installing ${packages[*]} ..."
    _logged packages _apt_get "${packages[@]}"
}

_apt_get() {
    apt-get update -q &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

prepare_others() {
    ensure_packages && tools/test_dashboard.sh --prepare && make_client_venvs
}

# Programs are started many hundred times: they are compiled once.
unset PYTHONDONTWRITEBYTECODE
# All environments are made by this one, not by that of the first of them.
PYTHON=$(find_python)
export PYTHON
# What has to be fetched comes while other things need the processors.
prepare_others &
preparing=$!
make_venv main -e '.[server,test,docs]'
"$VENVS/main/bin/pip" install --disable-pip-version-check -q --no-deps -c constraints.txt \
    axe-playwright-python
"$PYTHON" -m sandbox install --venv "$VENVS/sandbox"
export PATH=$VENVS/main/bin:$PATH
if [ $# -gt 0 ]; then
    wait "$preparing"
    exec pytest "$@"
fi
tools/lint.sh
echo "== documentation"
sphinx-build -q -W -b html doc/source doc/build/html
wait "$preparing"
echo "== tests of the dashboard"
tools/test_dashboard.sh
echo "== tests"
# Three at a time, each with a cloud of its own: most of a test is waiting for something.
exec pytest -n 3 --dist worksteal --durations=25 --durations-min=10

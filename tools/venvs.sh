# Sourced by the tools beside it: makes the virtual environments, each only when it has to.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENVS=${BACKUP_MANAGER_VENVS:-$ROOT/.venvs}
export BACKUP_MANAGER_SANDBOX_VENV=$VENVS/sandbox
export BACKUP_MANAGER_DASHBOARD_VENV=$VENVS/dashboard
export BACKUP_MANAGER_OLDEST_DASHBOARD_VENV=$VENVS/dashboard-oldest
export BACKUP_MANAGER_CLIENT_VENVS=$VENVS

# find_python: print a Python that is new enough, or say what is missing.
find_python() {
    local python
    for python in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
        [ -n "$python" ] || continue
        if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' \
            2>/dev/null; then
            command -v "$python"
            return 0
        fi
    done
    echo "Python 3.11 or newer with venv is needed (Debian: apt-get install python3-venv)." >&2
    return 1
}

# make_venv NAME PIP-ARGUMENT...: a virtual environment with these packages and the tree, pinned.
make_venv() {
    local name=$1
    shift
    _make_venv "$name" constraints.txt "$(cat "$ROOT/setup.cfg")" "$@"
}

# make_dashboard_venv NAME CONSTRAINTS: one with Horizon, and with the tree as users install it: as
# a wheel, which is replaced when the tree has changed while Horizon stays.
make_dashboard_venv() {
    local name=$1 constraints=$2
    _make_venv "$name" "$constraints" "" horizon pytest pytest-django pytest-timeout \
        waitress whitenoise 'setuptools<81' || return 1
    _with_wheel "$name" "$constraints" "[dashboard]" _compile_catalogues
}

# make_client_venvs: the oldest and the newest command line of OpenStack that users have.
make_client_venvs() {
    make_client_venv client-2024.1 tests/constraints/2024.1.txt &&
        make_client_venv client-2026.2 constraints.txt
}

# make_client_venv NAME CONSTRAINTS: one with the command line of a release of OpenStack, and with
# the tree as its users install it.
make_client_venv() {
    _make_venv "$1" "$2" "" python-openstackclient || return 1
    _with_wheel "$1" "$2" "" true
}

# _with_wheel NAME CONSTRAINTS EXTRA COMMAND: has the wheel of the tree as it is now in it; what
# comes after that is done by the command, which gets the directory.
_with_wheel() {
    local name=$1 constraints=$2 extra=$3 dir=$VENVS/$1 wheel
    wheel=$(_wheel "$dir/bin/pip") || return 1
    [ "$(cat "$dir/.wheel" 2>/dev/null)" = "$wheel" ] && return 0
    _logged "$name" _install_wheel "$dir" "$constraints" "$wheel$extra" "$4" || return 1
    echo "$wheel" >"$dir/.wheel"
}

_install_wheel() {
    local dir=$1 constraints=$2 wheel=$3
    # The version is the same until the next commit, so pip would see nothing to do.
    "$dir/bin/pip" uninstall --disable-pip-version-check -q -y backup-manager || return 1
    "$dir/bin/pip" install --disable-pip-version-check -c "$ROOT/$constraints" "$wheel" || return 1
    "$4" "$dir"
}

_compile_catalogues() {
    local dir=$1 catalogue
    # Horizon's own wheel leaves that to distributions.
    find "$dir"/lib/python*/site-packages/{horizon,openstack_dashboard,openstack_auth}/locale \
        -path '*/zh_Hans/*.po' | while read -r catalogue; do
        [ -e "${catalogue%po}mo" ] ||
            "$dir/bin/pybabel" -q compile -l zh_Hans -i "$catalogue" -o "${catalogue%po}mo" ||
            return 1
    done
}

# _wheel PIP: print the path of the wheel of the tree as it is now, built when there is none.
_wheel() {
    local pip=$1 sum dir
    sum=$(cd "$ROOT" && find backup_manager backup_manager_dashboard setup.cfg setup.py \
        pyproject.toml README.rst -type f -not -name '*.pyc' -not -name '*.mo' -print0 |
        sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)
    dir=$VENVS/wheels/$sum
    if [ ! -d "$dir" ]; then
        rm -rf "$VENVS/wheels"
        _logged wheel "$pip" wheel --disable-pip-version-check --no-deps -w "$dir.new" "$ROOT" ||
            return 1
        mv "$dir.new" "$dir"
    fi
    echo "$dir"/*.whl
}

# _make_venv NAME CONSTRAINTS TEXT PIP-ARGUMENT...: made anew when anything of that changes.
_make_venv() {
    local name=$1 constraints=$ROOT/$2 text=$3 dir=$VENVS/$1 stamp python
    shift 3
    python=$(find_python) || return 1
    # Tells whether it is complete and current.
    stamp=$(cat "$constraints" <(echo "$text" "$python" "$@") | sha256sum)
    [ "$(cat "$dir/.stamp" 2>/dev/null)" = "$stamp" ] && return 0
    echo "Making the virtual environment '$name' ..."
    rm -rf "$dir"
    _logged "$name" _install "$python" "$dir" "$constraints" "$@" || return 1
    echo "$stamp" >"$dir/.stamp"
}

_install() {
    local python=$1 dir=$2 constraints=$3
    shift 3
    "$python" -m venv "$dir" &&
        "$dir/bin/pip" install --disable-pip-version-check -c "$constraints" "$@"
}

# _logged NAME COMMAND...: with its output in a log, the end of which is shown when it fails.
_logged() {
    local log=$VENVS/$1.log
    mkdir -p "$VENVS"
    if ! "${@:2}" >"$log" 2>&1; then
        echo "'$1' could not be made; the end of $log:" >&2
        tail -n 15 "$log" >&2
        return 1
    fi
}

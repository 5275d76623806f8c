# Sourced by the tools beside it: makes the virtual environments, each only when it has to.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENVS=${BACKUP_MANAGER_VENVS:-$ROOT/.venvs}
export BACKUP_MANAGER_SANDBOX_VENV=$VENVS/sandbox

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

# make_venv NAME PIP-ARGUMENT...: a virtual environment with these packages, pinned.
# A stamp tells whether it is complete and current; one that is neither is made anew.
make_venv() {
    local name=$1 dir=$VENVS/$1 log=$VENVS/$1.log stamp python
    shift
    python=$(find_python) || return 1
    stamp=$(cat "$ROOT/constraints.txt" "$ROOT/setup.cfg" <(echo "$python" "$@") | sha256sum)
    [ "$(cat "$dir/.stamp" 2>/dev/null)" = "$stamp" ] && return 0
    echo "Making the virtual environment '$name' ..."
    mkdir -p "$VENVS"
    rm -rf "$dir"
    if ! { "$python" -m venv "$dir" &&
        "$dir/bin/pip" install --disable-pip-version-check -c "$ROOT/constraints.txt" "$@"; } \
        >"$log" 2>&1; then
        echo "The virtual environment '$name' could not be made; the end of $log:" >&2
        tail -n 15 "$log" >&2
        return 1
    fi
    echo "$stamp" >"$dir/.stamp"
}

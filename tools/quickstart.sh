#!/usr/bin/env bash
# A cloud to try Backup Manager on, with the service running: see --help.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tools/venvs.sh
. tools/venvs.sh

python=$(find_python)
for argument in "$@"; do
    case $argument in
        --stop | --clean | -h | --help) exec "$python" -m tools.quickstart "$@" ;;
    esac
done
# A port that is taken is better known before minutes are spent on installing.
"$python" -m tools.quickstart --check "$@"
make_venv service -e '.[server]' python-openstackclient &
making=$!
"$python" -m sandbox install --venv "$VENVS/sandbox"
case " $* " in
    *" --dashboard "*) make_dashboard_venv dashboard constraints.txt ;;
esac
wait "$making"
exec "$VENVS/service/bin/python" -m tools.quickstart --sandbox-venv "$VENVS/sandbox" \
    --dashboard-venv "$VENVS/dashboard" "$@"

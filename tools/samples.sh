#!/usr/bin/env bash
# Writes the samples of etc/backup-manager anew, after options or rules have changed. Uses the
# environment it runs in, with the tree installed (tox -e genconfig).
set -euo pipefail
cd "$(dirname "$0")/.."
oslo-config-generator --config-file etc/backup-manager/config-generator.conf
oslopolicy-sample-generator --config-file etc/backup-manager/policy-generator.conf

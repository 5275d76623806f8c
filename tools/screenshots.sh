#!/usr/bin/env bash
# Make the pictures of the documents anew, from the real dashboard.
set -euo pipefail
cd "$(dirname "$0")/.."

# Without one, Chinese is a row of boxes.
if [ -z "$(fc-list :lang=zh-cn family)" ]; then
    echo "A font with Chinese is needed: apt-get install fontconfig fonts-wqy-microhei" >&2
    exit 1
fi
pictures=$(mktemp -d)
trap 'rm -rf "$pictures"' EXIT
BACKUP_MANAGER_SCREENSHOTS=$pictures tools/run_tests.sh \
    tests/functional/test_dashboard_pictures.py -k pictures
mkdir -p doc/source/images
for page in overview schedules backup runs; do
    cp "$pictures/document-$page-en.png" "doc/source/images/$page.png"
done
cp "$pictures/document-overview-zh-hans.png" doc/source/images/overview.zh_CN.png

#!/usr/bin/env bash
# Bring the catalogues of the dashboard's texts up to date. Needs Django and gettext.
# An argument is another copy of the package to work in.
set -euo pipefail
cd "${1:-$(dirname "$0")/../backup_manager_dashboard}"

env -u DJANGO_SETTINGS_MODULE django-admin makemessages --locale zh_Hans --no-wrap --add-location file --no-obsolete
# The time it was made differs each time; nothing else may.
sed -i '/^"POT-Creation-Date:/d' locale/zh_Hans/LC_MESSAGES/django.po

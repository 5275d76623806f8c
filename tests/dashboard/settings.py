"""Horizon's settings for tests, with the panels of Backup Manager."""

from pathlib import Path

from openstack_dashboard.test.settings import *  # noqa: F403
from openstack_dashboard.test.settings import (
    HORIZON_CONFIG,
    INSTALLED_APPS,
)

import backup_manager_dashboard
import backup_manager_dashboard.enabled
import openstack_dashboard.enabled
from openstack_dashboard.utils import settings as settings_utils

# Horizon's own settings for tests have registered Horizon's own panels; doing that again replaces
# what they registered, so all are named.
for _name in ("dashboards", "default_dashboard"):
    HORIZON_CONFIG.pop(_name, None)
settings_utils.update_dashboards(
    [backup_manager_dashboard.enabled, openstack_dashboard.enabled], HORIZON_CONFIG, INSTALLED_APPS
)
# Django refuses an application that is named twice; their order decides about templates.
INSTALLED_APPS = list(dict.fromkeys(INSTALLED_APPS))

# Buttons are shown to those only who may use them.
POLICY_CHECK_FUNCTION = "openstack_auth.policy.check"

_PACKAGE = Path(backup_manager_dashboard.__file__).parent
for _snippet in sorted(_PACKAGE.glob("local_settings.d/_*.py")):
    exec(_snippet.read_text())

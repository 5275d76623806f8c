# Tells Horizon the rules of Backup Manager, so that it hides what a user may not do.
#
# After a change of the service's own policy file, copy that to backup-manager_policy.yaml in the
# directory of Horizon's policy files (POLICY_FILES_PATH).

import os

import backup_manager_dashboard

# Horizon reads this file within its settings, which have these two.
POLICY_FILES["backup-manager"] = "backup-manager_policy.yaml"
DEFAULT_POLICY_FILES["backup-manager"] = os.path.join(
    os.path.dirname(backup_manager_dashboard.__file__), "conf", "backup-manager.yaml"
)

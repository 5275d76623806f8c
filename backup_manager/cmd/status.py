"""``backup-manager-status upgrade check``: whether this version can work here.

Exits with 0 when all is well, 1 with warnings, 2 when something has to be done first, and 255 when
it could not look.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from keystoneauth1 import exceptions as ks_exceptions
from oslo_config import cfg
from oslo_db import exception as db_exceptions
from oslo_upgradecheck import upgradecheck
from oslo_upgradecheck.upgradecheck import Code, Result
from oslo_utils import fileutils
from sqlalchemy import exc as sql_exceptions
from sqlalchemy import text

from backup_manager import cinder, conf, delegation, exceptions
from backup_manager.db import health as db_health
from backup_manager.db import migration
from backup_manager.db import session as db_session
from backup_manager.engine import outcome

_OLDEST_MARIADB = (10, 6)
_GROUPS = sorted({"database", "oslo_policy", *(group for group, _ in conf.list_opts())})
# Schedules that a detail names.
_NAMED = 5
# A line of a configuration that holds a password, also as a part of a URL.
_SECRET = re.compile(r"^\s*(\w*(password|secret)\w*\s*=|\w+\s*=\s*\S+://[^/@\s]*:[^/@\s]+@)", re.M)
_OTHERS = 0o007
# One of them lets the service user validate the tokens of others.
_VALIDATING_ROLES = {"service", "admin"}


class Checks(upgradecheck.UpgradeCommands):
    """Each check looks at one thing, changes nothing, and says what to do.

    :param options: as the service has them
    """

    display_title = "Upgrade Check Results"

    def __init__(self, options: cfg.ConfigOpts) -> None:
        self._conf = options

    def _configuration(self) -> Result:
        """Each option has a value of its kind, and the engine would start with them."""
        wrong = []
        for group in _GROUPS:
            for name in self._conf[group]:
                try:
                    self._conf[group][name]
                except cfg.Error as error:
                    wrong.append(f"[{group}]{name}: {error}")
        if wrong:
            return Result(Code.FAILURE, " ".join(wrong))
        try:
            outcome.check_timeouts(self._conf)
        except exceptions.BackupManagerError as error:
            return Result(Code.FAILURE, error.message)
        return Result(Code.SUCCESS)

    def _files(self) -> Result:
        """Nobody but the service and its group gets at passwords and at the database."""
        try:
            db_session.configure(self._conf)
            database = db_session.file()
        except (cfg.Error, sql_exceptions.SQLAlchemyError):
            database = None  # the checks of the database say what is wrong
        files = [*self._with_secrets(), *([database] if database and database.exists() else [])]
        open_ = [str(path) for path in files if path.stat().st_mode & _OTHERS]
        if not open_:
            return Result(Code.SUCCESS)
        return Result(
            Code.WARNING,
            f"Every user of this host gets at passwords or at the database. Run: "
            f"chmod o= {' '.join(open_)}",
        )

    def _with_secrets(self) -> Iterator[Path]:
        """The files of the configuration that hold a password."""
        directories = [Path(each) for each in self._conf.config_dir or ()]
        inside = [path for each in directories for path in sorted(each.glob("*.conf"))]
        for path in [*map(Path, self._conf.config_file or ()), *inside]:
            if _SECRET.search(path.read_text(errors="replace")):
                yield path

    def _schema(self) -> Result:
        return self._with_database(_schema)

    def _server(self) -> Result:
        return self._with_database(_server)

    def _delegations(self) -> Result:
        return self._with_database(_delegations)

    def _with_database(self, check: Callable[[], Result]) -> Result:
        try:
            db_session.configure(self._conf)
            db_session.check_url()
            return check()
        except exceptions.BackupManagerError as error:
            return Result(Code.FAILURE, error.message)
        except cfg.Error as error:
            return Result(Code.FAILURE, f"[database] can't be used: {error}")
        except (db_exceptions.DBError, sql_exceptions.SQLAlchemyError) as error:
            return Result(
                Code.FAILURE,
                f"The database does not answer: {db_session.words(error)}. See that it runs, that "
                "[database]connection is right, and that the check of the schema is fine.",
            )

    def _trusts(self) -> Result:
        """The service user can log in, validate tokens, and be a trustee."""
        mode = self._conf.delegation.mode
        try:
            auth: Any = delegation.load_auth(self._conf)
            session = delegation.new_session(self._conf, auth)
            access = auth.get_access(session)
            if mode == delegation.TRUST:
                delegation.count_trusts(self._conf, auth, access.user_id)
        except exceptions.Unavailable as error:
            return Result(Code.FAILURE, error.message)
        except ks_exceptions.ClientException as error:
            return Result(
                Code.FAILURE,
                f"The service user can't log in to Keystone, or not see its trusts: {error} See "
                "[keystone_authtoken], and that Keystone has the extension OS-TRUST.",
            )
        if mode != delegation.SELF and not _VALIDATING_ROLES & set(access.role_names):
            return Result(
                Code.WARNING,
                f"The service user {access.username} has neither the role service nor admin in its "
                "project: Keystone may refuse to validate tokens for it. Run: "
                "backup-manager-manage service register",
            )
        return Result(Code.SUCCESS)

    def _cinder(self) -> Result:
        try:
            session = delegation.new_session(self._conf, delegation.load_auth(self._conf))
            versions = cinder.Cinder(session, self._conf).versions()
        except (cinder.CinderError, exceptions.Unavailable) as error:
            return Result(
                Code.WARNING,
                f"Cinder could not be asked: {error.message.rstrip('.')}. See that its API runs, "
                "and that the catalog or [cinder]endpoint_override leads to it.",
            )
        if not versions.suffice:
            return Result(
                Code.FAILURE,
                f"Cinder speaks {versions.lowest} to {versions.highest}; {cinder.MICROVERSION} is "
                "needed: upgrade Cinder first.",
            )
        return Result(Code.SUCCESS)

    def _policy_file(self) -> Result:
        path = self._conf.find_file(self._conf.oslo_policy.policy_file)
        if path and fileutils.is_json(path):
            return Result(
                Code.WARNING,
                f"{path} is in JSON, which oslo.policy gives up: convert it with "
                "oslopolicy-convert-json-to-yaml --namespace backup_manager.",
            )
        return Result(Code.SUCCESS)

    _upgrade_checks = (
        ("Configuration", _configuration),
        ("Permissions of files", _files),
        ("Database schema", _schema),
        ("Database server", _server),
        ("Delegations", _delegations),
        ("Service user and trusts", _trusts),
        ("Cinder microversion", _cinder),
        ("Policy file", _policy_file),
    )


def _schema() -> Result:
    try:
        migration.check()
    except exceptions.SchemaMismatch as error:
        return Result(Code.FAILURE, error.message)
    return Result(Code.SUCCESS)


def _server() -> Result:
    """What MariaDB is, and whether the database has room for every name."""
    engine = db_session.engine()
    if engine.dialect.name == "sqlite":
        return Result(Code.SUCCESS, "SQLite serves one host; engines on several need MariaDB.")
    with engine.connect() as connection:
        version, charset = connection.execute(
            text("SELECT VERSION(), @@character_set_database")
        ).one()
    server = connection.dialect.server_version_info or ()
    if charset != "utf8mb4":
        return Result(
            Code.WARNING,
            f"The database has the character set {charset}: tables of later versions could not "
            "hold every name. Run: ALTER DATABASE … CHARACTER SET utf8mb4",
        )
    if "MariaDB" in version and tuple(server[:2]) < _OLDEST_MARIADB:
        return Result(Code.WARNING, f"MariaDB {version} is older than 10.6, the oldest tested.")
    return Result(Code.SUCCESS)


def _delegations() -> Result:
    with db_session.reader() as session:
        broken = db_health.without_delegation(session, _NAMED)
    if not broken.number:
        return Result(Code.SUCCESS)
    names = ", ".join(f"{name} ({schedule_id})" for schedule_id, name in broken.first)
    noun = "schedule" if broken.number == 1 else "schedules"
    return Result(
        Code.WARNING,
        f"The engines may not act for {broken.number} enabled {noun}, such as {names}. Each "
        "schedule says why; its user renews the right with: openstack backup-manager schedule "
        "enable <schedule>",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the command; returns the exit code."""
    options = cfg.ConfigOpts()
    conf.register(options)
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return int(upgradecheck.main(options, "backup-manager", Checks(options), arguments))
    except cfg.Error as error:
        print(f"backup-manager-status: {error}", file=sys.stderr)
        return 255


if __name__ == "__main__":
    sys.exit(main())

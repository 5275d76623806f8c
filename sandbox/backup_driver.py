"""Cinder's own posix backup driver, with the faults of `sandbox.faults`. Test-only."""

# mypy: ignore-errors
from __future__ import annotations

from pathlib import Path

from cinder import exception, interface
from cinder.backup.drivers import posix
from oslo_config import cfg

from sandbox import faults

_OPTIONS = [cfg.StrOpt("backup_faults_dir", help="Directory of the faults to show.")]
cfg.CONF.register_opts(_OPTIONS)


@interface.backupdriver
class FaultyPosixBackupDriver(posix.PosixBackupDriver):
    """Everything is the parent's, after the delay and unless an error is asked for."""

    @staticmethod
    def get_driver_options():
        return posix.posixbackup_service_opts + _OPTIONS

    def backup(self, backup, *args, **kwargs):
        _suffer("backup", backup)
        return super().backup(backup, *args, **kwargs)

    def restore(self, backup, *args, **kwargs):
        _suffer("restore", backup)
        return super().restore(backup, *args, **kwargs)

    def delete_backup(self, backup):
        _suffer("delete", backup)
        return super().delete_backup(backup)


def _suffer(operation, backup):
    directory = cfg.CONF.backup_faults_dir
    if error := faults.wait(Path(directory), operation, backup.volume_id):
        raise exception.BackupDriverException(error)

"""Test-only Cinder volume driver: each volume is a sparse file.

No root, no help from the kernel, no data path but open(2) on the same machine. With fewer real
bytes per GB than the name says, backups of many volumes cost next to nothing.
"""

# mypy: ignore-errors
from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from cinder import exception, interface
from cinder.volume import configuration, driver
from oslo_config import cfg
from oslo_utils import units

_OPTIONS = [
    cfg.StrOpt("sparsefile_dir", help="Directory of the files."),
    cfg.IntOpt(
        "sparsefile_bytes_per_gb",
        default=units.Gi,
        min=4096,
        help="Bytes that the file has for each GB of the volume.",
    ),
    cfg.IntOpt("sparsefile_capacity_gb", default=1_000_000, help="Capacity to report."),
]
cfg.CONF.register_opts(_OPTIONS, group=configuration.SHARED_CONF_GROUP)


@interface.volumedriver
class SparseFileDriver(driver.VolumeDriver):
    VERSION = "1.0.0"
    CI_WIKI_NAME = "none"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.configuration.append_config_values(_OPTIONS)
        self._directory = Path(self.configuration.sparsefile_dir)
        self._bytes_per_gb = self.configuration.sparsefile_bytes_per_gb

    @staticmethod
    def get_driver_options():
        return _OPTIONS

    def do_setup(self, context):
        self._directory.mkdir(parents=True, exist_ok=True)

    def check_for_setup_error(self):
        if not os.access(self._directory, os.W_OK):
            raise exception.VolumeBackendAPIException(data=f"{self._directory} is not writable")

    def _update_volume_stats(self):
        capacity = self.configuration.sparsefile_capacity_gb
        self._stats = {
            "volume_backend_name": self.configuration.safe_get("volume_backend_name") or "sparse",
            "vendor_name": "none",
            "driver_version": self.VERSION,
            "storage_protocol": "local",
            "total_capacity_gb": capacity,
            "free_capacity_gb": capacity,
            "reserved_percentage": 0,
            "QoS_support": False,
            "sparse_copy_volume": True,
            "multiattach": True,
        }

    def create_volume(self, volume):
        self._grow(self._path(volume), volume.size)

    def delete_volume(self, volume):
        _remove(self._path(volume))

    def extend_volume(self, volume, new_size):
        self._grow(self._path(volume), new_size)

    def create_snapshot(self, snapshot):
        _copy(self._path(snapshot.volume), self._path(snapshot))

    def delete_snapshot(self, snapshot):
        _remove(self._path(snapshot))

    def create_volume_from_snapshot(self, volume, snapshot):
        _copy(self._path(snapshot), self._path(volume))
        self._grow(self._path(volume), volume.size)

    def create_cloned_volume(self, volume, src_vref):
        _copy(self._path(src_vref), self._path(volume))
        self._grow(self._path(volume), volume.size)

    def revert_to_snapshot(self, context, volume, snapshot):
        _copy(self._path(snapshot), self._path(volume))

    def local_path(self, volume):
        return str(self._path(volume))

    def initialize_connection(self, volume, connector, **kwargs):
        return _local_connection(self._path(volume))

    def terminate_connection(self, volume, connector, **kwargs):
        # A restore opens the device for writing, which makes a file empty,
        # and skips zeros: the end of the volume may be missing now.
        if self._path(volume).exists():
            self._grow(self._path(volume), volume.size)

    def initialize_connection_snapshot(self, snapshot, connector, **kwargs):
        return _local_connection(self._path(snapshot))

    def terminate_connection_snapshot(self, snapshot, connector, **kwargs):
        pass

    def ensure_export(self, context, volume):
        pass

    def create_export(self, context, volume, connector):
        pass

    def remove_export(self, context, volume):
        pass

    def create_export_snapshot(self, context, snapshot, connector):
        pass

    def remove_export_snapshot(self, context, snapshot):
        pass

    def secure_file_operations_enabled(self):
        # Backup and restore open the file as they are, without chown.
        return True

    def _path(self, volume_or_snapshot):
        return self._directory / volume_or_snapshot.name

    def _grow(self, path, size_gb):
        """Make the file, or make it at least that large."""
        wanted = size_gb * self._bytes_per_gb
        with path.open("ab") as file:
            if os.fstat(file.fileno()).st_size < wanted:
                file.truncate(wanted)


def _local_connection(path):
    return {"driver_volume_type": "local", "data": {"device_path": str(path)}}


def _copy(source, target):
    try:
        subprocess.run(
            ["cp", "--sparse=always", "--reflink=auto", source, target],
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError):
        # Not everyone's cp knows these options.
        shutil.copyfile(source, target)


def _remove(path):
    path.unlink(missing_ok=True)

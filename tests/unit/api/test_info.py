"""What the service tells about itself."""

from __future__ import annotations

from datetime import timedelta

from oslo_config import cfg

from backup_manager.cinder import Uncertain
from backup_manager.db.models import Service
from backup_manager.version import VERSION

from . import support
from .support import Caller, Cinder


def _engine(host: str, ago: float) -> None:
    support.add(
        Service(
            id=support.new_id(),
            binary="backup-manager-engine",
            host=host,
            version="1.0",
            started_at=support.NOW - timedelta(days=1),
            heartbeat_at=support.NOW - timedelta(seconds=ago),
        )
    )


def test_info(reader: Caller, conf: cfg.ConfigOpts) -> None:
    conf.set_override("max_limit", 50, group="api")
    conf.set_override("default_timezone", "Asia/Shanghai", group="backup")
    _engine("a", 0)
    _engine("b", conf.engine.down_after + 1)
    assert reader.get("/v1/info").body["info"] == {
        "version": VERSION,
        "api_version": "v1.0",
        "cinder": {
            "microversion_needed": "3.43",
            "min_microversion": "3.0",
            "max_microversion": "3.71",
            "error": None,
        },
        "limits": {
            "max_limit": 50,
            "max_volumes": 1000,
            "max_incrementals": 1000,
            "max_preview": 100,
            "max_running_per_project": 10,
        },
        "delegation_mode": "trust",
        "default_timezone": "Asia/Shanghai",
        "default_max_incrementals": 6,
        "default_retention": {"max_age_days": 30},
        "engines_up": 1,
    }


def test_info_without_a_default_retention(reader: Caller, conf: cfg.ConfigOpts) -> None:
    conf.set_override("max_age_days", 0, group="retention")
    info = reader.get("/v1/info").body["info"]
    assert info["default_retention"] == {"max_age_days": None}


def test_info_without_cinder(reader: Caller, cinder: Cinder) -> None:
    cinder.speaks = Uncertain("No version document from Cinder at http://cinder/v3")
    info = reader.get("/v1/info").body["info"]
    assert info["cinder"] == {
        "microversion_needed": "3.43",
        "min_microversion": None,
        "max_microversion": None,
        "error": "No version document from Cinder at http://cinder/v3",
    }

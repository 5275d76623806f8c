"""All routes of the service."""

from __future__ import annotations

from backup_manager.api import (
    backup,
    chain,
    cleanup,
    deletion,
    health,
    info,
    openapi,
    policy,
    project,
    record,
    restore,
    retention,
    run,
    schedule,
    service,
    statistics,
    task,
    version,
    volume,
)
from backup_manager.api.call import Route
from backup_manager.api.schemas import backup as backups
from backup_manager.api.schemas import chain as chains
from backup_manager.api.schemas import cleanup as cleanups
from backup_manager.api.schemas import deletion as deletions
from backup_manager.api.schemas import health as healths
from backup_manager.api.schemas import info as infos
from backup_manager.api.schemas import openapi as documents
from backup_manager.api.schemas import policy as policies
from backup_manager.api.schemas import project as projects
from backup_manager.api.schemas import record as records
from backup_manager.api.schemas import restore as restores
from backup_manager.api.schemas import retention as retentions
from backup_manager.api.schemas import run as runs
from backup_manager.api.schemas import schedule as schedules
from backup_manager.api.schemas import service as services
from backup_manager.api.schemas import statistics as figures
from backup_manager.api.schemas import task as tasks
from backup_manager.api.schemas import version as versions
from backup_manager.api.schemas import volume as volumes

_BACKUP = "/v1/backups/{backup_id}"
_RUN = "/v1/runs/{run_id}"
_SCHEDULE = "/v1/schedules/{schedule_id}"
_VOLUME = "/v1/volumes/{volume_id}"
_POLICY = "/v1/policy"
_VOLUME_POLICY = f"{_VOLUME}/policy"

# Method, path, handler, policy, schemas.
ROUTES = (
    Route("GET", "/", version.list_versions, None, versions.LIST),
    Route("GET", "/v1/", version.show_version, None, versions.SHOW),
    Route("GET", "/v1/openapi.json", openapi.show_openapi, None, documents.SHOW),
    Route("GET", "/v1/volumes", volume.list_volumes, "volume:list", volumes.LIST),
    Route("GET", _VOLUME, volume.show_volume, "volume:show", volumes.SHOW),
    Route("GET", "/v1/backups", backup.list_backups, "backup:list", backups.LIST),
    Route("POST", "/v1/backups", backup.create_backups, "backup:create", backups.CREATE),
    Route("GET", _BACKUP, backup.show_backup, "backup:show", backups.SHOW),
    Route("PATCH", _BACKUP, backup.update_backup, "backup:update", backups.UPDATE),
    Route("POST", "/v1/backups/export", record.export_records, "record:export", records.EXPORT),
    Route("POST", "/v1/backups/import", record.import_records, "record:import", records.IMPORT),
    Route("POST", "/v1/restores", restore.create_restores, "restore:create", restores.CREATE),
    Route("POST", "/v1/deletions", deletion.create_deletion, "deletion:create", deletions.CREATE),
    Route("POST", "/v1/cleanups", cleanup.create_cleanup, "cleanup:create", cleanups.CREATE),
    Route("GET", "/v1/schedules", schedule.list_schedules, "schedule:list", schedules.LIST),
    Route("POST", "/v1/schedules", schedule.create_schedule, "schedule:create", schedules.CREATE),
    Route("GET", _SCHEDULE, schedule.show_schedule, "schedule:show", schedules.SHOW),
    Route("PATCH", _SCHEDULE, schedule.update_schedule, "schedule:update", schedules.UPDATE),
    Route("DELETE", _SCHEDULE, schedule.delete_schedule, "schedule:delete", schedules.DELETE),
    Route(
        "POST",
        f"{_SCHEDULE}/volumes",
        schedule.add_volumes,
        "schedule:update",
        schedules.ADD_VOLUMES,
    ),
    Route(
        "POST",
        f"{_SCHEDULE}/volumes/remove",
        schedule.remove_volumes,
        "schedule:update",
        schedules.REMOVE_VOLUMES,
    ),
    Route("POST", f"{_SCHEDULE}/run", schedule.run_schedule, "schedule:run", schedules.RUN_NOW),
    Route(
        "GET",
        f"{_SCHEDULE}/preview",
        schedule.preview_schedule,
        "schedule:show",
        schedules.SHOW_PREVIEW,
    ),
    Route(
        "POST",
        "/v1/schedules/preview",
        schedule.preview_recurrence,
        "schedule:preview",
        schedules.MAKE_PREVIEW,
    ),
    Route("GET", _POLICY, policy.show_project, "policy:show", policies.SHOW),
    Route("PUT", _POLICY, policy.put_project, "policy:update", policies.PUT),
    Route("DELETE", _POLICY, policy.delete_project, "policy:update", policies.DELETE),
    Route("GET", _VOLUME_POLICY, policy.show_volume, "policy:show", policies.SHOW),
    Route("PUT", _VOLUME_POLICY, policy.put_volume, "policy:update", policies.PUT),
    Route("DELETE", _VOLUME_POLICY, policy.delete_volume, "policy:update", policies.DELETE),
    Route("GET", f"{_VOLUME}/retention", retention.show_volume, "retention:show", retentions.SHOW),
    Route(
        "GET",
        f"{_SCHEDULE}/retention",
        retention.show_schedule,
        "retention:show",
        retentions.SHOW,
    ),
    Route(
        "POST",
        "/v1/retention/preview",
        retention.preview,
        "retention:show",
        retentions.PREVIEW,
    ),
    Route(
        "POST",
        "/v1/retention/simulate",
        retention.simulate,
        "retention:simulate",
        retentions.SIMULATE,
    ),
    Route("GET", f"{_VOLUME}/chain", chain.show_chain, "chain:show", chains.SHOW),
    Route("GET", "/v1/runs", run.list_runs, "run:list", runs.LIST),
    Route("GET", _RUN, run.show_run, "run:show", runs.SHOW),
    Route("GET", f"{_RUN}/tasks", run.list_tasks, "run:show", runs.TASKS),
    Route("POST", f"{_RUN}/cancel", run.cancel_run, "run:cancel", runs.CANCEL),
    Route("POST", f"{_RUN}/confirm", run.confirm_run, "run:confirm", runs.CONFIRM),
    Route("GET", "/v1/tasks", task.list_tasks, "task:list", tasks.LIST),
    Route("GET", "/v1/projects", project.list_projects, "project:list", projects.LIST),
    Route("GET", "/v1/services", service.list_services, "service:list", services.LIST),
    Route("GET", "/v1/statistics", statistics.show_statistics, "statistics:show", figures.SHOW),
    Route("GET", "/v1/info", info.show_info, "info:show", infos.SHOW),
    Route("GET", "/v1/health", health.show_health, "health:show", healths.SHOW),
)

"""Version discovery."""

from __future__ import annotations

from backup_manager.api.call import Body, Call

VERSION_ID = "v1.0"


def list_versions(call: Call) -> Body:
    """List the versions of the API."""
    return {"versions": [_view(call)]}


def show_version(call: Call) -> Body:
    """Show this version of the API."""
    return {"version": _view(call)}


def _view(call: Call) -> Body:
    links = [
        {"rel": "self", "href": f"{call.root}v1/"},
        {
            "rel": "describedby",
            "type": "application/json",
            "href": f"{call.root}v1/openapi.json",
        },
    ]
    return {"id": VERSION_ID, "status": "CURRENT", "links": links}

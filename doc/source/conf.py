"""How Sphinx builds the documents."""

import sys
from importlib import metadata
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "ext"))

project = "Backup Manager"
copyright = "2026, The Backup Manager developers"
extensions = [
    "openstackdocstheme",
    "cliff.sphinxext",
    "oslo_config.sphinxext",
    "oslo_policy.sphinxext",
    "api_reference",
    "program_help",
]
html_theme = "openstackdocs"
# What is installed: history may not be at hand.
version = release = metadata.version("backup-manager")
openstackdocs_auto_name = False
openstackdocs_auto_version = False
openstackdocs_use_storyboard = False
exclude_patterns = ["_build"]
# Most boxes are commands or settings; those with code say of which language.
highlight_language = "none"
# Options begin with two hyphens, in help texts too: no dashes from them.
smartquotes_action = "qe"
# What every command of openstack has, and the page says once.
autoprogram_cliff_ignored = [
    *("--help", "--format", "--column", "--max-width", "--fit-width", "--print-empty"),
    *("--prefix", "--noindent", "--quote", "--sort-column", "--sort-ascending"),
    "--sort-descending",
]
# So that it does not say of each that it belongs to a plugin.
autoprogram_cliff_app_dist_name = "backup-manager"


def setup(app: Any) -> None:
    """These pages change with the code, not with their files."""
    pages = {"configuration", "policies", "commands"}
    app.connect("env-get-outdated", lambda _, env, *changes: pages & env.found_docs)

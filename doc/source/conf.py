"""How Sphinx builds the documents."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "ext"))

project = "Backup Manager"
copyright = "2026, The Backup Manager developers"
extensions = ["openstackdocstheme", "api_reference"]
html_theme = "openstackdocs"
openstackdocs_auto_name = False
openstackdocs_use_storyboard = False
exclude_patterns = ["_build"]

"""How Sphinx builds the documents."""

project = "Backup Manager"
copyright = "2026, The Backup Manager developers"
extensions = ["openstackdocstheme"]
html_theme = "openstackdocs"
openstackdocs_auto_name = False
openstackdocs_use_storyboard = False
exclude_patterns = ["_build"]

"""The directive ``api-reference``: the REST API, from the document that describes it."""

from __future__ import annotations

from typing import Any

import openapi_rst
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from backup_manager.api import openapi


class ApiReference(SphinxDirective):
    """Puts the reference where it stands, in sections of the next level."""

    def run(self) -> list[nodes.Node]:
        # It changes with the code, not with the file that it stands in.
        self.env.note_reread()
        text = openapi_rst.render(openapi.document())
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("api-reference", ApiReference)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

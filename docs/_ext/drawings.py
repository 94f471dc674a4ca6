"""`{drawing} path.svg`: a picture within the page, so that its text has the page's colours.

The option `alt` says in words what is to be seen, for those who can't see it. The content is the
caption.
"""

from html import escape
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective


def setup(app):
    app.add_directive("drawing", Drawing)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class Drawing(SphinxDirective):
    required_arguments = 1
    has_content = True
    option_spec = {"alt": directives.unchanged_required}

    def run(self):
        relative, absolute = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(relative)
        if "alt" not in self.options:
            raise self.error("A drawing needs the option 'alt', which says what is to be seen.")
        svg = Path(absolute).read_text(encoding="utf-8")
        label = escape(self.options["alt"], quote=True)
        svg = svg.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
        begin = nodes.raw("", f'<figure class="drawing">{svg}<figcaption>', format="html")
        end = nodes.raw("", "</figcaption></figure>", format="html")
        return [begin, *self.parse_content_to_nodes(), end]

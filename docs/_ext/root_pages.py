"""Pages of the repository's root within the site.

A line `<!-- page: CHANGELOG.md -->` stands for that page. A link, on any page, to a page of the
root leads to the page of the site that holds it.
"""

import re
from pathlib import Path

MARK = re.compile(r"^<!-- page: (\S+) -->$", flags=re.MULTILINE)
HOLDERS = {
    "README.md": "/index.md",
    "CONTRIBUTING.md": "/contribute/index.md",
    "CHANGELOG.md": "/whats_new.md",
}


def setup(app):
    app.connect("source-read", put_pages_in)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def put_pages_in(app, docname, source):
    """Put in pages of the root, whose links start there, and mend links to such pages."""
    root = Path(app.srcdir).parent

    def page(match):
        app.env.note_dependency(str(root / match[1]))
        text = (root / match[1]).read_text(encoding="utf-8")
        return re.sub(r"\]\(docs/", "](/", text)

    text = MARK.sub(page, source[0])
    for name, holder in HOLDERS.items():
        text = re.sub(rf"\]\((?:\.\./)*{re.escape(name)}(#[^)]*)?\)", rf"]({holder}\1)", text)
    source[0] = text

"""What the methods say of themselves, for their pages.

`{method-facts} NAME` is the table of one method, `{method-table}` that of all methods, and
`{method-papers}` the list of their papers. A method without a page in words of its own gets one by
its docstring.
"""

import inspect
from pathlib import Path

from api_pages import write_if_changed
from sphinx.util.docutils import SphinxDirective
from write_method_tables import usefulness

from sknoisy.methods import METHODS


def setup(app):
    app.add_directive("method-facts", MethodFacts)
    app.add_directive("method-table", MethodTable)
    app.add_directive("method-papers", MethodPapers)
    app.connect("config-inited", write_missing_pages)
    app.connect("source-read", list_methods)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_missing_pages(app, config):
    """Write a page for each method that has none, and take away those no longer needed."""
    folder = Path(app.srcdir) / "methods" / "generated"
    folder.mkdir(exist_ok=True)
    missing = [name for name in METHODS if "generated" in page_of(name, app.srcdir)]
    for path in folder.glob("*.md"):
        if path.stem not in missing:
            path.unlink()
    for name in missing:
        words = inspect.getdoc(METHODS[name]).partition("\n\nParameters\n")[0]
        text = f"# {METHODS[name].__name__}\n\n```{{eval-rst}}\n{words}\n```\n"
        text += f"\n```{{method-facts}} {name}\n```\n"
        write_if_changed(folder / f"{name}.md", text)


def page_of(name, source):
    """Return the page of a method, from the root of the sources."""
    own = f"methods/{name}.md"
    return f"/{own}" if (Path(source) / own).exists() else f"/methods/generated/{name}.md"


def list_methods(app, docname, source):
    """Put the pages of all methods where their first page has a mark, those to choose first."""
    if docname == "methods/index":
        names = [name for name, _ in sorted(METHODS.items(), key=usefulness)]
        pages = [page_of(name, app.srcdir).removesuffix(".md") for name in names]
        source[0] = source[0].replace("<!-- methods -->", "\n".join(pages))


class MarkdownDirective(SphinxDirective):
    """A directive that stands for lines of Markdown."""

    def run(self):
        return self.parse_text_to_nodes("\n".join(self.lines()))


class MethodFacts(MarkdownDirective):
    """What a method needs and costs, when to choose it, its class and its paper."""

    required_arguments = 1

    def lines(self):
        name = self.arguments[0]
        kind = METHODS[name]
        trusted = ", trusted=trusted" if kind.needs_trusted else ""
        call = f'RobustClassifier("{name}").fit(X, y{trusted})'
        facts = {
            "Use it": f"`{call}`, and `NoisyLabelDetector` likewise",
            "Parameters": f"{{py:class}}`sknoisy.methods.{kind.__name__}`",
            "Needs": kind.needs,
            "Cost": f"{kind.cost}, where training the plain net is 1",
            "Choose it": choice_in_words(kind.choose_it),
            "Paper": kind.citation,
        }
        yield from (":::{list-table}", ":widths: 20 80", ":stub-columns: 1", "")
        for fact, words in facts.items():
            if words:
                yield from (f"* - {fact}", f"  - {words}")
        yield ":::"


def choice_in_words(choose_it):
    """Return when to choose a method as part of a sentence of its own."""
    starts = ("first", "to compare", "as ")
    return choose_it if choose_it.startswith(starts) else f"if {choose_it}"


class MethodTable(MarkdownDirective):
    """All methods, those to choose first, with links to their pages."""

    def lines(self):
        yield from ("| method | name | needs | cost | choose it |", "|---|---|---|---|---|")
        for name, kind in sorted(METHODS.items(), key=usefulness):
            page = page_of(name, self.env.srcdir)
            yield f"| []({page}) | `{name}` | {kind.needs} | {kind.cost} | {kind.choose_it} |"


class MethodPapers(MarkdownDirective):
    """The papers of all methods."""

    def lines(self):
        for name, kind in sorted(METHODS.items(), key=usefulness):
            if kind.citation:
                yield f"* {kind.citation}. Method [`{name}`]({page_of(name, self.env.srcdir)})."

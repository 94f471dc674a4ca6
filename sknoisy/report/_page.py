"""A report as one page that needs nothing else, and as Markdown."""

import base64
import hashlib
import html
import re
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from . import _words

TEMPLATES = "templates"
# What Markdown would take for its own.
_MARKDOWN = re.compile(r"([\\`*_{}\[\]#|~!])")


def render_page(content: dict[str, Any], data: dict[str, Any], scripts: tuple[str, ...]) -> str:
    """Return the page.

    Parameters
    ----------
    content : dict
        What the template shows.
    data : dict
        What the script reads.
    scripts : tuple of str
        Scripts of frames that may run, beside the page's own.
    """
    script = _template_text("report.js")
    policy = (
        f"default-src 'none'; script-src {' '.join(_hash(each) for each in (script, *scripts))}; "
        "style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; "
        "form-action 'none'"
    )
    return (
        _environment(autoescape=True)
        .get_template("report.html")
        .render(
            content,
            policy=policy,
            # The first two are files of the package; the third is escaped for a script.
            style=Markup(_template_text("report.css")),  # nosec B704
            script=Markup(script),  # nosec B704
            data=Markup(_words.script_json(data)),  # nosec B704
        )
    )


def render_markdown(content: dict[str, Any]) -> str:
    """Return the summary as Markdown."""
    return _environment(autoescape=False).get_template("report.md.jinja").render(content)


def as_frame(page: str, height: int = 760) -> str:
    """Return a piece of HTML that shows a page within another one, apart from its styles."""
    return (
        '<iframe title="Report on the quality of labels" '
        'sandbox="allow-scripts allow-downloads allow-popups" '
        f'style="width:100%;height:{height}px;border:1px solid #8884;border-radius:8px" '
        f'srcdoc="{html.escape(page)}"></iframe>'
    )


def as_markdown_text(value: Any) -> str:
    """Return a text that Markdown shows as it is, in one line.

    Examples
    --------
    >>> print(as_markdown_text("a|b <c>"))
    a\\|b &lt;c&gt;
    """
    line = " ".join(_words.short_text(value).split())
    return _MARKDOWN.sub(r"\\\1", html.escape(line, quote=False))


@cache
def _environment(*, autoescape: bool) -> Environment:
    # Not of Markdown, which has characters of its own to escape: the filter "md" does it.
    environment = Environment(  # nosec B701
        loader=PackageLoader("sknoisy.report", TEMPLATES),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": _words.percent,
        "whole": _words.whole,
        "rows": _words.rows,
        "md": as_markdown_text,
        "short": _words.short_text,
    }
    return environment


def _template_text(name: str) -> str:
    return files("sknoisy.report").joinpath(TEMPLATES, name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """Return the expression of a content security policy that lets this very script run."""
    # A browser reads every line break as a line feed.
    text = script.replace("\r\n", "\n").replace("\r", "\n")
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

"""Formulas as MathML, which browsers draw by themselves: no script, no font, no network."""

from docutils.nodes import SkipNode
from latex2mathml.converter import convert
from sphinx.util import logging

logger = logging.getLogger(__name__)


def setup(app):
    app.add_html_math_renderer("mathml", (write_inline, None), (write_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def write_inline(translator, node):
    """Write a formula within a line."""
    translator.body.append(f'<span class="formula">{mathml(node, "inline")}</span>')
    raise SkipNode


def write_block(translator, node):
    """Write a formula that stands by itself."""
    translator.body.append(f'<div class="formula">{mathml(node, "block")}</div>')
    raise SkipNode


def mathml(node, display):
    """Return the formula of a node; what can't be read is a warning, and stays as it was typed."""
    latex = node.astext().strip()
    try:
        return convert(latex, display=display)
    except Exception as error:
        logger.warning("This formula can't be read: %s (%s)", latex, error, location=node)
        return latex

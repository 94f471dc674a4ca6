"""Docstrings of public names have numpydoc's form, and every public name has a page.

These need what the documents are built with: `pip install -e '.[docs]'`.
"""

import importlib
import inspect
import pkgutil
import re
import sys
from pathlib import Path

import pytest

import sknoisy

pytest.importorskip("sphinx")
validation = pytest.importorskip("numpydoc.validate")

DOCS = Path(__file__).parents[1] / "docs"
sys.path.insert(0, str(DOCS / "_ext"))
api_pages = importlib.import_module("api_pages")
sys.path.remove(str(DOCS / "_ext"))

# Of the names in numpydoc's table: a docstring there is, its sections are known and in order, its
# summary is one sentence, and its parameters are those of the signature, in their order.
FORM = {
    *("GL01", "GL03", "GL05", "GL06", "GL07", "GL08", "GL09", "GL10"),
    *("SS03", "SS04", "SS06", "PR02", "PR03", "PR04", "PR05", "PR08", "PR09", "PR10", "RT05"),
}
NAMES = [
    f"{module}.{name}"
    for module in api_pages.public_modules()
    for name in api_pages.public_names(module)
]
OWN = [name for name in NAMES if not api_pages.foreign(name) and not api_pages.comment_of(name)]


def first_modules():
    """Return the modules that the reference lists for everybody."""
    page = (DOCS / "api" / "index.md").read_text(encoding="utf-8")
    return re.findall(r"^modules/(\S+)$", page, flags=re.MULTILINE)


def errors(name, codes):
    return {code: words for code, words in validation.validate(name)["errors"] if code in codes}


@pytest.mark.parametrize("name", OWN)
def test_docstrings_of_a_public_name_and_its_members_have_numpydocs_form(name):
    members = [f"{name}.{member}" for member in api_pages.own_members(name)]
    own = [member for member in members if "sklearn" not in home_of(member)]
    wrong = {each: errors(each, FORM) for each in (name, *own)}
    assert {each: found for each, found in wrong.items() if found} == {}


def home_of(member):
    owner, _, name = member.rpartition(".")
    module, _, kind = owner.rpartition(".")
    value = inspect.getattr_static(getattr(importlib.import_module(module), kind), name)
    value = getattr(value, "fget", None) or getattr(value, "__func__", None) or value
    return getattr(value, "__module__", "")


@pytest.mark.parametrize(
    "name", [name for name in OWN if name.rpartition(".")[0] in first_modules()]
)
def test_every_parameter_of_a_name_for_everybody_is_documented(name):
    module, _, own_name = name.rpartition(".")
    value = getattr(importlib.import_module(module), own_name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert errors(name, {"PR01"}) == {}


def test_every_public_module_says_what_it_exports_and_has_a_page():
    found = [module.name for module in pkgutil.iter_modules(sknoisy.__path__)]
    public = {f"sknoisy.{name}" for name in found if not name.startswith("_")} | {"sknoisy"}
    assert set(api_pages.public_modules()) == public
    assert set(first_modules()) <= public
    assert "<!-- other modules -->" in (DOCS / "api" / "index.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("module", api_pages.public_modules())
def test_every_public_name_is_in_the_table_of_its_module(module):
    table = set(re.findall(r"^   (\w+)$", api_pages.module_page(module), flags=re.MULTILINE))
    exported = importlib.import_module(module).__all__
    assert {name for name in exported if not name.startswith("_")} <= table


def test_every_constant_has_words_of_its_own():
    constants = {name: api_pages.comment_of(name) for name in NAMES}
    assert constants["sknoisy.datasets.TABLE_NAMES"] == "Names that `fetch_table` knows."

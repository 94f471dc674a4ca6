"""The HTML of an estimator links to its page in the documents."""

import tomllib
from pathlib import Path

import pytest

from sknoisy import NoisyLabelDetector, RobustClassifier, _documentation
from sknoisy.features import PretrainedFeatures
from sknoisy.methods import METHODS
from sknoisy.tables import NumberEncoder, TreeEncoder

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
SITE = "https://example.org/docs"
ESTIMATORS = [
    (RobustClassifier, "sknoisy.RobustClassifier"),
    (NoisyLabelDetector, "sknoisy.NoisyLabelDetector"),
    (PretrainedFeatures, "sknoisy.features.PretrainedFeatures"),
    (NumberEncoder, "sknoisy.tables.NumberEncoder"),
    (TreeEncoder, "sknoisy.tables.TreeEncoder"),
    *((kind, f"sknoisy.methods.{kind.__name__}") for kind in METHODS.values()),
]


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setattr(_documentation, "documentation_url", lambda: SITE)


@pytest.mark.parametrize(("kind", "name"), ESTIMATORS, ids=lambda value: getattr(value, "name", ""))
def test_the_html_links_to_the_page_of_the_public_name(kind, name, site):
    assert f'href="{SITE}/api/generated/{name}.html"' in kind()._repr_html_()


def test_without_an_address_there_is_no_link(monkeypatch):
    monkeypatch.setattr(_documentation, "documentation_url", lambda: "")
    assert RobustClassifier()._get_doc_link() == ""


def test_a_class_of_somebody_elses_has_no_page(site):
    class Own(RobustClassifier):
        pass

    assert Own()._get_doc_link() == ""


def test_the_address_is_that_of_the_project():
    urls = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["urls"]
    assert _documentation.documentation_url() == urls["Documentation"].rstrip("/"), (
        "Install the package anew: its metadata is older than pyproject.toml."
    )

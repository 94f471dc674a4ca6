"""The snippets of the README, Get started and the user guide run in order, as a reader would."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.datasets import make_bookings
from sknoisy.noise import flip_symmetric

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
GET_STARTED = ROOT / "docs" / "get_started.md"
USER_GUIDE = sorted((ROOT / "docs" / "user_guide").glob("*.md"))
# Without Python, or run by tests of their own.
LEFT_OUT = (
    "command_line",
    "grids_on_clusters",
    "index",
    "label_studio",
    "methods_and_papers",
    "skore_skrub",
    "when_not_to_trust",
)
PAGES = [page for page in USER_GUIDE if page.stem not in LEFT_OUT]


def python_blocks(page):
    """Return the snippets, moved down to their own lines so that errors name these."""
    text = page.read_text(encoding="utf-8")
    blocks = re.finditer(r"^```python\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return ["\n" * text.count("\n", 0, block.start(1)) + block[1] for block in blocks]


@pytest.fixture
def one_thread():
    """Small nets train many times faster so, where others use the processor too."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.fixture
def no_windows():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("Agg")
    yield
    pyplot.close("all")


def make_customers():
    generator = np.random.default_rng(0)
    income, city = generator.normal(size=200), generator.choice(["Bonn", "Graz", "Bern"], 200)
    return pd.DataFrame(
        {
            "income": np.where(generator.random(200) < 0.1, np.nan, income),
            "city": city,
            "since": pd.date_range("2020-01-01", periods=200).strftime("%d.%m.%Y"),
            "churned": np.where(income + (city == "Bonn") > 0, "yes", "no"),
        }
    )


@pytest.mark.slow
@pytest.mark.parametrize("page", [README, GET_STARTED, *PAGES], ids=lambda page: page.stem)
def test_snippets_run_in_order(page, tmp_path, monkeypatch, one_thread, no_windows):
    monkeypatch.chdir(tmp_path)
    make_customers().to_csv("customers.csv", index=False)
    blocks = python_blocks(page)
    assert blocks
    namespace = {"__name__": "__main__"}
    for block in blocks:
        exec(compile(block, str(page), "exec"), namespace)
    if {"model", "X_test"} <= namespace.keys():
        assert namespace["model"].score(namespace["X_test"], namespace["y_test"]) > 0.85


def test_readme_opens_with_the_two_commands():
    head = README.read_text(encoding="utf-8").split("```")[1]
    assert re.findall(r"^make (\w+)", head, flags=re.MULTILINE) == ["demo", "test"]


@pytest.mark.parametrize("target", ["demo", "test"])
def test_makefile_has_the_command(target):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)


def test_named_scripts_exist():
    scripts = set(re.findall(r"examples/\w+\.py", README.read_text(encoding="utf-8")))
    assert len(scripts) == 7
    assert all((ROOT / script).is_file() for script in scripts)


def test_readme_shows_the_first_result_within_a_screen():
    head = README.read_text(encoding="utf-8").split("![")[0]
    assert "get_label_issues" in head and "sknoisy detect" in head
    assert len(head.splitlines()) <= 50


def command_lines(page):
    """Return the calls of sknoisy in blocks of the shell on a page."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^sknoisy (.+)$", "\n".join(blocks), re.MULTILINE)


@pytest.mark.parametrize("page", [README, GET_STARTED, *USER_GUIDE], ids=lambda page: page.stem)
def test_commands_and_options_of_the_command_line_exist(page):
    from typer.main import get_command

    from sknoisy.cli import app

    commands = get_command(app).commands
    for call in command_lines(page):
        name, *words = call.split()
        options = {option for each in commands[name].params for option in each.opts}
        assert {word for word in words if word.startswith("--")} <= options


@pytest.mark.slow
def test_every_attribute_of_the_tables_is_one_of_the_estimators():
    page = ROOT / "docs" / "user_guide" / "attributes.md"
    rows = re.findall(r"^\| (`\w+_`.*?) \|", page.read_text(encoding="utf-8"), re.MULTILINE)
    names = {name for row in rows for name in re.findall(r"`(\w+_)`", row)}
    X, y = make_bookings(800, random_state=0)
    X, y = X[["nights", "guests"]], flip_symmetric(y, 0.2, random_state=0)[0]
    trees = HistGradientBoostingClassifier(max_iter=5)
    groups = np.arange(len(X)) % 3
    net_alone = RobustClassifier(max_epochs=2, random_state=0).fit(X, y, groups=groups)
    boosted = RobustClassifier(estimator=trees, random_state=0).fit(X, y)
    detector = NoisyLabelDetector(estimator=trees, random_state=0)
    detector.fit_resample(X, y)
    detector.apply_review({X.index[0]: y.iloc[0]})
    fitted = [net_alone, boosted, detector]
    assert len(names) == 24
    assert {name for name in names if not any(hasattr(each, name) for each in fitted)} == set()

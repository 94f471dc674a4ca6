"""The Markdown pages: their lines, their links, and the records of decisions."""

import importlib.util
import re
from pathlib import Path

import pytest
from sklearn.datasets import make_blobs

from sknoisy import NoisyLabelDetector
from sknoisy.methods import METHODS
from sknoisy.noise import flip_symmetric

ROOT = Path(__file__).parents[1]
RECORDS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))


def tool(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def check_markdown():
    return tool("check_markdown")


def test_tables_of_the_user_guide_are_what_the_methods_say():
    assert tool("write_method_tables").main(["--check"]) == 0, "Run `make tables`."


def test_every_method_says_what_it_needs_costs_and_when_to_choose_it():
    for name, kind in METHODS.items():
        assert kind.needs and kind.cost and kind.choose_it, name
        assert kind.citation or name == "cross_entropy"


def test_method_of_the_page_on_adding_one_works():
    page = (ROOT / "docs" / "methods" / "adding.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    namespace = {"__name__": "sknoisy.methods._small_loss", "__package__": "sknoisy.methods"}
    exec(compile(code, "adding.md", "exec"), namespace)
    X, y = make_blobs(200, centers=2, random_state=0)
    y_noisy, flipped = flip_symmetric(y, 0.2, random_state=0)
    detector = NoisyLabelDetector(namespace["SmallLoss"](kept=0.7), max_epochs=5, random_state=0)
    detector.fit(X, y_noisy)
    assert (detector.noise_mask_ == flipped).mean() > 0.95


def test_no_line_is_too_long(check_markdown, capsys):
    assert check_markdown.main([]) == 0, capsys.readouterr().out


def test_a_long_line_is_named_with_its_number(check_markdown, tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("# Short\n\n" + "word " * 30)
    assert check_markdown.main([str(page)]) == 1
    assert f"{page}:3: 150 characters" in capsys.readouterr().out


def test_a_page_of_too_many_words_is_named(check_markdown, tmp_path, capsys):
    page = tmp_path / "docs" / "guide.md"
    page.parent.mkdir()
    page.write_text("word\n" * 1201)
    assert check_markdown.main([str(page)]) == 1
    assert "guide.md: 1201 words" in capsys.readouterr().out


def test_pages_to_look_things_up_and_code_may_be_long(check_markdown, tmp_path):
    page = tmp_path / "docs" / "benchmarks" / "tables.md"
    page.parent.mkdir(parents=True)
    page.write_text("word\n" * 1201)
    code = tmp_path / "docs" / "guide.md"
    code.write_text("```python\n" + "word\n" * 1201 + "```\n")
    assert check_markdown.main([str(page), str(code)]) == 0


@pytest.mark.parametrize(
    "line",
    ["| cell " * 30, "https://example.org/" + "x" * 120, f"- [page]({'x' * 120}.md)", "x" * 120],
    ids=["row of a table", "address", "link", "longest"],
)
def test_lines_that_may_be_long(check_markdown, line):
    assert check_markdown.long_lines(line) == []


def test_every_relative_link_leads_to_a_file(check_markdown):
    broken = []
    for page in check_markdown.markdown_files(ROOT):
        text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        targets = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", text)
        broken += [(page, target) for target in targets if not (page.parent / target).exists()]
    assert broken == []


def test_every_decision_is_in_the_index_under_its_own_title():
    index = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    lines = set(re.findall(r"^- (.+)$", index, flags=re.MULTILINE))
    expected = set()
    for record in RECORDS:
        number, title = re.match(r"# (\d{4})\. (.+)\n", record.read_text(encoding="utf-8")).groups()
        assert record.name.startswith(f"{number}-")
        expected.add(f"[{number}]({record.name}) {title}")
    assert len(expected) >= 30
    assert lines == expected


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_decision_has_its_four_parts(record):
    parts = re.split(r"^## (.+)\n", record.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert parts[::2] == ["Context", "Decision", "What was measured", "Consequences"]
    assert all(part.strip() for part in parts[1::2])

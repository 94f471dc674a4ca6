"""The pages on programs beside sknoisy: what they show works."""

import json
import re
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[1] / "docs" / "user_guide"


def blocks_of(name):
    """Return the snippets of a page, those that others run and those that need more."""
    text = (PAGES / name).read_text(encoding="utf-8")
    blocks = re.finditer(r"^```(?:\{code-block\} )?python\n(.*?)^```$", text, re.M | re.S)
    return [block[1] for block in blocks]


def with_answers(tasks, answers):
    """Return tasks as Label Studio exports them, answered."""
    return [
        {
            "id": number,
            **task,
            "annotations": [
                {
                    "was_cancelled": False,
                    "result": [
                        {
                            "from_name": "right_label",
                            "to_name": "content",
                            "type": "choices",
                            "value": {"choices": [answer]},
                        }
                    ],
                }
            ],
        }
        for number, (task, answer) in enumerate(zip(tasks, answers, strict=True), start=1)
    ]


def test_round_trip_by_label_studio_settles_the_verdict(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    *before, images, settle, refit = blocks_of("label_studio.md")
    names = {}
    for block in before:
        exec(compile(block, "label_studio.md", "exec"), names)
    tasks = json.loads(Path("tasks.json").read_text())
    assert "feature_0" in tasks[0]["data"]["shown"]
    assert 'value="$shown"' in Path("interface.xml").read_text()
    right = ["cat", "dog", "owl"]
    answers = [right[names["data"].y_true[task["data"]["row"]]] for task in tasks]
    Path("export.json").write_text(json.dumps(with_answers(tasks, answers)[::-1]))
    for block in (settle, refit, images):
        exec(compile(block, "label_studio.md", "exec"), names)
        if block is settle:
            assert names["detector"].reviewed_.sum() == len(tasks)
    assert "/data/local-files/?d=" in Path("tasks.json").read_text()
    assert 'Image name="content" value="$image"' in names["interface"]


@pytest.mark.slow
def test_skore_finds_the_issue_that_the_page_speaks_of(tmp_path, monkeypatch):
    pytest.importorskip("skore")
    monkeypatch.chdir(tmp_path)
    names = {}
    check, queue = blocks_of("skore_skrub.md")[:2]
    small = check.replace("CheckLabelNoise(max", "CheckLabelNoise(JUDGE, max")
    judge = (
        "from sknoisy import NoisyLabelDetector\n"
        "from sklearn.ensemble import HistGradientBoostingClassifier\n"
        "TREES = HistGradientBoostingClassifier(max_iter=10)\n"
        "JUDGE = NoisyLabelDetector(estimator=TREES, random_state=0)\n"
    )
    for block in (judge, small, queue):
        exec(compile(block, "skore_skrub.md", "exec"), names)
    frame = names["report"].checks.summarize().frame(section="issue")
    assert "SKN001" in set(frame["code"])


@pytest.mark.slow
def test_skrub_and_fiftyone_are_shown_one_after_the_other(tmp_path, monkeypatch):
    pytest.importorskip("skrub")
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks_of("skore_skrub.md")[2:4]:
        exec(compile(block, "skore_skrub.md", "exec"), names)
    samples = json.loads(Path("verdicts/samples.json").read_text())["samples"]
    assert len(samples) == 500

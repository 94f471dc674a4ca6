"""Verdicts on images as a folder that FiftyOne imports."""

import json
import os

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from sknoisy import NoisyLabelDetector
from sknoisy.datasets import load_digits_noisy
from sknoisy.review import write_fiftyone

CLASSIFICATION = {"_cls", "label"}


@pytest.fixture
def issues():
    return pd.DataFrame(
        {
            "given_label": ["cat", "<b>dog</b>"],
            "suggested_label": ["dog", "<b>dog</b>"],
            "label_quality": [0.1, 0.9],
            "is_noise": [True, False],
            "rank": [0, 1],
        },
        index=pd.Index(["x/2.jpg", "x/1.jpg"], name="path"),
    )


def read(file):
    return json.loads(file.read_text(encoding="utf-8"))["samples"]


def test_samples_have_the_fields_that_are_promised(issues, tmp_path):
    first, second = read(write_fiftyone(issues, tmp_path / "new"))
    assert first == {
        "filepath": os.path.abspath("x/2.jpg"),
        "tags": ["suspicious"],
        "ground_truth": {"_cls": "Classification", "label": "cat"},
        "suggested": {"_cls": "Classification", "label": "dog"},
        "label_quality": 0.1,
        "is_noise": True,
        "rank": 0,
        "row_label": "x/2.jpg",
    }
    assert second["tags"] == [] and second["ground_truth"]["label"] == "<b>dog</b>"


def test_paths_are_found_by_row_label(issues, tmp_path):
    paths = pd.Series({"x/1.jpg": "/photos/1.jpg", "x/2.jpg": "/photos/2.jpg", "y": "/photos/3"})
    samples = read(write_fiftyone(issues, tmp_path, paths=paths))
    assert [sample["filepath"] for sample in samples] == [
        os.path.abspath("/photos/2.jpg"),
        os.path.abspath("/photos/1.jpg"),
    ]


def test_paths_may_be_one_per_row(issues, tmp_path):
    samples = read(write_fiftyone(issues, tmp_path, paths=[tmp_path / "a", tmp_path / "b"]))
    assert [sample["filepath"] for sample in samples] == [str(tmp_path / "a"), str(tmp_path / "b")]


def test_issues_and_queues_of_an_estimator_are_written(tmp_path):
    digits = load_digits_noisy(random_state=0)
    rows = slice(0, 300)
    trees = HistGradientBoostingClassifier(max_iter=10)
    detector = NoisyLabelDetector(estimator=trees, random_state=0)
    detector.fit(digits.X[rows], digits.y[rows])
    paths = pd.Series([f"/digits/{row}.png" for row in range(300)])
    for table in (detector.get_label_issues(), detector.review_queue(20)):
        samples = read(write_fiftyone(table, tmp_path, paths=paths))
        assert len(samples) == len(table)
        for sample, row in zip(samples, table.index, strict=True):
            assert sample["filepath"].endswith(f"{row}.png")
            assert set(sample["ground_truth"]) == set(sample["suggested"]) == CLASSIFICATION
            assert sample["ground_truth"]["label"] == str(digits.y[row])
            assert sample["label_quality"] == pytest.approx(detector.label_quality_[row])
    assert all(sample["reason"] for sample in samples)


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["a"], r"one per row of issues \(2 rows\), got 1"),
        ([1, 2], "must be paths of files, got 1"),
        (pd.Series({"x/1.jpg": "a"}), "lacks 'x/2.jpg'"),
        (pd.Series(["a", "b"], index=["x/1.jpg"] * 2), "each row label once"),
    ],
)
def test_paths_that_do_not_go_with_the_rows_are_refused(issues, tmp_path, paths, message):
    with pytest.raises(ValueError, match=message):
        write_fiftyone(issues, tmp_path, paths=paths)


def test_rows_by_number_need_paths(issues, tmp_path):
    with pytest.raises(ValueError, match="must be paths of files, got 0"):
        write_fiftyone(issues.reset_index(drop=True), tmp_path)


def test_table_without_labels_is_refused(tmp_path):
    table = pd.DataFrame({"label_quality": np.ones(2)})
    with pytest.raises(ValueError, match="must have the columns given_label, suggested_label"):
        write_fiftyone(table, tmp_path)

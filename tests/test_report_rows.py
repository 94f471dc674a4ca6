"""Which rows a report lists, and formulas in its files."""

import numpy as np
import pandas as pd
import pytest
from report_data import quick_detector
from sklearn.datasets import make_blobs

from sknoisy.report import LabelQualityReport
from sknoisy.report._listing import chosen_rows, listing
from sknoisy.review import guard_formula, match_answers, read_review

FORMULAS = ("=1+1", "+a", "-a", "@x", "\tx", "\rx", " =1", "＝1", "'=1", "''=1")


# -- rows ----------------------------------------------------------------------------------------


def verdict(n_rows=1000, seed=0):
    quality = np.random.default_rng(seed).random(n_rows)
    return np.argsort(quality), quality < 0.5, quality, 0.5


def test_all_rows_are_chosen_where_there_is_room():
    order, *rest = verdict()
    np.testing.assert_array_equal(chosen_rows(order, *rest, 1000), order)


@pytest.mark.parametrize("most", [1, 40, 600, 900])
def test_rows_near_the_threshold_have_their_room_among_the_flagged(most):
    order, mask, quality, threshold = verdict()
    rows = chosen_rows(order, mask, quality, threshold, most)
    assert len(rows) == len(set(rows)) == most
    assert (np.diff(quality[rows]) >= 0).all()
    nearest = np.argsort(np.abs(quality - threshold))[: most // 4]
    assert set(nearest) <= set(rows)
    if most > 1:
        assert order[0] in rows


def test_rows_of_the_sample_come_before_all_others():
    order, mask, quality, threshold = verdict()
    sample = order[-30:]
    rows = chosen_rows(order, mask, quality, threshold, 40, sample)
    assert len(rows) == 40
    assert set(sample) <= set(rows)


@pytest.mark.slow
def test_page_lists_as_many_rows_as_it_says(monkeypatch):
    monkeypatch.setattr("sknoisy.report._listing.MAX_LISTED", 60)
    monkeypatch.setattr("sknoisy.report._report.MAX_LISTED", 60)
    X, y = make_blobs(200, centers=2, random_state=0)
    detector = quick_detector().fit(X, y)
    report = LabelQualityReport(detector, X)
    data = listing(report._findings, X)
    assert len(data["rows"]["position"]) == len(data["content"]["places"]) == 60
    assert data["nRows"] == 200
    assert "Listed are 60 of 200" in report.html()


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (pd.RangeIndex(40), None),
        (pd.RangeIndex(5, 45), 5),
        (pd.Index([2**60 + each for each in range(40)]), str(2**60)),
        (pd.MultiIndex.from_product([["a"], range(40)]), ["a", 0]),
        (pd.date_range("2024-05-01", periods=40), "2024-05-01 00:00:00"),
    ],
)
def test_row_labels_are_such_that_a_browser_hands_them_back(index, expected):
    X, y = make_blobs(40, centers=2, random_state=0)
    detector = quick_detector().fit(pd.DataFrame(X, index=index), y)
    rows = listing(LabelQualityReport(detector, None)._findings, None)["rows"]
    if expected is None:
        assert rows["label"] is None
    else:
        assert rows["label"][rows["position"].index(0)] == expected


# -- formulas ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", FORMULAS)
def test_guarded_formulas_are_texts_and_found_again(text):
    guarded = guard_formula(text)
    assert guarded == "'" + text
    assert match_answers([guarded], np.array([text, "other"], dtype=object))[0] == text


@pytest.mark.parametrize("text", ["-5", "+3.5", "-1e-3", ".5", "a=1", "x", ""])
def test_numbers_and_plain_texts_are_not_guarded(text):
    assert guard_formula(text) == text


def test_a_quote_that_belongs_to_a_class_is_kept():
    classes = np.array(["'a'", "a"])
    assert match_answers(["'a'", "a"], classes).tolist() == ["'a'", "a"]


def test_guarded_classes_that_could_be_two_are_refused_rather_than_guessed():
    classes = np.array(["=x", "''=x"], dtype=object)
    with pytest.raises(ValueError, match="none of the classes"):
        match_answers(["'=x"], classes)


def test_guarded_cells_of_a_file_come_back(tmp_path):
    path = tmp_path / "review.csv"
    path.write_text("row_label,row,right_label\n'=r,0,'=x\n-3,1,?\n")
    answers = read_review(path, np.array(["=x", "y"], dtype=object))
    assert answers.to_dict() == {"'=r": "=x", "-3": "?"}

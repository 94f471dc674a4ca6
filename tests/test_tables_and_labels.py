"""Kinds of tables and labels, and the table of label issues."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch
from small_data import BOTH, SHORT, easy_table

from sknoisy import NoisyLabelDetector, RobustClassifier


@pytest.mark.slow
def test_label_issues_keep_the_index_of_the_data_frame():
    X, y, _ = easy_table(80)
    index = [f"row {row}" for row in range(len(y))]
    X = pd.DataFrame(X, columns=["a", "b", "c", "d"], index=index)
    issues = NoisyLabelDetector(**SHORT).fit(X, y).get_label_issues()
    assert list(issues.index) == index


def test_label_issues_take_the_index_of_the_labels_where_rows_have_none():
    X, y, _ = easy_table(80)
    index = np.arange(80) + 100
    issues = NoisyLabelDetector(**SHORT).fit(X, pd.Series(y, index=index)).get_label_issues()
    assert list(issues.index) == list(index)


def test_label_issues_of_lists_are_numbered():
    X, y, _ = easy_table(80)
    issues = NoisyLabelDetector(**SHORT).fit(X.tolist(), y.tolist()).get_label_issues()
    assert list(issues.index) == list(range(80))


def test_label_issues_agree_with_the_attributes():
    X, y, _ = easy_table(80)
    detector = NoisyLabelDetector(**SHORT).fit(X, y)
    issues = detector.get_label_issues()
    np.testing.assert_array_equal(issues["given_label"], y)
    np.testing.assert_array_equal(issues["is_noise"], detector.noise_mask_)
    np.testing.assert_array_equal(issues["label_quality"], detector.label_quality_)
    np.testing.assert_array_equal(issues["suggested_label"], detector.suggested_labels_)
    assert issues["label_quality"].idxmin() == issues["rank"].idxmin()


@pytest.mark.first_case_is_quick
@BOTH
def test_column_names_are_remembered_and_compared(estimator_class):
    X, y, _ = easy_table(80)
    X = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    fitted = estimator_class(**SHORT).fit(X, y)
    assert list(fitted.feature_names_in_) == ["a", "b", "c", "d"]
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.predict(X.rename(columns={"a": "z"}))


@pytest.mark.slow
def test_columns_may_be_integers_and_booleans():
    X, y, y_clean = easy_table()
    X = pd.DataFrame({0: X[:, 0], 1: X[:, 1], 2: (X[:, 2] * 10).astype(int), 3: X[:, 3] > 0})
    assert RobustClassifier(**SHORT).fit(X, y).score(X, y_clean) > 0.9


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize(
    "names",
    [
        np.array(["cat", "dog"]),
        np.array(["cat", "dog"], dtype=object),
        np.array([False, True]),
        np.array([-1, 1]),
        np.array([3.0, 7.0]),
    ],
    ids=lambda names: f"{names.dtype}",
)
@BOTH
def test_verdict_and_predictions_speak_the_users_labels(estimator_class, names):
    X, codes, _ = easy_table(80)
    reference = estimator_class(**SHORT).fit(X, codes)
    fitted = estimator_class(**SHORT).fit(X, names[codes])
    np.testing.assert_array_equal(fitted.classes_, names)
    np.testing.assert_array_equal(fitted.predict(X), names[reference.predict(X)])
    np.testing.assert_array_equal(fitted.suggested_labels_, names[reference.suggested_labels_])
    np.testing.assert_array_equal(
        fitted.predict_noise(X, names[codes]), fitted.predict_noise(X, list(names[codes]))
    )


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("names", [np.array([False, True]), np.array([3, 7])], ids=str)
def test_numbers_held_as_objects_come_back_as_numbers(names):
    X, codes, _ = easy_table(80)
    fitted = NoisyLabelDetector(**SHORT).fit(X, names.astype(object)[codes])
    assert fitted.classes_.dtype == names.dtype
    assert fitted.predict_noise(X, names.astype(object)[codes]).dtype == bool


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["str", "category", "object"])
def test_labels_may_be_a_series_of_strings(dtype):
    X, codes, _ = easy_table(80)
    y = pd.Series(np.array(["cat", "dog"])[codes]).astype(dtype)
    detector = NoisyLabelDetector(**SHORT).fit(X, y)
    assert set(detector.predict(X)) <= {"cat", "dog"}
    assert detector.predict_noise(X, y).dtype == bool


@pytest.mark.slow
def test_fit_resample_returns_a_data_frame_for_a_data_frame():
    X, y, _ = easy_table()
    X = pd.DataFrame(X, columns=["a", "b", "c", "d"], index=np.arange(len(y)) * 2)
    y = pd.Series(y, index=X.index)
    detector = NoisyLabelDetector(**SHORT)
    X_kept, y_kept = detector.fit_resample(X, y)
    kept = ~detector.noise_mask_
    pd.testing.assert_frame_equal(X_kept, X[kept])
    pd.testing.assert_series_equal(y_kept, y[kept])
    np.testing.assert_array_equal(detector.sample_indices_, np.flatnonzero(kept))


@pytest.mark.slow
def test_fit_resample_of_lists_returns_lists():
    X, y, _ = easy_table(80)
    detector = NoisyLabelDetector(**SHORT)
    X_kept, y_kept = detector.fit_resample(X.tolist(), y.tolist())
    assert isinstance(X_kept, list) and len(X_kept) == len(y_kept) == (~detector.noise_mask_).sum()


@pytest.mark.slow
def test_tensors_are_taken_as_arrays():
    X, y, _ = easy_table(80)
    from_arrays = NoisyLabelDetector(**SHORT).fit(X, y)
    from_tensors = NoisyLabelDetector(**SHORT).fit(torch.from_numpy(X), torch.from_numpy(y))
    np.testing.assert_array_equal(from_tensors.label_quality_, from_arrays.label_quality_)


@pytest.mark.slow
@pytest.mark.parametrize(
    "view",
    [
        lambda X: X[:, ::-1][:, ::-1],
        lambda X: np.asfortranarray(X),
        lambda X: X.astype(">f4"),
        lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    ],
    ids=["negative strides", "fortran order", "big endian", "strided"],
)
def test_memory_layout_of_a_table_makes_no_difference(view):
    X, y, _ = easy_table(80)
    X = X.astype(np.float32)
    fitted = RobustClassifier(**SHORT).fit(view(X), y)
    np.testing.assert_allclose(fitted.predict_proba(view(X)), of_plain_array(), atol=1e-5)


@cache
def of_plain_array():
    X, y, _ = easy_table(80)
    X = X.astype(np.float32)
    return RobustClassifier(**SHORT).fit(X, y).predict_proba(X)


@pytest.mark.slow
def test_memory_mapped_tables_equal_those_in_memory(tmp_path):
    X, y, _ = easy_table()
    X = X.astype(np.float32)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    fitted = RobustClassifier(**SHORT).fit(mapped, y)
    expected = RobustClassifier(**SHORT).fit(X, y)
    np.testing.assert_array_equal(fitted.predict_proba(mapped), expected.predict_proba(X))

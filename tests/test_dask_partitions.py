"""Verdicts on the partitions of a Dask DataFrame, by one model."""

import numpy as np
import pandas as pd
import pytest
from script_runner import run_script
from sklearn.metrics import roc_auc_score

dask = pytest.importorskip("dask")
dd = pytest.importorskip("dask.dataframe")

from sknoisy import NoisyLabelDetector  # noqa: E402
from sknoisy.dask import detect_in_partitions  # noqa: E402
from sknoisy.noise import flip_symmetric  # noqa: E402

DETECTOR = NoisyLabelDetector(max_epochs=8, device="cpu", random_state=0)
COLUMNS = ["given_label", "suggested_label", "label_quality", "is_noise", "in_sample"]


def table(n_rows=1200, rate=0.2):
    """Two classes, with a colour that tells nothing, and which labels are wrong."""
    random = np.random.default_rng(0)
    X = random.normal(size=(n_rows, 4))
    y = np.where(X[:, 0] + X[:, 1] > 0, "up", "down")
    y_noisy, flipped = flip_symmetric(y, rate, random_state=0)
    frame = pd.DataFrame(X, columns=list("abcd"), index=np.arange(100, 100 + n_rows))
    frame["colour"] = random.choice(["red", "green", "blue"], n_rows)
    return frame.assign(label=y_noisy), flipped


def in_partitions(frame, sample_size=400, npartitions=4, **settings):
    frame = frame if isinstance(frame, dd.DataFrame) else dd.from_pandas(frame, npartitions)
    settings = {"sample_size": sample_size, "random_state": 0} | settings
    return detect_in_partitions(DETECTOR, frame, "label", **settings)


@pytest.fixture(scope="module")
def judged():
    frame, flipped = table()
    verdicts, detector = in_partitions(frame)
    return frame, flipped, verdicts, detector, verdicts.compute(scheduler="sync")


def test_each_row_has_a_verdict_under_its_own_index(judged):
    frame, _, verdicts, _, found = judged
    assert list(found.columns) == list(verdicts.columns) == COLUMNS
    pd.testing.assert_index_equal(found.index, frame.index)
    assert found["given_label"].tolist() == frame["label"].tolist()


def test_divisions_and_types_are_known_before_anything_is_computed(judged):
    frame, _, verdicts, _, found = judged
    assert verdicts.divisions == dd.from_pandas(frame, 4).divisions
    assert verdicts.dtypes.to_dict() == found.dtypes.to_dict()


def test_wrong_labels_are_found_in_the_sample_and_outside(judged):
    _, flipped, _, _, found = judged
    for rows in (found["in_sample"], ~found["in_sample"]):
        assert roc_auc_score(flipped[rows], -found["label_quality"][rows]) > 0.95
        assert (found["is_noise"][rows] == flipped[rows]).mean() > 0.9


def test_suggestions_are_other_classes_where_labels_are_flagged(judged):
    *_, found = judged
    differs = found["suggested_label"] != found["given_label"]
    np.testing.assert_array_equal(differs, found["is_noise"])
    assert set(found["suggested_label"]) == {"up", "down"}


def test_rows_of_the_sample_have_the_verdict_of_the_fit(judged):
    *_, detector, found = judged
    sample = found[found["in_sample"]]
    assert len(sample) == 400
    issues = detector.get_label_issues()
    for name in COLUMNS[:4]:
        assert sample[name].sort_index().tolist() == issues[name].sort_index().tolist()


def test_as_many_labels_are_flagged_outside_of_the_sample_as_inside(judged):
    frame, _, _, detector, found = judged
    inside, outside = (
        found["is_noise"][found["in_sample"] == chosen].mean() for chosen in (True, False)
    )
    assert abs(inside - outside) < 0.01
    others = frame[~found["in_sample"]]
    raw = detector.predict_noise(others.drop(columns="label"), others["label"]).mean()
    assert abs(inside - raw) > abs(inside - outside)


def test_the_sample_is_spread_over_all_partitions(judged):
    *_, found = judged
    share = found["in_sample"].to_numpy().reshape(4, 300).mean(axis=1)
    assert (abs(share - 1 / 3) < 0.1).all()


@pytest.mark.parametrize("number", [0, 2])
def test_a_partition_alone_has_the_verdicts_that_it_has_among_all(judged, number):
    _, _, verdicts, _, found = judged
    alone = verdicts.partitions[number].compute(scheduler="sync")
    pd.testing.assert_frame_equal(alone, found.loc[alone.index])


def test_labels_and_categories_that_the_sample_lacks_are_no_error(judged):
    frame, *_, found = judged
    outside = np.flatnonzero(~found["in_sample"])[:5]
    frame = frame.astype({"label": object, "colour": object})
    frame.iloc[outside, frame.columns.get_loc("label")] = ["sideways", None, np.nan, "up", "up"]
    frame.iloc[outside, frame.columns.get_loc("colour")] = "violet"
    parts = [frame.iloc[start : start + 300] for start in range(0, 1200, 300)]
    of_own_categories = dd.from_map(
        lambda part: part.astype({"colour": "category", "label": "category"}), parts
    )
    again = in_partitions(of_own_categories).verdicts.compute(scheduler="sync")
    assert again["in_sample"].tolist() == found["in_sample"].tolist()
    judged_rows = again["label_quality"].notna().to_numpy()
    assert np.flatnonzero(~judged_rows).tolist() == outside[:3].tolist()
    assert not again["is_noise"].iloc[outside[:3]].any()
    assert again["suggested_label"].iloc[outside[0]] == "sideways"


def test_no_row_outside_of_the_sample_is_no_error():
    frame, _ = table(200)
    found = in_partitions(frame, 1000).verdicts.compute(scheduler="sync")
    assert found["in_sample"].all()


def test_empty_partitions_are_no_error():
    frame, _ = table(300)
    parts = [frame.iloc[:200], frame.iloc[:0], frame.iloc[200:]]
    verdicts, _ = in_partitions(dd.from_map(lambda part: part, parts), 150)
    assert len(verdicts.compute(scheduler="sync")) == 300


def test_partitions_that_change_are_an_error():
    frame, _ = table(300)
    parts, n_reads = [frame.iloc[:150], frame.iloc[150:]], []

    def in_another_order_each_time(part):
        n_reads.append(1)
        return part.sample(frac=1, random_state=len(n_reads))

    changing = dd.from_map(in_another_order_each_time, parts, meta=frame.iloc[:0])
    with dask.config.set(scheduler="sync"):
        verdicts, _ = in_partitions(changing, 100)
        with pytest.raises(ValueError, match="Partition [01] of 'frame' holds other rows"):
            verdicts.compute()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frame": pd.DataFrame({"label": [0, 1]})}, "must be a Dask DataFrame. Got a DataFrame"),
        ({"target": "price"}, "'target' must name one column of the frame. Got 'price'"),
        ({"sample_size": 0}, "'sample_size' must be an integer of at least 1. Got 0"),
    ],
    ids=["frame", "target", "sample_size"],
)
def test_errors_name_the_parameter_the_rule_and_the_value(change, message):
    arguments = {"frame": dd.from_pandas(table(20)[0], 2), "target": "label"} | change
    with pytest.raises((TypeError, ValueError), match=message):
        detect_in_partitions(DETECTOR, **arguments)


def test_a_frame_without_labels_is_an_error():
    frame = table(20)[0].assign(label=None)
    with pytest.raises(ValueError, match="No row of the frame has a label in the column 'label'"):
        in_partitions(frame)


def test_without_dask_the_module_says_what_to_install(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from sknoisy.dask import detect_in_partitions\ndetect_in_partitions(None, None, 'label')\n"
    )
    done = run_script(script, [], folder=tmp_path, environment={}, without=("dask",))
    assert "ImportError: detect_in_partitions needs Dask: pip install sknoisy[dask]." in done.stderr

"""A person looks at a few rows, and the verdict is settled by the answers."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.noise import flip_symmetric
from sknoisy.review import read_jsonl, read_review, write_jsonl

N_ROWS = 400
NAMES = np.array(["ash", "birch", "cedar"])
VERDICT = (
    "label_quality_",
    "noise_mask_",
    "sample_weights_",
    "suggested_labels_",
    "threshold_",
    "noise_rate_",
    "noise_rate_interval_",
    "class_noise_rates_",
    "class_noise_rate_intervals_",
    "reviewed_",
    "corrected_labels_",
    "_rank",
)


class Forest:
    """A small table of trees, of which some are misnamed; rows 10 and 11 are equal."""

    def __init__(self):
        X, codes = make_classification(
            N_ROWS,
            6,
            n_informative=5,
            n_redundant=0,
            n_classes=3,
            n_clusters_per_class=1,
            class_sep=1.5,
            random_state=0,
        )
        X[11] = X[10]
        codes[11] = codes[10]
        given, self.flipped = flip_symmetric(codes, 0.2, random_state=0)
        self.X = pd.DataFrame(X).add_prefix("x").set_index(pd.Index(self.labels()))
        self.y, self.truth = NAMES[given], pd.Series(NAMES[codes], self.X.index)

    @staticmethod
    def labels():
        return [f"tree {number}" for number in range(N_ROWS)]


@pytest.fixture(scope="module")
def forest():
    return Forest()


def trees(**parameters):
    return HistGradientBoostingClassifier(max_iter=20, **parameters)


@pytest.fixture(scope="module", params=[NoisyLabelDetector, RobustClassifier])
def fitted(request, forest):
    return request.param(estimator=trees(), random_state=0).fit(forest.X, forest.y)


@pytest.fixture(scope="module")
def fitted_detector(forest):
    return NoisyLabelDetector(estimator=trees(), random_state=0).fit(forest.X, forest.y)


@pytest.fixture
def model(fitted):
    return copy.deepcopy(fitted)


@pytest.fixture
def detector(fitted_detector):
    return copy.deepcopy(fitted_detector)


def verdict(model):
    return {name: getattr(model, name) for name in VERDICT if hasattr(model, name)}


def assert_equal_verdicts(first, second):
    first, second = verdict(first), verdict(second)
    assert first.keys() == second.keys()
    for name in first:
        assert_array_equal(first[name], second[name], err_msg=name)


# -- the queue ---------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", ["suspicious", "informative", "random"])
def test_queue_holds_what_a_person_needs(model, forest, strategy):
    queue = model.review_queue(20, strategy=strategy, random_state=0)
    assert list(queue.columns) == [
        "row",
        "given_label",
        "suggested_label",
        "label_quality",
        "reason",
        "right_label",
    ]
    assert len(set(queue.index)) == 20
    assert_array_equal(forest.X.index[queue["row"]], queue.index)
    assert_array_equal(forest.y[queue["row"]], queue["given_label"])
    assert (queue["given_label"] != queue["suggested_label"]).all()
    assert queue["right_label"].isna().all()


def test_the_most_suspicious_rows_come_first(model):
    queue = model.review_queue(30)
    assert queue["label_quality"].is_monotonic_increasing
    assert queue["label_quality"].iloc[-1] <= np.sort(model.label_quality_)[29]


def test_an_informative_queue_reaches_all_qualities_and_prefers_doubt(detector):
    quality = detector.review_queue(60, strategy="informative", random_state=0)["label_quality"]
    ranks = np.searchsorted(np.sort(detector.label_quality_), quality) / N_ROWS
    assert (np.histogram(ranks, bins=4, range=(0, 1))[0] > 2).all()
    assert np.mean(ranks < 0.5) > 0.5


@pytest.mark.parametrize("strategy", ["informative", "random"])
def test_equal_seeds_give_equal_queues(detector, strategy):
    first, again, other = (
        list(detector.review_queue(20, strategy=strategy, random_state=seed).index)
        for seed in (0, 0, 1)
    )
    assert first == again
    assert set(first) != set(other)


@pytest.mark.parametrize("strategy", ["suspicious", "informative", "random"])
def test_rows_that_were_reviewed_do_not_come_again(detector, forest, strategy):
    first = detector.review_queue(40, strategy=strategy, random_state=0)
    detector.apply_review(forest.truth[first.index])
    second = detector.review_queue(40, strategy=strategy, random_state=0)
    assert not set(first.index) & set(second.index)


def test_trusted_rows_do_not_come(forest):
    trusted = np.arange(N_ROWS) % 2 == 0
    detector = NoisyLabelDetector(estimator=trees()).fit(forest.X, forest.y, trusted=trusted)
    assert set(detector.review_queue(N_ROWS)["row"]) == set(np.flatnonzero(~trusted))


def test_a_queue_longer_than_what_is_left_is_what_is_left(detector, forest):
    detector.apply_review(forest.truth[:390])
    assert len(detector.review_queue(50, strategy="informative")) == 10
    detector.apply_review(forest.truth)
    assert detector.review_queue(5).empty


def test_reasons_tell_counts_and_threshold(detector):
    reason = detector.review_queue(1)["reason"].iloc[0]
    assert "contradicted in " in reason
    assert "rounds of the trees" in reason
    assert f"below the threshold of {detector.threshold_:.2f}" in reason


@pytest.mark.slow
def test_reasons_of_a_net_tell_its_predictions(forest):
    detector = NoisyLabelDetector("wrong_event", max_epochs=3, random_state=0)
    detector.fit(forest.X.iloc[:, :3], forest.y)
    reason = detector.review_queue(1)["reason"].iloc[0]
    assert "predictions of the net and " in reason


def test_reasons_without_counts_tell_probabilities(forest):
    detector = NoisyLabelDetector(estimator=LogisticRegression()).fit(forest.X, forest.y)
    assert "of the probability" in detector.review_queue(1)["reason"].iloc[0]


def test_reasons_name_the_nearest_rows_of_the_suggested_class(detector, forest):
    row = detector.review_queue(1, X=forest.X).iloc[0]
    named = row["reason"].split(f"nearest rows of {row['suggested_label']!r}: ")[1]
    named = named.split(";")[0].split(", ")
    assert len(named) == 3
    assert set(forest.y[forest.X.index.isin(named)]) == {row["suggested_label"]}


def test_near_duplicates_come_once(detector, forest):
    both = {"tree 10", "tree 11"}
    assert both <= set(detector.review_queue(N_ROWS).index)
    queue = detector.review_queue(N_ROWS, X=forest.X)
    (kept,) = both & set(queue.index)
    (other,) = both - {kept}
    assert f"near duplicates: {other}" in queue.loc[kept, "reason"]


def test_duplicates_leave_their_place_to_others(detector, forest):
    detector.label_quality_[[10, 11]] = 0
    detector._rank[[10, 11]] = [-1, -2]
    queue = detector.review_queue(5, X=forest.X)
    assert len(queue) == 5
    assert queue.index[0] == "tree 11"


@pytest.mark.slow
def test_images_are_compared_too():
    generator = np.random.RandomState(0)
    images = generator.random_sample((60, 8, 8)).astype(np.float32)
    y = np.arange(60) % 2
    images[y == 1, :4] += 0.5
    images = np.clip(images, 0, 1)
    images[7] = images[5]
    detector = NoisyLabelDetector(max_epochs=1, random_state=0).fit(images, y)
    queue = detector.review_queue(60, X=images)
    assert len(queue) == 59
    assert "nearest rows" in queue["reason"].iloc[0]


def test_messy_tables_are_compared_too(forest):
    X = forest.X.assign(city=np.where(np.arange(N_ROWS) % 3, "Graz", None))
    detector = NoisyLabelDetector(estimator=trees(), random_state=0).fit(X, forest.y)
    assert "nearest rows" in detector.review_queue(2, X=X)["reason"].iloc[0]


@pytest.mark.parametrize("n", [0, -1, 2.5, True, "all"])
def test_a_number_of_rows_that_is_none_is_named(detector, n):
    with pytest.raises(ValueError, match="n must be an integer, at least 1"):
        detector.review_queue(n)


def test_an_unknown_strategy_is_named(detector):
    with pytest.raises(ValueError, match="strategy must be one of .*'best'"):
        detector.review_queue(3, strategy="best")


def test_other_rows_than_those_of_fit_are_an_error(detector, forest):
    with pytest.raises(ValueError, match="rows of fit.*400. Got 399"):
        detector.review_queue(3, X=forest.X[:-1])


# -- what answers change -----------------------------------------------------------------------


def test_reviewed_rows_are_settled(model, forest):
    queue = model.review_queue(60, strategy="informative", random_state=0)
    rows, right = queue["row"].to_numpy(), forest.truth[queue.index].to_numpy()
    is_right = right == forest.y[rows]
    assert 5 < is_right.sum() < 55
    assert model.apply_review(forest.truth[queue.index]) is model
    assert_array_equal(np.flatnonzero(model.reviewed_), np.sort(rows))
    assert_array_equal(model.label_quality_[rows], is_right)
    assert_array_equal(model.sample_weights_[rows], is_right)
    assert_array_equal(model.noise_mask_[rows], ~is_right)
    assert_array_equal(model.suggested_labels_[rows], right)
    assert_array_equal(model.corrected_labels_[rows], right)
    others = ~model.reviewed_
    assert_array_equal(model.corrected_labels_[others], forest.y[others])
    assert sorted(model.get_label_issues()["rank"]) == list(range(1, N_ROWS + 1))


def test_a_review_makes_quality_a_probability(detector, forest):
    def error(quality):
        which = np.minimum((quality * 10).astype(int), 9)
        gaps = [(quality - ~forest.flipped)[which == each].sum() for each in range(10)]
        return np.abs(gaps).sum() / N_ROWS

    before = error(detector.label_quality_)
    queue = detector.review_queue(100, strategy="informative", random_state=0)
    detector.apply_review(forest.truth[queue.index])
    assert error(detector.label_quality_) < min(0.07, before / 2)


def test_a_review_improves_the_verdict_on_rows_that_nobody_looked_at(detector, forest):
    # A quality that is far too low, as where classes overlap.
    detector.label_quality_ = detector.label_quality_**4
    before = detector.noise_mask_ = detector.label_quality_ < 0.5
    queue = detector.review_queue(100, strategy="informative", random_state=0)
    detector.apply_review(forest.truth[queue.index])
    others = ~detector.reviewed_
    f1_before, f1_after = (
        f1_score(forest.flipped[others], mask[others]) for mask in (before, detector.noise_mask_)
    )
    assert f1_after > f1_before + 0.1


def test_noise_rates_are_estimated(fitted_detector, forest):
    n_right = 0
    for seed in range(8):
        detector = copy.deepcopy(fitted_detector)
        queue = detector.review_queue(100, strategy="informative", random_state=seed)
        detector.apply_review(forest.truth[queue.index])
        low, high = detector.noise_rate_interval_
        assert low <= detector.noise_rate_ <= high
        n_right += low <= forest.flipped.mean() <= high
    # An interval of 90 % misses once in ten samples.
    assert n_right >= 6
    assert high - low < 0.12
    assert detector.class_noise_rates_.shape == (3,)
    sizes = np.array([np.mean(forest.y == name) for name in NAMES])
    assert_allclose(detector.class_noise_rates_ @ sizes, detector.noise_rate_, atol=0.005)


def test_a_full_review_knows_everything(detector, forest):
    detector.apply_review(forest.truth)
    assert_array_equal(detector.noise_mask_, forest.flipped)
    assert_allclose(detector.noise_rate_interval_, forest.flipped.mean())
    assert_allclose(
        detector.class_noise_rates_, [forest.flipped[forest.y == name].mean() for name in NAMES]
    )


def test_class_rates_lie_in_their_intervals_before_and_after_a_review(detector, forest):
    in_truth = [forest.flipped[forest.y == name].mean() for name in NAMES]
    widths = []
    for n_reviewed in (0, 60, N_ROWS):
        detector.apply_review(forest.truth[:n_reviewed])
        low, high = detector.class_noise_rate_intervals_.T
        for rates in (in_truth, detector.class_noise_rates_):
            assert (low <= np.asarray(rates) + 1e-9).all()
            assert (rates <= high + 1e-9).all()
        widths.append(np.mean(high - low))
    assert widths[0] < 0.5
    assert widths[2] == 0 < widths[1]


def test_trusted_rows_stay_trusted(forest):
    trusted = ~forest.flipped & (np.arange(N_ROWS) < 100)
    detector = NoisyLabelDetector(estimator=trees(), random_state=0)
    detector.fit(forest.X, forest.y, trusted=trusted)
    queue = detector.review_queue(60, strategy="informative")
    detector.apply_review(forest.truth[queue.index])
    assert_array_equal(detector.label_quality_[trusted], 1)
    assert not detector.noise_mask_[trusted].any()
    low, high = detector.noise_rate_interval_
    assert low <= forest.flipped.mean() <= high


def test_a_persons_word_counts_more_than_trust(forest):
    trusted = np.arange(N_ROWS) < 30
    row = np.flatnonzero(forest.flipped & trusted)[0]
    detector = NoisyLabelDetector(estimator=trees(), random_state=0)
    detector.fit(forest.X, forest.y, trusted=trusted)
    detector.apply_review({forest.X.index[row]: forest.truth.iloc[row]})
    assert detector.noise_mask_[row]


@pytest.mark.parametrize("threshold", [0.3, 0.7])
def test_the_users_threshold_stays_in_force(forest, threshold):
    detector = NoisyLabelDetector(estimator=trees(), threshold=threshold, random_state=0)
    detector.fit(forest.X, forest.y).apply_review(forest.truth[::4])
    assert detector.threshold_ == threshold
    assert_array_equal(detector.noise_mask_, detector.label_quality_ < threshold)


def test_the_users_contamination_stays_in_force(forest):
    detector = NoisyLabelDetector(estimator=trees(), contamination=0.3, random_state=0)
    detector.fit(forest.X, forest.y).apply_review(forest.truth[::10])
    assert detector.noise_mask_.mean() == 0.3


def test_a_look_at_the_head_alone_does_not_move_the_verdict_on_the_rest(detector, forest):
    before = detector.noise_mask_
    detector.apply_review(forest.truth[detector.review_queue(40).index])
    others = ~detector.reviewed_
    assert_array_equal(detector.noise_mask_[others], before[others])
    assert_array_equal(
        detector.noise_mask_[others], detector.label_quality_[others] < detector.threshold_
    )


def test_new_rows_are_judged_on_the_new_scale(model, forest):
    model.apply_review(forest.truth[::4])
    quality = model.score_labels(forest.X, forest.y)
    assert_array_equal(model.predict_noise(forest.X, forest.y), quality < model.threshold_)
    others = ~model.reviewed_
    assert np.mean(model.predict_noise(forest.X, forest.y)[others] == forest.flipped[others]) > 0.8
    assert abs(quality[others].mean() - model.label_quality_[others].mean()) < 0.1


def test_scores_of_new_rows_keep_their_order(detector, forest):
    before = detector.score_labels(forest.X, forest.y)
    detector.apply_review(forest.truth[::4])
    after = detector.score_labels(forest.X, forest.y)
    assert (np.diff(after[np.argsort(before, kind="stable")]) >= 0).all()


# -- calls that add up -------------------------------------------------------------------------


def test_order_and_splitting_of_reviews_do_not_matter(model, forest):
    parts = forest.truth[:50], forest.truth[50:120], forest.truth[300:340]
    together, backwards = copy.deepcopy(model), copy.deepcopy(model)
    for part in parts:
        model.apply_review(part)
    for part in reversed(parts):
        backwards.apply_review(part.to_dict())
    together.apply_review(pd.concat(parts))
    assert_equal_verdicts(model, together)
    assert_equal_verdicts(backwards, together)


def test_a_later_answer_replaces_an_earlier_one(detector, forest):
    other = copy.deepcopy(detector)
    detector.apply_review(forest.truth[:40].map(lambda name: "ash"))
    detector.apply_review(forest.truth[:40])
    assert_equal_verdicts(detector, other.apply_review(forest.truth[:40]))


@pytest.mark.parametrize("empty", [None, np.nan, ""])
def test_empty_answers_change_nothing_and_come_again(detector, forest, empty):
    queue = detector.review_queue(10)
    answers = forest.truth[queue.index].astype(object)
    answers.iloc[4:] = empty
    detector.apply_review(answers)
    assert detector.reviewed_.sum() == 4
    assert_array_equal(detector.review_queue(6).index, queue.index[4:])


@pytest.mark.parametrize("unsure", ["?", "unsure"])
def test_rows_that_cannot_be_decided_are_left_open_and_do_not_come_again(detector, unsure):
    before = verdict(copy.deepcopy(detector))
    queue = detector.review_queue(10)
    detector.apply_review(pd.Series(unsure, queue.index))
    assert not detector.reviewed_.any()
    assert_array_equal(detector.label_quality_, before["label_quality_"])
    assert not set(detector.review_queue(10).index) & set(queue.index)


def test_an_answer_can_be_taken_back(detector, forest):
    first = copy.deepcopy(detector)
    detector.apply_review(forest.truth[:60])
    detector.apply_review(dict.fromkeys(forest.truth.index[:60], "?"))
    for name in ("label_quality_", "noise_mask_", "threshold_", "_rank"):
        assert_array_equal(getattr(detector, name), getattr(first, name))


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"tree 1": "ash", "tree 999": "ash"}, "'tree 999', which no row of fit has.*'tree 0'"),
        ({"tree 1": "ash", "tree 2": "oak"}, "'oak' is none of the classes: 'ash'"),
        (pd.Series(["ash", "ash"], ["tree 1", "tree 1"]), "Row 'tree 1' has 2"),
        ({"tree 1": "ash", " tree 1": "ash"}, "Row 'tree 1' has 2"),
    ],
    ids=["row", "class", "duplicate", "duplicate by text"],
)
def test_bad_answers_are_named_before_anything_changes(detector, answers, message):
    before = copy.deepcopy(detector)
    with pytest.raises(ValueError, match=message):
        detector.apply_review(answers)
    assert_equal_verdicts(detector, before)
    assert vars(detector).keys() == vars(before).keys()


@pytest.mark.parametrize("answers", [["ash"], np.array(["ash"]), "ash", None])
def test_answers_without_row_labels_are_an_error(detector, answers):
    with pytest.raises(TypeError, match="Series or a mapping"):
        detector.apply_review(answers)


# -- row labels --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["array", "repeated", "numbers"])
def test_row_labels_are_positions_where_the_index_does_not_name_rows(forest, kind):
    X = forest.X.to_numpy()
    if kind != "array":
        index = np.arange(N_ROWS) // 2 if kind == "repeated" else np.arange(N_ROWS)[::-1]
        X = pd.DataFrame(X, index=index)
    detector = NoisyLabelDetector(estimator=trees(), random_state=0).fit(X, forest.y)
    queue = detector.review_queue(5)
    expected = N_ROWS - 1 - queue["row"] if kind == "numbers" else queue["row"]
    assert_array_equal(queue.index, expected)
    detector.apply_review({queue.index[0]: "ash"})
    assert_array_equal(np.flatnonzero(detector.reviewed_), queue["row"].iloc[:1])


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(N_ROWS, 2 * N_ROWS),
        pd.date_range("2024-01-01", periods=N_ROWS, freq="12h"),
        pd.MultiIndex.from_product([["a", "b"], range(N_ROWS // 2)]),
    ],
    ids=["numbers", "dates", "levels"],
)
def test_answers_in_files_find_their_rows(forest, tmp_path, index):
    codes = np.searchsorted(NAMES, forest.y)
    X = forest.X.set_index(index)
    detector = NoisyLabelDetector(estimator=trees(), random_state=0).fit(X, codes)
    queue = detector.review_queue(12)
    queue["right_label"] = [0, 1, 2, None] * 3
    queue.to_csv(tmp_path / "queue.csv")
    write_jsonl(queue, tmp_path / "queue.jsonl")
    by_line = copy.deepcopy(detector).apply_review(
        read_jsonl(tmp_path / "queue.jsonl", detector.classes_)
    )
    detector.apply_review(read_review(tmp_path / "queue.csv", detector.classes_))
    answered = queue["row"][queue["right_label"].notna()]
    assert_array_equal(np.flatnonzero(detector.reviewed_), np.sort(answered))
    assert detector.corrected_labels_.dtype == codes.dtype
    assert_equal_verdicts(detector, by_line)


# -- life of an estimator ----------------------------------------------------------------------


def test_a_review_survives_pickling_and_goes_on(detector, forest):
    detector.apply_review(forest.truth[:40])
    copied = pickle.loads(pickle.dumps(detector))
    assert_equal_verdicts(
        copied.apply_review(forest.truth[40:80]), detector.apply_review(forest.truth[40:80])
    )


def test_fit_starts_anew(detector, forest):
    first = {name: getattr(detector, name) for name in ("label_quality_", "threshold_")}
    names = set(vars(detector))
    detector.apply_review(forest.truth[:80])
    detector.fit(forest.X, forest.y)
    assert set(vars(detector)) == names
    assert_array_equal(detector.label_quality_, first["label_quality_"])
    assert detector.threshold_ == first["threshold_"]


def test_a_clone_knows_nothing_of_a_review(detector, forest):
    copied = clone(detector.apply_review(forest.truth[:10]))
    assert not hasattr(copied, "reviewed_")


def test_answers_serve_the_next_fit_even_if_not_every_class_was_reviewed(detector, forest):
    rows = forest.truth[forest.truth == "ash"][:30]
    detector.apply_review(rows)
    trusted, labels = detector.reviewed_, detector.corrected_labels_
    detector.fit(forest.X, labels, trusted=trusted)
    assert not detector.noise_mask_[trusted].any()


def test_a_classifier_without_probabilities_is_reviewed_too(forest):
    model = RobustClassifier(
        estimator=trees(), final_estimator=LogisticRegression(), random_state=0
    )
    model.fit(forest.X, forest.y).apply_review(forest.truth[::4])
    assert model.noise_rate_interval_[0] > 0

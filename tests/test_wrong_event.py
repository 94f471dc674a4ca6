import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits, make_classification
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import normalize

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import WrongEvent
from sknoisy.methods.wrong_event import _events
from sknoisy.methods.wrong_event._dynamic_loss import dynamic_loss, weight_tables
from sknoisy.methods.wrong_event._events import (
    EventRecorder,
    class_histograms,
    clean_posteriors,
    compare_labels,
    count_quality,
    fit_class_mixtures,
    judged_by_counts,
    level_posteriors,
)
from sknoisy.methods.wrong_event._window import agrees_better
from sknoisy.metrics import noise_detection_report
from sknoisy.mixtures import fit_beta_mixture, fit_beta_mixtures
from sknoisy.nets import EmbeddingNet, TabularNet, VisionNet
from sknoisy.noise import flip_pair, flip_symmetric
from sknoisy.training import RowState, Trainer, TrainingData, hold_out
from sknoisy.training._averaging import blend

PUBLISHED_HISTOGRAM = [9963, 9469, 6097, 4579, 5578, 14314]


@pytest.fixture(scope="module")
def noisy_digits():
    X, y = load_digits(return_X_y=True)
    y_noisy, flipped = flip_symmetric(y, 0.4, random_state=0)
    return X, y, y_noisy, flipped


@pytest.fixture(scope="module")
def fitted_detector(noisy_digits):
    X, _, y_noisy, _ = noisy_digits
    return NoisyLabelDetector(net=TabularNet(), random_state=0).fit(X, y_noisy)


# -- counts to quality ---------------------------------------------------------------------------


def test_class_histograms_count_rows_by_class_and_count():
    histograms = class_histograms(np.array([0, 2, 2, 1]), np.array([0, 0, 1, 1]), 2)
    assert_array_equal(histograms, [[1, 0, 1], [0, 1, 1]])


@pytest.mark.parametrize(
    "histogram",
    [[5, 0, 0], [0, 0, 9, 0], [1, 1, 1]],
    ids=["few rows", "one count", "too few rows to split"],
)
def test_class_without_a_mixture_of_its_own_gets_that_of_all_rows(histogram):
    other = [300, 50, 100]
    padded = np.zeros((2, max(len(histogram), len(other))))
    padded[0, : len(histogram)], padded[1, : len(other)] = histogram, other
    mixtures = fit_class_mixtures(padded)
    assert_allclose(mixtures.alpha[:, 0], fit_beta_mixture(padded.sum(axis=0)).alpha)


def test_smaller_count_is_never_judged_worse():
    rng = np.random.default_rng(0)
    counts = np.concatenate([rng.binomial(30, 0.1, 700), rng.binomial(30, 0.9, 300)])
    mixtures = fit_beta_mixtures([np.bincount(counts)])
    assert mixtures.posterior([0])[0, 0] < 0.01  # the fit's own flaw
    clean, noisy = level_posteriors(mixtures, counts.max() + 1)[:, 0]
    assert clean[0] > 0.9 and noisy[0] < 0.1
    assert (np.diff(clean) <= 0).all() and (np.diff(noisy) >= 0).all()


def test_quality_orders_by_count_and_then_by_mean_loss():
    counts, losses = np.array([0, 0, 2, 2]), np.array([0.1, 0.2, 0.4, 0.3])
    judged_right = np.array([True, True, False, False])
    quality = count_quality(counts, losses, judged_right, n_events=2)
    assert_array_equal(np.argsort(-quality), [0, 1, 3, 2])


def test_quality_is_below_one_half_where_the_label_is_judged_wrong():
    rng = np.random.default_rng(0)
    counts, losses = rng.integers(0, 6, 500), rng.random(500)
    judged_right = rng.random(500) < 0.5
    quality = count_quality(counts, losses, judged_right, n_events=5)
    assert_array_equal(quality >= 0.5, judged_right)


def test_mixture_of_the_class_judges_counts():
    posteriors = np.array([[1.0, 0.9, 0.55, 0.45, 0.2, 0.0], [1.0, 0.9, 0.8, 0.7, 0.6, 0.4]])
    counts, codes = np.tile(np.arange(6), 2), np.repeat([0, 1], 6)
    judged_right = judged_by_counts(counts, codes, posteriors, n_events=5)
    assert_array_equal(judged_right, [1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 0])


def test_quality_of_one_row_by_hand():
    quality = count_quality(np.array([3]), np.array([0.7]), np.array([False]), n_events=4)
    assert_allclose(quality, (0 + 1 - (3 + 0.5) / 5) / 2)


def test_rows_of_different_classes_are_ordered_by_their_counts():
    quality = count_quality(np.array([2, 1]), np.zeros(2), np.zeros(2, bool), n_events=2)
    assert quality[0] < quality[1] < 0.5


def test_label_predicted_in_most_epochs_is_not_judged_wrong():
    posteriors = np.array([[1.0, 0.1, 0.05, 0.0]])
    counts = np.array([1, 2, 3])
    judged_right = judged_by_counts(counts, np.zeros(3, int), posteriors, n_events=5)
    assert_array_equal(judged_right, [True, True, False])


def test_without_any_wrong_event_every_label_counts_as_right():
    posteriors = clean_posteriors(fit_class_mixtures(np.array([[10], [10]])), 2, 1)
    counts, codes = np.zeros(20, int), np.repeat([0, 1], 10)
    assert judged_by_counts(counts, codes, posteriors, n_events=3).all()


# -- labels and their rivals ---------------------------------------------------------------------


def test_label_is_compared_with_the_rival_of_the_epoch_before():
    probabilities = torch.tensor([[0.2, 0.5, 0.3], [0.2, 0.5, 0.3], [0.6, 0.3, 0.1]])
    y, previous = torch.tensor([0, 0, 0]), torch.tensor([2, -1, 1])
    predictions, rivals, shares = compare_labels(probabilities.log(), y, previous)
    assert_array_equal(predictions, [1, 1, 0])
    assert_array_equal(rivals, [1, 1, 1])
    assert_allclose(shares, [0.2 / 0.5, 0.2 / 0.7, 0.6 / 0.9], rtol=1e-5)


def recorder_of(y):
    return EventRecorder(torch.from_numpy(y), RowState(len(y), torch.device("cpu")))


@pytest.mark.parametrize("max_pending_values", [1, 70, 2**15])
def test_recorded_epochs_are_those_of_all_rows_at_once(max_pending_values, monkeypatch):
    monkeypatch.setattr(_events, "MAX_PENDING_VALUES", max_pending_values)
    generator = torch.Generator().manual_seed(0)
    y = np.arange(50) % 4
    recorder, labels = recorder_of(y), torch.from_numpy(y)
    rivals, shares, events = torch.full((50,), -1), [], []
    for _ in range(3):
        logits = torch.randn(50, 4, generator=generator)
        for rows in torch.randperm(50, generator=generator).split(8):
            recorder.record(rows, logits[rows], logits[rows].sum(dim=1))
        recorder.close_round()
        _, rivals, epoch_shares = compare_labels(logits, labels, rivals)
        shares.append(epoch_shares)
        events.append(logits.argmax(dim=1) != labels)
    assert_allclose(recorder.mean_confidences([1, 2]), (shares[1] + shares[2]) / 2, atol=1e-3)
    assert_array_equal(recorder.counts([0, 2]), events[0].int() + events[2].int())


def test_row_on_which_the_net_wavers_between_other_classes_is_not_judged_wrong():
    """The given label has 0.3 each time, and the rest goes to another class in every epoch."""
    y = np.zeros(1, dtype=int)
    recorder = recorder_of(y)
    for favourite in (1, 2, 3):
        probabilities = torch.full((1, 4), 0.15)
        probabilities[0, [0, favourite]] = torch.tensor([0.3, 0.4])
        recorder.record(torch.tensor([0]), probabilities.log(), torch.zeros(1))
        recorder.close_round()
    assert recorder.counts([0, 1, 2]) == [3]
    assert recorder.mean_confidences([0, 1, 2]) > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("max_epochs", [3, 5])
def test_few_epochs_suffice_for_the_verdict_of_a_detector(max_epochs):
    """A mixture of so few counts, the published verdict, does worse."""
    X, y = make_classification(600, 10, n_informative=5, random_state=0)
    gains = []
    for seed in range(4):
        y_noisy, flipped = flip_symmetric(y, 0.4, random_state=seed)
        detector = NoisyLabelDetector(net=TabularNet(), max_epochs=max_epochs, random_state=seed)
        detector.fit(X, y_noisy)
        found, published = (
            noise_detection_report(flipped, mask)["f1"]
            for mask in (detector.noise_mask_, detector.sample_weights_ < 0.5)
        )
        gains.append(found - published)
    assert np.mean(gains) > 0.03


# -- the counting window -------------------------------------------------------------------------


@pytest.mark.slow
def test_counting_ends_before_the_last_epoch_where_the_net_memorises():
    X, y = make_classification(
        600, 60, n_informative=6, n_classes=3, flip_y=0, class_sep=1.5, random_state=0
    )
    y_noisy, flipped = flip_symmetric(y, 0.4, random_state=0)
    net = TabularNet(max_epochs=60)
    watched = NoisyLabelDetector(net=net, random_state=0).fit(X, y_noisy)
    unwatched = NoisyLabelDetector(WrongEvent(memorization_gap=1.0), net=net, random_state=0).fit(
        X, y_noisy
    )
    assert len(watched.history_) < 20
    assert len(unwatched.history_) == 60
    f1 = [noise_detection_report(flipped, d.noise_mask_)["f1"] for d in (watched, unwatched)]
    assert f1[0] > f1[1] + 0.05


def rare_words(n_rows=1000, n_words=800):
    """Texts as rows of length one: the rarer class uses some of the words more often."""
    random = np.random.default_rng(1)
    y = (random.random(n_rows) < 0.2).astype(int)
    frequencies = 0.3 / np.arange(1, n_words + 1) ** 0.9
    of_rarer_class = np.clip(frequencies * np.exp(random.normal(size=n_words)), 0, 0.9)
    is_used = random.random((n_rows, n_words)) < np.where(
        y[:, None] == 1, of_rarer_class, frequencies
    )
    return normalize(is_used.astype(np.float32)), y


@pytest.mark.slow
def test_counting_goes_on_where_dropout_keeps_rare_features_from_being_learnt_by_heart():
    X, y = rare_words()
    y_noisy, flipped = flip_symmetric(y, 0.4, random_state=1)
    detector = NoisyLabelDetector(net=EmbeddingNet(), random_state=0).fit(X, y_noisy)
    assert len(detector.history_) > 20
    assert roc_auc_score(flipped, -detector.label_quality_) > 0.8


def test_nets_without_dropout_are_compared_in_evaluation_alone(noisy_digits):
    X, _, y_noisy, _ = noisy_digits
    net = TabularNet(max_epochs=5)
    with_dropout = TabularNet(max_epochs=5, module__dropout=0.5)
    n_passes = [
        _count_calls(net, X[:300], y_noisy[:300], WrongEvent(memorization_gap=1.0))
        for net in (net, with_dropout)
    ]
    # In each of the epochs the held-out rows once more.
    assert n_passes[1] == n_passes[0] + 5


def _count_calls(net, X, y, method):
    class Counting(TabularNet):
        n_calls = 0

        def infer(self, *args, **kwargs):
            Counting.n_calls += 1
            return super().infer(*args, **kwargs)

    counting = Counting(**net.get_params(deep=False))
    NoisyLabelDetector(method, net=counting, random_state=0).fit(X, y)
    return Counting.n_calls


@pytest.mark.slow
def test_counting_goes_on_where_the_net_generalises(noisy_digits):
    X, y, _, _ = noisy_digits
    detector = NoisyLabelDetector(net=TabularNet(), max_epochs=12, random_state=0).fit(X, y)
    assert len(detector.history_) == 12


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("holdout", [0, 0.1])
def test_history_records_a_memorisation_gap_where_rows_are_watched(noisy_digits, holdout):
    X, _, y_noisy, _ = noisy_digits
    detector = NoisyLabelDetector(
        WrongEvent(holdout=holdout), net=TabularNet(), max_epochs=6, random_state=0
    ).fit(X, y_noisy)
    gaps = np.array([epoch["memorization_gap"] for epoch in detector.history_])
    assert len(gaps) >= 4 and (np.abs(gaps) <= 1).all()
    assert (gaps != 0).all() if holdout else (gaps == 0).all()


def test_averaged_weights_hold_a_share_of_the_latest_and_its_whole_numbers():
    first = {"weight": torch.tensor([0.0, 3.0]), "n_batches": torch.tensor(4)}
    latest = {"weight": torch.tensor([6.0, 0.0]), "n_batches": torch.tensor(8)}
    averaged = blend(blend(None, first, 1 / 3), latest, 1 / 3)
    assert_allclose(averaged["weight"], [2.0, 2.0], rtol=1e-6)
    assert averaged["n_batches"] == 8


@pytest.mark.parametrize(
    "gains, losses, better",
    [(4, 0, True), (1, 0, False), (9, 4, True), (8, 5, False), (0, 0, False)],
)
def test_net_agrees_better_only_beyond_one_standard_error(gains, losses, better):
    one = np.repeat([True, False, True], [gains, losses, 20])
    other = np.repeat([False, True, True], [gains, losses, 20])
    assert agrees_better(one, other) == better


@pytest.mark.slow
def test_epochs_of_an_untrained_net_do_not_count(noisy_digits):
    X, y, _, _ = noisy_digits
    net = TabularNet(optimizer=torch.optim.SGD, lr=0.003, max_epochs=10)
    data = TrainingData(X.astype(np.float32), y, 10, np.zeros(len(y), dtype=bool))
    data = hold_out(data, 0.1, np.random.RandomState(0))
    evidence = WrongEvent().detect(Trainer(net, data, device="cpu", seed=0))
    assert evidence.n_events < len(evidence.history)


# -- the loss of stage 2 -------------------------------------------------------------------------


def test_published_weights_of_the_similarity_term():
    table = weight_tables(fit_beta_mixtures([PUBLISHED_HISTOGRAM]), 1, 6)
    assert_allclose(table[1, 0], [1.001, 1.415, 1.473, 1.357, 0.940, 0.000], atol=2e-3)


def test_symmetric_weights_of_the_similarity_term():
    table = weight_tables(fit_beta_mixtures([PUBLISHED_HISTOGRAM]), 1, 6, "symmetric")
    assert_allclose(table[1, 0], [0.001, 0.542, 0.747, 0.869, 0.896, 0.172], atol=2e-3)


def test_count_beyond_the_fit_is_treated_as_wrongly_labelled():
    table = weight_tables(fit_beta_mixtures([PUBLISHED_HISTOGRAM]), 1, 9)
    assert_allclose(table[:, 0, 6:], 0)


def test_dynamic_loss_of_one_row_by_hand():
    weak, strong = torch.tensor([[0.0, 2.0]]), torch.tensor([[1.0, 1.0]])
    p_weak = np.exp([0, 2]) / np.exp([0, 2]).sum()
    mean = (p_weak + 0.5) / 2
    cross_entropy = -np.log(p_weak[0]) - np.log(0.5)
    expected = 0.7 * cross_entropy + 1.2 * 1.0 + 0.3 * -(mean * np.log(mean)).sum()
    loss = dynamic_loss(weak, strong, torch.tensor([cross_entropy]), torch.tensor([[0.7], [1.2]]))
    assert_allclose(loss.item(), expected, rtol=1e-6)


def test_confident_entropy_weighs_each_row_by_its_own_confidence():
    weak = torch.tensor([[0.0, 4.0], [0.0, 0.0]])
    weights = torch.zeros(2, 2)
    plain = dynamic_loss(weak, weak, torch.zeros(2), weights)
    confident = dynamic_loss(weak, weak, torch.zeros(2), weights, noisy_term="confident_entropy")
    confidence = weak.softmax(dim=1).max(dim=1).values
    assert_allclose(confident, plain * confidence, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("scale, warns", [(1 / 16, False), (16.0, True)])
def test_images_that_the_strong_view_would_clip_are_warned_of(scale, warns):
    images = load_digits().images[:200].astype(np.float32) * scale
    net = VisionNet(module__depth=10, module__width=4, max_epochs=1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        RobustClassifier(net=net, random_state=0).fit(images, load_digits().target[:200])
    assert any("strong view" in str(warning.message) for warning in caught) == warns


# -- as a whole ----------------------------------------------------------------------------------


def test_detector_finds_symmetric_noise(noisy_digits, fitted_detector):
    flipped = noisy_digits[3]
    report = noise_detection_report(
        flipped, fitted_detector.noise_mask_, fitted_detector.label_quality_
    )
    assert report["auc"] > 0.97 and report["f1"] > 0.9


@pytest.mark.slow
def test_classifier_is_close_to_training_on_right_labels(noisy_digits):
    X, y, y_noisy, _ = noisy_digits
    train = np.arange(len(y)) % 3 > 0
    robust = RobustClassifier(net=TabularNet(), random_state=0).fit(X[train], y_noisy[train])
    plain = RobustClassifier("cross_entropy", random_state=0).fit(X[train], y_noisy[train])
    clean = RobustClassifier("cross_entropy", random_state=0).fit(X[train], y[train])
    scores = [model.score(X[~train], y[~train]) for model in (plain, robust, clean)]
    assert scores[1] > scores[0] + 0.1
    assert scores[1] > scores[2] - 0.05


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize(
    ("shape", "settings", "n_epochs"),
    [
        ((3,), {}, 2),
        ((3,), {"joint_epochs": 4}, 4),
        ((1, 8, 8), {}, 3),
        ((1, 8, 8), {"joint_epochs": 1}, 1),
    ],
)
def test_second_stage_takes_half_of_the_epochs_on_a_table(shape, settings, n_epochs):
    X = np.random.default_rng(0).random((24, *shape))
    net = None if len(shape) == 1 else VisionNet(module__depth=10, module__width=4)
    method = WrongEvent(memorization_gap=float("inf"), **settings)
    model = RobustClassifier(method, net=net, max_epochs=3, device="cpu", random_state=0)
    assert len(model.fit(X, np.arange(24) % 2).history_) == 3 + n_epochs


@pytest.mark.slow
def test_second_stage_counts_on_with_both_views(noisy_digits):
    X, _, y_noisy, flipped = noisy_digits
    net = TabularNet(max_epochs=8)
    first = NoisyLabelDetector(net=net, random_state=0).fit(X, y_noisy)
    second = RobustClassifier(net=net, random_state=0).fit(X, y_noisy)
    assert len(second.history_) == len(first.history_) + 4
    auc = [
        noise_detection_report(flipped, label_quality=model.label_quality_)["auc"]
        for model in (first, second)
    ]
    assert auc[1] > auc[0] - 0.005


def _both_stages(X, y):
    data = TrainingData(X.astype(np.float32), y, int(y.max()) + 1, np.zeros(len(y), dtype=bool))
    data = hold_out(data, 0.1, np.random.RandomState(0))
    trainer, method = Trainer(None, data, device="cpu", seed=0), WrongEvent()
    first = method.detect(trainer)
    return first, method.train_classifier(trainer, first)


def _is_same_net(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.slow
def test_net_of_the_first_stage_stays_where_the_second_does_harm():
    # A chequered plane is learnt slowly: many right labels are contradicted again and again.
    X = np.random.RandomState(0).rand(1500, 2)
    cells = (X * 8).astype(int)
    first, second = _both_stages(X, (3 * cells[:, 0] + 5 * cells[:, 1]) % 8)
    assert _is_same_net(second.state, first.averaged_state)
    assert_array_equal(second.quality, first.quality)
    assert len(second.history) == len(first.history) + 15


@pytest.mark.slow
def test_net_of_the_second_stage_stays_where_it_helps(noisy_digits):
    X, _, y_noisy, _ = noisy_digits
    first, second = _both_stages(X, y_noisy)
    assert not _is_same_net(second.state, first.averaged_state)


@pytest.mark.slow
def test_held_out_rows_are_counted_in_the_second_stage_too(noisy_digits):
    X, _, y_noisy, flipped = noisy_digits
    first, second = _both_stages(X, y_noisy)
    held_out = first.held_out_rows
    n_events = second.n_events - first.n_events
    added = (second.counts - first.counts)[held_out] / n_events
    assert added[flipped[held_out]].mean() > 5 / 6 and added[~flipped[held_out]].mean() < 1 / 4


@pytest.mark.slow
def test_trusted_rows_keep_full_weight_in_the_second_stage():
    X, y = load_digits(return_X_y=True)
    y_noisy, flipped = flip_pair(y, 0.45, random_state=0)
    trusted = np.random.default_rng(0).random(len(y)) < 0.3
    y_noisy = np.where(trusted, y, y_noisy)
    model = RobustClassifier(net=TabularNet(max_epochs=10), random_state=0)
    without = clone(model).fit(X, y_noisy)
    with_them = clone(model).fit(X, y_noisy, trusted=trusted)
    assert with_them.score(X, y) > without.score(X, y)


@pytest.mark.slow
@pytest.mark.parametrize(
    "parameters",
    [
        {"per_class": False},
        {"base_model": "last"},
        {"difficulty": "symmetric"},
        {"noisy_term": "none"},
        {"noisy_term": "confident_entropy"},
        {"similarity": "probabilities"},
        {"accumulate": False},
        {"joint_epochs": 2},
        {"holdout": 0},
    ],
    ids=str,
)
def test_every_alternative_trains_and_still_helps(noisy_digits, parameters):
    X, y, y_noisy, _ = noisy_digits
    net = TabularNet(max_epochs=6)
    model = RobustClassifier(WrongEvent(**parameters), net=net, random_state=0)
    assert model.fit(X, y_noisy).score(X, y) > 0.9


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"holdout": 1.0}, "'holdout' parameter of WrongEvent must be in"),
        ({"base_model": "first"}, "'base_model' parameter of WrongEvent must be one of"),
        ({"difficulty": "hard"}, "'difficulty' parameter"),
        ({"noisy_term": "x"}, "'noisy_term' parameter"),
        ({"similarity": "x"}, "'similarity' parameter"),
    ],
)
def test_parameter_out_of_range_is_named(parameters, message):
    X, y = load_digits(return_X_y=True)
    with pytest.raises(ValueError, match=message):
        NoisyLabelDetector(WrongEvent(**parameters)).fit(X, y)

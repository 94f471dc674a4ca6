"""What every method promises; a method of the registry is covered without an edit here."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from small_data import (
    BOTH,
    OWN_CLASSIFIER,
    SHORT,
    easy_table,
    plain_skorch_net,
    slow_but_some,
    tiny_image_classifier,
    tiny_images,
)
from torch.utils.data import TensorDataset

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.exceptions import TrustedRowsRequiredError
from sknoisy.methods import METHODS
from sknoisy.metrics import noise_detection_report
from sknoisy.nets import TabularNet
from sknoisy.noise import flip_symmetric

EVERY = pytest.mark.parametrize("name", METHODS)
EVERY_SLOWLY = pytest.mark.parametrize("name", slow_but_some(METHODS))
NEEDING = [name for name, kind in METHODS.items() if kind.needs_trusted]
NEEDING_NONE = [name for name in METHODS if name not in NEEDING]
# Both estimators of a method hold one training, unless it trains a classifier of its own.
TRAININGS = [(NoisyLabelDetector, name) for name in METHODS]
TRAININGS += [(RobustClassifier, name) for name in [*OWN_CLASSIFIER, "cross_entropy"]]
EACH_TRAINING = pytest.mark.parametrize(("estimator_class", "name"), TRAININGS)
EACH_FITTED_TRAINING = pytest.mark.parametrize(
    "fitted", TRAININGS, indirect=True, ids=lambda param: f"{param[0].__name__}-{param[1]}"
)

# What makes a method treat a Dataset as it treats a table, where by default it doesn't.
ALIKE_FOR_DATASETS = {"simifeat": {"features": "net"}}


# Its weights rise with the loss instead of falling, by some seeds: by one of four in these tests.
SEEDS = {"meta_weight_net": 1}


def without_trusted_rows(name, share=0.2):
    """Return a method that finds stand-ins by itself where it needs trusted rows."""
    return METHODS[name](**{"self_trusted": share} if name in NEEDING else {})


def some_trusted(y, y_clean, step=3):
    """Return a mask of rows, spread over the table, whose labels are right."""
    return (np.arange(len(y)) % step == 0) & (y == y_clean)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A folder for trainings that several tests would repeat."""
    return str(tmp_path_factory.mktemp("trainings"))


@pytest.fixture(
    scope="module",
    params=slow_but_some(METHODS, (NoisyLabelDetector, RobustClassifier)),
    ids=lambda param: f"{param[0].__name__}-{param[1]}",
)
def fitted(request, cache):
    """One fit per estimator and method for all tests that only look at it."""
    estimator_class, name = request.param
    X, y, _ = easy_table()
    return estimator_class(without_trusted_rows(name), memory=cache, **SHORT).fit(X, y)


def results(model, X):
    return [
        model.label_quality_,
        model.sample_weights_,
        model.noise_mask_,
        model.transition_matrix_,
        model.predict_proba(X),
    ]


def assert_same_results(model, other, X):
    for one, two in zip(results(model, X), results(other, X), strict=True):
        assert_array_equal(one, two)


# -- the method as an object ---------------------------------------------------------------------


@EVERY
def test_constructor_keeps_every_parameter_as_it_was_given(name):
    parameters = {key: object() for key in METHODS[name]().get_params()}
    method = METHODS[name](**parameters)
    assert all(getattr(method, key) is value for key, value in parameters.items())


@EVERY
def test_parameters_survive_clone_and_set_params(name):
    method = without_trusted_rows(name, 0.37)
    assert clone(method).get_params() == method.get_params()
    assert METHODS[name]().set_params(**method.get_params()).get_params() == method.get_params()


@EVERY
@BOTH
def test_parameters_are_those_of_the_estimator_too(estimator_class, name):
    estimator = estimator_class(METHODS[name]())
    parameters = estimator.get_params()
    for key, value in METHODS[name]().get_params().items():
        assert parameters[f"method__{key}"] == value
        marker = object()
        estimator.set_params(**{f"method__{key}": marker})
        assert getattr(estimator.method, key) is marker


@pytest.mark.parametrize("value", [np.array([True, False]), "yes", None])
@pytest.mark.parametrize(
    "name", [n for n, m in METHODS.items() if "record_epochs" in m().get_params()]
)
def test_record_epochs_that_is_neither_true_nor_false_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match="'record_epochs' parameter"):
        METHODS[name](record_epochs=value).check_parameters()


def test_method_given_by_the_user_is_left_as_it_was(fitted):
    assert vars(fitted.method) == vars(without_trusted_rows(fitted.method.name))


@EVERY_SLOWLY
def test_name_and_object_are_the_same_method(name):
    X, y, y_clean = easy_table(80)
    trusted = some_trusted(y, y_clean)
    by_name, by_object = (
        NoisyLabelDetector(method, **SHORT).fit(X, y, trusted=trusted)
        for method in (name, METHODS[name]())
    )
    assert_same_results(by_name, by_object, X)


# -- the verdict ---------------------------------------------------------------------------------


def test_quality_and_weights_lie_between_zero_and_one(fitted):
    for values in (fitted.label_quality_, fitted.sample_weights_):
        assert values.shape == (160,)
        assert ((values >= 0) & (values <= 1)).all()


def test_rows_below_the_threshold_are_those_flagged(fitted):
    assert 0 < fitted.threshold_ < 1
    assert_array_equal(fitted.noise_mask_, fitted.label_quality_ < fitted.threshold_)


def test_suggestion_differs_from_the_given_label_where_it_is_judged_wrong(fitted):
    _, y, _ = easy_table()
    assert_array_equal(fitted.suggested_labels_ != y, fitted.noise_mask_)


def test_transition_matrix_holds_probabilities(fitted):
    matrix = fitted.transition_matrix_
    assert matrix.shape == (2, 2) and (matrix >= 0).all()
    assert_allclose(matrix.sum(axis=1), 1, rtol=1e-5)


def test_history_has_the_loss_of_every_epoch(fitted):
    assert len(fitted.history_) >= 1
    assert all(np.isfinite(epoch["train_loss"]) for epoch in fitted.history_)


def test_new_rows_are_judged(fitted):
    X, y, _ = easy_table()
    quality = fitted.score_labels(X, y)
    assert ((quality >= 0) & (quality <= 1)).all()
    assert_array_equal(fitted.predict_noise(X, y), quality < fitted.threshold_)
    assert_allclose(fitted.predict_proba(X).sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    "name", slow_but_some(name for name in METHODS if name not in OWN_CLASSIFIER)
)
def test_a_classifier_without_a_training_of_its_own_is_the_detector(name, cache):
    X, y, _ = easy_table()
    estimators = (
        estimator_class(without_trusted_rows(name), memory=cache, **SHORT)
        for estimator_class in (NoisyLabelDetector, RobustClassifier)
    )
    detector, classifier = (estimator.fit(X, y) for estimator in estimators)
    assert_same_results(classifier, detector, X)
    assert_array_equal(classifier.score_labels(X, y), detector.score_labels(X, y))


def test_fitted_estimator_survives_pickling(fitted):
    X, _, _ = easy_table()
    loaded = pickle.loads(pickle.dumps(fitted))
    assert_same_results(loaded, fitted, X)
    pd.testing.assert_frame_equal(loaded.get_label_issues(), fitted.get_label_issues())


@pytest.mark.slow
@EACH_FITTED_TRAINING
def test_equal_seeds_give_equal_results_and_labels_keep_their_names(fitted):
    X, y, _ = easy_table()
    names = np.array(["cat", "dog"])
    named = clone(fitted).set_params(memory=None).fit(X, names[y])
    assert_same_results(named, fitted, X)
    assert_array_equal(named.classes_, names)
    assert_array_equal(named.predict(X), names[fitted.predict(X)])
    assert_array_equal(named.suggested_labels_, names[fitted.suggested_labels_])


@pytest.mark.slow
@EACH_FITTED_TRAINING
def test_other_seeds_give_other_results(fitted):
    X, y, _ = easy_table()
    other = clone(fitted).set_params(random_state=1).fit(X, y)
    assert (other.predict_proba(X) != fitted.predict_proba(X)).any()


@pytest.mark.slow
@EACH_FITTED_TRAINING
@pytest.mark.parametrize("contamination", [0.05, 0.3])
def test_contamination_flags_that_share_of_the_rows(fitted, contamination):
    X, y, _ = easy_table()
    flagged = clone(fitted).set_params(contamination=contamination).fit(X, y).noise_mask_
    assert flagged.sum() == round(contamination * len(y))


@pytest.mark.slow
@EVERY
@pytest.mark.parametrize("max_epochs", [1, 2, 3])
def test_very_short_trainings_give_a_verdict(name, max_epochs):
    X, y = load_digits(return_X_y=True)
    X, y = X[:300], flip_symmetric(y[:300], 0.2, random_state=0)[0]
    # Trees know no epochs, and ten classes of them take long.
    settings = {"net": TabularNet(), "max_epochs": max_epochs, "random_state": 0}
    model = RobustClassifier(without_trusted_rows(name), **settings).fit(X, y)
    assert np.isfinite(model.label_quality_).all()
    assert np.isfinite(model.predict_proba(X)).all()


@pytest.mark.slow
@EVERY
def test_wrong_labels_are_found_better_than_by_chance(name):
    X, y = load_digits(return_X_y=True)
    y_noisy, flipped = flip_symmetric(y, 0.2, random_state=0)
    seed = SEEDS.get(name, 0)
    detector = NoisyLabelDetector(without_trusted_rows(name), max_epochs=10, random_state=seed)
    quality = detector.fit(X, y_noisy).label_quality_
    assert noise_detection_report(flipped, label_quality=quality)["auc"] > 0.75


# -- trusted rows --------------------------------------------------------------------------------


@pytest.mark.slow
@EACH_TRAINING
@pytest.mark.parametrize("rule", [{"threshold": 0.99}, {"contamination": 0.9}, {}], ids=str)
def test_trusted_rows_are_never_flagged_and_weigh_one(estimator_class, name, rule, cache):
    X, y, _ = easy_table()
    trusted = np.arange(len(y)) % 3 == 0
    fitted = estimator_class(name, memory=cache, **rule, **SHORT).fit(X, y, trusted=trusted)
    # By a threshold nothing is flagged where the method doubts no label.
    doubts = (fitted.label_quality_ < fitted.threshold_).any()
    assert fitted.noise_mask_[~trusted].any() or not (doubts and rule)
    assert not fitted.noise_mask_[trusted].any()
    assert (fitted.sample_weights_[trusted] == 1).all()
    assert (fitted.label_quality_[trusted] == 1).all()


@pytest.mark.slow
@EACH_TRAINING
def test_all_rows_may_be_trusted(estimator_class, name):
    X, _, y = easy_table(80)
    fitted = estimator_class(name, **SHORT).fit(X, y, trusted=np.ones(len(y), dtype=bool))
    assert not fitted.noise_mask_.any()
    assert fitted.score(X, y) > 0.9


@pytest.mark.parametrize("name", NEEDING)
@BOTH
@pytest.mark.parametrize("nobody", [None, np.zeros(80, dtype=bool)], ids=["None", "empty"])
def test_missing_trusted_rows_are_told_with_the_ways_out(estimator_class, name, nobody):
    X, y, _ = easy_table(80)
    with pytest.raises(TrustedRowsRequiredError) as error:
        estimator_class(name, **SHORT).fit(X, y, trusted=nobody)
    for way_out in ("trusted=mask", "self_trusted", *map(repr, NEEDING_NONE)):
        assert way_out in str(error.value)
    for no_way_out in map(repr, NEEDING):
        assert no_way_out not in str(error.value)


@pytest.mark.parametrize("name", NEEDING)
@pytest.mark.parametrize("share", [1.5, -0.2, "half"])
def test_share_of_stand_ins_out_of_range_is_named(name, share):
    X, y, _ = easy_table(80)
    message = f"'self_trusted' parameter of {METHODS[name].__name__}.*{share!r}"
    with pytest.raises(ValueError, match=message):
        NoisyLabelDetector(METHODS[name](self_trusted=share), **SHORT).fit(X, y)


# -- weights -------------------------------------------------------------------------------------


@pytest.mark.slow
@EACH_TRAINING
def test_rows_of_weight_zero_are_judged_but_teach_nothing(estimator_class, name):
    X, y, _ = easy_table()
    left_out = np.arange(len(y)) % 4 == 0
    y_spoilt = np.where(left_out, 1 - y, y)
    settings = SHORT | {"random_state": SEEDS.get(name, 0)}
    estimator = estimator_class(without_trusted_rows(name), **settings)
    weighted = clone(estimator).fit(X, y_spoilt, sample_weight=(~left_out).astype(float))
    removed = clone(estimator).fit(X[~left_out], y[~left_out])
    assert_allclose(weighted.predict_proba(X), removed.predict_proba(X), atol=1e-6)
    assert_allclose(weighted.label_quality_[~left_out], removed.label_quality_, atol=1e-6)
    agrees = y_spoilt == weighted.predict(X)
    scores = weighted.evidence_.score
    right, wrong = (scores[left_out & rows].mean() for rows in (agrees, ~agrees))
    assert wrong < right - 0.2


# -- kinds of data and nets ----------------------------------------------------------------------


@pytest.mark.slow
@EACH_TRAINING
def test_a_dataset_without_y_equals_the_arrays_in_it(estimator_class, name):
    X, y, _ = easy_table(80)
    X = X.astype(np.float32)
    dataset = TensorDataset(torch.from_numpy(X), torch.from_numpy(y))
    method = without_trusted_rows(name).set_params(**ALIKE_FOR_DATASETS.get(name, {}))
    # Of a Dataset nothing is known before its rows are read, so that a net judges it alone.
    estimator = estimator_class(method, net=TabularNet(), **SHORT)
    from_dataset, from_arrays = clone(estimator).fit(dataset), clone(estimator).fit(X, y)
    assert_allclose(from_dataset.label_quality_, from_arrays.label_quality_, atol=1e-5)
    assert_allclose(from_dataset.predict_proba(dataset), from_arrays.predict_proba(X), atol=1e-5)
    assert_array_equal(from_dataset.predict_noise(dataset, y), from_arrays.predict_noise(X, y))


@pytest.mark.slow
@EVERY
def test_images_are_learnt_from_and_judged(name):
    X, y = tiny_images()
    model = tiny_image_classifier(without_trusted_rows(name, 0.3)).fit(X, y)
    assert set(model.predict(X)) <= {0, 1}
    assert model.predict_noise(X, y).shape == y.shape
    assert np.isfinite(model.label_quality_).all()


@pytest.mark.slow
@EACH_TRAINING
def test_a_plain_skorch_net_of_the_users_is_trained(estimator_class, name):
    X, y, y_clean = easy_table()
    net = plain_skorch_net()
    fitted = estimator_class(without_trusted_rows(name), net=net, random_state=0).fit(X, y)
    assert type(fitted.net_.module_) is net.module
    # A detector's net needn't be trained to the end: the first one of deep k-NN isn't.
    assert fitted.score(X, y_clean) > (0.9 if estimator_class is RobustClassifier else 0.7)


# -- the program outside -------------------------------------------------------------------------


@EVERY_SLOWLY
def test_inputs_and_the_programs_random_numbers_are_left_as_they_were(name):
    X, y, y_clean = easy_table(80)
    inputs = X, y, some_trusted(y, y_clean), np.linspace(0.5, 1.5, len(y))
    states = [array.copy() for array in inputs]
    for array in inputs:
        array.flags.writeable = False
    before = np.random.get_state()[1].copy(), torch.get_rng_state(), torch.get_num_threads()
    X, y, trusted, weights = inputs
    RobustClassifier(name, **SHORT).fit(X, y, trusted=trusted, sample_weight=weights).predict(X)
    assert_array_equal(np.random.get_state()[1], before[0])
    assert torch.equal(torch.get_rng_state(), before[1])
    assert torch.get_num_threads() == before[2]
    for array, state in zip(inputs, states, strict=True):
        assert_array_equal(array, state)

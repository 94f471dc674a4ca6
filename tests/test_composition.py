"""The estimators among scikit-learn's, imbalanced-learn's and skorch's own parts."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from joblib import Parallel, delayed
from PIL import Image
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import make_blobs, make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.pipeline import make_pipeline as make_scikit_learn_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    EpochScoring,
    GradientNormClipping,
    LRScheduler,
)
from skorch.dataset import ValidSplit
from torch import nn
from torch.utils.data import Subset, TensorDataset
from torchvision.datasets import ImageFolder
from torchvision.transforms import ToTensor

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import LSW, CrossEntropy, WrongEvent
from sknoisy.metrics import clean_accuracy_scorer, noise_f1_scorer, trusted_accuracy_scorer
from sknoisy.nets import ImageNet, TabularNet
from sknoisy.noise import flip_classes, flip_symmetric
from sknoisy.pipeline import make_pipeline

SHORT = {"max_epochs": 6, "lr": 0.01, "batch_size": 32, "device": "cpu", "random_state": 0}
BOTH = pytest.mark.parametrize("estimator_class", [NoisyLabelDetector, RobustClassifier])


def easy_table(n_rows=160, n_classes=2):
    """Well separated classes with a fifth of the labels wrong; the truth comes last."""
    X, y = make_blobs(n_rows, 4, centers=n_classes, cluster_std=1.5, random_state=3)
    y_noisy, _ = flip_symmetric(y, 0.2, random_state=0)
    return StandardScaler().fit_transform(X), y_noisy, y


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


# -- pipelines ---------------------------------------------------------------------------------


def test_detector_in_the_middle_of_a_pipeline_drops_rows_at_fit():
    X, y, _ = easy_table()
    pipeline = make_pipeline(StandardScaler(), NoisyLabelDetector(**SHORT), KNeighborsClassifier())
    pipeline.fit(X, y)
    kept = ~pipeline["noisylabeldetector"].noise_mask_
    assert 0 < kept.sum() < len(y)
    assert pipeline[-1].n_samples_fit_ == kept.sum()


def test_detector_in_the_middle_of_a_pipeline_drops_no_row_at_predict():
    X, y, y_clean = easy_table()
    pipeline = make_pipeline(StandardScaler(), NoisyLabelDetector(**SHORT), LogisticRegression())
    assert (pipeline.fit(X, y).predict(X) == y_clean).mean() > 0.95


@pytest.mark.parametrize("make", [make_pipeline, make_scikit_learn_pipeline])
def test_detector_is_the_last_step_of_a_pipeline(make):
    X, y, _ = easy_table()
    pipeline = make(StandardScaler(), NoisyLabelDetector(**SHORT)).fit(X, y)
    assert pipeline[-1].noise_mask_.shape == y.shape
    assert pipeline.predict(X).shape == y.shape


def test_detector_at_the_end_of_a_pipeline_gives_its_verdict_by_fit_predict():
    X, y, y_clean = easy_table()
    pipeline = make_scikit_learn_pipeline(StandardScaler(), NoisyLabelDetector(**SHORT))
    assert (pipeline.fit_predict(X, y) == (y != y_clean)).mean() > 0.9


def test_classifier_with_final_estimator_in_a_scikit_learn_pipeline():
    X, y, y_clean = easy_table()
    model = RobustClassifier(final_estimator=HistGradientBoostingClassifier(), **SHORT)
    pipeline = make_scikit_learn_pipeline(StandardScaler(), model).fit(X, y)
    assert pipeline.score(X, y_clean) > 0.95
    assert pipeline.predict_proba(X).shape == (len(y), 2)


def test_final_estimator_sees_the_kept_rows_only():
    X, y, _ = easy_table()
    model = RobustClassifier(final_estimator=KNeighborsClassifier(), **SHORT).fit(X, y)
    assert model.noise_mask_.any()
    assert model.final_estimator_.n_samples_fit_ == (~model.noise_mask_).sum()


def test_final_estimator_keeps_column_names():
    X, y, _ = easy_table()
    X = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    model = RobustClassifier(final_estimator=LogisticRegression(), **SHORT).fit(X, y)
    assert list(model.final_estimator_.feature_names_in_) == ["a", "b", "c", "d"]


def test_final_estimator_may_be_a_pipeline():
    X, y, y_clean = easy_table()
    final = make_scikit_learn_pipeline(StandardScaler(), LogisticRegression())
    model = RobustClassifier(final_estimator=final, **SHORT).fit(X, y)
    assert model.score(X, y_clean) > 0.95


def test_weights_reach_a_final_estimator():
    X, y, _ = easy_table()
    settings = {"final_estimator": LogisticRegression(), "contamination": 0.2, **SHORT}
    plain = RobustClassifier(final="filter", **settings).fit(X, y)
    weighted = RobustClassifier(final="weight", **settings).fit(X, y)
    expected = LogisticRegression().fit(X, y, sample_weight=weighted.sample_weights_)
    np.testing.assert_allclose(weighted.final_estimator_.coef_, expected.coef_)
    assert not np.allclose(plain.final_estimator_.coef_, expected.coef_)


def test_predict_proba_is_missing_where_the_final_estimator_has_none():
    from sklearn.svm import LinearSVC

    X, y, _ = easy_table()
    model = RobustClassifier(final_estimator=LinearSVC(), **SHORT).fit(X, y)
    assert not hasattr(model, "predict_proba")
    assert model.predict(X).shape == y.shape


# -- search and cross-validation ---------------------------------------------------------------


def searched(estimator, grid, X, y):
    search = GridSearchCV(estimator, grid, cv=2, error_score="raise").fit(X, y)
    assert all(np.isfinite(search.cv_results_["mean_test_score"]))
    return search


@BOTH
@pytest.mark.parametrize(
    "grid",
    [
        {"threshold": ["auto", 0.3]},
        {"contamination": [0.1, 0.3]},
        {"method": ["cross_entropy", "wrong_event"]},
        {"method": [CrossEntropy(), LSW(self_trusted=0.2)]},
        {"method__holdout": [0.0, 0.2]},
        {"method": [WrongEvent()], "method__per_class": [True, False]},
        {"net__module__n_units": [4, 8]},
        {"net__optimizer__weight_decay": [0.0, 0.1]},
        {"net": [TabularNet, TabularNet(module__n_layers=1)][1:], "net__lr": [0.01, 0.02]},
    ],
    ids=str,
)
def test_parameters_are_searchable(estimator_class, grid):
    X, y, _ = easy_table(80)
    estimator = estimator_class(WrongEvent(), net=TabularNet(), max_epochs=3, random_state=0)
    search = searched(estimator, grid, X, y)
    assert set(search.best_params_) == set(grid)


def test_parameters_of_the_classifier_alone_are_searchable():
    X, y, _ = easy_table(80)
    estimator = RobustClassifier(final_estimator=LogisticRegression(), **SHORT)
    grid = {"final": ["filter", "filter_weight"], "final_estimator__C": [0.1, 1.0]}
    assert set(searched(estimator, grid, X, y).best_params_) == set(grid)


def test_searched_parameters_reach_the_net():
    X, y, _ = easy_table(80)
    estimator = NoisyLabelDetector(net=TabularNet(), max_epochs=2, random_state=0)
    search = searched(estimator, {"net__module__n_units": [7]}, X, y)
    assert search.best_estimator_.net_.module_.head.in_features == 7


def test_parameters_of_pipeline_steps_are_searchable():
    X, y, _ = easy_table(80)
    pipeline = make_pipeline(StandardScaler(), NoisyLabelDetector(**SHORT), LogisticRegression())
    grid = {"noisylabeldetector__threshold": [0.2, 0.8], "logisticregression__C": [0.1, 1.0]}
    search = searched(pipeline, grid, X, y)
    detector = search.best_estimator_["noisylabeldetector"]
    assert detector.threshold_ == search.best_params_["noisylabeldetector__threshold"]


@BOTH
def test_estimators_are_classifiers_so_that_splits_are_stratified(estimator_class):
    assert is_classifier(estimator_class())


@BOTH
def test_trusted_rows_reach_fit_in_cross_validation(routing, estimator_class):
    X, y, y_clean = easy_table(80)
    estimator = estimator_class("lsw", **SHORT)
    params = {"trusted": y == y_clean}
    results = cross_validate(estimator, X, y, cv=2, params=params, error_score="raise")
    assert np.isfinite(results["test_score"]).all()


@BOTH
@pytest.mark.parametrize("make", [make_pipeline, make_scikit_learn_pipeline])
def test_trusted_rows_reach_the_last_step_of_a_pipeline(routing, make, estimator_class):
    X, y, y_clean = easy_table(80)
    trusted = y == y_clean
    pipeline = make(StandardScaler(), estimator_class("lsw", **SHORT)).fit(X, y, trusted=trusted)
    assert (pipeline[-1].sample_weights_[trusted] == 1).all()


def test_trusted_rows_reach_a_detector_in_the_middle_of_a_pipeline(routing):
    X, y, y_clean = easy_table(80)
    trusted = y == y_clean
    detector = NoisyLabelDetector("lsw", **SHORT)
    pipeline = make_pipeline(StandardScaler(), detector, LogisticRegression())
    pipeline.fit(X, y, trusted=trusted)
    assert (pipeline[1].sample_weights_[trusted] == 1).all()


@BOTH
def test_sample_weight_is_routed_on_request(routing, estimator_class):
    X, y, _ = easy_table(80)
    weights = np.ones(len(y))
    with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
        cross_validate(
            estimator_class(**SHORT), X, y, params={"sample_weight": weights}, error_score="raise"
        )
    estimator = estimator_class(**SHORT)
    estimator.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    cross_validate(estimator, X, y, cv=2, params={"sample_weight": weights}, error_score="raise")


@pytest.mark.parametrize(
    ("scorer", "metadata"),
    [
        (clean_accuracy_scorer, "y_clean"),
        (noise_f1_scorer, "flipped"),
        (trusted_accuracy_scorer, "trusted"),
    ],
)
@BOTH
def test_scorers_on_what_is_known_of_the_truth(routing, estimator_class, scorer, metadata):
    X, y, y_clean = easy_table()
    known = {"y_clean": y_clean, "flipped": y != y_clean, "trusted": np.arange(len(y)) % 4 == 0}
    known["trusted"] &= y == y_clean
    search = GridSearchCV(
        estimator_class(**SHORT), {"threshold": [0.5]}, scoring=scorer, cv=2, error_score="raise"
    )
    search.fit(X, y, **{metadata: known[metadata]})
    assert search.best_score_ > 0.8


# -- clone, pickle, frozen, calibrated ---------------------------------------------------------


@BOTH
def test_clone_keeps_parameters_and_drops_what_was_learnt(estimator_class):
    X, y, _ = easy_table(80)
    method, net = WrongEvent(holdout=0.2), TabularNet(module__n_units=8)
    fitted = estimator_class(method, net=net, threshold=0.4, **SHORT).fit(X, y)
    copy = clone(fitted)
    assert (copy.threshold, copy.method.holdout, copy.net.module__n_units) == (0.4, 0.2, 8)
    assert list(copy.get_params()) == list(fitted.get_params())
    assert copy.method is not method and copy.net is not net
    assert not hasattr(copy, "noise_mask_")


@BOTH
def test_fitted_estimators_survive_pickling(estimator_class):
    X, y, _ = easy_table(80)
    fitted = estimator_class(**SHORT).fit(X, y)
    loaded = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    pd.testing.assert_frame_equal(loaded.get_label_issues(), fitted.get_label_issues())


@BOTH
def test_frozen_estimators_aren_t_fitted_again(estimator_class):
    X, y, _ = easy_table(80)
    fitted = estimator_class(**SHORT).fit(X, y)
    frozen = FrozenEstimator(fitted).fit(X, 1 - y)
    np.testing.assert_array_equal(frozen.predict(X), fitted.predict(X))


def test_calibration_fits_clones():
    X, y, y_clean = easy_table()
    model = CalibratedClassifierCV(RobustClassifier(**SHORT), cv=2).fit(X, y)
    assert model.score(X, y_clean) > 0.95


def test_calibration_takes_a_frozen_classifier():
    X, y, y_clean = easy_table()
    frozen = FrozenEstimator(RobustClassifier(**SHORT).fit(X, y))
    assert CalibratedClassifierCV(frozen).fit(X, y).score(X, y_clean) > 0.95


# -- tables and labels -------------------------------------------------------------------------


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


@BOTH
def test_column_names_are_remembered_and_compared(estimator_class):
    X, y, _ = easy_table(80)
    X = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    fitted = estimator_class(**SHORT).fit(X, y)
    assert list(fitted.feature_names_in_) == ["a", "b", "c", "d"]
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.predict(X.rename(columns={"a": "z"}))


def test_columns_may_be_integers_and_booleans():
    X, y, y_clean = easy_table()
    X = pd.DataFrame({0: X[:, 0], 1: X[:, 1], 2: (X[:, 2] * 10).astype(int), 3: X[:, 3] > 0})
    assert RobustClassifier(**SHORT).fit(X, y).score(X, y_clean) > 0.9


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


@pytest.mark.parametrize("names", [np.array([False, True]), np.array([3, 7])], ids=str)
def test_numbers_held_as_objects_come_back_as_numbers(names):
    X, codes, _ = easy_table(80)
    fitted = NoisyLabelDetector(**SHORT).fit(X, names.astype(object)[codes])
    assert fitted.classes_.dtype == names.dtype
    assert fitted.predict_noise(X, names.astype(object)[codes]).dtype == bool


@pytest.mark.parametrize("dtype", ["str", "category", "object"])
def test_labels_may_be_a_series_of_strings(dtype):
    X, codes, _ = easy_table(80)
    y = pd.Series(np.array(["cat", "dog"])[codes]).astype(dtype)
    detector = NoisyLabelDetector(**SHORT).fit(X, y)
    assert set(detector.predict(X)) <= {"cat", "dog"}
    assert detector.predict_noise(X, y).dtype == bool


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


def test_fit_resample_of_lists_returns_lists():
    X, y, _ = easy_table(80)
    detector = NoisyLabelDetector(**SHORT)
    X_kept, y_kept = detector.fit_resample(X.tolist(), y.tolist())
    assert isinstance(X_kept, list) and len(X_kept) == len(y_kept) == (~detector.noise_mask_).sum()


def test_tensors_are_taken_as_arrays():
    X, y, _ = easy_table(80)
    from_arrays = NoisyLabelDetector(**SHORT).fit(X, y)
    from_tensors = NoisyLabelDetector(**SHORT).fit(torch.from_numpy(X), torch.from_numpy(y))
    np.testing.assert_array_equal(from_tensors.label_quality_, from_arrays.label_quality_)


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
    expected = RobustClassifier(**SHORT).fit(X, y).predict_proba(X)
    fitted = RobustClassifier(**SHORT).fit(view(X), y)
    np.testing.assert_allclose(fitted.predict_proba(view(X)), expected, atol=1e-5)


# -- nets --------------------------------------------------------------------------------------


class Logits(nn.Module):
    def __init__(self, n_features, n_classes):
        super().__init__()
        self.linear = nn.Linear(n_features, n_classes)

    def forward(self, X):
        return self.linear(X)


class Probabilities(nn.Module):
    def __init__(self, n_inputs=4, n_outputs=2):
        super().__init__()
        self.linear = nn.Linear(n_inputs, n_outputs)

    def forward(self, X):
        return self.linear(X).softmax(dim=1)


def plain_skorch_net(module=Logits, **params):
    defaults = {
        "criterion": nn.CrossEntropyLoss,
        "max_epochs": 8,
        "lr": 0.1,
        "batch_size": 32,
        "train_split": None,
        "verbose": 0,
        "iterator_train__shuffle": True,
    }
    return NeuralNetClassifier(module, **defaults | params)


@BOTH
def test_a_module_class_may_be_the_net(estimator_class):
    X, y, y_clean = easy_table()
    fitted = estimator_class("cross_entropy", net=Logits, lr=0.1, random_state=0).fit(X, y)
    assert isinstance(fitted.net_.module_, Logits)
    assert fitted.score(X, y_clean) > 0.95


@BOTH
def test_a_module_that_returns_probabilities_works_with_skorchs_own_defaults(estimator_class):
    X, y, y_clean = easy_table()
    net = NeuralNetClassifier(Probabilities, max_epochs=10, lr=0.1, batch_size=32, verbose=0)
    fitted = estimator_class("cross_entropy", net=net, random_state=0).fit(X, y)
    assert fitted.score(X, y_clean) > 0.95
    X_tensor = torch.from_numpy(X.astype(np.float32))
    direct = fitted.net_.module_(X_tensor).detach().numpy()
    np.testing.assert_allclose(fitted.predict_proba(X), direct, atol=1e-5)


@BOTH
@pytest.mark.parametrize("method", ["cross_entropy", "wrong_event", LSW(self_trusted=0.2)])
def test_a_plain_skorch_net_works_with_every_method(estimator_class, method):
    X, y, y_clean = easy_table()
    fitted = estimator_class(method, net=plain_skorch_net(), random_state=0).fit(X, y)
    assert fitted.score(X, y_clean) > 0.9


def test_a_learning_rate_scheduler_of_the_net_is_stepped():
    X, y, _ = easy_table(80)
    scheduler = LRScheduler("StepLR", step_size=1, gamma=0.5)
    net = plain_skorch_net(callbacks=[("scheduler", scheduler)], max_epochs=3)
    fitted = RobustClassifier("cross_entropy", net=net, random_state=0).fit(X, y)
    np.testing.assert_allclose([epoch["event_lr"] for epoch in fitted.history_], [0.1, 0.05, 0.025])


def test_early_stopping_of_the_net_ends_the_training():
    X, y, _ = easy_table(80)
    stopping = EarlyStopping(monitor="train_loss", patience=2, threshold=1e9, threshold_mode="abs")
    net = plain_skorch_net(callbacks=[("stopping", stopping)], max_epochs=50)
    fitted = NoisyLabelDetector("cross_entropy", net=net, random_state=0).fit(X, y)
    assert len(fitted.history_) < 10


class LargestGradient(Callback):
    """Records the largest norm of a gradient that the optimiser gets to see."""

    def on_epoch_begin(self, net, **kwargs):
        self.largest_ = 0.0

    def on_batch_end(self, net, training=False, **kwargs):
        gradients = [p.grad for p in net.module_.parameters() if p.grad is not None]
        if training:
            norm = torch.stack([gradient.norm() for gradient in gradients]).norm().item()
            self.largest_ = max(self.largest_, norm)

    def on_epoch_end(self, net, **kwargs):
        net.history.record("largest_gradient", self.largest_)


@pytest.mark.parametrize("clips", [False, True])
def test_gradients_are_clipped_by_the_nets_callback(clips):
    X, y, _ = easy_table(80)
    callbacks = [("largest", LargestGradient())]
    if clips:
        callbacks.insert(0, ("clipping", GradientNormClipping(0.01)))
    net = plain_skorch_net(callbacks=callbacks, max_epochs=2)
    fitted = NoisyLabelDetector("cross_entropy", net=net, random_state=0).fit(X, y)
    largest = max(epoch["largest_gradient"] for epoch in fitted.history_)
    assert (largest <= 0.0101) == clips


@pytest.mark.parametrize("use_caching", [True, False])
def test_training_scores_of_the_nets_callbacks_are_recorded(use_caching):
    X, y, _ = easy_table(80)
    scoring = EpochScoring(
        "accuracy", name="train_acc", on_train=True, lower_is_better=False, use_caching=use_caching
    )
    net = plain_skorch_net(callbacks=[("scoring", scoring)], max_epochs=3)
    fitted = NoisyLabelDetector("cross_entropy", net=net, random_state=0).fit(X, y)
    assert all(0 < epoch["train_acc"] <= 1 for epoch in fitted.history_)


def test_rows_held_out_by_the_nets_own_split_are_validated_and_judged():
    X, y, _ = easy_table()
    net = plain_skorch_net(train_split=ValidSplit(4), max_epochs=5)
    detector = NoisyLabelDetector("cross_entropy", net=net, random_state=0).fit(X, y)
    assert {"valid_loss", "valid_acc"} <= set(detector.history_[-1])
    assert np.isfinite(detector.label_quality_).all()


def test_early_stopping_on_the_validation_loss_of_the_nets_own_split():
    X, y, _ = easy_table()
    stopping = EarlyStopping(monitor="valid_loss", patience=2, threshold=1e9, threshold_mode="abs")
    net = plain_skorch_net(
        train_split=ValidSplit(4, stratified=True),
        callbacks=[("stopping", stopping)],
        max_epochs=50,
    )
    fitted = NoisyLabelDetector("cross_entropy", net=net, random_state=0).fit(X, y)
    assert len(fitted.history_) < 10


def test_the_nets_class_weights_change_what_is_learnt():
    X, y = make_classification(200, 4, n_clusters_per_class=1, class_sep=0.3, random_state=0)
    shares = []
    for weights in ([1.0, 1.0], [1.0, 20.0]):
        net = plain_skorch_net(criterion__weight=torch.tensor(weights))
        fitted = RobustClassifier("cross_entropy", net=net, random_state=0).fit(X, y)
        shares.append(fitted.predict(X).mean())
    assert shares[1] > shares[0] + 0.1


@pytest.mark.parametrize("method", ["cross_entropy", "wrong_event"])
def test_label_smoothing_of_the_net_makes_it_less_sure(method):
    X, y, _ = easy_table()
    confidences = []
    for smoothing in (0.0, 0.4):
        net = plain_skorch_net(criterion__label_smoothing=smoothing)
        fitted = RobustClassifier(method, net=net, random_state=0).fit(X, y)
        confidences.append(fitted.predict_proba(X).max(axis=1).mean())
    assert confidences[1] < confidences[0]


def test_a_module_instance_starts_every_training_and_is_left_as_it_was():
    X, y, _ = easy_table(80)
    module = Logits(4, 2)
    before = module.linear.weight.detach().clone()
    model = RobustClassifier(net=plain_skorch_net(module), device="cpu", random_state=0)
    first, second = (model.fit(X, y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert torch.equal(module.linear.weight, before)


def test_the_net_given_by_the_user_stays_unfitted():
    X, y, _ = easy_table(80)
    net = plain_skorch_net()
    RobustClassifier(net=net, random_state=0).fit(X, y)
    assert not net.initialized_ if hasattr(net, "initialized_") else True
    assert not hasattr(net, "module_")


# -- Datasets and images -----------------------------------------------------------------------


def tiny_images(n_images=48):
    """Noise images whose brighter half is the left or the right one."""
    random = np.random.default_rng(0)
    y = np.arange(n_images) % 2
    X = random.integers(0, 120, (n_images, 3, 8, 8))
    X[y == 0, :, :, :4] += 100
    X[y == 1, :, :, 4:] += 100
    return X.astype(np.uint8), y


def tiny_image_classifier(method="cross_entropy"):
    net = ImageNet(module__depth=10, module__width=8, max_epochs=2, batch_size=16)
    return RobustClassifier(method, net=net, device="cpu", random_state=0)


@pytest.fixture(scope="module")
def image_probabilities():
    X, y = tiny_images()
    return tiny_image_classifier().fit(X, y).predict_proba(X)


@pytest.mark.parametrize(
    "layout",
    [
        lambda X: X,
        lambda X: X.astype(np.float32) / 255,
        lambda X: X.astype(np.float64) / 255,
        lambda X: X.astype(np.int64),
        lambda X: X.transpose(0, 2, 3, 1),
        lambda X: np.ascontiguousarray(X.transpose(0, 2, 3, 1)),
        lambda X: X[:, ::-1].copy()[:, ::-1],
        lambda X: torch.from_numpy(X),
    ],
    ids=[
        "bytes",
        "float32",
        "float64",
        "int64",
        "channels last, a view",
        "channels last",
        "negative strides",
        "tensor",
    ],
)
def test_layout_and_type_of_images_make_no_difference(layout, image_probabilities):
    X, y = tiny_images()
    model = tiny_image_classifier().fit(layout(X), y)
    np.testing.assert_allclose(model.predict_proba(layout(X)), image_probabilities, atol=1e-4)


def test_images_without_a_channel_axis_are_grey():
    X, y = tiny_images()
    model = tiny_image_classifier()
    without = model.fit(X[:, 0], y).predict_proba(X[:, 0])
    with_axis = model.fit(X[:, :1], y).predict_proba(X[:, :1])
    np.testing.assert_allclose(without, with_axis, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["wrong_event", LSW(self_trusted=0.3)])
def test_images_work_with_every_method(method):
    X, y = tiny_images()
    model = tiny_image_classifier(method).fit(X, y)
    assert model.predict(X).shape == y.shape
    assert model.predict_noise(X, y).shape == y.shape


def test_layout_of_images_may_change_from_fit_to_predict():
    X, y = tiny_images()
    model = tiny_image_classifier().fit(X, y)
    assert model.n_features_in_ == 3 * 8 * 8
    channels_last = X.transpose(0, 2, 3, 1) / 255
    np.testing.assert_allclose(
        model.predict_proba(channels_last), model.predict_proba(X), atol=1e-4
    )


def test_images_get_an_image_net_by_default():
    X, y = tiny_images(8)
    fitted = NoisyLabelDetector("cross_entropy", max_epochs=1, random_state=0).fit(X, y)
    assert isinstance(fitted.net_, ImageNet)


@BOTH
def test_a_dataset_without_y_equals_the_arrays_in_it(estimator_class):
    X, y, _ = easy_table(80)
    X = X.astype(np.float32)
    dataset = TensorDataset(torch.from_numpy(X), torch.from_numpy(y))
    from_dataset = estimator_class(**SHORT).fit(dataset)
    from_arrays = estimator_class(**SHORT).fit(X, y)
    np.testing.assert_allclose(from_dataset.label_quality_, from_arrays.label_quality_, atol=1e-5)
    np.testing.assert_allclose(
        from_dataset.predict_proba(dataset), from_arrays.predict_proba(X), atol=1e-5
    )
    np.testing.assert_array_equal(
        from_dataset.predict_noise(dataset, y), from_arrays.predict_noise(X, y)
    )


def test_labels_beside_a_dataset_take_the_place_of_its_own():
    X, y, _ = easy_table(80)
    dataset = TensorDataset(torch.from_numpy(X), torch.zeros(len(y)))
    names = np.array(["cat", "dog"])[y]
    fitted = RobustClassifier(**SHORT).fit(dataset, names)
    assert fitted.score(dataset, names) > 0.7


def test_fit_resample_of_a_dataset_returns_a_subset():
    X, y, _ = easy_table(80)
    dataset = TensorDataset(torch.from_numpy(X), torch.from_numpy(y))
    detector = NoisyLabelDetector(**SHORT)
    X_kept, y_kept = detector.fit_resample(dataset)
    assert isinstance(X_kept, Subset)
    np.testing.assert_array_equal([int(label) for _, label in X_kept], y_kept)


def test_a_dataset_respects_the_nets_own_split():
    X, y, _ = easy_table(80)
    dataset = TensorDataset(torch.from_numpy(X).float(), torch.from_numpy(y))
    net = plain_skorch_net(train_split=ValidSplit(4), max_epochs=3)
    fitted = NoisyLabelDetector("cross_entropy", net=net, random_state=0).fit(dataset)
    assert "valid_loss" in fitted.history_[-1]


@pytest.fixture
def image_folder(tmp_path):
    X, y = tiny_images(16)
    for row, (image, code) in enumerate(zip(X, y, strict=True)):
        folder = tmp_path / ("left", "right")[code]
        folder.mkdir(exist_ok=True)
        Image.fromarray(image.transpose(1, 2, 0)).save(folder / f"{row:02d}.png")
    return tmp_path


def test_a_folder_of_images_is_a_dataset(image_folder):
    dataset = ImageFolder(image_folder, transform=ToTensor())
    fitted = tiny_image_classifier().fit(dataset)
    assert list(fitted.classes_) == [0, 1]
    assert fitted.predict_proba(dataset).shape == (16, 2)
    assert len(fitted.get_label_issues()) == 16


def test_a_folder_of_images_equals_the_array_of_its_pixels(image_folder):
    dataset = ImageFolder(image_folder, transform=ToTensor())
    X = np.stack([image.numpy() for image, _ in dataset])
    y = np.array(dataset.targets)
    from_folder = tiny_image_classifier().fit(dataset)
    from_array = tiny_image_classifier().fit(X, y)
    np.testing.assert_allclose(from_folder.label_quality_, from_array.label_quality_, atol=1e-4)


def test_memory_mapped_tables_equal_those_in_memory(tmp_path):
    X, y, _ = easy_table()
    X = X.astype(np.float32)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    fitted = RobustClassifier(**SHORT).fit(mapped, y)
    expected = RobustClassifier(**SHORT).fit(X, y)
    np.testing.assert_array_equal(fitted.predict_proba(mapped), expected.predict_proba(X))


def test_memory_mapped_images_equal_those_in_memory(tmp_path, image_probabilities):
    X, y = tiny_images()
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    fitted = tiny_image_classifier().fit(mapped, y)
    np.testing.assert_allclose(fitted.predict_proba(mapped), image_probabilities, atol=1e-4)


# -- caching -----------------------------------------------------------------------------------


class CountTrainings(Callback):
    n_trainings = 0

    def on_train_begin(self, net, **kwargs):
        CountTrainings.n_trainings += 1


def counting_net():
    CountTrainings.n_trainings = 0
    return TabularNet(max_epochs=2, callbacks=[("count", CountTrainings())])


@pytest.mark.parametrize(("caches", "n_trainings"), [(True, 2), (False, 6)])
def test_a_grid_over_thresholds_trains_once_per_fold_with_memory(caches, n_trainings, tmp_path):
    X, y, _ = easy_table(80)
    detector = NoisyLabelDetector(
        net=counting_net(), memory=str(tmp_path) if caches else None, random_state=0
    )
    grid = {"threshold": [0.2, 0.4, 0.6]}
    GridSearchCV(detector, grid, cv=2, refit=False, error_score="raise").fit(X, y)
    assert CountTrainings.n_trainings == n_trainings


def test_a_grid_over_final_estimators_trains_the_net_once_per_fold_with_memory(tmp_path):
    X, y, _ = easy_table(80)
    model = RobustClassifier(net=counting_net(), memory=str(tmp_path), random_state=0)
    grid = {"final_estimator": [LogisticRegression(), KNeighborsClassifier()]}
    GridSearchCV(model, grid, cv=2, refit=False, error_score="raise").fit(X, y)
    assert CountTrainings.n_trainings == 2


def test_a_net_that_holds_tensors_is_found_again_in_memory(tmp_path):
    X, y, _ = easy_table(80)
    CountTrainings.n_trainings = 0
    for _ in range(2):
        net = plain_skorch_net(
            criterion__weight=torch.tensor([1.0, 2.0]), callbacks=[("count", CountTrainings())]
        )
        NoisyLabelDetector(net=net, memory=str(tmp_path), random_state=0).fit(X, y)
    assert CountTrainings.n_trainings == 1


def test_a_dataset_is_found_again_in_memory(tmp_path):
    X, y, _ = easy_table(80)
    detector = NoisyLabelDetector(net=counting_net(), memory=str(tmp_path), random_state=0)
    for _ in range(2):
        detector.fit(TensorDataset(torch.from_numpy(X), torch.from_numpy(y)))
    assert CountTrainings.n_trainings == 1


@pytest.mark.parametrize(
    "change",
    [
        {"lr": 0.02},
        {"random_state": 1},
        {"method": WrongEvent(holdout=0.3)},
        {"net__module__n_units": 8},
        {"net__criterion__weight": torch.tensor([1.0, 2.0])},
    ],
    ids=str,
)
def test_what_changes_the_training_is_not_taken_from_memory(change, tmp_path):
    X, y, _ = easy_table(80)
    detector = NoisyLabelDetector(
        WrongEvent(), net=counting_net(), memory=str(tmp_path), random_state=0
    )
    detector.fit(X, y)
    detector.set_params(**change).fit(X, y)
    assert CountTrainings.n_trainings == 2


def test_those_that_need_the_same_training_at_the_same_time_share_it(tmp_path):
    X, y, _ = easy_table(80)
    net = counting_net().set_params(max_epochs=30)
    detector = NoisyLabelDetector(net=net, memory=str(tmp_path), random_state=0)
    parallel = Parallel(n_jobs=2, backend="threading")
    fitted = parallel(delayed(clone(detector).fit)(X, y) for _ in range(2))
    assert CountTrainings.n_trainings == 1
    np.testing.assert_array_equal(*(model.label_quality_ for model in fitted))


def test_a_grid_in_two_processes_gives_what_one_gives_with_memory(tmp_path):
    X, y, _ = easy_table(80)
    scores = []
    for n_jobs in (1, 2):
        detector = NoisyLabelDetector(
            max_epochs=3, memory=str(tmp_path / str(n_jobs)), random_state=0
        )
        search = GridSearchCV(detector, {"threshold": [0.2, 0.6]}, cv=2, n_jobs=n_jobs)
        scores.append(search.fit(X, y).cv_results_["mean_test_score"])
    np.testing.assert_array_equal(*scores)


def test_trainings_from_memory_give_the_same_estimator(tmp_path):
    X, y, _ = easy_table(80)
    model = RobustClassifier(memory=str(tmp_path), **SHORT)
    first = clone(model).fit(X, y)
    second = clone(model).fit(X, y)
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    np.testing.assert_array_equal(first.label_quality_, second.label_quality_)


# -- the verdict -------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("method", ["cross_entropy", "wrong_event", LSW(self_trusted=0.2)])
@pytest.mark.parametrize("contamination", [0.05, 0.3])
def test_contamination_flags_that_share_of_the_rows(estimator_class, method, contamination):
    X, y, _ = easy_table()
    fitted = estimator_class(method, contamination=contamination, **SHORT).fit(X, y)
    assert fitted.noise_mask_.sum() == round(contamination * len(y))


def test_contamination_is_a_share_of_the_rows_that_are_not_trusted():
    X, y, _ = easy_table()
    trusted = np.arange(len(y)) % 2 == 0
    detector = NoisyLabelDetector(contamination=0.1, **SHORT).fit(X, y, trusted=trusted)
    assert detector.noise_mask_.sum() == round(0.1 * (~trusted).sum())


@BOTH
@pytest.mark.parametrize("method", ["cross_entropy", "wrong_event", "lsw"])
@pytest.mark.parametrize("rule", [{"threshold": 0.99}, {"contamination": 0.9}], ids=str)
def test_trusted_rows_are_never_flagged_and_weigh_one(estimator_class, method, rule):
    X, y, _ = easy_table()
    trusted = np.arange(len(y)) % 3 == 0
    fitted = estimator_class(method, **rule, **SHORT).fit(X, y, trusted=trusted)
    assert fitted.noise_mask_[~trusted].any()
    assert not fitted.noise_mask_[trusted].any()
    assert (fitted.sample_weights_[trusted] == 1).all()
    assert (fitted.label_quality_[trusted] == 1).all()


@BOTH
@pytest.mark.parametrize("method", ["wrong_event", "lsw"])
def test_all_rows_may_be_trusted(estimator_class, method):
    X, _, y = easy_table(80)
    fitted = estimator_class(method, **SHORT).fit(X, y, trusted=np.ones(len(y), dtype=bool))
    assert not fitted.noise_mask_.any()
    assert fitted.score(X, y) > 0.9


@pytest.mark.parametrize("rule", [{"threshold": 0.9999}, {"contamination": 0.95}], ids=str)
def test_every_class_keeps_a_row(rule):
    X, y, _ = easy_table(n_classes=4)
    detector = NoisyLabelDetector("cross_entropy", **rule, **SHORT).fit(X, y)
    np.testing.assert_array_equal(np.unique(y[~detector.noise_mask_]), detector.classes_)


@BOTH
def test_new_rows_are_judged_like_those_of_fit(estimator_class):
    X, y, _ = easy_table(240)
    fitted = estimator_class(**SHORT).fit(X[:160], y[:160])
    new_X = X[160:]
    y_new = fitted.predict(new_X)
    wrong = np.arange(len(y_new)) % 5 == 0
    y_new[wrong] = 1 - y_new[wrong]
    np.testing.assert_array_equal(fitted.predict_noise(new_X, y_new), wrong)
    quality = fitted.score_labels(new_X, y_new)
    assert ((quality >= 0) & (quality <= 1)).all()
    assert quality[wrong].max() < quality[~wrong].min()


def test_labels_of_new_rows_are_scored_by_the_final_estimator():
    X, y, _ = easy_table()
    model = RobustClassifier(final_estimator=LogisticRegression(), **SHORT).fit(X, y)
    given = model.final_estimator_.predict_proba(X)[np.arange(len(y)), y]
    scores = model.score_labels(X, y)
    np.testing.assert_array_equal(np.argsort(scores), np.argsort(given))
    np.testing.assert_array_equal(scores < model.threshold_, given < 0.5)


@BOTH
def test_suggested_labels_change_flagged_rows_only(estimator_class):
    X, y, y_clean = easy_table()
    names = np.array(["cat", "dog"])
    fitted = estimator_class(**SHORT).fit(X, names[y])
    changed = fitted.suggested_labels_ != names[y]
    np.testing.assert_array_equal(changed, fitted.noise_mask_)
    assert (fitted.suggested_labels_ == names[y_clean]).mean() > 0.95


@pytest.mark.parametrize("method", ["wrong_event", LSW(self_trusted=0.3)])
def test_transition_matrix_recovers_the_flips(method):
    X, y = make_blobs(900, 4, centers=3, random_state=1)
    flips = np.array([[0.7, 0.3, 0.0], [0.0, 1.0, 0.0], [0.1, 0.1, 0.8]])
    y_noisy, _ = flip_classes(y, flips, random_state=0)
    detector = NoisyLabelDetector(method, max_epochs=10, random_state=0).fit(X, y_noisy)
    np.testing.assert_allclose(detector.transition_matrix_.sum(axis=1), 1)
    np.testing.assert_allclose(detector.transition_matrix_, flips, atol=0.1)


@BOTH
@pytest.mark.parametrize("method", ["cross_entropy", "wrong_event", LSW(self_trusted=0.2)])
def test_rows_of_weight_zero_teach_nothing(estimator_class, method):
    X, y, _ = easy_table()
    left_out = np.arange(len(y)) % 4 == 0
    y_spoilt = np.where(left_out, 1 - y, y)
    estimator = estimator_class(method, **SHORT)
    weighted = clone(estimator).fit(X, y_spoilt, sample_weight=(~left_out).astype(float))
    removed = clone(estimator).fit(X[~left_out], y[~left_out])
    np.testing.assert_allclose(weighted.predict_proba(X), removed.predict_proba(X), atol=1e-6)
    np.testing.assert_allclose(
        weighted.label_quality_[~left_out], removed.label_quality_, atol=1e-6
    )


@pytest.mark.parametrize("final", ["weight", "filter", "filter_weight"])
@pytest.mark.parametrize("final_estimator", [None, LogisticRegression()], ids=["net", "estimator"])
def test_classifiers_of_the_final_training_know_all_classes(final, final_estimator):
    X, y, _ = easy_table(n_classes=4)
    weights = np.ones(len(y))
    weights[np.flatnonzero(y == 2)[3:]] = 0
    model = RobustClassifier(
        "cross_entropy", final=final, final_estimator=final_estimator, contamination=0.95, **SHORT
    ).fit(X, y, sample_weight=weights)
    assert model.predict_proba(X).shape == (len(y), 4)


def test_pipelines_of_scikit_learn_and_imbalanced_learn_share_a_base():
    assert isinstance(make_pipeline(NoisyLabelDetector()), Pipeline)


def test_sample_weight_needs_a_final_estimator_that_takes_it():
    X, y, _ = easy_table(80)
    model = RobustClassifier(final_estimator=KNeighborsClassifier(), **SHORT)
    with pytest.raises(ValueError, match="sample_weight needs a 'final_estimator'"):
        model.fit(X, y, sample_weight=np.ones(80))


def test_a_final_estimator_needs_arrays():
    X, y, _ = easy_table(80)
    dataset = TensorDataset(torch.from_numpy(X), torch.from_numpy(y))
    with pytest.raises(TypeError, match="'final_estimator' learns from arrays"):
        RobustClassifier(final_estimator=LogisticRegression(), **SHORT).fit(dataset)

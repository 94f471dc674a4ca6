"""Bad input gets an error that names the parameter or the row, and nothing is lost by it."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils.validation import check_is_fitted
from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier, NeuralNetRegressor
from skorch.callbacks import Callback
from torch import nn
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.exceptions import NonFiniteLossError
from sknoisy.methods import LSW, WrongEvent
from sknoisy.nets import TabularNet

BOTH = pytest.mark.parametrize("estimator_class", [NoisyLabelDetector, RobustClassifier])
N_ROWS = 40


def table(n_rows=N_ROWS):
    X = np.random.default_rng(0).normal(size=(n_rows, 3))
    return X, (X[:, 0] > 0).astype(int)


def short(estimator_class, method="wrong_event", **params):
    return estimator_class(method, max_epochs=3, random_state=0, **params)


def with_value(array, row, value):
    changed = array.astype(float)
    changed[row] = value
    return changed


def rows_of_one_class():
    X, y = table()
    return X, np.zeros_like(y)


def class_with_one_row():
    X, y = table()
    y[7] = 2
    return X, y


# -- rows and labels ---------------------------------------------------------------------------

X, Y = table()
BAD_DATA = {
    "infinity in X": (with_value(X, (5, 1), np.inf), Y, "X contains infinity"),
    "NaN in y": (X, with_value(Y, 6, np.nan), "y contains NaN.*row 6"),
    "infinity in y": (X, with_value(Y, 6, np.inf), "y contains NaN or infinity.*row 6"),
    "None in y": (X, np.where(np.arange(N_ROWS) == 6, None, "cat"), "row 6 has None"),
    "missing label of pandas": (
        X,
        pd.Series(Y).astype("Int64").where(np.arange(N_ROWS) != 6),
        "row 6",
    ),
    "one class": (*rows_of_one_class(), "at least two classes.*one class"),
    "a class with one row": (*class_with_one_row(), "Class 2 has one, row 7"),
    "one row": (X[:1], Y[:1], "at least two classes"),
    "no rows": (X[:0], Y[:0], "0 sample"),
    "no features": (X[:, :0], Y, "0 feature"),
    "no y": (X, None, "requires y to be passed"),
    "fewer labels than rows": (X, Y[:-1], "X has 40 rows and y has 39"),
    "infinity in sparse X": (
        sparse.csr_array(with_value(X, (5, 1), np.inf)),
        Y,
        "X contains infinity.*row 5, column 1",
    ),
    "one-dimensional X": (X[:, 0], Y, "Reshape your data"),
    "five-dimensional X": (np.zeros((N_ROWS, 1, 2, 2, 2)), Y, "dim 5"),
    "complex X": (X + 1j, Y, "Complex data not supported"),
    "column of lists": (pd.DataFrame({"a": [[1, 2]] * 40}), Y, "Column 'a'.*Got a list"),
    "regression target": (X, X[:, 0], "continuous"),
    "multi-label target": (X, np.stack([Y, 1 - Y], axis=1), "shape"),
    "labels of two types": (X, np.array([1, "cat"] * 20, dtype=object), "one type.*int, str"),
    "images without channels": (np.zeros((N_ROWS, 9, 9, 9)), Y, "1, 3 or 4 channels"),
    "integers that are no bytes": (np.full((N_ROWS, 8, 8), 300), Y, "0 to 255.*300"),
    "NaN in images": (np.full((N_ROWS, 8, 8), np.nan), Y, "X contains NaN"),
    "no images": (np.zeros((0, 8, 8)), Y[:0], "0 sample"),
    "no images of bytes": (np.zeros((0, 8, 8), dtype=np.uint8), Y[:0], "0 sample|0 rows"),
}


@BOTH
@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data_is_named_and_nothing_is_fitted(estimator_class, case):
    X, y, message = BAD_DATA[case]
    estimator = short(estimator_class)
    with pytest.raises((TypeError, ValueError), match=message):
        estimator.fit(X, y)
    with pytest.raises(NotFittedError):
        check_is_fitted(estimator)


@pytest.mark.first_case_is_quick
@BOTH
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: X[:, :2], "2 features.*expecting 3"),
        (lambda X: with_value(X, (0, 0), np.inf), "X contains infinity"),
        (lambda X: sparse.csr_matrix(X)[:, :2], "2 features.*expecting 3"),
        (lambda X: X[0], "Reshape your data"),
        (lambda X: X[:0], "0 sample"),
        (lambda X: np.zeros((5, 3, 8, 8)), "shape"),
    ],
    ids=["features", "infinity", "sparse", "one-dimensional", "empty", "images"],
)
def test_bad_rows_at_predict_are_named(estimator_class, change, message):
    X, y = table()
    fitted = short(estimator_class).fit(X, y)
    with pytest.raises((TypeError, ValueError), match=message):
        fitted.predict(change(X))


def test_images_of_another_size_at_predict_are_named():
    X = np.random.default_rng(0).random((12, 8, 8))
    y = np.arange(12) % 2
    net = NeuralNetClassifier(FlatLogits, criterion=nn.CrossEntropyLoss, train_split=None)
    fitted = NoisyLabelDetector("cross_entropy", net=net, max_epochs=1).fit(X, y)
    with pytest.raises(ValueError, match=r"\(1, 8, 10\).*fitted on.*\(1, 8, 8\)"):
        fitted.predict(np.zeros((2, 8, 10)))


@BOTH
@pytest.mark.parametrize("method", ["predict", "predict_proba", "get_label_issues"])
def test_use_before_fit_is_named(estimator_class, method):
    X, _ = table()
    with pytest.raises(NotFittedError):
        getattr(estimator_class(), method)(*([] if method == "get_label_issues" else [X]))


@pytest.mark.first_case_is_quick
@BOTH
@pytest.mark.parametrize("method", ["predict_noise", "score_labels"])
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (lambda y: np.where(np.arange(len(y)) == 3, 9, y), "label 9 in row 3.*not seen in fit"),
        (lambda y: np.array(["cat", "dog"])[y], "not seen in fit"),
        (lambda y: y[:-1], "X has 40 rows and y has 39"),
        (lambda y: with_value(y, 4, np.nan), "row 4"),
        (lambda y: None, "requires y"),
    ],
    ids=["unseen", "strings", "short", "NaN", "None"],
)
def test_bad_labels_of_new_rows_are_named(estimator_class, method, labels, message):
    X, y = table()
    fitted = short(estimator_class).fit(X, y)
    with pytest.raises(ValueError, match=message):
        getattr(fitted, method)(X, labels(y))


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("labels", [["cat", "zebra"], [0, 1]], ids=str)
@pytest.mark.parametrize("dtype", [str, object])
def test_labels_that_are_not_among_the_strings_of_fit_are_named(labels, dtype):
    X, y = table()
    fitted = short(NoisyLabelDetector).fit(X, np.array(["cat", "dog"], dtype=dtype)[y])
    with pytest.raises(ValueError, match="row [01].*not seen in fit"):
        fitted.predict_noise(X[:2], labels)


# -- per-row metadata --------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("trusted", "message"),
    [
        (np.ones(39, dtype=bool), r"mask of shape \(40,\).*\(39,\)"),
        (np.array([0, 1, 2]), r"mask of shape \(40,\)"),
        (np.ones((40, 1), dtype=bool), r"mask of shape \(40,\)"),
        (np.full(40, 0.5), "boolean mask"),
        (np.array(["yes"] * 40), "boolean mask"),
    ],
    ids=["short", "numbers of rows", "column", "shares", "strings"],
)
def test_bad_trusted_masks_are_named(estimator_class, trusted, message):
    X, y = table()
    with pytest.raises(ValueError, match=message):
        short(estimator_class).fit(X, y, trusted=trusted)


@BOTH
def test_a_method_that_learns_from_trusted_rows_needs_them_of_every_class(estimator_class):
    X, y = table()
    with pytest.raises(ValueError, match="Class 0 has no trusted row"):
        short(estimator_class, "lsw").fit(X, y, trusted=Y == 1)


@pytest.mark.first_case_is_quick
@BOTH
def test_other_methods_take_trusted_rows_of_some_classes(estimator_class):
    X, y = table()
    model = short(estimator_class).fit(X, y, trusted=Y == 1)
    assert not model.noise_mask_[Y == 1].any()


@BOTH
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (with_value(np.ones(N_ROWS), 4, -1), "Negative.*sample_weight.*row 4 has -1"),
        (with_value(np.ones(N_ROWS), 4, np.nan), "sample_weight.*row 4 has nan"),
        (np.zeros(N_ROWS), "All weights are zero"),
        (np.ones(N_ROWS - 1), r"sample_weight.shape.*\(40,\).*\(39,\)"),
        ((Y == 1).astype(float), "Class 0 has none"),
    ],
    ids=["negative", "NaN", "zero", "short", "class without weight"],
)
def test_bad_weights_are_named(estimator_class, weights, message):
    X, y = table()
    with pytest.raises(ValueError, match=message):
        short(estimator_class).fit(X, y, sample_weight=weights)


def test_trusted_rows_of_weight_zero_do_not_count():
    X, y = table()
    weights = np.ones(N_ROWS)
    weights[:20] = 0
    with pytest.raises(ValueError, match="no trusted row"):
        short(NoisyLabelDetector, "lsw").fit(
            X, y, trusted=np.arange(N_ROWS) < 20, sample_weight=weights
        )


@pytest.mark.parametrize("trusted", [None, np.zeros(N_ROWS, dtype=bool)], ids=["None", "empty"])
def test_lsw_with_stand_ins_needs_no_trusted_rows(trusted):
    X, y = table()
    short(NoisyLabelDetector, LSW(self_trusted=0.2)).fit(X, y, trusted=trusted)


# -- parameters --------------------------------------------------------------------------------


class FlatLogits(nn.Module):
    def __init__(self, n_features, n_classes):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(n_features, n_classes))

    def forward(self, X):
        return self.layers(X)


class FixedSizes(nn.Module):
    def __init__(self, n_inputs=3, n_outputs=2):
        super().__init__()
        self.linear = nn.Linear(n_inputs, n_outputs)

    def forward(self, X):
        return self.linear(X)


class TwoLayers(nn.Module):
    """A step too large makes the product of its layers infinite."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 8), nn.Linear(8, 2))

    def forward(self, X):
        return self.layers(X)


class TwoOutputs(FixedSizes):
    def forward(self, X):
        return super().forward(X), X


class PairwiseLoss(nn.Module):
    def forward(self, logits, y):
        return nn.functional.cross_entropy(logits, y)


def skorch_net(module=FixedSizes, **params):
    return NeuralNetClassifier(
        module, **{"criterion": nn.CrossEntropyLoss, "train_split": None, "verbose": 0} | params
    )


@pytest.mark.first_case_is_quick
@BOTH
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"threshold": 0.0}, r"'threshold'.*\(0, 1\).*0.0"),
        ({"threshold": 1.5}, r"'threshold'.*\(0, 1\).*1.5"),
        ({"threshold": "low"}, "'threshold'.*'low'"),
        ({"threshold": None}, "'threshold'.*None"),
        ({"threshold": True}, "'threshold'.*True"),
        ({"contamination": 0}, r"'contamination'.*\(0, 1\).*0"),
        ({"contamination": 1.0}, r"'contamination'.*\(0, 1\).*1.0"),
        ({"contamination": "auto"}, "'contamination'.*'auto'"),
        ({"contamination": 0.1, "threshold": 0.5}, "'contamination'.*threshold=0.5"),
        ({"method": "magic"}, "'method'.*'wrong_event'.*'magic'"),
        ({"method": None}, "'method'.*None"),
        ({"method": WrongEvent}, "'method'.*WrongEvent"),
        ({"method": LogisticRegression()}, "'method'.*LogisticRegression"),
        ({"method": WrongEvent(holdout=1.5)}, "'holdout'.*1.5"),
        ({"method": WrongEvent(holdout="half")}, "'holdout'.*'half'"),
        ({"method": LSW(self_trusted=2)}, "'self_trusted'.*2"),
        ({"method": LSW(self_trusted=0.2, weight_step=-1)}, "'weight_step'.*-1"),
        ({"device": "toaster"}, "'device'.*'toaster'"),
        ({"device": 1.5}, "'device'.*1.5"),
        ({"max_epochs": 0}, "'max_epochs'.*0"),
        ({"max_epochs": 2.5}, "'max_epochs'.*2.5"),
        ({"max_epochs": "ten"}, "'max_epochs'.*'ten'"),
        ({"batch_size": 0}, "'batch_size'.*0"),
        ({"batch_size": 12.5}, "'batch_size'.*12.5"),
        ({"lr": -1}, "'lr'.*-1"),
        ({"lr": float("nan")}, "'lr'.*nan"),
        ({"lr": "fast"}, "'lr'.*'fast'"),
        ({"random_state": "lucky"}, "'lucky' cannot be used to seed"),
    ],
    ids=str,
)
def test_bad_parameters_are_named(estimator_class, params, message):
    X, y = table()
    estimator = clone(estimator_class(max_epochs=2)).set_params(**params)
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, y)


@pytest.mark.first_case_is_quick
@BOTH
@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_missing_device_is_named(estimator_class, device):
    X, y = table()
    if getattr(torch, device).is_available():
        pytest.skip("the device is here")
    with pytest.raises(ValueError, match=f"'device'.*'{device}'"):
        estimator_class(device=device).fit(X, y)


@pytest.mark.first_case_is_quick
@BOTH
def test_batches_of_one_row_are_named_where_the_net_has_batch_norm(estimator_class):
    X, y = table()
    with pytest.raises(ValueError, match="'batch_size'.*at least 2"):
        estimator_class(batch_size=1).fit(X, y)
    short(estimator_class, net=skorch_net(), batch_size=1).fit(X, y)


@BOTH
@pytest.mark.parametrize(
    "net",
    [
        "mlp",
        LogisticRegression(),
        NeuralNetRegressor(FixedSizes),
        NeuralNetBinaryClassifier(FixedSizes),
        NeuralNetClassifier,
    ],
    ids=["string", "scikit-learn", "regressor", "binary", "class"],
)
def test_nets_of_the_wrong_type_are_named(estimator_class, net):
    X, y = table()
    with pytest.raises(TypeError, match="'net' parameter must be None"):
        estimator_class(net=net).fit(X, y)


@BOTH
@pytest.mark.parametrize(
    ("net", "message"),
    [
        (skorch_net(module__n_outputs=3), r"one output per class, \(2, 2\).*\(2, 3\)"),
        (skorch_net(TwoOutputs), "one output per class.*tuple"),
        (skorch_net(module__n_inputs=5), r"can't take rows of shape \(3,\)"),
        (TabularNet(module__n_features=4), r"can't take rows of shape \(3,\)"),
    ],
    ids=["outputs", "tuple", "inputs", "features"],
)
def test_modules_of_the_wrong_size_are_named(estimator_class, net, message):
    X, y = table()
    with pytest.raises(ValueError, match=message):
        short(estimator_class, net=net).fit(X, y)


@BOTH
def test_a_criterion_without_reduction_is_named(estimator_class):
    X, y = table()
    with pytest.raises(TypeError, match="criterion of 'net'.*'reduction'.*PairwiseLoss"):
        short(estimator_class, net=skorch_net(criterion=PairwiseLoss)).fit(X, y)


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"final": "best"}, ValueError, "'final'.*'best'"),
        ({"final": None}, ValueError, "'final'.*None"),
        ({"final_estimator": LinearRegression()}, TypeError, "'final_estimator'.*classifier"),
        ({"final_estimator": "tree"}, TypeError, "'final_estimator'.*'tree'"),
        (
            {"final_estimator": KNeighborsClassifier(), "final": "weight"},
            ValueError,
            "final='weight'.*sample_weight",
        ),
        (
            {"final_estimator": LogisticRegression(), "final": "method"},
            ValueError,
            "final='method'.*excludes",
        ),
    ],
    ids=str,
)
def test_bad_finals_are_named(params, error, message):
    X, y = table()
    with pytest.raises(error, match=message):
        RobustClassifier(**params).fit(X, y)


# -- Datasets ----------------------------------------------------------------------------------


class Listed(Dataset):
    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, row):
        return self.items[row]


@BOTH
@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (TensorDataset(torch.zeros(40, 3)), r"items must be pairs \(x, y\)"),
        (TensorDataset(*[torch.zeros(40, 3)] * 3), r"items must be pairs \(x, y\)"),
        (Listed([torch.zeros(3)] * 40), r"items must be pairs \(x, y\).*Tensor"),
        (Listed([("pixels", 0)] * 40), "must have a tensor as x.*str"),
    ],
    ids=["one", "three", "tensors", "string"],
)
def test_datasets_of_other_items_are_named(estimator_class, dataset, message):
    with pytest.raises(TypeError, match=message):
        short(estimator_class).fit(dataset)


class Endless(IterableDataset):
    def __iter__(self):
        while True:
            yield torch.zeros(3), 0


def test_a_dataset_without_length_is_named():
    with pytest.raises(TypeError, match="Dataset with a length.*Endless"):
        short(NoisyLabelDetector).fit(Endless())


def test_a_dataset_of_several_labels_per_row_is_named():
    X, y = table()
    dataset = TensorDataset(torch.from_numpy(X), torch.eye(2)[torch.from_numpy(y)])
    with pytest.raises(ValueError, match=r"1d array.*\(40, 2\)"):
        short(NoisyLabelDetector).fit(dataset)


def test_an_empty_dataset_is_named():
    with pytest.raises(ValueError, match="0 rows"):
        short(NoisyLabelDetector).fit(Listed([]))


def test_labels_of_another_length_than_the_dataset_are_named():
    X, y = table()
    dataset = TensorDataset(torch.from_numpy(X), torch.from_numpy(y))
    with pytest.raises(ValueError, match="X has 40 rows and y has 39"):
        short(NoisyLabelDetector).fit(dataset, y[:-1])


# -- in training -------------------------------------------------------------------------------


@pytest.mark.first_case_is_quick
@BOTH
@pytest.mark.parametrize("n_rows", [129, 145])
def test_a_last_batch_of_one_row_works_with_batch_norm(estimator_class, n_rows):
    # 145 rows: a tenth is only watched by the method, which leaves 131 or so to train on.
    X, y = table(n_rows)
    for method in ("cross_entropy", WrongEvent(holdout=0)):
        short(estimator_class, method, batch_size=128).fit(X, y)


@pytest.mark.first_case_is_quick
@BOTH
@pytest.mark.parametrize("batch_size", [13, 18, 39])
def test_any_batch_size_works_with_batch_norm(estimator_class, batch_size):
    X, y = table()
    short(estimator_class, LSW(self_trusted=0.2), batch_size=batch_size).fit(X, y)


@BOTH
@pytest.mark.parametrize("method", ["cross_entropy", "wrong_event"])
def test_a_loss_that_becomes_nan_is_named_with_its_epoch_and_a_way_out(estimator_class, method):
    X, y = table()
    net = skorch_net(TwoLayers)
    estimator = estimator_class(method, net=net, lr=1e38, max_epochs=10, random_state=0)
    with pytest.raises(NonFiniteLossError, match="epoch [0-9]+.*lower learning rate.*lr=1e"):
        estimator.fit(X, y)
    with pytest.raises(NotFittedError):
        check_is_fitted(estimator)


class Interrupt(Callback):
    def on_batch_begin(self, net, **kwargs):
        raise KeyboardInterrupt


@BOTH
def test_an_interrupted_training_propagates_and_leaves_nothing_fitted(estimator_class):
    X, y = table()
    estimator = short(estimator_class, net=skorch_net(callbacks=[("interrupt", Interrupt())]))
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(X, y)
    with pytest.raises(NotFittedError):
        check_is_fitted(estimator)


@BOTH
def test_a_failed_fit_leaves_the_data_as_they_were(estimator_class):
    X, y = table()
    trusted, weights = np.ones(N_ROWS, dtype=bool), np.ones(N_ROWS)
    before = [array.copy() for array in (X, y, trusted, weights)]
    net = skorch_net(callbacks=[("interrupt", Interrupt())])
    with pytest.raises(KeyboardInterrupt):
        short(estimator_class, net=net).fit(X, y, trusted=trusted, sample_weight=weights)
    for array, copy in zip((X, y, trusted, weights), before, strict=True):
        np.testing.assert_array_equal(array, copy)


@BOTH
def test_a_failed_fit_leaves_the_random_numbers_of_the_program_as_they_were(estimator_class):
    X, y = table()
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    with pytest.raises(NonFiniteLossError):
        estimator_class(net=skorch_net(TwoLayers), lr=1e38, random_state=0).fit(X, y)
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])

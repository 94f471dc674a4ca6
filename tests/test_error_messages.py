"""Errors name the row, the column or the parameter, and warnings what is likely meant."""

import warnings
from datetime import UTC, datetime
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from skorch import NeuralNetClassifier
from torch import nn
from torch.utils.data import Dataset, TensorDataset

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import LSW

BOTH = pytest.mark.parametrize("estimator_class", [NoisyLabelDetector, RobustClassifier])
N_ROWS = 40


def short(estimator_class=NoisyLabelDetector, **params):
    return estimator_class(**{"max_epochs": 2, "device": "cpu", "random_state": 0} | params)


def table():
    X = np.random.default_rng(0).normal(size=(N_ROWS, 3))
    return X, (X[:, 0] > 0).astype(int)


def changed(values, place, value, dtype=float):
    values = np.array(values, dtype=dtype)
    values[place] = value
    return values


X, Y = table()
DAYS = pd.date_range("2024-01-01", periods=N_ROWS)
FRAME = pd.DataFrame(X, columns=["age", "height", "weight"])

# -- rows --------------------------------------------------------------------------------------

BAD_ROWS = {
    "infinity": (changed(X, (5, 1), -np.inf), "contains infinity.*row 5, column 1"),
    "too large": (changed(X, (5, 1), 1e300), "too large for float32: row 5, column 1"),
    "named column": (
        FRAME.assign(age=changed(X[:, 0], 7, np.inf)),
        "contains infinity.*row 7, column 'age'",
    ),
    "infinity beside texts": (
        FRAME.assign(age=changed(X[:, 0], 7, np.inf), name=["u", "v"] * 20),
        "contains infinity.*row 7, column 'age'",
    ),
    "both infinities": (
        changed(changed(X, (5, 1), np.inf), (6, 1), -np.inf),
        "contains infinity.*row 5",
    ),
    "image": (changed(np.zeros((N_ROWS, 4, 4)), (6, 1, 2), np.nan), "contains NaN: row 6"),
    "lists": (FRAME.assign(name=[[1, 2]] * N_ROWS), r"Column 'name'.*Got a list, \[1, 2\]"),
    "bytes": (np.full((N_ROWS, 2), b"word"), "Column 0.*Got a bytes"),
    "complex column": (FRAME.assign(name=1j), "Complex data not supported"),
    "names alone": (
        [[f"name {row}"] for row in range(N_ROWS)],
        "Every row has a value of its own.*: 0",
    ),
    "strings for images": (np.full((N_ROWS, 4, 4), "dark"), "(?i)str|numeric"),
    "images of dates": (np.zeros((N_ROWS, 4, 4), "M8[s]"), r"X must hold numbers.*datetime64"),
    "complex table": (X + 1j, "Complex data not supported"),
    "complex images": (np.zeros((N_ROWS, 4, 4)) + 1j, "Complex data not supported"),
    "complex tensor": (torch.from_numpy(X + 1j).conj(), "Complex data not supported"),
    "sparse tensor": (torch.from_numpy(X).to_sparse(), r"X is a sparse tensor.*X.to_dense\(\)"),
    "compressed tensor": (torch.from_numpy(X).to_sparse_csr(), "X is a sparse tensor"),
}


@BOTH
@pytest.mark.parametrize("name", BAD_ROWS)
def test_bad_rows_are_named(estimator_class, name):
    rows, message = BAD_ROWS[name]
    with pytest.raises((TypeError, ValueError), match=message):
        short(estimator_class).fit(rows, Y)


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("name", ["infinity", "too large", "complex table", "sparse tensor"])
def test_bad_rows_to_predict_are_named(name):
    rows, message = BAD_ROWS[name]
    with pytest.raises((TypeError, ValueError), match=message):
        short().fit(X, Y).predict(rows)


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (changed(X, (3, 2), "tall", object), "Column 2 of X held numbers in fit. Row 3 has 'tall'"),
        (X.astype("M8[s]"), "Column 0 of X held numbers in fit. Got datetime64"),
    ],
    ids=["string", "dates"],
)
def test_what_can_not_be_read_as_the_numbers_of_fit_is_named(rows, message):
    with pytest.raises(ValueError, match=message):
        short().fit(X, Y).predict(rows)


class Items(Dataset):
    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, row):
        return self.items[row]


def test_the_row_of_another_shape_in_a_dataset_is_named():
    items = [(torch.zeros(3), 0), (torch.zeros(3), 1)] * 20
    items[13] = (torch.zeros(4), 1)
    with pytest.raises(ValueError, match=r"row 0 is of shape \(3,\), row 13 of shape \(4,\)"):
        short().fit(Items(items))


# -- labels ------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (DAYS.to_numpy(), r"y must hold numbers, strings or booleans.*datetime64"),
        (pd.Series(DAYS), r"y must hold numbers, strings or booleans.*datetime64"),
        (np.zeros(N_ROWS, "m8[s]"), r"y must hold numbers, strings or booleans.*timedelta64"),
        ([datetime(2024, 1, day, tzinfo=UTC) for day in (1, 2)] * 20, "y must hold.*datetime"),
        (Y + 1j, "Complex data not supported.*y must hold"),
        (torch.from_numpy(Y).to_sparse(), r"y is a sparse tensor.*y.to_dense\(\)"),
    ],
    ids=["dates", "series of dates", "durations", "datetimes", "complex", "sparse"],
)
def test_bad_labels_are_named(estimator_class, labels, message):
    with pytest.raises((TypeError, ValueError), match=message):
        short(estimator_class).fit(X, labels)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_tensors_of_any_float_type_are_taken(dtype):
    X = torch.from_numpy(table()[0]).to(dtype)
    y = torch.from_numpy(Y)
    fitted = short().fit(X, y.to(dtype))
    expected = short().fit(X.float().numpy(), Y)
    np.testing.assert_array_equal(fitted.label_quality_, expected.label_quality_)
    np.testing.assert_array_equal(fitted.predict_proba(X), expected.predict_proba(X.float()))


def test_tensors_of_any_float_type_reach_a_final_estimator():
    X = torch.from_numpy(table()[0]).bfloat16()
    model = short(RobustClassifier, final_estimator=LogisticRegression()).fit(X, Y)
    assert model.predict(X).shape == (N_ROWS,)


def test_integers_held_as_objects_are_labels():
    names = np.array([3, 7], dtype=object)[Y]
    detector = short().fit(X, names)
    assert detector.classes_.tolist() == [3, 7]
    assert detector.predict_noise(X, pd.Series(names)).shape == (N_ROWS,)


# -- per-row metadata --------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("balanced", "sample_weight must hold numbers.*'balanced'"),
        (["1"] * N_ROWS, "sample_weight must hold numbers.*'1'"),
        (np.ones(N_ROWS) + 1j, "sample_weight must hold numbers"),
        (DAYS.to_numpy(), "sample_weight must hold numbers"),
        ([None] * 2 + [1.0] * 38, "sample_weight.*row 0 has nan"),
        (pd.Series([1, pd.NA] * 20, dtype="Int64"), "sample_weight"),
        (changed(np.ones(N_ROWS), 6, 1e-50), "zero in float32.*row 6 has 1e-50"),
        (changed(np.ones(N_ROWS), 6, 1e50), "sample_weight.*row 6 has 1e.50"),
        (np.full(N_ROWS, 1e-50), "zero in float32.*row 0 has 1e-50"),
    ],
    ids=["name", "strings", "complex", "dates", "None", "NA", "tiny", "huge", "all tiny"],
)
def test_bad_weights_are_named(estimator_class, weights, message):
    with pytest.raises(ValueError, match=message):
        short(estimator_class).fit(X, Y, sample_weight=weights)


@BOTH
@pytest.mark.parametrize(
    "trusted",
    [
        changed(Y == Y, 4, np.nan),
        changed(Y == Y, 4, None, object),
        pd.Series(Y == Y, dtype="boolean").mask(np.arange(N_ROWS) == 4),
    ],
    ids=["NaN", "None", "NA"],
)
def test_missing_values_in_trusted_are_named(estimator_class, trusted):
    with pytest.raises(ValueError, match="trusted.*missing.*Row 4 has"):
        short(estimator_class).fit(X, Y, trusted=trusted)


@pytest.mark.slow
def test_masks_of_pandas_and_torch_are_taken():
    trusted = np.arange(N_ROWS) < 20
    for mask in (pd.Series(trusted, dtype="boolean"), torch.from_numpy(trusted)):
        assert (short().fit(X, Y, trusted=mask).sample_weights_[:20] == 1).all()


# -- parameters --------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"threshold": np.array([0.2, 0.3])}, r"'threshold'.*\(0, 1\).*array"),
        ({"threshold": [0.2, 0.3]}, r"'threshold'.*\(0, 1\).*\[0.2, 0.3\]"),
        ({"threshold": np.bool_(True)}, "'threshold'.*True"),
        ({"contamination": np.array([0.1, 0.2])}, r"'contamination'.*\(0, 1\).*array"),
        ({"contamination": np.complex64(0.1)}, r"'contamination'.*\(0, 1\)"),
        ({"max_epochs": np.array([1, 2])}, "'max_epochs'.*array"),
        ({"max_epochs": np.float32(2)}, "'max_epochs' .*integer"),
        ({"verbose": None}, "'verbose'.*None"),
        ({"verbose": "loud"}, "'verbose'.*'loud'"),
        ({"verbose": -1}, "'verbose'.*-1"),
        ({"random_state": 1.5}, "'random_state'.*1.5"),
        ({"random_state": -1}, "'random_state'.*-1"),
        ({"random_state": np.random.default_rng(0)}, "'random_state'.*Generator"),
        ({"method": LSW(mix=np.array([True, False]), self_trusted=0.2)}, "'mix'.*array"),
    ],
)
def test_bad_parameters_are_named(estimator_class, params, message):
    with pytest.raises(ValueError, match=message):
        short(estimator_class).set_params(**params).fit(X, Y)


def test_bad_parameters_are_named_before_the_data_are_looked_at():
    with pytest.raises(ValueError, match="'random_state'"):
        short(random_state="lucky").fit("no table", None)


def test_a_final_that_is_an_array_is_named():
    with pytest.raises(ValueError, match="'final'.*array"):
        short(RobustClassifier, final=np.array(["method", "filter"])).fit(X, Y)


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize(
    "params",
    [
        {"threshold": np.float16(0.5), "max_epochs": np.int8(2), "batch_size": np.uint16(32)},
        {"contamination": np.float32(0.25), "lr": np.float64(0.01), "verbose": np.int16(0)},
        {"contamination": Fraction(1, 4), "lr": Fraction(1, 100), "verbose": False},
        {"verbose": np.bool_(False), "random_state": np.uint32(0)},
    ],
    ids=str,
)
def test_numbers_of_any_type_are_taken(estimator_class, params):
    plain = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in params.items()
    }
    if "contamination" in params:
        plain |= {"contamination": float(params["contamination"]), "lr": float(params["lr"])}
    fitted, expected = (short(estimator_class, **given).fit(X, Y) for given in (params, plain))
    np.testing.assert_array_equal(fitted.noise_mask_, expected.noise_mask_)
    np.testing.assert_array_equal(fitted.label_quality_, expected.label_quality_)
    assert type(fitted.threshold_) is float


@BOTH
def test_an_argument_that_does_not_exist_is_blamed_on_the_class(estimator_class):
    name = estimator_class.__name__
    with pytest.raises(TypeError, match=f"^{name}.__init__.*'foo'"):
        estimator_class(foo=1)
    with pytest.raises(TypeError, match=f"^{name}.fit.*'foo'"):
        estimator_class().fit(X, Y, foo=1)


def test_a_pipeline_that_cannot_drop_rows_names_the_detector():
    pipeline = make_pipeline(StandardScaler(), short(), LogisticRegression())
    with pytest.raises(TypeError, match="NoisyLabelDetector"):
        pipeline.fit(X, Y)


# -- images ------------------------------------------------------------------------------------


class FlatLogits(nn.Module):
    def __init__(self, n_features, n_classes):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(n_features, n_classes))

    def forward(self, X):
        return self.layers(X)


def flat_net(**params):
    return NeuralNetClassifier(
        FlatLogits, criterion=nn.CrossEntropyLoss, train_split=None, verbose=0, **params
    )


def pictures():
    return np.random.default_rng(0).integers(0, 256, (N_ROWS, 4, 4)).astype(np.uint8)


def detector_of_pictures():
    return short(method="cross_entropy", net=flat_net(), lr=1e-3)


@pytest.mark.parametrize("fit_on", [lambda X: X, lambda X: X / 255], ids=["bytes", "fractions"])
def test_floats_up_to_255_after_a_fit_on_smaller_pixels_are_warned_of(fit_on):
    detector = detector_of_pictures().fit(fit_on(pictures()), Y)
    with pytest.warns(UserWarning, match="float values up to 255.*divide X by 255"):
        detector.predict(pictures().astype(float))


def test_bytes_after_a_fit_on_floats_up_to_255_are_warned_of():
    detector = detector_of_pictures().fit(pictures().astype(float), Y)
    with pytest.warns(UserWarning, match=r"bytes.*\[0, 1\].*floats up to 255"):
        detector.predict(pictures())


@pytest.mark.parametrize(
    ("fit_on", "use"),
    [
        (lambda X: X, lambda X: X),
        (lambda X: X, lambda X: X / 255),
        (lambda X: X, lambda X: X / 255 + 0.1),
        (lambda X: X / 255, lambda X: X),
        (lambda X: X * 1.0, lambda X: X * 1.0),
        (lambda X: (X - 120.0) / 40, lambda X: (X - 120.0) / 40),
    ],
    ids=["bytes", "fractions", "a bit above 1", "bytes after fractions", "floats", "standardised"],
)
def test_pixels_of_one_scale_are_not_warned_of(fit_on, use):
    detector = detector_of_pictures().fit(fit_on(pictures()), Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        detector.predict(use(pictures()))


def test_arrays_may_follow_a_fit_on_a_dataset_of_images():
    X = torch.from_numpy(pictures()[:, None] / np.float32(255))
    detector = detector_of_pictures().fit(TensorDataset(X, torch.from_numpy(Y)))
    np.testing.assert_allclose(
        detector.predict_proba(pictures()), detector.predict_proba(X), atol=1e-5
    )


# -- the final estimator -----------------------------------------------------------------------


def flatten(X):
    return np.reshape(X, (len(X), -1))


@pytest.mark.parametrize(
    "final",
    [LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression())],
    ids=["estimator", "pipeline"],
)
def test_images_for_a_final_estimator_of_tables_are_refused_before_any_training(final):
    model = RobustClassifier(final_estimator=final, max_epochs=10**9)
    with pytest.raises(TypeError, match="final_estimator=None.*flattens"):
        model.fit(pictures(), Y)


@pytest.mark.parametrize(
    "final",
    [
        make_pipeline(FunctionTransformer(flatten), LogisticRegression(max_iter=20)),
        make_pipeline("passthrough", FunctionTransformer(flatten), RandomForestClassifier(5)),
        flat_net(module__n_features=16, module__n_classes=2, max_epochs=1),
    ],
    ids=["pipeline", "passthrough", "skorch"],
)
def test_images_reach_a_final_estimator_that_takes_them(final):
    X = pictures().astype(np.float32) / 255
    model = short(RobustClassifier, net=flat_net(), final_estimator=final).fit(X, Y)
    assert model.predict(X).shape == (N_ROWS,)


FORESTS = {
    "forest": RandomForestClassifier(5),
    "pipeline": make_pipeline(StandardScaler(), RandomForestClassifier(5)),
    "nested": BaggingClassifier(RandomForestClassifier(3), n_estimators=2),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FORESTS)
@pytest.mark.parametrize("seed", [0, np.random.RandomState], ids=["integer", "generator"])
def test_equal_seeds_give_equal_final_estimators(name, seed):
    state = np.random.get_state()[1].copy()
    probabilities = []
    for _ in range(2):
        random_state = seed if seed == 0 else seed(3)
        model = short(
            RobustClassifier, final_estimator=FORESTS[name], random_state=random_state
        ).fit(X, Y)
        probabilities.append(model.predict_proba(X))
    np.testing.assert_array_equal(*probabilities)
    np.testing.assert_array_equal(np.random.get_state()[1], state)


@pytest.mark.slow
def test_other_seeds_give_other_final_estimators():
    first, second = (
        short(RobustClassifier, final_estimator=RandomForestClassifier(5), random_state=seed)
        .fit(X, Y)
        .final_estimator_.random_state
        for seed in (0, 1)
    )
    assert first != second


@pytest.mark.slow
def test_only_the_clone_of_a_final_estimator_is_seeded_and_only_where_it_has_no_seed():
    forest = RandomForestClassifier(5)
    given = make_pipeline(StandardScaler(), RandomForestClassifier(5, random_state=42))
    for final, expected in ((forest, None), (given[-1], 42)):
        model = short(RobustClassifier, final_estimator=final).fit(X, Y)
        assert final.random_state == expected
        assert model.final_estimator_.random_state == (expected or pytest.approx(2**30, abs=2**30))


def test_without_a_seed_the_final_estimator_gets_none():
    model = short(
        RobustClassifier, final_estimator=RandomForestClassifier(5), random_state=None
    ).fit(X, Y)
    assert model.final_estimator_.random_state is None

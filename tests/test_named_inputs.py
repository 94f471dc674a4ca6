"""X as a dict of arrays, for modules whose forward has several parameters."""

import pickle

import numpy as np
import pytest
import torch
from imblearn.pipeline import make_pipeline
from joblib import hash as joblib_hash
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from skorch.callbacks import Callback
from skorch.dataset import ValidSplit
from skorch.helper import SliceDict
from small_data import BOTH, SHORT, plain_skorch_net
from torch import nn

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import METHODS, SimiFeat
from sknoisy.nets import FineTunedNet, TabularNet, VisionNet
from sknoisy.noise import flip_symmetric


class ImageAndTable(nn.Module):
    """Logits of an image and a row of numbers."""

    def __init__(self, n_classes=2):
        super().__init__()
        self.of_image = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU())
        self.of_table = nn.Sequential(nn.Linear(5, 8), nn.ReLU())
        self.head = nn.Linear(16, n_classes)

    def forward(self, image, table):
        return self.head(torch.cat([self.of_image(image), self.of_table(table)], dim=1))


class NotTrained(ImageAndTable):
    def forward(self, image, table):
        assert not self.training, "a training has begun"
        return super().forward(image, table)


class WordAndNumber(nn.Module):
    """Logits of a code, which is embedded, and one number per row."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(4, 8)
        self.head = nn.Linear(9, 2)

    def forward(self, word, number):
        return self.head(torch.cat([self.embedding(word), number[:, None]], dim=1))


def images_and_table(n_rows=120):
    """The class is known from both entries together; a sixth of the labels is wrong."""
    random = np.random.default_rng(0)
    y = np.arange(n_rows) % 2
    image = random.integers(0, 100, (n_rows, 1, 8, 8))
    image[y == 1, :, :4] += 120
    table = random.normal(size=(n_rows, 5)) + 2 * y[:, None]
    y_noisy, flipped = flip_symmetric(y, 1 / 6, random_state=0)
    return {"image": image.astype(np.uint8), "table": table}, y_noisy, flipped, y


def short(estimator_class, method="wrong_event", net=ImageAndTable, **parameters):
    return estimator_class(method, net=net, **SHORT | parameters)


def rows_of(X, rows):
    return {name: values[rows] for name, values in X.items()}


@pytest.mark.first_case_is_quick
@BOTH
def test_a_module_gets_the_entries_of_a_dict_by_name(estimator_class):
    X, y, flipped, y_clean = images_and_table()
    fitted = short(estimator_class, max_epochs=15).fit(X, y)
    assert (fitted.noise_mask_ == flipped).mean() > 0.9
    assert fitted.score(X, y_clean) > 0.9
    assert fitted.predict_proba(rows_of(X, slice(7))).shape == (7, 2)
    assert fitted.score_labels(X, y)[flipped].mean() < fitted.score_labels(X, y)[~flipped].mean()
    assert fitted.predict_noise(X, y).shape == (len(y),)
    assert fitted.n_features_in_ == 69
    assert list(fitted.get_label_issues()["is_noise"]) == list(fitted.noise_mask_)


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("name", [name for name in METHODS if not METHODS[name]().mixes_rows])
def test_every_method_that_mixes_no_rows_takes_a_dict(name):
    X, y, flipped, _ = images_and_table()
    trusted = ~flipped & (np.arange(len(y)) % 3 == 0)
    fitted = short(RobustClassifier, name, max_epochs=4).fit(X, y, trusted=trusted)
    assert fitted.predict_proba(X).shape == (len(y), 2)
    assert not fitted.noise_mask_[trusted].any()


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize(
    "net",
    [
        ImageAndTable,
        TabularNet(ImageAndTable, strong_view="masking"),
        VisionNet(ImageAndTable, weak_view=None, strong_view="noise"),
        plain_skorch_net(ImageAndTable),
        plain_skorch_net(ImageAndTable, train_split=ValidSplit(4, stratified=True)),
        FineTunedNet(ImageAndTable(n_classes=7), normalization=([0.4], [0.2])),
    ],
    ids=["class", "table", "vision", "skorch", "skorch with a split", "fine-tuned"],
)
def test_every_kind_of_net_takes_a_dict(net):
    X, y, _, _ = images_and_table()
    fitted = short(RobustClassifier, net=net).fit(X, y)
    assert fitted.predict(X).shape == (len(y),)


def test_images_among_the_entries_are_normalised_for_a_fine_tuned_module():
    X, y, _, _ = images_and_table()
    given = {
        mean: short(
            NoisyLabelDetector, net=FineTunedNet(ImageAndTable(), normalization=([mean], [0.2]))
        ).fit(X, y)
        for mean in (0.0, 0.5)
    }
    assert (given[0.0].label_quality_ != given[0.5].label_quality_).any()


def test_bytes_of_images_reach_the_module_as_fractions_and_integers_as_they_are():
    seen = {}

    class Listening(Callback):
        def on_batch_begin(self, net, batch, training, **kwargs):
            seen.update(batch[0])

    class Three(ImageAndTable):
        def forward(self, image, table, word):
            return super().forward(image, table)

    X, y, _, _ = images_and_table()
    X["word"] = np.arange(len(y), dtype=np.int32)
    net = plain_skorch_net(Three, callbacks=[Listening()])
    short(NoisyLabelDetector, "cross_entropy", net=net).fit(X, y)
    assert seen["image"].dtype == torch.float32 and 0.5 < seen["image"].max() <= 1
    assert seen["table"].dtype == torch.float32
    assert seen["word"].dtype == torch.int64 and seen["word"].max() > 1


@pytest.mark.slow
def test_codes_may_be_embedded_and_entries_may_have_one_value_per_row():
    random = np.random.default_rng(0)
    word, number = random.integers(0, 4, 120), random.normal(size=120)
    y = (word > 1).astype(int)
    fitted = short(RobustClassifier, net=WordAndNumber, max_epochs=25, lr=0.05)
    fitted.fit({"word": word, "number": number}, y)
    assert fitted.score({"number": number.tolist(), "word": word.astype(np.int8)}, y) > 0.95


def test_the_order_of_the_entries_means_nothing_at_predict():
    X, y, _, _ = images_and_table()
    fitted = short(RobustClassifier).fit(X, y)
    turned = dict(reversed(X.items()))
    np.testing.assert_array_equal(fitted.predict_proba(turned), fitted.predict_proba(X))


def test_tensors_and_arrays_that_are_streamed_give_what_arrays_give():
    X, y, _, _ = images_and_table()
    fitted = short(NoisyLabelDetector).fit(X, y)
    for values in X.values():
        values.flags.writeable = False
    streamed = short(NoisyLabelDetector).fit(X, y)
    tensors = {name: torch.tensor(values) for name, values in X.items()}
    np.testing.assert_array_equal(streamed.label_quality_, fitted.label_quality_)
    of_tensors = short(NoisyLabelDetector).fit(tensors, y)
    np.testing.assert_array_equal(of_tensors.label_quality_, fitted.label_quality_)


@BOTH
def test_rows_of_weight_zero_are_judged_without_being_learnt_from(estimator_class):
    X, y, _, _ = images_and_table()
    weights = np.ones(len(y))
    weights[:30] = 0
    first = short(estimator_class).fit(X, y, sample_weight=weights)
    X["table"][:30] = 1000.0
    second = short(estimator_class).fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(first.label_quality_[30:], second.label_quality_[30:])
    assert np.isfinite(second.label_quality_).all()


def test_an_equal_training_is_taken_from_the_cache(tmp_path):
    X, y, _, _ = images_and_table()
    first = short(NoisyLabelDetector, memory=str(tmp_path)).fit(X, y)
    n_files = len(list(tmp_path.rglob("output.pkl")))
    again = short(NoisyLabelDetector, memory=str(tmp_path), threshold=0.3).fit(X, y)
    assert len(list(tmp_path.rglob("output.pkl"))) == n_files == 1
    np.testing.assert_array_equal(first.label_quality_, again.label_quality_)
    short(NoisyLabelDetector, memory=str(tmp_path)).fit({**X, "table": X["table"] + 1}, y)
    assert len(list(tmp_path.rglob("output.pkl"))) == 2


def test_fit_resample_returns_a_dict_of_the_kept_rows():
    X, y, _, _ = images_and_table()
    detector = short(NoisyLabelDetector, max_epochs=15)
    X_kept, y_kept = detector.fit_resample(X, y)
    kept = detector.sample_indices_
    assert 0 < len(kept) < len(y)
    assert type(X_kept) is dict and X_kept["image"].dtype == np.uint8
    for name, values in X.items():
        np.testing.assert_array_equal(X_kept[name], values[kept])
    np.testing.assert_array_equal(y_kept, y[kept])


def test_a_pipeline_of_imbalanced_learn_hands_the_kept_rows_on():
    X, y, _, y_clean = images_and_table()
    last = short(RobustClassifier, "cross_entropy", max_epochs=15)
    pipeline = make_pipeline(short(NoisyLabelDetector, max_epochs=15), last).fit(X, y)
    assert (pipeline.predict(X) == y_clean).mean() > 0.9


def test_cross_validation_takes_skorchs_slice_dict():
    X, y, _, _ = images_and_table()
    scores = cross_val_score(short(RobustClassifier, "cross_entropy"), SliceDict(**X), y, cv=2)
    assert np.isfinite(scores).all()
    X_kept, _ = short(NoisyLabelDetector).fit_resample(SliceDict(**X), y)
    assert isinstance(X_kept, SliceDict)


def test_a_fitted_estimator_is_pickled_and_cloned_and_leaves_x_as_it_was():
    X, y, _, _ = images_and_table()
    before = joblib_hash(X)
    fitted = short(RobustClassifier).fit(X, y)
    assert joblib_hash(X) == before
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.predict_proba(X), fitted.predict_proba(X))
    np.testing.assert_array_equal(clone(fitted).fit(X, y).noise_mask_, fitted.noise_mask_)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"table": np.ones((5, 5))}, r"arrays must be of one length. Got \{'image': 120, 'table'"),
        ({"table": np.full((120, 5), np.nan)}, r"X\['table'\] contains NaN: row 0"),
        ({"table": np.full((120, 5), 1e300)}, r"X\['table'\] contains infinity or a value too"),
        ({"table": np.full((120, 5), "a")}, r"X\['table'\] must hold numbers"),
        ({"table": np.full((120, 5), None)}, r"X\['table'\] must hold numbers"),
        ({"table": np.zeros((120, 5), "datetime64[s]")}, r"X\['table'\] must hold numbers"),
        ({"table": 3.0}, r"X\['table'\] must have one value or more per row"),
        ({"table": [[1.0], [1.0, 2.0]]}, r"X\['table'\]: "),
        ({"table": np.ones((120, 4))}, r"The module of 'net' can't take rows of shape .*'table': "),
        ({"table": np.ones((120, 5), int)}, r"can't take rows .* integers as int64"),
        ({"words": np.ones((120, 5))}, r"can't take rows .*unexpected keyword argument 'words'"),
        ({3: np.ones((120, 5))}, r"names must be strings"),
    ],
)
def test_a_dict_that_cannot_be_learnt_from_is_refused(changed, message):
    X, y, _, _ = images_and_table()
    with pytest.raises((TypeError, ValueError), match=message):
        short(NoisyLabelDetector).fit(X | changed, y)


@pytest.mark.parametrize(
    ("X", "message"),
    [({}, "without entries"), ({"image": np.ones((0, 1, 8, 8))}, "0 rows")],
    ids=["no entries", "no rows"],
)
def test_a_dict_without_rows_is_refused(X, message):
    with pytest.raises(ValueError, match=message):
        short(NoisyLabelDetector).fit(X, [])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"table": np.ones((120, 4))}, "rows of shape .*'table': .4,.*fitted on rows .*'table'"),
        ({"table": np.ones((119, 5))}, "of one length"),
        ({"words": np.ones((120, 5))}, r"entries \['image', 'table', 'words'\], but .* fitted on"),
        ({"table": np.full((120, 5), np.inf)}, r"X\['table'\] contains"),
    ],
)
def test_other_entries_than_those_of_fit_are_refused(changed, message):
    X, y, _, _ = images_and_table()
    fitted = short(NoisyLabelDetector, "cross_entropy", max_epochs=1).fit(X, y)
    with pytest.raises(ValueError, match=message):
        fitted.predict(X | changed)


def test_a_dict_and_an_array_are_told_apart_at_predict():
    X, y, _, _ = images_and_table()
    of_dict = short(NoisyLabelDetector, "cross_entropy", max_epochs=1).fit(X, y)
    with pytest.raises(ValueError, match="image"):
        of_dict.predict(np.ones((3, 69)))
    of_array = NoisyLabelDetector("cross_entropy", max_epochs=1).fit(X["table"], y)
    with pytest.raises(ValueError, match="was fitted on one array"):
        of_array.predict(X)


def test_floats_are_refused_where_fit_saw_integers():
    X = {"word": np.arange(20) % 4, "number": np.ones(20)}
    fitted = short(NoisyLabelDetector, net=WordAndNumber).fit(X, np.arange(20) % 2)
    with pytest.raises(TypeError, match=r"X\['word'\] has values of float32"):
        fitted.predict(X | {"word": np.ones(20)})
    fitted.predict(X | {"number": np.ones(20, dtype=int)})


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"net": None}, "no default net takes: pass as 'net'.*'image', 'table'.*DataFrame"),
        ({"net": None, "estimator": LogisticRegression()}, "'estimator' learns from .* dict"),
        ({"final_estimator": HistGradientBoostingClassifier()}, "'final_estimator' .* dict"),
        ({"method": "dividemix"}, "DivideMix mixes rows"),
        ({"method": SimiFeat(features="input")}, "features='input' .* Got a dict of arrays"),
        ({"net": VisionNet(NotTrained)}, "'weak_view' of 'net' must be None"),
        (
            {"net": VisionNet(NotTrained, weak_view=None)},
            "'strong_view' of 'net' must be None",
        ),
    ],
)
def test_what_cannot_work_with_a_dict_is_refused_before_training(parameters, message):
    X, y, _, _ = images_and_table()
    own = {"net": NotTrained} | parameters
    with pytest.raises((TypeError, ValueError), match=message):
        RobustClassifier(**own).fit(X, y)


def test_a_view_of_the_users_own_is_given_all_entries():
    seen = []

    def darker(X, generator):
        seen.append(sorted(X))
        return {"image": X["image"] * 0.9, "table": X["table"]}

    X, y, _, _ = images_and_table()
    net = TabularNet(ImageAndTable, strong_view=darker)
    short(RobustClassifier, net=net).fit(X, y)
    assert seen[0] == ["image", "table"]

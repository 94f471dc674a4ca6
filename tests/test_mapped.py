"""Arrays in files are read as they are needed, and give what they give in memory."""

import tracemalloc

import joblib
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from sklearn.base import clone
from skorch.dataset import ValidSplit
from small_data import SHORT, Logits, easy_table, plain_skorch_net, tiny_images
from torch import nn

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy._mapped import MappedRows, blocks_of, is_mapped, some_rows
from sknoisy.features import PretrainedFeatures
from sknoisy.nets import TabularNet, VisionNet
from sknoisy.training._net_outputs import prediction_batch_size


def mapped_by_numpy(array, place):
    path = place / f"{len(list(place.iterdir()))}.npy"
    np.save(path, array)
    return np.load(path, mmap_mode="r")


def mapped_raw(array, place):
    path = place / f"{len(list(place.iterdir()))}.raw"
    array.tofile(path)
    return np.memmap(path, dtype=array.dtype, mode="r", shape=array.shape)


def mapped_by_joblib(array, place):
    path = place / f"{len(list(place.iterdir()))}.joblib"
    joblib.dump(array, path)
    return joblib.load(path, mmap_mode="r")


MAPS = pytest.mark.parametrize("mapped", [mapped_by_numpy, mapped_raw, mapped_by_joblib])
NET = {"net": TabularNet(module__n_units=8), **SHORT, "max_epochs": 3}


# -- rows of a map -----------------------------------------------------------------------------


def test_rows_of_a_map_are_of_the_type_asked_for(tmp_path):
    array = np.arange(40).reshape(20, 2)
    rows = MappedRows(mapped_by_numpy(array, tmp_path), dtype=np.float32)
    assert (rows.shape, rows.ndim, len(rows), rows.nbytes) == ((20, 2), 2, 20, 160)
    for key in (3, slice(2, 9), np.array([7, 1, 7])):
        assert_array_equal(rows[key], array[key])
        assert rows[key].dtype == np.float32
    assert_array_equal(np.asarray(rows), array)


def test_rows_of_rows_of_a_map_are_numbered_anew(tmp_path):
    array = np.arange(40).reshape(20, 2)
    rows = some_rows(mapped_by_numpy(array, tmp_path), np.arange(10, 20))
    again = some_rows(rows, np.array([0, 9]))
    assert is_mapped(again)
    assert_array_equal(again[:], array[[10, 19]])
    assert_array_equal(again.stored(), array[[10, 19]])
    as_bytes = MappedRows(MappedRows(mapped_by_numpy(array, tmp_path)), dtype=np.uint8)
    assert (len(as_bytes), as_bytes[:].dtype) == (20, np.uint8)


def test_rows_of_arrays_in_memory_are_read_at_once():
    assert_array_equal(some_rows(np.arange(5), np.array([1, 3])), [1, 3])


def test_blocks_are_all_rows_in_their_order():
    array = np.arange(7 * 2**20, dtype=np.float32).reshape(7, -1)
    starts, blocks = zip(*blocks_of(array), strict=True)
    assert len(blocks) > 1 and starts[0] == 0
    assert_array_equal(np.concatenate(blocks), array)


# -- what they give ------------------------------------------------------------------------------


def answers(model, X, y, **metadata):
    model.fit(X, y, **metadata)
    scores = model.predict_proba(X), model.score_labels(X, y), model.predict_noise(X, y)
    return [model.label_quality_, model.sample_weights_, *scores]


@MAPS
@pytest.mark.parametrize(
    "model",
    [
        NoisyLabelDetector(**NET),
        NoisyLabelDetector("lsw", **NET),
        pytest.param(RobustClassifier(final="filter", **NET), marks=pytest.mark.slow),
        pytest.param(RobustClassifier(**SHORT), marks=pytest.mark.slow),
    ],
    ids=["net", "LSW", "filter", "net and trees"],
)
def test_read_only_maps_give_what_arrays_in_memory_give(tmp_path, model, mapped):
    X, y, truth = easy_table(90)
    weights = np.where(np.arange(len(y)) % 7 == 0, 0.0, 1.0)
    trusted = (np.arange(len(y)) % 3 == 0) & (y == truth)
    groups = np.arange(len(y)) % 4
    metadata = {"sample_weight": weights, "trusted": trusted, "groups": groups}
    expected = answers(model, X, y, **metadata)
    in_files = {name: mapped(each, tmp_path) for name, each in metadata.items()}
    found = answers(model, mapped(X, tmp_path), mapped(y, tmp_path), **in_files)
    for one, other in zip(found, expected, strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16, np.uint8, bool, ">f4"])
def test_numbers_of_any_type_may_lie_in_a_file(tmp_path, dtype):
    X, y, _ = easy_table(90)
    X = np.abs(20 * X).astype(dtype)
    model = NoisyLabelDetector("cross_entropy", **NET)
    expected = answers(model, X, y)
    for one, other in zip(answers(model, mapped_by_numpy(X, tmp_path), y), expected, strict=True):
        assert_array_equal(one, other)


def test_a_net_that_holds_out_rows_itself_learns_from_a_map(tmp_path):
    X, y, _ = easy_table(90)
    weights = np.where(np.arange(len(y)) % 7 == 0, 0.0, 1.0)
    net = plain_skorch_net(Logits, train_split=ValidSplit(4), max_epochs=2)
    model = NoisyLabelDetector("cross_entropy", net=net, device="cpu", random_state=0)
    expected = answers(model, X, y, sample_weight=weights)
    found = answers(model, mapped_by_numpy(X, tmp_path), y, sample_weight=weights)
    for one, other in zip(found, expected, strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize("method", ["cross_entropy", "dividemix"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_images_of_weight_zero_stay_in_the_file(tmp_path, method, dtype):
    X, y = tiny_images(24)
    X = X if dtype == np.uint8 else (X / 255).astype(dtype)
    weights = np.where(np.arange(len(y)) % 7 == 0, 0.0, 1.0)
    net = VisionNet(module__depth=10, module__width=4, max_epochs=1, batch_size=8)
    model = NoisyLabelDetector(method, net=net, device="cpu", random_state=0)
    expected = answers(model, X, y, sample_weight=weights)
    found = answers(model, mapped_by_numpy(X, tmp_path), y, sample_weight=weights)
    for one, other in zip(found, expected, strict=True):
        assert_array_equal(one, other)


class ImageAndTable(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3 * 64 + 4, 2)

    def forward(self, image, table):
        return self.head(torch.cat([image.flatten(1), table], dim=1))


def test_arrays_by_name_of_weight_zero_stay_in_their_files(tmp_path):
    image, y = tiny_images(24)
    table = np.random.default_rng(0).normal(size=(24, 4)).astype(np.float32)
    weights = np.where(np.arange(len(y)) % 7 == 0, 0.0, 1.0)
    net = plain_skorch_net(ImageAndTable, max_epochs=2)
    model = NoisyLabelDetector("cross_entropy", net=net, device="cpu", random_state=0)
    inputs = {"image": image, "table": table}
    in_files = {name: mapped_by_numpy(each, tmp_path) for name, each in inputs.items()}
    expected = answers(model, inputs, y, sample_weight=weights)
    for one, other in zip(
        answers(model, in_files, y, sample_weight=weights), expected, strict=True
    ):
        assert_array_equal(one, other)


@MAPS
def test_pretrained_features_of_images_in_a_file_are_those_of_images_in_memory(tmp_path, mapped):
    X, _ = tiny_images(12)
    pooled = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())
    features = PretrainedFeatures(pooled, image_size=8, device="cpu")
    found = clone(features).fit_transform(mapped(X, tmp_path))
    assert_array_equal(found, features.fit_transform(X))


def test_gaps_in_a_file_are_filled_as_those_in_memory(tmp_path):
    X, y, _ = easy_table(90)
    X[3, 1] = X[50, 2] = np.nan
    model = NoisyLabelDetector("cross_entropy", **NET)
    expected = answers(model, X, y)
    for one, other in zip(answers(model, mapped_by_numpy(X, tmp_path), y), expected, strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize("value", [np.inf, 1e300])
def test_infinity_in_a_file_is_named_by_its_row(tmp_path, value):
    X, y, _ = easy_table(90)
    model = NoisyLabelDetector("cross_entropy", **NET).fit(X, y)
    X[77, 2] = value
    X = mapped_by_numpy(X, tmp_path)
    for use in (lambda: model.fit(X, y), lambda: model.predict(X)):
        with pytest.raises(ValueError, match="too large for float32: row 77, column 2"):
            use()


# -- memory ------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_table_in_a_file_is_never_in_memory_as_a_whole(tmp_path, dtype):
    shape = (2000, 20_000)
    X = np.lib.format.open_memmap(tmp_path / "X.npy", mode="w+", dtype=dtype, shape=shape)
    X[::100] = 1
    y = np.arange(len(X)) % 2
    weights = np.where(np.arange(len(X)) % 7 == 0, 0.0, 1.0)
    net = TabularNet(module__n_layers=0, max_epochs=1, batch_size=16)
    model = NoisyLabelDetector("cross_entropy", net=net, device="cpu", random_state=0)
    # What the first fit imports isn't to be counted.
    model.fit(np.eye(20, 3), y[:20])
    tracemalloc.start()
    try:
        model.fit(np.load(tmp_path / "X.npy", mmap_mode="r"), y, sample_weight=weights)
        model.score_labels(X, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.8 * 4 * X.size


def test_rows_that_are_long_are_predicted_in_smaller_batches():
    narrow, wide = np.empty((10, 50)), np.broadcast_to(np.float32(0), (10, 2**20))
    assert prediction_batch_size(wide, "cpu") < prediction_batch_size(narrow, "cpu")

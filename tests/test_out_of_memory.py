"""Where memory doesn't suffice, predictions go on in smaller batches, and trainings give advice."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from small_data import BOTH, SHORT, easy_table, plain_skorch_net
from torch import nn

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.exceptions import DeviceMemoryError
from sknoisy.features import PretrainedFeatures

CUDA = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 4.00 GiB."


def raise_as_cuda_does():
    raise torch.OutOfMemoryError(CUDA)


def raise_as_apple_does():
    raise RuntimeError("MPS backend out of memory (MPS allocated: 4.00 GB).")


def take_more_than_there_is():
    """The allocator of the CPU raises a RuntimeError."""
    torch.empty(2**60, dtype=torch.uint8)


def take_more_by_numpy():
    np.empty(2**60, dtype=np.uint8)


class Limited(nn.Module):
    """A net for which memory doesn't suffice beyond so many rows of a batch."""

    def __init__(self, n_features, n_classes, in_training=1000, in_evaluation=1000, fail=None):
        super().__init__()
        self.linear = nn.Linear(n_features, n_classes)
        self.limits = {True: in_training, False: in_evaluation}
        self.fail = raise_as_cuda_does if fail is None else fail

    def forward(self, X):
        if len(X) > self.limits[self.training]:
            self.fail()
        return self.linear(X.flatten(1))


def model(estimator_class=NoisyLabelDetector, method="cross_entropy", *, batch_size=32, **limits):
    limits = {f"module__{name}": value for name, value in limits.items()}
    net = plain_skorch_net(Limited, **limits)
    settings = SHORT | {"net": net, "batch_size": batch_size, "max_epochs": 2}
    return estimator_class(method, **settings)


@pytest.mark.parametrize(
    "fail", [raise_as_cuda_does, raise_as_apple_does, take_more_than_there_is, take_more_by_numpy]
)
def test_a_training_names_the_batch_size_and_what_else_to_do(fail):
    X, y, _ = easy_table(60)
    limited = model(in_training=16, fail=fail)
    with pytest.raises(DeviceMemoryError) as caught:
        limited.fit(X, y)
    for words in ("the device 'cpu'", "'batch_size' smaller than 32", "'net'", "'device'"):
        assert words in str(caught.value)
    assert isinstance(caught.value.__cause__, RuntimeError | MemoryError)


@BOTH
@pytest.mark.parametrize("method", ["wrong_event", "dividemix", "l2rw"])
def test_a_fit_that_ran_out_of_memory_leaves_the_estimator_as_it_was(estimator_class, method):
    X, y, y_clean = easy_table(60)
    limited = model(estimator_class, method, in_training=16)
    before = set(vars(limited))
    with pytest.raises(DeviceMemoryError, match="for the training"):
        limited.fit(X, y, trusted=y == y_clean)
    assert set(vars(limited)) == before


def test_a_smaller_batch_is_what_helps():
    X, y, _ = easy_table(60)
    found = model(batch_size=16, in_training=16).fit(X, y)
    assert_array_equal(found.label_quality_, model(batch_size=16).fit(X, y).label_quality_)


@pytest.mark.parametrize("method", ["cross_entropy", "wrong_event", "dividemix"])
@pytest.mark.parametrize("fail", [raise_as_cuda_does, take_more_than_there_is])
def test_predictions_go_on_in_smaller_batches_and_end_alike(method, fail):
    X, y, _ = easy_table(60)
    limited = model(RobustClassifier, method, in_evaluation=3, fail=fail).fit(X, y)
    free = model(RobustClassifier, method).fit(X, y)
    assert_allclose(limited.predict_proba(X), free.predict_proba(X), atol=1e-6)
    assert_allclose(limited.label_quality_, free.label_quality_, atol=1e-6)


def test_dicts_of_arrays_are_predicted_in_smaller_batches_too():
    class Named(Limited):
        def forward(self, table):
            return super().forward(table)

    X, y, _ = easy_table(60)
    net = plain_skorch_net(Named, module__n_features=4, module__in_evaluation=3)
    found = RobustClassifier("cross_entropy", **SHORT | {"net": net}).fit({"table": X}, y)
    assert found.predict_proba({"table": X}).shape == (60, 2)


def test_one_row_that_does_not_fit_is_an_error_with_advice():
    X, y, _ = easy_table(60)
    fitted = model().fit(X, y)
    fitted.net_.module_.limits[False] = 0
    with pytest.raises(DeviceMemoryError, match="even one row: CUDA out of memory.*'device'"):
        fitted.predict(X)


def test_a_net_that_is_too_large_for_the_device_is_no_matter_of_the_batch_size():
    class Huge(Limited):
        def __init__(self, n_features, n_classes):
            super().__init__(n_features, n_classes)
            self.embedding = nn.Embedding(2**50, 2**8)

    X, y, _ = easy_table(60)
    with pytest.raises(DeviceMemoryError, match="to set the net up.*smaller 'net'"):
        NoisyLabelDetector(net=plain_skorch_net(Huge), **SHORT | {"lr": 0.1}).fit(X, y)


def test_other_errors_of_a_module_are_left_as_they_are():
    def fail():
        raise RuntimeError("no memory of that")

    X, y, _ = easy_table(60)
    with pytest.raises(RuntimeError, match="^no memory of that$"):
        model(in_training=16, fail=fail).fit(X, y)


@pytest.mark.parametrize("limit", [2, 0])
def test_images_are_embedded_in_smaller_batches(limit):
    class Pooled(nn.Module):
        def forward(self, X):
            if len(X) > max(limit, is_first[0]):
                raise_as_cuda_does()
            is_first[0] = 0
            return X.mean(dim=(2, 3))

    # The first call looks at the width of the features.
    is_first = [1]
    images = np.random.default_rng(0).integers(0, 255, (7, 3, 8, 8)).astype(np.uint8)
    features = PretrainedFeatures(Pooled(), image_size=8, device="cpu")
    if not limit:
        with pytest.raises(DeviceMemoryError, match="even one image"):
            features.fit_transform(images)
        return
    free = PretrainedFeatures(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), image_size=8)
    assert_allclose(features.fit_transform(images), free.fit_transform(images), atol=1e-6)

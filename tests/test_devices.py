"""On a device that isn't the CPU no operation mixes devices, and results come back as arrays."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import other_device
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from skorch.callbacks import EpochScoring, GradientNormClipping

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import LSW, METHODS, SimiFeat
from sknoisy.nets import TabularNet, VisionNet
from sknoisy.noise import flip_pair

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not other_device.is_available(), reason="this torch can't name a device"),
]

# Fewer of the rounds that it repeats, each alike.
SETTINGS = {"simifeat": {"n_rounds": 3}}
TABLE = {"net": TabularNet(max_epochs=4), "random_state": 0}
IMAGES = {
    "net": VisionNet(module__depth=10, module__width=4, max_epochs=4, batch_size=64),
    "random_state": 0,
}
GRADIENTS = ("finite_difference", "last_layer", "double_backward")
FINALS = ("method", "weight", "filter", "filter_weight")


def rows():
    X, y = load_digits(return_X_y=True)
    X, y = X[:100].astype(np.float32), y[:100]
    trusted = np.arange(len(y)) < 40
    return X, np.where(trusted, y, flip_pair(y, 0.3, random_state=0)[0]), trusted


def fit_elsewhere(estimator, X, y, fit_arguments):
    """Run in the process that has the device."""
    with other_device.Elsewhere():
        fitted = clone(estimator).set_params(device=other_device.DEVICE).fit(X, y, **fit_arguments)
        devices = {value.device.type for value in fitted.net_.module_.parameters()}
        return devices, fitted.predict_proba(X), fitted.label_quality_


@pytest.fixture(scope="module")
def process():
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=other_device.install) as executor:
        yield executor


def check(process, estimator, X, y, **fit_arguments):
    arguments = estimator, X, y, fit_arguments
    devices, probabilities, quality = process.submit(fit_elsewhere, *arguments).result()
    assert devices == {other_device.DEVICE}
    assert np.isfinite(probabilities).all() and np.isfinite(quality).all()


@pytest.mark.parametrize("method", list(METHODS))
def test_method_stays_on_the_device(process, method):
    X, y, trusted = rows()
    method = METHODS[method](**SETTINGS.get(method, {}))
    check(process, RobustClassifier(method, **TABLE), X, y, trusted=trusted)


@pytest.mark.parametrize("method", ["wrong_event", "lsw"])
def test_images_and_their_views_stay_on_the_device(process, method):
    X, y, trusted = rows()
    images = (15 * X).astype(np.uint8).reshape(-1, 8, 8)
    check(process, RobustClassifier(method, **IMAGES), images, y, trusted=trusted)


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_gradient_stays_on_the_device(process, gradient):
    X, y, trusted = rows()
    net = TabularNet(module__dropout=0.2, max_epochs=4)
    detector = NoisyLabelDetector(LSW(gradient=gradient), net=net, random_state=0)
    check(process, detector, X, y, trusted=trusted)


@pytest.mark.parametrize("method", ["wrong_event", "lsw"])
@pytest.mark.parametrize("final", FINALS)
def test_final_training_stays_on_the_device(process, method, final):
    X, y, trusted = rows()
    check(process, RobustClassifier(method, final=final, **TABLE), X, y, trusted=trusted)


@pytest.mark.parametrize(
    "method", [LSW(self_trusted=0.3), LSW(mix=True), SimiFeat(features="trusted_net", n_rounds=3)]
)
def test_variant_stays_on_the_device(process, method):
    X, y, trusted = rows()
    stated = {} if getattr(method, "self_trusted", None) else {"trusted": trusted}
    check(process, NoisyLabelDetector(method, **TABLE), X, y, **stated)


@pytest.mark.parametrize("method", ["wrong_event", "lsw"])
def test_mapped_and_weighted_rows_go_to_the_device(process, method, tmp_path):
    X, y, trusted = rows()
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    weights = np.linspace(0.5, 1.5, len(y))
    detector = NoisyLabelDetector(method, **TABLE)
    check(process, detector, mapped, y, trusted=trusted, sample_weight=weights)


def test_callbacks_see_batches_on_the_device(process):
    X, y, _ = rows()
    callbacks = [
        ("accuracy", EpochScoring("accuracy", name="accuracy", on_train=True)),
        ("clipping", GradientNormClipping(1.0)),
    ]
    net = TabularNet(max_epochs=4, callbacks=callbacks)
    check(process, RobustClassifier(net=net, random_state=0), X, y)


def add_on_two_devices():
    with other_device.Elsewhere():
        return torch.ones(2, device=other_device.DEVICE) + torch.ones(2)


def test_the_device_cannot_be_mixed_with_the_cpu(process):
    with pytest.raises(RuntimeError, match="aten::add mixes"):
        process.submit(add_on_two_devices).result()

"""Images as arrays of any layout, in memory and mapped."""

import numpy as np
import pytest
import torch
from small_data import tiny_image_classifier, tiny_images

from sknoisy import NoisyLabelDetector
from sknoisy.nets import VisionNet


@pytest.fixture(scope="module")
def image_probabilities():
    X, y = tiny_images()
    return tiny_image_classifier().fit(X, y).predict_proba(X)


@pytest.mark.first_case_is_quick
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


def test_layout_of_images_may_change_from_fit_to_predict():
    X, y = tiny_images()
    model = tiny_image_classifier().fit(X, y)
    assert model.n_features_in_ == 3 * 8 * 8
    channels_last = X.transpose(0, 2, 3, 1) / 255
    np.testing.assert_allclose(
        model.predict_proba(channels_last), model.predict_proba(X), atol=1e-4
    )


@pytest.mark.slow
def test_images_get_an_image_net_by_default():
    X, y = tiny_images(8)
    fitted = NoisyLabelDetector("cross_entropy", max_epochs=1, random_state=0).fit(X, y)
    assert isinstance(fitted.net_, VisionNet)


def test_memory_mapped_images_equal_those_in_memory(tmp_path, image_probabilities):
    X, y = tiny_images()
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    fitted = tiny_image_classifier().fit(mapped, y)
    np.testing.assert_allclose(fitted.predict_proba(mapped), image_probabilities, atol=1e-4)

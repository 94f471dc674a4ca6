"""Names of an earlier version still work, and say how they are called now."""

import numpy as np
import pytest
from sklearn.base import clone

import sknoisy.augmentation
import sknoisy.nets
from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import BHN, LSW, CrossEntropy, WrongEvent


@pytest.mark.parametrize(
    "name", ["CropFlip", "FeatureMasking", "GaussianNoise", "NoView", "StrongAugment"]
)
def test_views_are_found_where_they_were(name):
    with pytest.warns(FutureWarning, match=f"called sknoisy.augmentation.{name} now"):
        old = getattr(sknoisy.nets, name)
    assert old is getattr(sknoisy.augmentation, name)


def test_net_of_images_is_found_under_its_old_name():
    with pytest.warns(FutureWarning, match="called sknoisy.nets.VisionNet now"):
        from sknoisy.nets import ImageNet
    assert ImageNet is sknoisy.nets.VisionNet


def test_name_that_never_was_is_an_error():
    with pytest.raises(AttributeError, match="no attribute 'TextNet'"):
        sknoisy.nets.TextNet  # noqa: B018


@pytest.mark.parametrize("method, threshold", [(WrongEvent, 0.5), (LSW(), 0.3), (BHN(), 0.1)])
def test_defaults_of_a_method_are_read_by_their_old_name(method, threshold):
    with pytest.warns(FutureWarning, match="'published_threshold' of methods is called 'default_"):
        assert method.published_threshold == pytest.approx(threshold)


def test_defaults_of_a_users_method_are_taken_by_their_old_name():
    with pytest.warns(FutureWarning, match="'published_final'"):

        class Mine(CrossEntropy):
            published_final = "filter"

    assert Mine.default_final == "filter"


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize(
    "old, new, value",
    [
        ("reading", "parametrization", "logit"),
        ("interval", "epoch_interval", 2),
        ("trusted_interval", "step_interval", 1),
    ],
)
def test_parameters_of_lsw_work_by_their_old_names(old, new, value):
    X, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2

    def fit(**parameters):
        method = LSW(warmup_epochs=0, **parameters)
        detector = NoisyLabelDetector(method, max_epochs=4, random_state=0, device="cpu")
        detector.fit(X, y, trusted=np.arange(40) < 10)
        return detector.label_quality_

    with pytest.warns(FutureWarning, match=f"'{old}' of LSW is called '{new}' now"):
        by_old_name = fit(**{old: value})
    np.testing.assert_array_equal(by_old_name, fit(**{new: value}))
    assert not np.array_equal(by_old_name, fit())


@pytest.mark.slow
def test_final_training_is_asked_for_by_its_old_name():
    X, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
    model = RobustClassifier(final="joint", max_epochs=2, random_state=0, device="cpu")
    with pytest.warns(FutureWarning, match="final='joint' is called final='method' now"):
        model.fit(X, y)
    by_new_name = clone(model).set_params(final="method").fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), by_new_name.predict_proba(X))

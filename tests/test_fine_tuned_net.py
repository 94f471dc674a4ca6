"""Nets that go on from weights that the user gives."""

import copy
import pickle
import re

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback, LRScheduler
from small_data import BOTH, easy_table, tiny_images
from torch import nn
from torchvision.models import resnet18

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import LSW, WrongEvent
from sknoisy.nets import FineTunedNet
from sknoisy.training import Trainer, TrainingData

SEEDED = {"device": "cpu", "random_state": 0}


@pytest.fixture(autouse=True)
def fixed_weights():
    """Start each test from the same given weights, and leave the global generator alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def table_module(n_outputs=7):
    """A body with batch normalisation below a linear layer, as pretrained nets have it."""
    return nn.Sequential(
        nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, n_outputs)
    )


class ImageModule(nn.Module):
    """Keeps the last images that it was given."""

    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 4, 3)
        self.head = nn.Linear(4, 1000)

    def forward(self, X):
        self.seen = X.detach().clone()
        return self.head(self.body(X).relu().mean(dim=(2, 3)))


def initialized(module, n_classes=2, **parameters):
    return FineTunedNet(module, n_classes=n_classes, **parameters).initialize()


def copied_state(module):
    return copy.deepcopy(module.state_dict())


def assert_same_state(module, state):
    for name, value in module.state_dict().items():
        assert torch.equal(value, state[name]), name


def body_state(net):
    """Weights and statistics below the last layer of a `table_module`."""
    return {k: v.clone() for k, v in net.module_.module.state_dict().items() if k[0] != "4"}


def table_data(n_rows=80):
    X, y, _ = easy_table(n_rows)
    return TrainingData(X.astype(np.float32), y, 2, np.zeros(n_rows, dtype=bool))


def new_run(net, seed=0, **settings):
    return Trainer(net, table_data(), device="cpu", seed=seed).new_run(**settings)


# -- the head ------------------------------------------------------------------------------------


def test_the_last_linear_layer_is_replaced_where_it_does_not_fit_the_classes():
    module = table_module(1000)
    fitted = initialized(module, n_classes=3).module_.module
    assert fitted[4].weight.shape == (3, 8)
    assert torch.equal(fitted[0].weight, module[0].weight)


def test_the_new_layer_has_a_bias_only_where_the_old_one_had():
    module = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 5, bias=False))
    assert initialized(module).module_.head.bias is None


@pytest.mark.parametrize("n_classes", [3, None])
def test_a_last_layer_that_fits_the_classes_stays(n_classes):
    module = table_module(3)
    net = initialized(module, n_classes=n_classes)
    assert_same_state(net.module_.module, module.state_dict())
    assert [group["lr"] for group in net.optimizer_.param_groups] == [1e-3]


def test_a_single_linear_layer_is_a_head_without_a_body():
    net = initialized(nn.Linear(4, 9))
    assert net.module_(torch.zeros(5, 4)).shape == (5, 2)


def test_a_module_without_a_linear_layer_is_refused():
    with pytest.raises(ValueError, match=r"must have a torch.nn.Linear.* Got ReLU"):
        initialized(nn.ReLU())


@pytest.mark.parametrize("random_state, is_same", [(0, True), (1, False)])
def test_the_new_head_is_drawn_by_the_seed(random_state, is_same):
    first, second = (new_run(table_module(), seed=seed).module.head for seed in (0, random_state))
    assert torch.equal(first.weight, second.weight) == is_same


# -- the weights that are given ------------------------------------------------------------------


def test_every_training_starts_from_the_given_weights():
    module = table_module()
    trainer = Trainer(module, table_data(), device="cpu", seed=0)
    first = trainer.new_run().fit()
    second = trainer.new_run()
    assert not torch.equal(first.module.module[0].weight, module[0].weight)
    assert torch.equal(second.module.module[0].weight, module[0].weight)
    assert not torch.equal(first.module.head.weight, second.module.head.weight)


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("method", ["wrong_event", "lsw", "dividemix", "cross_entropy"])
@BOTH
def test_the_module_of_the_user_is_left_as_it_was(estimator_class, method):
    X, y, _ = easy_table(80)
    module = table_module()
    before = copied_state(module)
    model = estimator_class(method, net=module, max_epochs=2, **SEEDED)
    model.fit(X, y, trusted=np.arange(80) < 20)
    assert_same_state(module, before)
    assert module.training and model.net is module
    assert all(value.grad is None for value in module.parameters())


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("frozen_epochs", [0, 1])
@pytest.mark.parametrize("method", ["wrong_event", "lsw", "dividemix", "cross_entropy"])
@BOTH
def test_equal_seeds_give_equal_results(estimator_class, method, frozen_epochs):
    X, y, _ = easy_table(80)
    net = FineTunedNet(table_module(), frozen_epochs=frozen_epochs, max_epochs=2)
    model = estimator_class(method, net=net, **SEEDED)
    first, second = (
        each.fit(X, y, trusted=np.arange(80) < 20).label_quality_ for each in (model, clone(model))
    )
    assert_array_equal(first, second)


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("method", ["wrong_event", "lsw", "dividemix", "cross_entropy"])
def test_a_module_that_knows_the_classes_learns_them_from_wrong_labels(method):
    X, y, y_clean = easy_table()
    module = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 5))
    net = FineTunedNet(module, lr=0.02, max_epochs=8, frozen_epochs=1)
    fitted = RobustClassifier(method, net=net, **SEEDED)
    fitted.fit(X, y, trusted=(np.arange(len(y)) % 3 == 0) & (y == y_clean))
    assert fitted.score(X, y_clean) > 0.9


def test_a_fitted_estimator_predicts_the_same_after_pickling():
    X, y, _ = easy_table(80)
    fitted = RobustClassifier(net=FineTunedNet(table_module(), max_epochs=2), **SEEDED).fit(X, y)
    restored = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(restored.predict_proba(X), fitted.predict_proba(X))


def test_equal_modules_find_each_others_training_in_the_cache(tmp_path):
    X, y, _ = easy_table(80)
    module = table_module()
    other = copy.deepcopy(module)
    with torch.no_grad():
        other[0].weight.mul_(2)
    qualities = []
    for each in (module, copy.deepcopy(module), other):
        model = NoisyLabelDetector(net=each, max_epochs=2, memory=str(tmp_path), **SEEDED)
        qualities.append(model.fit(X, y).label_quality_)
    assert_array_equal(qualities[0], qualities[1])
    assert not np.array_equal(qualities[0], qualities[2])
    assert len(list(tmp_path.rglob("output.pkl"))) == 2


# -- learning rates ------------------------------------------------------------------------------


def test_the_body_learns_at_a_lower_rate_than_the_new_head():
    net = initialized(table_module(), lr=0.5, body_lr_factor=0.2)
    head, body = net.optimizer_.param_groups
    assert (head["lr"], body["lr"]) == (0.5, pytest.approx(0.1))
    assert {id(each) for each in head["params"]} == {
        id(each) for each in net.module_.head.parameters()
    }
    assert len(body["params"]) == 4


def test_the_learning_rate_of_the_estimator_moves_both():
    X, y, _ = easy_table(80)
    fitted = RobustClassifier("cross_entropy", net=table_module(), lr=0.3, max_epochs=1, **SEEDED)
    groups = fitted.fit(X, y).net_.optimizer_.param_groups
    assert [group["lr"] for group in groups] == [0.3, pytest.approx(0.03)]


def test_groups_of_parameters_that_the_user_names_stay():
    net = initialized(table_module(), optimizer__param_groups=[("module.0.*", {"lr": 0.7})])
    assert [group["lr"] for group in net.optimizer_.param_groups] == [0.7, 1e-3]


def test_a_schedule_moves_both_rates_alike():
    scheduler = LRScheduler("StepLR", step_size=1, gamma=0.5)
    net = FineTunedNet(table_module(), callbacks=[("scheduler", scheduler)], max_epochs=3)
    run = new_run(net).fit()
    head, body = run.net.optimizer_.param_groups
    assert body["lr"] == pytest.approx(0.1 * head["lr"])
    assert head["lr"] < 1e-3


def test_parameters_of_the_net_can_be_searched():
    X, y, _ = easy_table(80)
    model = RobustClassifier(
        "cross_entropy", net=FineTunedNet(table_module(), max_epochs=1), **SEEDED
    )
    search = GridSearchCV(model, {"net__body_lr_factor": [0.0, 0.3]}, cv=2).fit(X, y)
    assert search.best_params_["net__body_lr_factor"] in (0.0, 0.3)


# -- frozen epochs -------------------------------------------------------------------------------


class BodyAfterEpochs(Callback):
    """Looks at the body at the end of each epoch."""

    def __init__(self):
        self.states = []

    def on_epoch_end(self, net, **kwargs):
        self.states.append(body_state(net))


def changes(first, second):
    return {name for name in first if not torch.equal(first[name], second[name])}


def test_the_body_stays_as_it_is_in_frozen_epochs_and_learns_afterwards():
    run = new_run(FineTunedNet(table_module(), frozen_epochs=2, max_epochs=4))
    watcher = BodyAfterEpochs()
    run.net.callbacks_.append(("watcher", watcher))
    start, head = body_state(run.net), run.module.head.weight.detach().clone()
    run.fit(max_epochs=4)
    assert not changes(start, watcher.states[0]) and not changes(start, watcher.states[1])
    assert {"0.weight", "1.weight", "1.running_mean"} <= changes(start, watcher.states[2])
    assert not torch.equal(head, run.module.head.weight)


@pytest.mark.slow
def test_the_head_alone_learns_in_frozen_epochs_also_where_weights_of_rows_are_learnt():
    X, y, _ = easy_table(80)
    module = table_module()
    net = FineTunedNet(module, frozen_epochs=2, max_epochs=2)
    for gradient in ("finite_difference", "forward", "double_backward", "last_layer"):
        fitted = NoisyLabelDetector(LSW(gradient=gradient, warmup_epochs=0), net=net, **SEEDED)
        fitted.fit(X, y, trusted=np.arange(80) < 30)
        start = {name: value for name, value in module.state_dict().items() if name[0] != "4"}
        assert not changes(start, body_state(fitted.net_)), gradient


def test_a_training_that_goes_on_has_no_frozen_epochs():
    net = FineTunedNet(table_module(), frozen_epochs=5, max_epochs=1)
    state = new_run(net).fit().state()
    run = new_run(net, state=state)
    start = body_state(run.net)
    run.fit()
    assert changes(start, body_state(run.net))


# -- images --------------------------------------------------------------------------------------


def test_images_are_normalised_by_the_given_means_and_deviations():
    module = initialized(ImageModule(), normalization=([0.1, 0.2, 0.3], [2.0, 4.0, 5.0])).module_
    module(torch.ones(2, 3, 8, 8))
    assert_allclose(module.module.seen[0, :, 0, 0], [0.45, 0.2, 0.14], rtol=1e-5)


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize(
    "make, expected",
    [
        (lambda: resnet18(weights=None), [0.485, 0.456, 0.406]),
        (ImageModule, None),
    ],
    ids=["torchvision", "the user's own"],
)
def test_images_for_a_known_library_are_normalised_as_its_weights_expect(make, expected):
    module = initialized(make()).module_
    assert module.normalizes == (expected is not None)
    assert_allclose(module.mean.flatten(), expected or [])


def test_a_module_that_tells_its_normalisation_gets_it():
    module = ImageModule()
    module.pretrained_cfg = {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}
    tuned = initialized(module).module_
    tuned(torch.ones(1, 3, 8, 8))
    assert_allclose(tuned.module.seen[0, :, 0, 0], [2, 2, 2])


def test_nothing_is_normalised_where_the_user_says_so():
    assert not initialized(resnet18(weights=None), normalization=None).module_.normalizes


def test_images_are_resized():
    module = initialized(ImageModule(), image_size=12).module_
    module(torch.rand(2, 3, 8, 8))
    assert module.module.seen.shape == (2, 3, 12, 12)


@BOTH
def test_bytes_reach_the_module_as_normalised_floats(estimator_class):
    X, y = tiny_images()
    net = FineTunedNet(ImageModule(), normalization=([0.5] * 3, [0.5] * 3), max_epochs=1)
    fitted = estimator_class("cross_entropy", net=net, **SEEDED).fit(X, y)
    fitted.predict(X[:2])
    assert_allclose(fitted.net_.module_.module.seen, X[:2] / 127.5 - 1, atol=1e-5)


def test_means_of_another_number_of_channels_are_refused():
    X = np.random.default_rng(0).random((8, 1, 8, 8), dtype=np.float32)
    model = NoisyLabelDetector(net=resnet18(weights=None), **SEEDED)
    with pytest.raises(ValueError, match="1 channels can't be normalised by 3 means"):
        model.fit(X, [0, 1] * 4)


@pytest.mark.parametrize(
    "data, views",
    [
        (np.zeros((8, 3, 8, 8), dtype=np.float32), ("crop_flip", "strong")),
        (np.zeros((8, 4), dtype=np.float32), (None, "noise")),
    ],
    ids=["images", "table"],
)
@pytest.mark.parametrize("wrap", [lambda module: module, FineTunedNet])
def test_views_suit_the_data(data, views, wrap):
    data = TrainingData(data, np.arange(8) % 2, 2, np.zeros(8, dtype=bool))
    net = Trainer(wrap(table_module()), data, device="cpu", seed=0).net
    assert (net.weak_view, net.strong_view) == views


def test_views_that_the_user_chose_stay():
    net = FineTunedNet(table_module(), weak_view="masking", strong_view=None)
    net = Trainer(net, table_data(), device="cpu", seed=0).net
    assert (net.weak_view, net.strong_view) == ("masking", None)


# -- parameters ----------------------------------------------------------------------------------


def test_parameters_survive_clone():
    net = FineTunedNet(
        table_module(), body_lr_factor=0.3, frozen_epochs=2, image_size=9, precision="float32"
    )
    copied = clone(net).get_params()
    expected = {
        "body_lr_factor": 0.3,
        "frozen_epochs": 2,
        "image_size": 9,
        "precision": "float32",
        "normalization": "auto",
    }
    assert {name: copied[name] for name in expected} == expected
    assert_same_state(copied["module"], net.module.state_dict())
    assert copied["module"] is not net.module


@pytest.mark.parametrize(
    "parameters, message",
    [
        ({"body_lr_factor": 1.5}, "'body_lr_factor' parameter .* in [0, 1]. Got 1.5"),
        ({"frozen_epochs": -1}, "'frozen_epochs' parameter .* at least 0. Got -1"),
        ({"image_size": 0}, "'image_size' parameter .* at least 1, or None. Got 0"),
        ({"normalization": "mean"}, "'normalization' parameter .* Got 'mean'"),
        ({"normalization": ([0.5], [0.0])}, "'normalization' parameter .* Got"),
        ({"normalization": ([0.5], [1.0, 1.0])}, "'normalization' parameter .* Got"),
    ],
)
def test_a_parameter_out_of_range_is_refused(parameters, message):
    message = re.escape(message).replace(r"\.\*", ".*")
    with pytest.raises(ValueError, match=message):
        initialized(table_module(), **parameters)


def test_a_class_is_refused_where_weights_must_be_given():
    with pytest.raises(TypeError, match="must be an instance of torch.nn.Module"):
        FineTunedNet(ImageModule).initialize()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["lsw", WrongEvent(), "dividemix"])
def test_a_resnet_of_torchvision_is_fine_tuned(method):
    X, y = tiny_images(32)
    net = FineTunedNet(resnet18(weights=None), image_size=16, frozen_epochs=1, max_epochs=2)
    fitted = RobustClassifier(method, net=net, batch_size=16, **SEEDED)
    fitted.fit(X, y, trusted=np.arange(32) < 8)
    assert fitted.net_.module_.module.fc.weight.shape == (2, 512)
    assert np.isfinite(fitted.predict_proba(X)).all()

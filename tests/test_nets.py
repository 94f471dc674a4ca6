import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV
from torch import nn

from sknoisy.nets import CifarResNet, CropFlip, MultilayerPerceptron, TabularNet, VisionNet

NETS = pytest.mark.parametrize("net_class", [TabularNet, VisionNet])


@pytest.fixture(autouse=True)
def fixed_weights():
    """Start each test from the same initial weights, and leave the global generator alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def small_table(n_rows=200):
    X, y = make_classification(n_rows, 5, n_informative=3, class_sep=2, random_state=0)
    return X.astype(np.float32), y.astype(np.int64)


def small_images(n_images=64):
    """Noise images whose brighter half is the left or the right one."""
    random = np.random.default_rng(0)
    y = np.arange(n_images) % 2
    X = 0.5 * random.random((n_images, 3, 8, 8))
    X[y == 0, :, :, :4] += 0.3
    X[y == 1, :, :, 4:] += 0.3
    return X.astype(np.float32), y.astype(np.int64)


def small_tabular_net(**parameters):
    return TabularNet(
        module__n_features=5, module__n_classes=2, module__n_units=16, batch_size=50, **parameters
    )


def small_image_net(**parameters):
    return VisionNet(
        module__n_channels=3,
        module__n_classes=2,
        module__depth=10,
        module__width=4,
        batch_size=16,
        **parameters,
    )


def n_weights(module):
    return sum(weights.numel() for weights in module.parameters())


@pytest.mark.parametrize("n_layers", [0, 1, 3])
@pytest.mark.parametrize("n_units", [4, 32])
def test_perceptron_gives_logits_and_features(n_layers, n_units):
    module = MultilayerPerceptron(6, 3, n_units=n_units, n_layers=n_layers)
    X = torch.rand(10, 6)
    assert module(X).shape == (10, 3)
    assert module.features(X).shape == (10, n_units if n_layers else 6)


def test_perceptron_does_not_depend_on_the_units_of_a_feature():
    module = MultilayerPerceptron(2, 3)
    X = torch.randn(20, 2)
    scaled = X * torch.tensor([1000.0, 1.0]) + torch.tensor([-300.0, 0.0])
    torch.testing.assert_close(module(scaled), module(X), atol=1e-3, rtol=1e-3)


def test_perceptron_knows_the_scale_of_a_feature_after_one_batch():
    module = MultilayerPerceptron(1, 2)
    years = torch.linspace(1990, 2020, 31)[:, None]
    module(years)
    standardized = module.eval().standardize(years)
    assert standardized.mean().item() == pytest.approx(0, abs=1e-3)
    assert standardized.std().item() == pytest.approx(1, abs=1e-3)


def test_perceptron_drops_units_in_training_only():
    module = MultilayerPerceptron(4, 2, dropout=0.5)
    X = torch.rand(10, 4)
    assert not torch.equal(module(X), module(X))
    module.eval()
    assert torch.equal(module(X), module(X))


@pytest.mark.parametrize("depth, expansion", [(10, 1), (18, 1), (34, 1), (50, 4)])
@pytest.mark.parametrize("width", [4, 6])
def test_resnet_gives_logits_and_features(depth, expansion, width):
    module = CifarResNet(3, 7, depth=depth, width=width)
    X = torch.rand(2, 3, 16, 16)
    assert module(X).shape == (2, 7)
    assert module.features(X).shape == (2, 8 * width * expansion)


@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("height, width", [(8, 8), (28, 28), (9, 15)])
def test_resnet_takes_any_channels_and_sides(n_channels, height, width):
    module = CifarResNet(n_channels, 10, depth=10, width=4)
    assert module(torch.rand(2, n_channels, height, width)).shape == (2, 10)


@pytest.mark.parametrize("depth, n_expected", [(18, 11_173_962), (50, 23_520_842)])
def test_resnet_of_standard_width_has_the_known_number_of_weights(depth, n_expected):
    with torch.device("meta"):
        assert n_weights(CifarResNet(3, 10, depth=depth)) == n_expected


def test_resnet_works_at_full_resolution_in_its_first_stage():
    module = CifarResNet(3, 10, depth=10, width=4)
    X = module.stem(torch.rand(2, 3, 32, 32))
    sides = []
    for stage in module.stages:
        X = stage(X)
        sides.append(X.shape[-1])
    assert sides == [32, 16, 8, 4]


def test_resnet_standardizes_each_channel():
    module = CifarResNet(2, 10, depth=10, width=4)
    X = torch.rand(8, 2, 8, 8) * torch.tensor([0.1, 1.0]).view(1, 2, 1, 1)
    standardized = module.standardize(X)
    torch.testing.assert_close(standardized.std(dim=(0, 2, 3)), torch.ones(2), atol=0.02, rtol=0)


def test_resnet_names_the_depths_it_has():
    with pytest.raises(ValueError, match=r"depth must be one of \[10, 18, 34, 50\], got 20"):
        CifarResNet(3, 10, depth=20)


@NETS
def test_parameters_survive_clone(net_class):
    net = net_class(lr=0.5, weak_view="crop", strong_view=CropFlip(padding=2), module__n_classes=9)
    copied = clone(net).get_params()
    assert copied["lr"] == 0.5
    assert copied["weak_view"] == "crop"
    assert copied["strong_view"] == CropFlip(padding=2)
    assert copied["module__n_classes"] == 9


@NETS
def test_parameters_can_be_set(net_class):
    net = net_class().set_params(strong_view=None, weak_view="noise", module__width=3, lr=0.7)
    parameters = net.get_params()
    assert parameters["strong_view"] is None
    assert parameters["weak_view"] == "noise"
    assert parameters["module__width"] == 3
    assert parameters["lr"] == 0.7


@pytest.mark.parametrize("small_net", [small_tabular_net, small_image_net])
def test_misspelt_parameter_is_refused(small_net):
    with pytest.raises(ValueError, match=r"unexpected argument\(s\) week_view"):
        small_net(week_view=None).initialize()


@pytest.mark.parametrize(
    "net_class, views", [(TabularNet, (None, "noise")), (VisionNet, ("crop_flip", "strong"))]
)
def test_default_views(net_class, views):
    assert (net_class().weak_view, net_class().strong_view) == views


def test_module_parameters_reach_the_module():
    net = small_tabular_net().set_params(module__n_units=7, module__n_layers=1).initialize()
    assert net.module_.head.in_features == 7


def test_grid_search_over_module_parameters():
    X, y = small_table()
    search = GridSearchCV(
        small_tabular_net(max_epochs=2), {"module__n_units": [4, 8]}, cv=2, scoring="accuracy"
    )
    search.fit(X, y)
    assert search.best_estimator_.module_.head.in_features in (4, 8)
    assert np.isfinite(search.best_score_)


@pytest.mark.parametrize("optimizer", [torch.optim.AdamW, torch.optim.RMSprop])
def test_image_net_takes_other_optimizers(optimizer):
    net = small_image_net().set_params(optimizer=optimizer).initialize()
    assert isinstance(net.optimizer_, optimizer)
    assert net.optimizer_.param_groups[0]["weight_decay"] == 5e-4


def test_image_net_hands_momentum_to_sgd():
    net = small_image_net(optimizer__momentum=0.5).initialize()
    assert net.optimizer_.param_groups[0]["momentum"] == 0.5


def test_momentum_of_the_user_is_not_dropped_in_silence():
    net = small_image_net(optimizer=torch.optim.AdamW, optimizer__momentum=0.5)
    with pytest.raises(TypeError, match="momentum"):
        net.initialize()


@pytest.mark.slow
@pytest.mark.parametrize(
    "net, data",
    [
        (small_tabular_net(max_epochs=40), small_table()),
        (small_image_net(max_epochs=8), small_images()),
    ],
    ids=["table", "images"],
)
def test_training_reduces_loss_and_learns_the_classes(net, data):
    X, y = data
    net = clone(net).fit(X, y)
    losses = net.history[:, "train_loss"]
    assert losses[-1] < 0.7 * losses[0]
    assert net.score(X, y) > 0.85


def test_probabilities_sum_to_one():
    X, y = small_table()
    probabilities = small_tabular_net(max_epochs=1).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_rows_are_shuffled_in_training():
    X, y = small_table()
    net = small_tabular_net().initialize()
    loader = net.get_iterator(net.get_dataset(X, y), training=True)
    given = torch.cat([classes for _, classes in loader])
    assert not np.array_equal(given.numpy(), y)
    assert given.sum() == y.sum()


def test_fitted_net_can_be_cloned_and_pickled():
    X, y = small_table()
    net = small_tabular_net(max_epochs=1).fit(X, y)
    assert not clone(net).initialized_
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(net)).predict(X), net.predict(X))


def test_module_of_the_user_is_taken():
    X, y = small_table()
    net = TabularNet(nn.Linear, module__in_features=5, module__out_features=2, max_epochs=1)
    assert net.fit(X, y).predict_proba(X).shape == (200, 2)


@pytest.mark.parametrize("device", ["cpu", None])
def test_image_net_predicts_with_and_without_a_device_of_its_own(device):
    X = np.random.default_rng(0).random((6, 3, 8, 8), dtype=np.float32)
    net = small_image_net(device=device, max_epochs=1).fit(X, np.array([0, 1] * 3))
    assert net.predict_proba(X).shape == (6, 2)

"""Errors for what only odd data, nets and splits bring; found by random cases."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import Dataset

from sknoisy import NoisyLabelDetector
from sknoisy.nets import TabularNet

X, Y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
RAGGED = [[0, 1]] + [0] * 39


class Triples(Dataset):
    def __len__(self):
        return 40

    def __getitem__(self, row):
        pair = torch.from_numpy(X[row]).float(), int(Y[row])
        return (*pair, "more") if row == 7 else pair


def detector(**net):
    return NoisyLabelDetector("cross_entropy", net=TabularNet(**net), max_epochs=1, device="cpu")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"X": torch.zeros(40, 3, device="meta"), "y": Y}, "X is a tensor on the device 'meta'"),
        ({"X": np.zeros((40, 3, 0, 8)), "y": Y}, "at least one pixel"),
        ({"X": X, "y": Y, "trusted": RAGGED}, "trusted must be a mask"),
        ({"X": X, "y": Y, "sample_weight": RAGGED}, "sample_weight must hold numbers"),
        ({"X": Triples(), "y": None}, "pairs .* Row 7 is a tuple"),
    ],
    ids=["meta tensor", "no pixels", "ragged mask", "ragged weights", "triple in a Dataset"],
)
def test_odd_data_is_named(data, message):
    with pytest.raises((TypeError, ValueError), match=message):
        detector().fit(data.pop("X"), data.pop("y"), **data)


@pytest.mark.parametrize(
    ("net", "message"),
    [
        ({"criterion__weight": torch.ones(5)}, "criterion of 'net' can't take logits"),
        ({"train_split": 0.2}, "'train_split' of 'net' can't split the 40 rows"),
    ],
    ids=["criterion", "train_split"],
)
def test_net_that_does_not_suit_the_data_is_named(net, message):
    with pytest.raises(ValueError, match=message):
        detector(**net).fit(X, Y)


def test_batch_size_of_a_net_is_checked():
    with pytest.raises(ValueError, match="'batch_size' of 'net' must be at least 1"):
        detector(batch_size=0).fit(X, Y)


def test_lazy_module_leaves_the_global_generator_and_follows_the_seed():
    def qualities(seed):
        net = TabularNet(nn.Sequential(nn.LazyLinear(4), nn.ReLU(), nn.LazyLinear(2)))
        model = NoisyLabelDetector("cross_entropy", net=net, max_epochs=2, random_state=seed)
        return model.fit(X, Y).label_quality_

    before = torch.get_rng_state()
    first, again, other = qualities(0), qualities(0), qualities(1)
    assert torch.equal(before, torch.get_rng_state())
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from reweighting import accuracy, digits_and_trusted, report
from small_data import plain_skorch_net

from sknoisy import NoisyLabelDetector
from sknoisy.methods import Vahdat
from sknoisy.methods._vahdat import InferringStep, infer, turned_round
from sknoisy.noise import flip_pair
from sknoisy.training import Trainer, TrainingData

MATRIX = np.array([[0.8, 0.2, 0.0], [0.1, 0.7, 0.2], [0.0, 0.3, 0.7]])
SHARES = np.array([0.5, 0.3, 0.2])
N_ROWS, N_CLASSES = 9, 3


@pytest.fixture(scope="module")
def digits():
    return digits_and_trusted()


def small_run(trusted=(), sample_weight=None):
    X = np.random.default_rng(0).normal(size=(N_ROWS, 4)).astype(np.float32)
    mask = np.isin(np.arange(N_ROWS), trusted)
    y = np.arange(N_ROWS) % N_CLASSES
    data = TrainingData(X, y, N_CLASSES, mask, sample_weight=sample_weight)
    net = plain_skorch_net(module__n_features=4, module__n_classes=N_CLASSES)
    return Trainer(net, data, device="cpu", seed=0).new_run()


def step_and_batch(run, **parameters):
    step = InferringStep(run, MATRIX, SHARES, Vahdat(**parameters))
    (batch,) = run.batches(np.arange(N_ROWS))
    return step, batch


@pytest.mark.parametrize("alpha", [0.0, 1.0, 5.0])
def test_inferred_label_by_hand(alpha):
    p, of_given, auxiliary = np.array([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.6, 0.3, 0.1]])
    expected = (p * of_given) ** (1 / (1 + alpha)) * auxiliary ** (alpha / (1 + alpha))
    tensors = (torch.from_numpy(each)[None] for each in (np.log(p), of_given, auxiliary))
    assert_allclose(infer(*tensors, alpha)[0], expected / expected.sum())


def test_inferred_label_is_the_best_compromise():
    """It is the smallest sum of the divergences from the model and, alpha times, the auxiliary."""
    p, auxiliary, alpha = torch.tensor([0.7, 0.2, 0.1]), torch.tensor([0.1, 0.6, 0.3]), 2.0
    found = infer(p.log()[None], torch.ones(1, 3) / 3, auxiliary[None], alpha)[0]

    def cost(q):
        return (q * (q / p).log()).sum() + alpha * (q * (q / auxiliary).log()).sum()

    others = torch.distributions.Dirichlet(found * 50).sample((200,))
    assert all(cost(found) <= cost(each) + 1e-6 for each in others)


def test_table_is_turned_round_by_the_rule_of_bayes():
    found = turned_round(MATRIX, SHARES)
    assert_allclose(found[1, 0], 0.5 * 0.2 / (0.5 * 0.2 + 0.3 * 0.7 + 0.2 * 0.3))
    assert_allclose(found.sum(axis=1), 1)


def test_label_that_no_class_is_given_is_taken_as_it_is():
    assert_array_equal(turned_round(np.array([[1.0, 0.0], [1.0, 0.0]]), np.ones(2) / 2)[1], [0, 1])


def test_loss_of_a_batch_by_hand():
    step, batch = step_and_batch(small_run(trusted=[1]), first_alpha=3.0)
    losses, weights, logits = step.losses(batch)
    p = logits.detach().softmax(dim=1).double().numpy()
    y = batch.y.numpy()
    q = (p * MATRIX.T[y].clip(1e-4)) ** 0.25 * turned_round(MATRIX, SHARES)[y].clip(1e-4) ** 0.75
    q /= q.sum(axis=1, keepdims=True)
    q[1] = [0, 1, 0]
    assert weights is None
    assert_allclose(losses.detach(), -(q * np.log(p)).sum(axis=1), rtol=1e-5)


def test_table_becomes_the_shares_of_the_labels_in_each_class():
    step, batch = step_and_batch(small_run(trusted=[0]))
    step.losses(batch)
    step.end_epoch(0)
    inferred, y = step.run.row_state["inferred"].numpy(), batch.y.numpy()
    counts = MATRIX + sum(np.outer(inferred[row], np.eye(3)[y[row]]) for row in range(1, N_ROWS))
    assert_allclose(step.table, counts / counts.sum(axis=1, keepdims=True), rtol=1e-5)


def test_rows_of_a_small_weight_say_little_of_the_table():
    weight = np.where(np.arange(N_ROWS) % 3 == 2, 1e-6, 1.0).astype(np.float32)
    step, batch = step_and_batch(small_run(sample_weight=weight))
    step.losses(batch)
    step.end_epoch(0)
    # Nothing of weight is labelled as the last class: what is left there comes from the start.
    assert (step.table[:, 2].numpy() < MATRIX[:, 2] + 1e-4).all()


@pytest.mark.slow
def test_wrong_labels_are_found(digits):
    assert report(digits, "vahdat", flip_pair)["auc"] > 0.85


@pytest.mark.slow
def test_classifier_is_better_than_plain_training(digits):
    assert accuracy(digits, "vahdat") > accuracy(digits, "cross_entropy") + 0.05


@pytest.mark.parametrize(
    "parameter", [{"first_alpha": -1}, {"last_alpha": -1}, {"training_share": 0}], ids=str
)
def test_parameter_out_of_range_is_named(parameter):
    (name,) = parameter
    with pytest.raises(ValueError, match=f"'{name}' parameter of Vahdat"):
        NoisyLabelDetector(Vahdat(**parameter)).fit(np.eye(4), [0, 1, 0, 1])

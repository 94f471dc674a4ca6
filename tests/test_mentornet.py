import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from small_data import SHORT, easy_table, plain_skorch_net
from torch.nn.functional import cross_entropy

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.exceptions import TrustedRowsRequiredError
from sknoisy.methods import MentorNet
from sknoisy.methods._mentornet import CurriculumStep, Mentor, flip_half, teach, train_mentor
from sknoisy.metrics import noise_detection_report
from sknoisy.noise import flip_symmetric
from sknoisy.training import Trainer, TrainingData, seeded_global_state

N_ROWS, N_CLASSES = 8, 3


@pytest.fixture(scope="module")
def digits():
    return train_test_split(*load_digits(return_X_y=True), random_state=0)


def small_trainer(trusted=()):
    X = np.random.default_rng(0).normal(size=(N_ROWS, 4)).astype(np.float32)
    mask = np.isin(np.arange(N_ROWS), trusted)
    data = TrainingData(X, np.arange(N_ROWS) % N_CLASSES, N_CLASSES, mask)
    net = plain_skorch_net(module__n_features=4, module__n_classes=N_CLASSES)
    return Trainer(net, data, device="cpu", seed=0)


def losses_of(run, batch):
    with torch.no_grad():
        return cross_entropy(run.logits(batch.X), batch.y, reduction="none")


def test_rows_below_the_average_percentile_are_kept():
    run = small_trainer().new_run()
    step = CurriculumStep(run, MentorNet(percentile=0.5, momentum=0.75, burn_in=0.0))
    first, second = torch.arange(N_ROWS).split(4)
    average = None
    for rows in (first, second):
        (batch,) = run.batches(rows)
        losses = losses_of(run, batch)
        found = torch.quantile(losses, 0.5)
        average = found if average is None else 0.75 * average + 0.25 * found
        kept, weights, _ = step.losses(batch)
        assert weights is None
        assert_allclose(kept.detach(), losses * (losses <= average), rtol=1e-5)


def test_all_rows_are_kept_in_the_burn_in():
    run = small_trainer().new_run()
    step = CurriculumStep(run, MentorNet(percentile=0.3, burn_in=0.25))
    (batch,) = run.batches(np.arange(N_ROWS))
    n_kept = []
    for epoch in range(3):
        n_kept.append(int((step.losses(batch)[0] > 0).sum()))
        step.end_epoch(epoch)
    assert n_kept == [8, 8, 3]


def test_trusted_rows_are_kept_whatever_their_loss():
    run = small_trainer(trusted=range(N_ROWS)).new_run()
    step = CurriculumStep(run, MentorNet(percentile=0.1, burn_in=0.0))
    (batch,) = run.batches(np.arange(N_ROWS))
    assert (step.losses(batch)[0] > 0).all()


def test_half_of_the_labels_are_flipped_to_others():
    y = np.arange(30) % 3
    flipped, is_right = flip_half(y, np.arange(10, 30), 3, np.random.RandomState(0))
    assert (~is_right).sum() == 10 and is_right[:10].all()
    assert_array_equal(flipped != y, ~is_right)
    assert set(flipped) == {0, 1, 2}


@pytest.mark.slow
def test_mentor_tells_a_falling_loss_from_one_that_stays():
    n_rows = 60
    right = torch.arange(n_rows) % 2 == 0
    falling = torch.tensor([2.0, 1.0, 0.5, 0.2]).expand(n_rows, 4)
    losses = torch.where(right[:, None], falling, torch.full((n_rows, 4), 2.0))
    course = torch.stack([losses, losses - 1], dim=2)
    lessons = course, torch.linspace(0, 1, n_rows)
    with seeded_global_state(0):
        mentor = Mentor()
    teach(mentor, lessons, right.float(), seed=0)
    weights = mentor(*lessons).sigmoid()
    assert weights[right].min() > 0.9 and weights[~right].max() < 0.1


@pytest.mark.slow
def test_data_of_the_user_are_not_flipped():
    trainer = small_trainer(trusted=range(6))
    y = trainer.data.y.copy()
    train_mentor(trainer, MentorNet(curriculum="learned"))
    assert_array_equal(trainer.data.y, y)


def test_only_a_learned_curriculum_needs_trusted_rows():
    X, y, _ = easy_table(60)
    NoisyLabelDetector(MentorNet(), **SHORT).fit(X, y)
    with pytest.raises(TrustedRowsRequiredError, match="MentorNet"):
        NoisyLabelDetector(MentorNet(curriculum="learned"), **SHORT).fit(X, y)


@pytest.mark.slow
@pytest.mark.parametrize("n_trusted", [1, 3])
def test_a_mentor_of_few_trusted_rows_gives_a_verdict(n_trusted):
    X, y, _ = easy_table(60)
    trusted = np.arange(len(y)) < n_trusted
    model = NoisyLabelDetector(MentorNet(curriculum="learned"), **SHORT).fit(X, y, trusted=trusted)
    assert np.isfinite(model.label_quality_).all()


def test_a_learned_weight_depends_on_the_course_and_not_on_the_label():
    run = small_trainer().new_run()
    with seeded_global_state(0):
        step = CurriculumStep(run, MentorNet(percentile=0.9, burn_in=0.0), Mentor())
    (batch,) = run.batches(np.arange(N_ROWS))
    assert len(batch.y.unique()) > 1
    course = torch.ones(N_ROWS, 4, 2)
    weights = step._weights(batch, torch.ones(N_ROWS, dtype=torch.bool), course)
    assert weights.unique().numel() == 1
    assert (step._weights(batch, None, 2 * course) != weights).all()


@pytest.mark.slow
@pytest.mark.parametrize("curriculum", ["predefined", "learned"])
def test_classifier_and_verdict_are_better_than_plain_training(digits, curriculum):
    X, X_test, y, y_test = digits
    trusted = np.random.default_rng(9).random(len(y)) < 0.1
    y_noisy = np.where(trusted, y, flip_symmetric(y, 0.4, random_state=0)[0])
    plain, robust = (
        RobustClassifier(method, random_state=0).fit(X, y_noisy, trusted=trusted)
        for method in ("cross_entropy", MentorNet(curriculum=curriculum))
    )
    assert robust.score(X_test, y_test) > plain.score(X_test, y_test) + 0.1
    report = noise_detection_report(y_noisy != y, robust.noise_mask_, robust.label_quality_)
    assert report["f1"] > 0.85 and report["auc"] > 0.97


@pytest.mark.parametrize(
    "parameter",
    [{"curriculum": "own"}, {"percentile": 1.5}, {"momentum": 1.0}, {"burn_in": -0.1}],
    ids=str,
)
def test_parameter_out_of_range_is_named(parameter):
    (name,) = parameter
    with pytest.raises(ValueError, match=f"'{name}' parameter of MentorNet"):
        NoisyLabelDetector(MentorNet(**parameter)).fit(np.eye(4), [0, 1, 0, 1])

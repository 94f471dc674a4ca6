"""PES: the late layers of a net are trained anew, for fewer epochs than the early ones."""

import numpy as np
import torch

from .. import losses
from .._parameters import check_number
from ..training import Step, Trainer
from ._base import LabelEvidence, Method
from ._forward import class_probabilities


class PES(Method):
    r"""Stop the late layers of a net earlier than the early ones, and keep the rows it agrees with.

    The late layers of a net learn wrong labels sooner than the early ones. So the whole net is
    trained for some epochs; then its last layers get new weights and are trained for fewer epochs,
    while what comes before them stays as it is; then the same with the very last.

    A row is *confident* if the net predicts its given label. From then on the whole net learns from
    confident rows alone, weighed so that all classes count alike, and these are chosen anew after
    each epoch. With `semi=True` the others are learnt from too, without their labels: by the net's
    own guesses for mixed rows (MixMatch).

    The label quality is the margin of the given label in the last net's prediction, one half where
    it is predicted just about.

    Needs nothing but the labels. Cost in multiples of plain training: 1 to 1.1; with `semi` 3.

    Parameters
    ----------
    training_share : float in (0, 1), default=0.125
        Share of the epochs of the first training. Published: 25 of 200.
    n_late : tuple of int, default=(2, 1)
        How many of the last layers are trained anew in each round. A layer is a module that has
        parameters of its own, in the order of definition; of a residual net the last block of
        layers is meant.
    late_shares : tuple of float, default=(0.05, 0.05)
        Share of the epochs of each round. Published: 7 and 5 of 200.
    semi : bool, default=False
        Whether rows that aren't confident are learnt from without their labels.
    unlabelled_weight : float, default=5.0
        Factor of these in the loss; published: 5 to 100, by the noise.
    temperature : float, default=0.5
        Of the sharpening of guesses.
    alpha : float, default=4.0
        Shape of the beta distribution of mixtures.

    Notes
    -----
    Published rounds have an optimiser of their own (Adam, learning rate 1e-4); here it is the
    net's. A trusted row is always confident.

    It fails where the first training is too short to know the classes, or long enough to know
    wrong labels: everything later rests on it. Rows of hard classes aren't confident and are
    learnt from no more. A net of one layer has no late ones, and is trained plainly at first.

    References
    ----------
    Bai, Yang, Han, Yang, Li, Mao, Niu and Liu, "Understanding and Improving Early Stopping for
    Learning with Noisy Labels", NeurIPS 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = load_digits(return_X_y=True)
    >>> y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    >>> detector = NoisyLabelDetector("pes", random_state=0).fit(X, y_noisy)
    >>> bool((detector.noise_mask_ == flipped).mean() > 0.9)
    True
    """

    name = "pes"
    cost = "1.1; with semi 3"
    choose_it = (
        "to compare: late layers are stopped earlier, and rows kept that the net agrees with"
    )
    citation = (
        "Bai, Yang, Han, Yang, Li, Mao, Niu, Liu (2021). *Understanding and Improving Early "
        "Stopping for Learning with Noisy Labels.* NeurIPS"
    )

    def __init__(
        self,
        *,
        training_share: float = 0.125,
        n_late: tuple[int, ...] = (2, 1),
        late_shares: tuple[float, ...] = (0.05, 0.05),
        semi: bool = False,
        unlabelled_weight: float = 5.0,
        temperature: float = 0.5,
        alpha: float = 4.0,
    ) -> None:
        self.training_share = training_share
        self.n_late = n_late
        self.late_shares = late_shares
        self.semi = semi
        self.unlabelled_weight = unlabelled_weight
        self.temperature = temperature
        self.alpha = alpha

    @property
    def mixes_rows(self) -> bool:  # type: ignore[override]
        return bool(self.semi)

    def check_parameters(self) -> None:
        check_number(self, "training_share", 0, 1, above=True)
        check_number(self, "unlabelled_weight", 0)
        check_number(self, "temperature", 0, above=True)
        check_number(self, "alpha", 0, above=True)
        check_rounds(self)

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Train the early layers, the late ones, and on confident rows."""
        run = trainer.new_run()
        run.fit(max_epochs=max(1, round(self.training_share * trainer.max_epochs)))
        history = run.history()
        for n_layers, share in zip(self.n_late, self.late_shares, strict=True):
            run = train_late_layers(trainer, run, n_layers, share)
            history = history + run.history()
        final = trainer.new_run(state=run.state())
        kind = MixMatchStep if self.semi else ConfidentStep
        step = kind(final, run, self, trainer.random_state())
        final.fit(step, max_epochs=max(1, trainer.max_epochs - len(history)))
        return LabelEvidence.of(final, history=history + final.history())


class ConfidentStep(Step):
    """Learns from rows whose given label the net predicts, all classes alike.

    Parameters
    ----------
    run : TrainingRun
    before : TrainingRun
        Chooses the rows of the first epoch.
    method : PES
    random_state : RandomState
    """

    def __init__(self, run, before, method, random_state):
        super().__init__(run)
        self._method = method
        self._random_state = random_state
        self._trusted = torch.from_numpy(run.data.trusted).to(run.device)
        self._confident = run.row_state.create("confident", dtype=torch.bool)
        self._choose(before)

    def losses(self, batch):
        losses_, _, logits = super().losses(batch)
        confident = self._confident[batch.rows]
        return losses_, confident * self._class_weights[batch.y], logits

    def end_epoch(self, epoch):
        self._choose(self.run)

    def _choose(self, run):
        rows = torch.from_numpy(self.run.rows).to(self.run.device)
        said = run.predict(self.run.rows, class_probabilities).argmax(axis=1)
        agrees = torch.from_numpy(said).to(rows.device) == self.run.labels[rows]
        self._confident[rows] = agrees | self._trusted[rows]
        self._class_weights = balanced_weights(self._labels_of_confident(), self._n_classes)

    def _labels_of_confident(self):
        return self.run.labels[self._confident]

    @property
    def _n_classes(self):
        return self.run.data.n_classes


class MixMatchStep(ConfidentStep):
    """Learns from confident rows with their labels, and from the others with the net's guesses."""

    def train_batch(self, batch):
        run, method = self.run, self._method
        views = run.both_views(batch.X)
        labelled = self._confident[batch.rows]
        with torch.no_grad():
            said = torch.stack(run.logits(views).float().softmax(dim=1).chunk(2)).mean(dim=0)
        given = torch.nn.functional.one_hot(batch.y, self._n_classes).float()
        guessed = losses.sharpen(said, method.temperature)
        targets = torch.where(labelled[:, None], given, guessed).repeat(2, 1)
        partners = torch.from_numpy(self._random_state.permutation(len(views))).to(views.device)
        share = losses.draw_mixing_share(method.alpha, self._random_state)
        X, targets = losses.mix_up(views, targets, share, partners)
        logits = run.logits(X).float()
        rows, labelled = batch.rows.repeat(2), labelled.repeat(2)
        classes = self._class_weights[batch.y].repeat(2)
        supervised = run.loss_weights(rows, labelled * classes)
        unsupervised = run.loss_weights(rows, (~labelled).float()) * method.unlabelled_weight
        rows_losses = supervised * losses.soft_cross_entropy(logits, targets)
        rows_losses = rows_losses + unsupervised * losses.squared_probability_error(logits, targets)
        loss = run.gradient_step(rows_losses, torch.ones_like(rows_losses), batch)
        return loss, logits[: len(batch.y)].detach()


def train_late_layers(trainer, run, n_layers, share):
    """Return a net with the early layers of a run, whose late ones were trained from new weights.

    A layer is a module with parameters of its own. All layers count as late where there are no
    more, but then the training is of no use, and the run is returned as it is.
    """
    fresh = trainer.new_run()
    late = late_parameters(fresh.names, n_layers)
    if len(late) == len(fresh.names):
        return run
    new, old = fresh.state(), run.state()
    start = {name: (new if name in late else old)[name] for name in new}
    again = trainer.new_run(state=start)
    for name, parameter in zip(again.names, again.parameters, strict=True):
        parameter.requires_grad_(name in late)
    again.fit(max_epochs=max(1, round(share * trainer.max_epochs)))
    return again


def late_parameters(names, n_layers):
    """Return the names of the parameters of the last layers.

    Examples
    --------
    >>> names = ["first.weight", "first.bias", "second.weight", "last.weight", "last.bias"]
    >>> sorted(late_parameters(names, 2))
    ['last.bias', 'last.weight', 'second.weight']
    """
    layers = list(dict.fromkeys(name.rpartition(".")[0] for name in names))
    late = set(layers[-n_layers:])
    return {name for name in names if name.rpartition(".")[0] in late}


def balanced_weights(labels, n_classes):
    """Return a weight for each class with which all classes count alike; 0 for absent ones."""
    counts = torch.bincount(labels, minlength=n_classes).float()
    return torch.where(counts > 0, len(labels) / (n_classes * counts.clamp_min(1)), 0.0)


def check_rounds(method):
    """Raise an error if the rounds of late layers aren't as many numbers as shares."""
    layers, shares = np.ravel(method.n_late), np.ravel(method.late_shares)
    if layers.dtype.kind not in "iu" or (layers < 1).any():
        raise ValueError(
            f"The 'n_late' parameter of PES must hold integers from 1 on. Got {method.n_late!r}."
        )
    if len(layers) != len(shares) or not ((shares > 0) & (shares < 1)).all():
        raise ValueError(
            f"The 'late_shares' parameter of PES must hold one share between 0 and 1 for each of "
            f"the {len(layers)} rounds of 'n_late'. Got {method.late_shares!r}."
        )

"""ELR: early-learning regularisation, by a memory of what the net said of each row."""

import torch

from .. import losses
from .._parameters import check_number
from ..training import Step, Trainer
from ._base import LabelEvidence, Method

PROBABILITY_FLOOR = 1e-4


class ELR(Method):
    r"""Remember what the net said of each row while it learnt, and hold it to that.

    Each row has a target, the moving average of the net's predictions for it. Its inner product
    with the prediction is to be large:

    .. math::

       t_i \leftarrow \beta \, t_i + (1 - \beta) \, p_i, \qquad
       \ell_i = -\log p_{i \tilde y_i} + \lambda \log(1 - \langle p_i, t_i \rangle)

    While a net learns the classes, its targets of wrongly labelled rows are the right classes
    mostly. Later the gradient of the second term cancels that of the wrong label, where the net
    would begin to learn it by heart, and keeps that of the right ones from fading.

    With `plus=True`, ELR+: two nets, whose targets come from the other's averaged weights; rows are
    mixed with others, and so are their targets. The averaged nets predict together.

    The paper judges no labels. The memory stands for a verdict: the quality is
    :math:`t_{\tilde y} / (t_{\tilde y} + \max_{c \ne \tilde y} t_c)`, below one half where another
    class is remembered better.

    Needs nothing but the labels. Cost in multiples of plain training: 1, and 1.2 on small
    tables; of ELR+ 3.

    Parameters
    ----------
    strength : float, default=3.0
        The factor :math:`\lambda`. Published for CIFAR-10; 7 for CIFAR-100.
    momentum : float in [0, 1), default=0.7
        The share :math:`\beta` of what was remembered. Published for CIFAR-10; 0.9 for CIFAR-100.
    plus : bool, default=False
        Whether it is ELR+.
    averaging : float in [0, 1), default=0.997
        Share of the averaged weights that a step keeps; for ELR+. Published. In the first steps it
        is less, so that a short training forgets its random weights.
    alpha : float, default=1.0
        Shape of the beta distribution of mixtures; for ELR+. Published.

    Notes
    -----
    The memory holds one number per row and class: 4 MB for 100,000 rows of 10 classes, and twice
    as much for ELR+.

    The targets of trusted rows are their labels.

    The published ELR+ multiplies the label by the target for one data set, which is left out; its
    factor grows over 40,000 steps, here over a twentieth of the epochs.

    It fails where the net learns wrong labels from the start, as under pair noise near one half:
    it then remembers these. With too large a `strength` the first guesses are never revised, which
    hurts classes that are learnt late.

    References
    ----------
    Liu, Niles-Weed, Razavian and Fernandez-Granda, "Early-Learning Regularization Prevents
    Memorization of Noisy Labels", NeurIPS 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = load_digits(n_class=4, return_X_y=True)
    >>> y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    >>> detector = NoisyLabelDetector("elr", random_state=0).fit(X, y_noisy)
    >>> bool((detector.noise_mask_ == flipped).mean() > 0.9)
    True
    """

    name = "elr"
    cost = "1 to 1.2; of ELR+ 3"
    choose_it = "to compare: the net is held to what it said early"
    citation = (
        "Liu, Niles-Weed, Razavian, Fernandez-Granda (2020). *Early-Learning Regularization "
        "Prevents Memorization of Noisy Labels.* NeurIPS"
    )

    def __init__(
        self,
        *,
        strength: float = 3.0,
        momentum: float = 0.7,
        plus: bool = False,
        averaging: float = 0.997,
        alpha: float = 1.0,
    ) -> None:
        self.strength = strength
        self.momentum = momentum
        self.plus = plus
        self.averaging = averaging
        self.alpha = alpha

    def check_parameters(self) -> None:
        check_number(self, "strength", 0)
        check_number(self, "momentum", 0, 1)
        check_number(self, "averaging", 0, 1)
        check_number(self, "alpha", 0, above=True)

    @property
    def mixes_rows(self) -> bool:  # type: ignore[override]
        return bool(self.plus)

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Train, and read the memory."""
        run = trainer.new_run()
        if not self.plus:
            step = RememberingStep(run, self)
            run.fit(step)
            return LabelEvidence.of(run, step.memory.quality())
        peer = trainer.new_run()
        teachers = [trainer.new_run(state=each.state()) for each in (run, peer)]
        plus = ELRPlusStep((run, peer), teachers, self, trainer.random_state())
        run.fit(plus)
        quality = sum(memory.quality() for memory in plus.memories) / 2
        history = run.history()
        return LabelEvidence.of(teachers[0], quality, peers=teachers[1:], history=history)


class Memory:
    """The targets of all rows.

    Parameters
    ----------
    run : TrainingRun
        Whose rows are remembered.
    momentum : float
    """

    def __init__(self, run, momentum):
        self._momentum = momentum
        self._labels = run.labels
        self._trusted = torch.from_numpy(run.data.trusted).to(run.device)
        self._targets = run.row_state.create("target", width=run.data.n_classes)
        given = torch.nn.functional.one_hot(run.labels, run.data.n_classes)
        self._targets[self._trusted] = given[self._trusted].to(self._targets.dtype)

    def update(self, rows, logits):
        """Take in predictions of some rows, and return the targets that these have now."""
        p = bounded_probabilities(logits.detach())
        new = self._targets[rows].lerp(p / p.sum(dim=1, keepdim=True), 1 - self._momentum)
        new = torch.where(self._trusted[rows, None], self._targets[rows], new)
        self._targets[rows] = new
        return new

    def quality(self):
        """Return how well the given label is remembered; NaN where nothing is."""
        given = self._targets.gather(1, self._labels[:, None])[:, 0]
        best = self._targets.scatter(1, self._labels[:, None], -1).amax(dim=1)
        quality = (given.double() / (given + best)).cpu().numpy()
        quality[self._trusted.cpu().numpy()] = 1
        return quality


class RememberingStep(Step):
    """Cross-entropy, and the regulariser by the memory of each row."""

    def __init__(self, run, method):
        super().__init__(run)
        self._strength = method.strength
        self.memory = Memory(run, method.momentum)

    def losses(self, batch):
        logits = self.run.logits(self.run.weak_view(batch.X))
        targets = self.memory.update(batch.rows, logits.float())
        penalties = early_learning_penalty(logits.float(), targets)
        plain = self.run.row_losses(logits, batch.y)
        return plain + self._strength * penalties, None, logits


class ELRPlusStep(Step):
    """Two nets on mixed rows, held to what the other's averaged weights said of these.

    Parameters
    ----------
    runs : pair of TrainingRun
    teachers : pair of TrainingRun
        Hold the averaged weights, and are never trained themselves.
    method : ELR
    random_state : RandomState
    """

    def __init__(self, runs, teachers, method, random_state):
        super().__init__(runs[0])
        self.peers = runs[1:]
        self.memories = [Memory(run, method.momentum) for run in runs]
        self._runs = runs
        self._teachers = teachers
        self._method = method
        self._random_state = random_state
        self._n_steps = 0
        self._epoch = 0
        for teacher in teachers:
            teacher.module.eval()

    def train_batch(self, batch):
        X = self.run.weak_view(batch.X)
        partners = torch.from_numpy(self._random_state.permutation(len(batch.y))).to(X.device)
        share = losses.draw_mixing_share(self._method.alpha, self._random_state)
        given = torch.nn.functional.one_hot(batch.y, self.run.data.n_classes).float()
        mixed, labels = losses.mix_up(X, given, share, partners)
        with torch.no_grad():
            said = [teacher.logits(X).float() for teacher in self._teachers]
        results = []
        for run, memory, other in zip(self._runs, self.memories, said[::-1], strict=True):
            targets = memory.update(batch.rows, other)
            targets = share * targets + (1 - share) * targets[partners]
            results.append(self._learn(run, batch, mixed, labels, targets))
        self._average()
        return results

    def end_epoch(self, epoch):
        self._epoch = epoch + 1

    def _learn(self, run, batch, X, labels, targets):
        logits = run.logits(X)
        strength = self._method.strength * self._ramp()
        penalties = strength * early_learning_penalty(logits.float(), targets)
        rows = losses.soft_cross_entropy(logits.float(), labels) + penalties
        return run.learn(batch, rows, None, logits)

    def _ramp(self):
        return losses.linear_ramp_up(self._epoch + 1, 0, 0.05 * self.run.net.max_epochs)

    @torch.no_grad()
    def _average(self):
        """Take the step's weights into the averaged ones; statistics are those of the net."""
        self._n_steps += 1
        # A plain mean at first, as long as that forgets faster.
        kept = min(self._method.averaging, 1 - 1 / self._n_steps)
        for run, teacher in zip(self._runs, self._teachers, strict=True):
            own, current = teacher.module, run.module
            for mine, new in zip(own.parameters(), current.parameters(), strict=True):
                mine.lerp_(new, 1 - kept)
            for mine, new in zip(own.buffers(), current.buffers(), strict=True):
                mine.copy_(new)


def early_learning_penalty(logits, targets):
    r"""Return :math:`\log(1 - \langle p, t \rangle)` of each row.

    Parameters
    ----------
    logits, targets : Tensor of shape (n_rows, n_classes)

    Returns
    -------
    Tensor of shape (n_rows,)

    Examples
    --------
    >>> import torch
    >>> early_learning_penalty(torch.zeros(1, 2), torch.tensor([[0.7, 0.3]]))
    tensor([-0.6931])
    """
    return torch.log1p(-(bounded_probabilities(logits) * targets).sum(dim=1))


def bounded_probabilities(logits):
    """Return probabilities that are neither 0 nor 1, so that logarithms stay finite."""
    return logits.softmax(dim=1).clamp(PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)

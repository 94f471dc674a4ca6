"""GJS: training by the generalised Jensen-Shannon divergence of label and views."""

import torch

from .._parameters import check_choice, check_number
from ..losses import generalised_jensen_shannon
from ..training import Step, Trainer
from ._base import LabelEvidence, Method


class GJS(Method):
    r"""Learn by a bounded loss that asks for equal predictions of two views as well.

    .. math::

       m = \pi_1 e_{\tilde y} + \frac{1 - \pi_1}{2} (p + p'), \qquad
       \ell \propto H(m) - \frac{1 - \pi_1}{2} \big(H(p) + H(p')\big)

    with p and p' the predictions of a weak and of a strong view, H the entropy, and
    :math:`\pi_1` the weight of the label. The loss of one row is bounded, so that a wrong label
    pulls less than under cross-entropy; and the part that the two predictions have in it asks them
    to agree, which wrong labels learnt by heart don't.

    The paper judges no labels. The margin of the given label in the prediction stands for a
    verdict: a label is judged wrong where the net contradicts it.

    Needs nothing but the labels. Cost in multiples of plain training: 1.8 to 2.3, and 1 with one
    view.

    Parameters
    ----------
    label_weight : float in (0, 1), default=0.9
        The weight :math:`\pi_1`. Near 0 it is cross-entropy, near 1 the mean absolute error, which
        is robust and slow to learn from. The paper chooses it for each share of wrong labels.
    n_views : {1, 2}, default=2
        1: the Jensen-Shannon divergence of the label and one prediction.

    Notes
    -----
    Trusted rows have plain cross-entropy of their weak view. The criterion of the net is used for
    nothing else.

    A net without a `strong_view` has two equal views; what is left is the bounded loss.

    It fails where there are many classes or few epochs: a bounded loss has small gradients where
    the net is far from the label, and hard classes aren't learnt. It does nothing against wrong
    labels that follow a pattern which the net can learn, or that are few enough to be learnt by
    heart in spite of the bound.

    References
    ----------
    Englesson and Azizpour, "Generalized Jensen-Shannon Divergence Loss for Learning with Noisy
    Labels", NeurIPS 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = load_digits(n_class=4, return_X_y=True)
    >>> y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    >>> detector = NoisyLabelDetector("gjs", random_state=0).fit(X, y_noisy)
    >>> bool((detector.noise_mask_ == flipped).mean() > 0.9)
    True
    """

    name = "gjs"
    cost = "1.8 to 2.3"
    choose_it = "to compare: a loss that is robust by its form, and asks two views to agree"
    citation = (
        "Englesson, Azizpour (2021). *Generalized Jensen-Shannon Divergence Loss for Learning with "
        "Noisy Labels.* NeurIPS"
    )

    def __init__(self, *, label_weight: float = 0.9, n_views: int = 2) -> None:
        self.label_weight = label_weight
        self.n_views = n_views

    def check_parameters(self) -> None:
        check_number(self, "label_weight", 0, 1, above=True)
        check_choice(self, "n_views", (1, 2))

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Train, and take the margins for a verdict."""
        run = trainer.new_run()
        run.fit(JensenShannonStep(run, self.label_weight, self.n_views))
        return LabelEvidence.of(run)


class JensenShannonStep(Step):
    """Steps on the divergence of the label and the predictions of one or two views."""

    def __init__(self, run, label_weight, n_views):
        super().__init__(run)
        self._label_weight = label_weight
        self._n_views = n_views
        self._trusted = torch.from_numpy(run.data.trusted).to(run.device)

    def losses(self, batch):
        run = self.run
        X = run.weak_view(batch.X) if self._n_views == 1 else run.both_views(batch.X)
        logits = run.logits(X).float().chunk(self._n_views)
        divergence = generalised_jensen_shannon(logits, batch.y, self._label_weight)
        plain = run.row_losses(logits[0], batch.y)
        return torch.where(self._trusted[batch.rows], plain, divergence), None, logits[0]

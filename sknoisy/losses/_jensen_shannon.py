"""The generalised Jensen-Shannon divergence between labels and predictions."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def generalised_jensen_shannon(logits: Sequence[Tensor], y: Tensor, label_weight: float) -> Tensor:
    r"""Return how far the given labels and the predictions for some views are from their mean.

    With :math:`\pi_1` the weight of the label, the others shared by :math:`M` views, and H the
    entropy:

    .. math::

       m = \pi_1 e_{\tilde y} + \frac{1 - \pi_1}{M} \sum_v p^{(v)}, \qquad
       \ell = \frac{H(m) - \frac{1 - \pi_1}{M} \sum_v H(p^{(v)})}{-(1 - \pi_1) \log(1 - \pi_1)}

    The divisor makes it cross-entropy as the weight goes to 0 and, but for a factor, the mean
    absolute error as it goes to 1. It is bounded.

    Parameters
    ----------
    logits : sequence of Tensor of shape (n_rows, n_classes)
        One per view.
    y : Tensor of int of shape (n_rows,)
        Codes of the given labels.
    label_weight : float in (0, 1)

    Returns
    -------
    Tensor of shape (n_rows,)

    References
    ----------
    Englesson and Azizpour, "Generalized Jensen-Shannon Divergence Loss for Learning with Noisy
    Labels", NeurIPS 2021.

    Examples
    --------
    >>> import torch
    >>> from sknoisy.losses import generalised_jensen_shannon
    >>> sure = torch.tensor([[20.0, 0.0], [0.0, 20.0]])
    >>> generalised_jensen_shannon([sure], torch.tensor([0, 0]), 0.5).round(decimals=2)
    tensor([0., 2.])
    """
    each = (1 - label_weight) / len(logits)
    logs = [view.log_softmax(dim=1) for view in logits]
    mixed = torch.logsumexp(torch.stack(logs), dim=0) + math.log(each)
    label = torch.full_like(y, math.log(label_weight), dtype=mixed.dtype)[:, None]
    given = torch.logaddexp(mixed.gather(1, y[:, None]), label)
    mixed = mixed.scatter(1, y[:, None], given)
    divergence = _entropy(mixed) - each * sum(_entropy(view) for view in logs)
    return divergence / -((1 - label_weight) * math.log(1 - label_weight))


def _entropy(logs: Tensor) -> Tensor:
    return -(logs.exp() * logs).sum(dim=1)

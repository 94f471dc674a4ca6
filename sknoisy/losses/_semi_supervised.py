"""The loss of a batch of labelled and unlabelled rows."""

import math

import torch
from torch import Tensor

from ._soft import soft_cross_entropy, squared_probability_error


def semi_supervised_loss(
    logits: Tensor,
    targets: Tensor,
    labelled: Tensor,
    unlabelled_weight: float,
    *,
    prior: Tensor | None = None,
) -> Tensor:
    r"""Return the loss of a batch in which some rows count as labelled and others don't.

    .. math::

       \mathcal{L} = \mathrm{mean}_{\text{labelled}} \Big(-\sum_j t_j \log p_j\Big)
       + \lambda_u \, \mathrm{mean}_{\text{unlabelled}} \Big(\frac{1}{K} \sum_j (p_j - t_j)^2\Big)
       + \sum_j \pi_j \log \frac{\pi_j}{\bar p_j}

    A part without rows is zero.

    Parameters
    ----------
    logits, targets : Tensor of shape (n_rows, n_classes)
    labelled : Tensor of bool of shape (n_rows,)
    unlabelled_weight : float
        The factor :math:`\lambda_u`.
    prior : Tensor of shape (n_classes,), default=None
        The shares :math:`\pi` of the classes; None: all alike.

    Returns
    -------
    Tensor of shape ()

    References
    ----------
    Li, Socher and Hoi, "DivideMix: Learning with Noisy Labels as Semi-supervised Learning", ICLR
    2020.

    Examples
    --------
    >>> import torch
    >>> from sknoisy.losses import semi_supervised_loss
    >>> labelled = torch.tensor([True, False])
    >>> semi_supervised_loss(torch.zeros(2, 2), torch.eye(2), labelled, 4.0)
    tensor(1.6931)
    """
    supervised = _mean_where(labelled, soft_cross_entropy(logits, targets))
    unsupervised = _mean_where(~labelled, squared_probability_error(logits, targets))
    return supervised + unlabelled_weight * unsupervised + prior_penalty(logits, prior)


def prior_penalty(logits: Tensor, prior: Tensor | None = None) -> Tensor:
    r"""Return how far the mean prediction of a batch is from the shares of the classes.

    .. math:: \sum_j \pi_j \log \frac{\pi_j}{\bar p_j}

    It keeps a net from giving all rows to one class.

    Parameters
    ----------
    logits : Tensor of shape (n_rows, n_classes)
    prior : Tensor of shape (n_classes,), default=None
        The shares :math:`\pi` of the classes; None: all alike.

    Returns
    -------
    Tensor of shape ()

    Examples
    --------
    >>> import torch
    >>> from sknoisy.losses import prior_penalty
    >>> prior_penalty(torch.log(torch.tensor([[0.9, 0.1], [0.7, 0.3]])))
    tensor(0.2231)
    """
    n_rows, n_classes = logits.shape
    if prior is None:
        prior = torch.full((n_classes,), 1 / n_classes, dtype=logits.dtype, device=logits.device)
    log_mean = torch.logsumexp(logits.log_softmax(dim=1), dim=0) - math.log(n_rows)
    return (torch.xlogy(prior, prior) - prior * log_mean).sum()


def linear_ramp_up(epoch: float, start: float, length: float) -> float:
    """Return a factor that grows from 0 at the start to 1 once the length has passed.

    Parameters
    ----------
    epoch, start, length : float
        In epochs; parts of one are fine.

    Returns
    -------
    float

    Examples
    --------
    >>> from sknoisy.losses import linear_ramp_up
    >>> [linear_ramp_up(epoch, 10, 16) for epoch in (5, 10, 18, 26, 40)]
    [0.0, 0.0, 0.5, 1.0, 1.0]
    """
    if length <= 0:
        return float(epoch >= start)
    return float(min(max((epoch - start) / length, 0.0), 1.0))


def _mean_where(mask: Tensor, values: Tensor) -> Tensor:
    return (values * mask).sum() / mask.sum().clamp_min(1)

"""Losses of soft targets."""

from torch import Tensor


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    r"""Return the cross-entropy with distributions over the classes.

    .. math:: \ell = -\sum_j t_j \log p_j

    Parameters
    ----------
    logits, targets : Tensor of shape (n_rows, n_classes)

    Returns
    -------
    Tensor of shape (n_rows,)

    Examples
    --------
    >>> import torch
    >>> from sknoisy.losses import soft_cross_entropy
    >>> soft_cross_entropy(torch.zeros(2, 2), torch.tensor([[1.0, 0.0], [0.3, 0.7]]))
    tensor([0.6931, 0.6931])
    """
    return -(targets * logits.log_softmax(dim=1)).sum(dim=1)


def squared_probability_error(logits: Tensor, targets: Tensor) -> Tensor:
    r"""Return the mean squared difference of the probabilities and the targets.

    .. math:: \ell = \frac{1}{K} \sum_j (p_j - t_j)^2

    It is bounded, and so more lenient than cross-entropy with targets that may be wrong.

    Parameters
    ----------
    logits, targets : Tensor of shape (n_rows, n_classes)

    Returns
    -------
    Tensor of shape (n_rows,)

    Examples
    --------
    >>> import torch
    >>> from sknoisy.losses import squared_probability_error
    >>> squared_probability_error(torch.zeros(2, 2), torch.tensor([[1.0, 0.0], [0.5, 0.5]]))
    tensor([0.2500, 0.0000])
    """
    return ((logits.softmax(dim=1) - targets) ** 2).mean(dim=1)

"""Cross-entropy of given labels, corrected by a transition matrix."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

PROBABILITY_FLOOR = 1e-8


def forward_corrected(logits: Tensor, y: Tensor, matrix: Tensor) -> Tensor:
    r"""Return the cross-entropy of the given labels with what the matrix makes of the prediction.

    .. math:: \ell = -\log \sum_i p_i T_{i \tilde y}

    From logarithms alone, so that it and its gradients stay finite for whatever logits, and where
    the matrix has zeros.

    Parameters
    ----------
    logits : Tensor of shape (n_rows, n_classes)
        Of the true classes.
    y : Tensor of int of shape (n_rows,)
        Codes of the given labels.
    matrix : Tensor of shape (n_classes, n_classes)
        P(given class j | true class i).

    Returns
    -------
    Tensor of shape (n_rows,)

    References
    ----------
    Patrini, Rozza, Menon, Nock and Qu, "Making Deep Neural Networks Robust to Label Noise: A Loss
    Correction Approach", CVPR 2017.

    Examples
    --------
    >>> import torch
    >>> from sknoisy.losses import forward_corrected
    >>> matrix = torch.tensor([[0.75, 0.25], [0.0, 1.0]])
    >>> losses = forward_corrected(torch.zeros(2, 2), torch.tensor([0, 1]), matrix)
    >>> torch.exp(-losses)
    tensor([0.3750, 0.6250])
    """
    columns = matrix.clamp_min(torch.finfo(matrix.dtype).tiny).log()[:, y].T
    return -torch.logsumexp(logits.log_softmax(dim=1) + columns, dim=1)


def backward_corrected(logits: Tensor, y: Tensor, inverse: Tensor) -> Tensor:
    r"""Return the losses whose mean over the given label is the loss of the true one.

    .. math::

       \ell = (T^{-1} l)_{\tilde y} = \sum_j T^{-1}_{\tilde y j} l_j, \qquad
       \sum_{\tilde y} T_{y \tilde y} (T^{-1} l)_{\tilde y} = l_y

    with :math:`l_j` the cross-entropy with class j. The inverse has negative entries, so a loss may
    be negative and grow without end as a class becomes impossible; therefore :math:`l_j` is
    :math:`-\log(p_j + 10^{-8})`, which is at most 18.4.

    Parameters
    ----------
    logits : Tensor of shape (n_rows, n_classes)
        Of the true classes.
    y : Tensor of int of shape (n_rows,)
        Codes of the given labels.
    inverse : Tensor of shape (n_classes, n_classes)
        Of the transition matrix, as `sknoisy.transition.invert_transition_matrix` gives it.

    Returns
    -------
    Tensor of shape (n_rows,)

    References
    ----------
    Patrini, Rozza, Menon, Nock and Qu, "Making Deep Neural Networks Robust to Label Noise: A Loss
    Correction Approach", CVPR 2017.

    Examples
    --------
    >>> import torch
    >>> from sknoisy.losses import backward_corrected
    >>> logits = torch.log(torch.tensor([[0.75, 0.25], [0.75, 0.25]]))
    >>> inverse = torch.tensor([[1.5, -0.5], [-0.5, 1.5]])
    >>> backward_corrected(logits, torch.tensor([0, 1]), inverse)
    tensor([-0.2616,  1.9356])
    """
    losses = -torch.log(logits.softmax(dim=1) + PROBABILITY_FLOOR)
    return (inverse[y] * losses).sum(dim=1)


def gold_corrected(logits: Tensor, y: Tensor, matrix: Tensor, trusted: Tensor) -> Tensor:
    """Return the cross-entropy of trusted rows and the forward-corrected one of the others.

    Parameters
    ----------
    logits : Tensor of shape (n_rows, n_classes)
        Of the true classes.
    y : Tensor of int of shape (n_rows,)
        Codes of the given labels.
    matrix : Tensor of shape (n_classes, n_classes)
        P(given class j | true class i) of rows that aren't trusted.
    trusted : Tensor of bool of shape (n_rows,)

    Returns
    -------
    Tensor of shape (n_rows,)

    References
    ----------
    Hendrycks, Mazeika, Wilson and Gimpel, "Using Trusted Data to Train Deep Networks on Labels
    Corrupted by Severe Noise", NeurIPS 2018.

    Examples
    --------
    >>> import torch
    >>> from sknoisy.losses import gold_corrected
    >>> matrix = torch.tensor([[0.75, 0.25], [0.0, 1.0]])
    >>> trusted = torch.tensor([True, False])
    >>> losses = gold_corrected(torch.zeros(2, 2), torch.tensor([1, 1]), matrix, trusted)
    >>> torch.exp(-losses)
    tensor([0.5000, 0.6250])
    """
    plain = cross_entropy(logits, y, reduction="none")
    return torch.where(trusted, plain, forward_corrected(logits, y, matrix))

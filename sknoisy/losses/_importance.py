"""Importance weights of rows by transition matrices."""

from torch import Tensor
from torch.nn.functional import cross_entropy

PROBABILITY_FLOOR = 1e-12


def importance_weights(logits: Tensor, y: Tensor, columns: Tensor) -> Tensor:
    r"""Return P(true label = y) over P(given label = y) by the net and the rows' matrices.

    .. math:: \beta = \frac{p_{\tilde y}}{\sum_i p_i T_{i \tilde y}}

    Parameters
    ----------
    logits : Tensor of shape (n_rows, n_classes)
    y : Tensor of int of shape (n_rows,)
    columns : Tensor of shape (n_rows, n_classes)
        P(given label y | each true class). For one matrix of all rows that is ``matrix[:, y].T``.

    Returns
    -------
    Tensor of shape (n_rows,)

    References
    ----------
    Liu and Tao, "Classification with Noisy Labels by Importance Reweighting", IEEE Transactions on
    Pattern Analysis and Machine Intelligence, 2016.

    Examples
    --------
    >>> import torch
    >>> from sknoisy.losses import importance_weights
    >>> columns = torch.tensor([[0.5, 0.0], [0.5, 1.0]])
    >>> importance_weights(torch.zeros(2, 2), torch.tensor([0, 1]), columns)
    tensor([2.0000, 0.6667])
    """
    probabilities = logits.softmax(dim=1)
    given = probabilities.gather(1, y[:, None])[:, 0]
    return given / (probabilities * columns).sum(dim=1).clamp_min(PROBABILITY_FLOOR)


def posterior_of_given(logits: Tensor, y: Tensor, columns: Tensor) -> Tensor:
    r"""Return the probability that the given label y is the true one, once it has been seen.

    .. math:: P(y = \tilde y \mid x, \tilde y) =
       \frac{p_{\tilde y} T_{\tilde y \tilde y}}{\sum_i p_i T_{i \tilde y}}

    Parameters
    ----------
    logits : Tensor of shape (n_rows, n_classes)
        Of the true classes.
    y : Tensor of int of shape (n_rows,)
        Codes of the given labels.
    columns : Tensor of shape (n_rows, n_classes)
        P(given label y | each true class). For one matrix of all rows that is ``matrix[:, y].T``.

    Returns
    -------
    Tensor of shape (n_rows,)

    Examples
    --------
    >>> import torch
    >>> from sknoisy.losses import posterior_of_given
    >>> columns = torch.tensor([[0.75, 0.25], [0.25, 1.0]])
    >>> posterior_of_given(torch.zeros(2, 2), torch.tensor([0, 1]), columns)
    tensor([0.7500, 0.8000])
    """
    joint = logits.softmax(dim=1) * columns
    given = joint.gather(1, y[:, None])[:, 0]
    return given / joint.sum(dim=1).clamp_min(PROBABILITY_FLOOR)


def importance_reweighted(
    logits: Tensor, y: Tensor, matrix: Tensor, *, constant_weights: bool = True
) -> Tensor:
    r"""Return the cross-entropy of the given labels times the importance weights.

    .. math:: \ell = -\beta \log p_{\tilde y}

    Parameters
    ----------
    logits : Tensor of shape (n_rows, n_classes)
        Of the true classes.
    y : Tensor of int of shape (n_rows,)
        Codes of the given labels.
    matrix : Tensor of shape (n_classes, n_classes)
        P(given class j | true class i).
    constant_weights : bool, default=True
        Whether no gradient goes through the weights. A correction of the matrix is learnt through
        them alone.

    Returns
    -------
    Tensor of shape (n_rows,)

    References
    ----------
    Xia, Liu, Wang, Han, Gong, Niu and Sugiyama, "Are Anchor Points Really Indispensable in
    Label-Noise Learning?", NeurIPS 2019.

    Examples
    --------
    >>> import torch
    >>> from sknoisy.losses import importance_reweighted
    >>> matrix = torch.tensor([[0.5, 0.5], [0.0, 1.0]])
    >>> importance_reweighted(torch.zeros(2, 2), torch.tensor([0, 1]), matrix)
    tensor([1.3863, 0.4621])
    """
    weights = importance_weights(logits, y, matrix[:, y].T)
    if constant_weights:
        weights = weights.detach()
    return weights * cross_entropy(logits, y, reduction="none")

"""Targets of rows that may have wrong labels, and mixtures of rows."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot


def sharpen(probabilities: Tensor, temperature: float) -> Tensor:
    r"""Return distributions that are surer of their likeliest classes.

    .. math:: \frac{p_j^{1/\tau}}{\sum_k p_k^{1/\tau}}

    Meant for targets: don't take gradients through it.

    Parameters
    ----------
    probabilities : Tensor of shape (n_rows, n_classes)
    temperature : float
        Above 0; below 1 sharpens, 1 changes nothing.

    Returns
    -------
    Tensor of shape (n_rows, n_classes)

    References
    ----------
    Berthelot, Carlini, Goodfellow, Papernot, Oliver and Raffel, "MixMatch: A Holistic Approach to
    Semi-Supervised Learning", NeurIPS 2019.

    Examples
    --------
    >>> import torch
    >>> from sknoisy.losses import sharpen
    >>> sharpen(torch.tensor([[0.75, 0.25]]), 0.5)
    tensor([[0.9000, 0.1000]])
    """
    # Powers of small probabilities would all be zero.
    return torch.softmax(probabilities.log() / temperature, dim=1)


def co_refine(y: Tensor, probabilities: Tensor, clean_posterior: Tensor) -> Tensor:
    r"""Return targets between the given label and the prediction, by how clean the label seems.

    .. math:: w \, e_{\tilde y} + (1 - w) \, p

    Parameters
    ----------
    y : Tensor of int of shape (n_rows,)
        Codes of the given labels.
    probabilities : Tensor of shape (n_rows, n_classes)
        Predictions, as a rule means over several views.
    clean_posterior : Tensor of shape (n_rows,)
        The probability w that the given label is right.

    Returns
    -------
    Tensor of shape (n_rows, n_classes)

    References
    ----------
    Li, Socher and Hoi, "DivideMix: Learning with Noisy Labels as Semi-supervised Learning", ICLR
    2020.

    Examples
    --------
    >>> import torch
    >>> from sknoisy.losses import co_refine
    >>> co_refine(torch.tensor([1]), torch.tensor([[0.5, 0.5]]), torch.tensor([0.8]))
    tensor([[0.1000, 0.9000]])
    """
    weights = clean_posterior.to(probabilities)[:, None]
    given = one_hot(y, probabilities.shape[1]).to(probabilities)
    return weights * given + (1 - weights) * probabilities


def draw_mixing_share(alpha: float, random_state: np.random.RandomState) -> float:
    """Draw the share of the first row in a mixture, at least one half.

    Parameters
    ----------
    alpha : float
        Above 0. Both shapes of the beta distribution; the larger, the nearer to one half.
    random_state : RandomState

    Returns
    -------
    float

    Examples
    --------
    >>> import numpy as np
    >>> from sknoisy.losses import draw_mixing_share
    >>> 0.5 <= draw_mixing_share(4.0, np.random.RandomState(0)) <= 1
    True
    """
    drawn = float(random_state.beta(alpha, alpha))
    return max(drawn, 1 - drawn)


def mix_up(X: Tensor, targets: Tensor, lam: float, permutation: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return mixtures of each row with another one, and the same mixtures of their targets.

    .. math:: \lambda x_i + (1 - \lambda) x_{\pi(i)}, \qquad
       \lambda t_i + (1 - \lambda) t_{\pi(i)}

    Parameters
    ----------
    X : Tensor of shape (n_rows, ...)
    targets : Tensor of shape (n_rows, n_classes)
    lam : float in [0, 1]
        Share of the row itself.
    permutation : Tensor of int of shape (n_rows,)
        The other row of each.

    Returns
    -------
    X, targets : Tensor
        Of the shapes that came in.

    References
    ----------
    Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: Beyond Empirical Risk Minimization", ICLR 2018.

    Examples
    --------
    >>> import torch
    >>> from sknoisy.losses import mix_up
    >>> X, targets = torch.tensor([[0.0], [4.0]]), torch.eye(2)
    >>> mixed, soft = mix_up(X, targets, 0.75, torch.tensor([1, 0]))
    >>> mixed[:, 0], soft[0]
    (tensor([1., 3.]), tensor([0.7500, 0.2500]))
    """
    mixed, soft = (lam * rows + (1 - lam) * rows[permutation] for rows in (X, targets))
    return mixed, soft

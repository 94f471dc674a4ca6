"""Part-dependent transition matrices: from features and noisy posteriors to one matrix per row."""

import warnings

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning

# In the mean of the parts, in units of rows.
SMALLEST_WEIGHT = 1e-30
N_STEPS = 500
STEP_SIZE = 0.1
PROBABILITY_FLOOR = 1e-4


def part_shares(features, n_parts, *, max_iter, random_state):
    """Return how far each row consists of each part, by non-negative factorisation.

    Parameters
    ----------
    features : ndarray of shape (n_rows, n_features)
        Cut off at zero.
    n_parts : int
    max_iter : int
        Iterations of the factorisation, which needn't converge.
    random_state : RandomState

    Returns
    -------
    ndarray of shape (n_rows, n_parts)
        Rows sum to one.
    """
    # Not before it is needed: it takes a tenth of a second.
    from sklearn.decomposition import NMF

    features = np.maximum(np.asarray(features, dtype=np.float32), 0)
    n_parts = min(n_parts, *features.shape)
    factorization = NMF(n_parts, init="nndsvda", max_iter=max_iter, random_state=random_state)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        shares = factorization.fit_transform(features)
    totals = shares.sum(axis=1, keepdims=True)
    return np.where(totals > 0, shares / np.where(totals > 0, totals, 1), 1 / n_parts)


def fit_part_matrices(shares, targets):
    r"""Return the matrix of each part, so that mixtures of them are what the anchors show.

    Minimises :math:`\sum_{im} \| \sum_j w_{imj} P_{ji} - a_{im} \|^2` over matrices whose rows are
    distributions, with :math:`w_{im}` the shares of the m-th anchor row of class i and
    :math:`a_{im}` its distribution of the given label. Parts that no anchor of a class has stay
    at the mean of the class's anchors.

    Parameters
    ----------
    shares : ndarray of shape (n_classes, n_anchors, n_parts)
    targets : ndarray of shape (n_classes, n_anchors, n_classes)

    Returns
    -------
    ndarray of shape (n_parts, n_classes, n_classes)
    """
    shares = torch.from_numpy(np.asarray(shares, dtype=np.float64))
    targets = torch.from_numpy(np.asarray(targets, dtype=np.float64))
    start = targets.mean(dim=1).clamp_min(PROBABILITY_FLOOR).log()
    raw = start.expand(shares.shape[2], -1, -1).clone().requires_grad_()
    optimizer = torch.optim.Adam([raw], lr=STEP_SIZE)
    for _ in range(N_STEPS):
        optimizer.zero_grad()
        mixed = torch.einsum("imj,jik->imk", shares, raw.softmax(dim=2))
        ((mixed - targets) ** 2).sum().backward()
        optimizer.step()
    return raw.detach().softmax(dim=2).numpy()


class PartMatrices:
    """One transition matrix per row, as a mixture of those of its parts.

    Parameters
    ----------
    shares : Tensor of shape (n_rows, n_parts)
    matrices : Tensor of shape (n_parts, n_classes, n_classes)
    """

    def __init__(self, shares, matrices):
        self.shares = shares
        self.matrices = matrices

    def columns(self, rows, y, revision=None):
        """Return P(given label y | each true class) for some rows, shape (n_rows, n_classes).

        Parameters
        ----------
        rows, y : Tensor of int of shape (n_rows,)
        revision : Tensor of shape (n_classes, n_classes), default=None
            Added to each row's matrix, whose rows are made distributions again.
        """
        if revision is None:
            return torch.einsum("bj,jib->bi", self.shares[rows], self.matrices[:, :, y])
        whole = torch.einsum("bj,jik->bik", self.shares[rows], self.matrices) + revision
        whole = whole.abs()
        return whole[torch.arange(len(y)), :, y] / whole.sum(dim=2)

    def mean(self, probabilities):
        """Return the mean matrix, each row of it weighted by the probability of its class.

        A class that has probability 0 everywhere gets the plain mean of the parts.
        """
        weights = torch.einsum("bi,bj->ij", probabilities, self.shares).clamp_min(SMALLEST_WEIGHT)
        weights = weights / weights.sum(dim=1, keepdim=True)
        total = torch.einsum("ij,jik->ik", weights, self.matrices)
        return total / total.sum(dim=1, keepdim=True)

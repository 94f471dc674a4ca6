"""HOC: the transition matrix from the agreement of neighbours' labels."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..neighbors import SimilarRows

FIRST_STEPS, FIRST_LR = 400, 0.1
LATER_STEPS, LATER_LR = 20, 0.01
START_DIAGONAL = 5.0
# A row and its two nearest ones.
N_COMPARED = 3
# Triples of more classes don't fit memory.
MAX_CLASSES_OF_TRIPLES = 128


@dataclass
class NoiseEstimate:
    """A transition matrix and the shares of the true classes.

    Parameters
    ----------
    transition_matrix : ndarray of shape (n_classes, n_classes)
        P(given class j | true class i).
    class_shares : ndarray of shape (n_classes,)
        Shares of the true classes.
    """

    transition_matrix: np.ndarray
    class_shares: np.ndarray

    def right_shares(self) -> NDArray[np.floating]:
        """Return for each given class the share of its labels that are right."""
        given = self.class_shares @ self.transition_matrix
        right = self.class_shares * np.diag(self.transition_matrix)
        return right / np.maximum(given, np.finfo(float).tiny)


def estimate_noise(
    given: NDArray[np.integer],
    nearest: NDArray[np.integer],
    second: NDArray[np.integer],
    n_classes: int,
    *,
    start: NoiseEstimate | None = None,
) -> NoiseEstimate:
    r"""Estimate the transition matrix from the labels of rows and of their two nearest rows.

    Rows that are near each other have the same true class; so the labels of a row and of its two
    nearest rows are three independent draws from one row of the matrix. With p the shares of the
    true classes, the frequencies of labels, pairs and triples should be

    .. math:: c_1 = T^\top p, \qquad c_2 = \sum_i p_i T_i T_i^\top, \qquad
       c_3 = \sum_i p_i\, T_i \otimes T_i \otimes T_i

    and T and p are fitted to those seen by gradient descent on the distances. With more than 128
    classes the triples are left out.

    Parameters
    ----------
    given, nearest, second : ndarray of int of shape (n_rows,)
        Codes of the given labels of the rows, of the nearest and of the second nearest rows.
    n_classes : int
    start : NoiseEstimate, default=None
        Where to start from; then a few steps suffice.

    Returns
    -------
    NoiseEstimate

    References
    ----------
    Zhu, Song and Liu, "Clusterability as an Alternative to Anchor Points When Learning with Noisy
    Labels", ICML 2021.
    """
    observed = consensus_frequencies(given, nearest, second, n_classes)
    matrix, shares = _start_logits(n_classes, start)
    n_steps, lr = (FIRST_STEPS, FIRST_LR) if start is None else (LATER_STEPS, LATER_LR)
    optimizer = torch.optim.Adam([matrix, shares], lr=lr)
    with torch.enable_grad():
        for _ in range(n_steps):
            expected = expected_frequencies(matrix.softmax(dim=1), shares.softmax(dim=0))
            loss = sum(
                (seen - model).norm() for seen, model in zip(observed, expected, strict=True)
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return NoiseEstimate(
        matrix.detach().softmax(dim=1).numpy(), shares.detach().softmax(dim=0).numpy()
    )


def estimate_from_features(
    features: NDArray[np.floating],
    given: NDArray[np.integer],
    n_classes: int,
    device: torch.device | str = "cpu",
) -> NDArray[np.float64]:
    """Return the transition matrix by the labels of rows whose features are most similar.

    Parameters
    ----------
    features : ndarray of shape (n_rows, n_features)
    given : ndarray of int of shape (n_rows,)
        Codes of the given labels.
    n_classes : int
    device : torch.device or str, default="cpu"
        Where to search.

    Raises
    ------
    ValueError
        If there are fewer than three rows: each is compared with its two nearest.
    """
    if len(given) < N_COMPARED:
        raise ValueError(
            f"The estimation 'hoc' needs at least {N_COMPARED} rows that aren't trusted. "
            f"Got {len(given)}."
        )
    compared, _ = SimilarRows(features, N_COMPARED, device).voters(np.ones(len(given), dtype=bool))
    own, nearest, second = given[compared].T
    return estimate_noise(own, nearest, second, n_classes).transition_matrix


def consensus_frequencies(
    given: NDArray[np.integer],
    nearest: NDArray[np.integer],
    second: NDArray[np.integer],
    n_classes: int,
) -> list[Tensor]:
    """Return the frequencies of labels, of pairs and of triples, as tensors."""
    pairs = n_classes * given + nearest
    cells = [given, pairs]
    if n_classes <= MAX_CLASSES_OF_TRIPLES:
        cells.append(n_classes * pairs + second)
    return [
        torch.from_numpy(np.bincount(cell, minlength=n_classes**order) / len(cell)).reshape(
            [n_classes] * order
        )
        for order, cell in enumerate(cells, start=1)
    ]


def expected_frequencies(matrix: Tensor, shares: Tensor) -> list[Tensor]:
    """Return what the frequencies should be under a transition matrix and class shares."""
    weighted = shares[:, None] * matrix
    expected = [weighted.sum(dim=0), weighted.T @ matrix]
    if len(shares) <= MAX_CLASSES_OF_TRIPLES:
        expected.append(torch.einsum("ia,ib,ic->abc", weighted, matrix, matrix))
    return expected


def _start_logits(n_classes: int, start: NoiseEstimate | None) -> tuple[Tensor, Tensor]:
    if start is None:
        matrix = START_DIAGONAL * torch.eye(n_classes, dtype=torch.double) - 1
        shares = torch.zeros(n_classes, dtype=torch.double)
    else:
        floor = np.finfo(float).tiny
        matrix = torch.from_numpy(np.log(np.maximum(start.transition_matrix, floor)))
        shares = torch.from_numpy(np.log(np.maximum(start.class_shares, floor)))
    return matrix.requires_grad_(), shares.requires_grad_()

"""A transition matrix with a correction that is learnt."""

import torch
from torch import Tensor


def revise_transition_matrix(matrix: Tensor, revision: Tensor) -> Tensor:
    r"""Return the transition matrix with a correction added, its rows made distributions again.

    .. math::

       \frac{|T_{ij} + \Delta T_{ij}|}{\sum_k |T_{ik} + \Delta T_{ik}|}

    Gradients go to the correction. Add it once for each batch: added again for each row, as in the
    first published code, it grows with the size of the batch.

    Parameters
    ----------
    matrix, revision : Tensor of shape (n_classes, n_classes)

    Returns
    -------
    Tensor of shape (n_classes, n_classes)
        Rows sum to one.

    References
    ----------
    Xia, Liu, Wang, Han, Gong, Niu and Sugiyama, "Are Anchor Points Really Indispensable in
    Label-Noise Learning?", NeurIPS 2019.

    Examples
    --------
    >>> import torch
    >>> from sknoisy.transition import revise_transition_matrix
    >>> matrix = torch.tensor([[0.75, 0.25], [0.0, 1.0]])
    >>> revise_transition_matrix(matrix, torch.tensor([[0.0, 0.0], [-1.0, 0.0]]))
    tensor([[0.7500, 0.2500],
            [0.5000, 0.5000]])
    """
    revised = (matrix + revision).abs()
    return revised / revised.sum(dim=1, keepdim=True).clamp_min(torch.finfo(revised.dtype).tiny)

"""Random views of the rows of a table: noise and exchanged features."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from ._random_numbers import check_share, integers, uniform


@dataclass(frozen=True)
class GaussianNoise:
    """Add normal noise to a table, measured by each feature's own spread in the batch.

    A feature that is constant in the batch stays as it is. Columns that hold codes (one-hot
    categories, small integers) receive noise like any other; where that makes no sense, use
    :class:`FeatureMasking`.

    Parameters
    ----------
    scale : float, default=0.1
        Standard deviation of the noise, in units of the feature's standard deviation over the
        batch. The default is a mild change, chosen by hand.

    Raises
    ------
    ValueError
        If `scale` is negative.

    Examples
    --------
    >>> import torch
    >>> X = torch.tensor([[0.0, 7.0], [2.0, 7.0], [4.0, 7.0]])
    >>> GaussianNoise(scale=0.5)(X, torch.Generator().manual_seed(0))[:, 1]
    tensor([7., 7., 7.])
    """

    scale: float = 0.1

    def __post_init__(self) -> None:
        if self.scale < 0:
            raise ValueError(f"scale must be at least 0, got {self.scale!r}.")

    def __call__(self, X: Tensor, generator: Generator) -> Tensor:
        constant = X.amax(dim=0) == X.amin(dim=0)
        # Rounding gives a constant column a tiny spread of its own, hence the mask.
        spread = X.std(dim=0, correction=0).masked_fill(constant, 0)
        noise = torch.randn(X.shape, generator=generator, device=generator.device)
        return X + self.scale * spread * noise.to(X)


@dataclass(frozen=True)
class FeatureMasking:
    """Replace single values of a table by the same feature's value in another row of the batch.

    Every value stays one that the feature really takes, so this suits categories and counts as
    well as measurements. A batch of one row has no other row to borrow from and stays as it is.

    Parameters
    ----------
    rate : float, default=0.1
        Probability with which each value is replaced. The paper corrupts a share of 0.6 for
        contrastive learning; the default is milder, as the label has to stay true.

    Raises
    ------
    ValueError
        If `rate` is outside [0, 1].

    References
    ----------
    Bahri, Jiang, Tay and Metzler, "SCARF: Self-Supervised Contrastive Learning using Random
    Feature Corruption", ICLR 2022.

    Examples
    --------
    >>> import torch
    >>> X = torch.tensor([[1.0, 10.0], [2.0, 20.0]])
    >>> FeatureMasking(rate=1.0)(X, torch.Generator().manual_seed(0))
    tensor([[ 2., 20.],
            [ 1., 10.]])
    """

    rate: float = 0.1

    def __post_init__(self) -> None:
        check_share("rate", self.rate)

    def __call__(self, X: Tensor, generator: Generator) -> Tensor:
        n_rows = len(X)
        steps = 1 + integers(max(n_rows - 1, 1), X.shape, generator)
        rows = torch.arange(n_rows, device=steps.device)
        donors = (rows.view(-1, *[1] * (X.ndim - 1)) + steps) % n_rows
        replaced = uniform(X.shape, generator) < self.rate
        return torch.where(replaced.to(X.device), X.gather(0, donors.to(X.device)), X)

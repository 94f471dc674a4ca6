"""A head for embeddings and other tables of many columns that all are of one kind."""

from typing import Any

import torch
from torch import Tensor, nn

from ._tabular import MultilayerPerceptron, TabularNet

__all__ = ["EmbeddingHead", "EmbeddingNet"]

# How much smaller or larger than the others a feature may be for the net.
SCALE_RANGE = (0.1, 3.0)


class EmbeddingHead(MultilayerPerceptron):
    """A small perceptron that sees some of the features at a time.

    Many columns let a net learn wrong labels by heart at once. This one is narrow, and in every
    step most features are switched off at random. Features are centred and brought to the same
    mean spread; their spreads relative to each other stay, within 0.1 to 3, since rare words and
    late principal components deserve no more weight than they have.

    Parameters
    ----------
    n_features : int
        Number of columns.
    n_classes : int
        Number of classes, and so of logits.
    n_units : int, default=64
        Units of each hidden layer.
    n_layers : int, default=1
        Number of hidden layers; 0 gives logistic regression.
    dropout : float, default=0.0
        Share of hidden units switched off at random in training.
    input_dropout : float, default=0.8
        Share of features switched off likewise.

    Notes
    -----
    As in all nets with batch normalisation, a training batch needs at least two rows.

    Examples
    --------
    >>> import torch
    >>> EmbeddingHead(n_features=512, n_classes=3)(torch.rand(8, 512)).shape
    torch.Size([8, 3])
    """

    def __init__(
        self,
        n_features: int,
        n_classes: int,
        n_units: int = 64,
        n_layers: int = 1,
        dropout: float = 0.0,
        input_dropout: float = 0.8,
    ) -> None:
        super().__init__(n_features, n_classes, n_units, n_layers, dropout, input_dropout)

    def features(self, X: Tensor) -> Tensor:
        """Values of the last hidden layer.

        Parameters
        ----------
        X : Tensor of shape (n_rows, n_features)
            The embeddings.

        Returns
        -------
        Tensor of shape (n_rows, n_units)
            What the linear head sees.
        """
        standardized = self.standardize(X)
        variances: Any = self.standardize.running_var
        mean = variances.mean().clamp_min(torch.finfo(variances.dtype).tiny)
        return self.hidden(standardized * (variances / mean).sqrt().clamp(*SCALE_RANGE))


class EmbeddingNet(TabularNet):
    """skorch classifier for embeddings, of images or texts, with a small head as its module.

    The estimators of this package take it by default for tables of 256 columns or more. Give it
    as `net` for embeddings of fewer columns. Parameters are those of :class:`TabularNet`, nested
    ones of :class:`EmbeddingHead` (``module__input_dropout``) included.

    Parameters
    ----------
    module : nn.Module class, default=EmbeddingHead
        Must return logits.
    **kwargs
        Further parameters of :class:`TabularNet`.

    Examples
    --------
    >>> import numpy as np
    >>> from sknoisy import NoisyLabelDetector
    >>> X = np.random.default_rng(0).random((40, 100))
    >>> detector = NoisyLabelDetector(net=EmbeddingNet(max_epochs=2), random_state=0)
    >>> detector.fit(X, [0, 1] * 20).label_quality_.shape
    (40,)
    """

    def __init__(self, module: type[nn.Module] | nn.Module = EmbeddingHead, **kwargs: Any) -> None:
        super().__init__(module, **kwargs)

"""The default net for tables: a multilayer perceptron that standardises its own input."""

from collections.abc import Callable
from typing import Any

import torch
from skorch import NeuralNetClassifier
from torch import Tensor, nn
from torch.optim import Optimizer

__all__ = ["MultilayerPerceptron", "TabularNet"]


class MultilayerPerceptron(nn.Module):
    """Fully connected layers with batch normalisation, for tables of numbers.

    The input is standardised by the mean and spread of the training batches, averaged over all
    of training, so that tables of any scale may be given. A feature whose standard deviation is
    far below 0.003 is shrunk by this (batch normalisation adds 1e-5 to the variance): scale such
    features beforehand.

    Parameters
    ----------
    n_features : int
        Number of columns.
    n_classes : int
        Number of classes, and so of logits.
    n_units : int, default=256
        Units of each hidden layer.
    n_layers : int, default=2
        Number of hidden layers; 0 gives logistic regression.
    dropout : float, default=0.0
        Share of hidden units switched off at random in training.
    input_dropout : float, default=0.0
        Share of standardised features switched off likewise.

    Notes
    -----
    As in all nets with batch normalisation, a training batch needs at least two rows.

    Examples
    --------
    >>> import torch
    >>> MultilayerPerceptron(n_features=4, n_classes=3)(torch.rand(8, 4)).shape
    torch.Size([8, 3])
    """

    def __init__(
        self,
        n_features: int,
        n_classes: int,
        n_units: int = 256,
        n_layers: int = 2,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        # momentum=None averages over all batches. The usual running average starts at mean 0,
        # and after a short training is still far off for a feature such as a year.
        self.standardize = nn.BatchNorm1d(n_features, affine=False, momentum=None)
        widths = [n_features] + [n_units] * n_layers
        self.hidden = nn.Sequential(
            *([nn.Dropout(input_dropout)] if input_dropout > 0 else []),
            *(
                _hidden_layer(n_inputs, n_outputs, dropout)
                for n_inputs, n_outputs in zip(widths[:-1], widths[1:], strict=True)
            ),
        )
        self.head = nn.Linear(widths[-1], n_classes)

    def features(self, X: Tensor) -> Tensor:
        """Values of the last hidden layer.

        Parameters
        ----------
        X : Tensor of shape (n_rows, n_features)
            The table.

        Returns
        -------
        Tensor of shape (n_rows, n_units)
            What the linear head sees.
        """
        return self.hidden(self.standardize(X))

    def forward(self, X: Tensor) -> Tensor:
        """Logits.

        Parameters
        ----------
        X : Tensor of shape (n_rows, n_features)
            The table.

        Returns
        -------
        Tensor of shape (n_rows, n_classes)
            One logit per class.
        """
        return self.head(self.features(X))


class TabularNet(NeuralNetClassifier):
    """skorch classifier for tables, with a multilayer perceptron as its module.

    Every parameter of :class:`skorch.NeuralNetClassifier` is accepted, nested ones
    (``module__n_units``, ``optimizer__weight_decay``, ``callbacks__...``) included. Trained by
    skorch itself, it needs ``module__n_features`` and ``module__n_classes``, float32 values and
    int64 classes; the estimators of this package see to all of this, and only they use the views.

    Parameters
    ----------
    module : nn.Module class, default=MultilayerPerceptron
        Must return logits.
    criterion : loss class, default=nn.CrossEntropyLoss
        Takes logits and classes.
    optimizer : optimizer class, default=torch.optim.AdamW
        With torch's own defaults.
    lr : float, default=1e-3
        Learning rate; torch's own default for AdamW.
    batch_size : int, default=128
        Rows per step.
    max_epochs : int, default=30
        Passes over the data.
    train_split : callable or None, default=None
        None: all rows train, none are held out.
    verbose : int, default=0
        0 prints nothing.
    iterator_train__shuffle : bool, default=True
        Shuffle the rows in every epoch.
    weak_view : str, callable or None, default=None
        How a training row is changed before the net sees it; see :func:`resolve_view`.
    strong_view : str, callable or None, default="noise"
        The second, stronger change, for the methods that compare two views of a row.
    **kwargs
        Further parameters of :class:`skorch.NeuralNetClassifier`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> net = TabularNet(module__n_features=4, module__n_classes=3, max_epochs=2)
    >>> net.fit(X.astype("float32"), y).predict_proba(X.astype("float32")).shape
    (150, 3)
    """

    def __init__(
        self,
        module: type[nn.Module] | nn.Module = MultilayerPerceptron,
        *,
        criterion: type[nn.Module] | nn.Module = nn.CrossEntropyLoss,
        optimizer: type[Optimizer] = torch.optim.AdamW,
        lr: float = 1e-3,
        batch_size: int = 128,
        max_epochs: int = 30,
        train_split: Callable[..., Any] | None = None,
        verbose: int = 0,
        iterator_train__shuffle: bool = True,
        weak_view: str | Callable[[Tensor, torch.Generator], Tensor] | None = None,
        strong_view: str | Callable[[Tensor, torch.Generator], Tensor] | None = "noise",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            module,
            criterion=criterion,
            optimizer=optimizer,
            lr=lr,
            batch_size=batch_size,
            max_epochs=max_epochs,
            train_split=train_split,
            verbose=verbose,
            iterator_train__shuffle=iterator_train__shuffle,
            **kwargs,
        )
        self.weak_view = weak_view
        self.strong_view = strong_view


def _hidden_layer(n_inputs: int, n_outputs: int, dropout: float) -> nn.Sequential:
    layers = [
        # The normalisation that follows takes away any bias.
        nn.Linear(n_inputs, n_outputs, bias=False),
        nn.BatchNorm1d(n_outputs),
        nn.ReLU(),
    ]
    if dropout > 0:
        layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers)

"""The strongest net for tables: many small nets in one, over numbers cut at their quantiles."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ._tabular import TabularNet

__all__ = ["TabMEnsemble", "TabMLoss", "TabMNet"]


class TabMEnsemble(nn.Module):
    """Many perceptrons that share most of their weights (TabM), for tables of numbers.

    Each feature is standardised and cut at quantiles into pieces; a linear function of each piece
    is learnt, so that features that matter by steps, such as codes of categories, are learnt soon.
    Needs the packages `tabm` and `rtdl_num_embeddings`: ``pip install sknoisy[tabm]``.

    Parameters
    ----------
    n_features : int
        Number of columns.
    n_classes : int
        Number of classes.
    example_rows : array-like of shape (n_rows, n_features)
        Rows of the table, for means, deviations and quantiles. The estimators of this package
        give some of the training rows.
    n_members : int, default=16
        Number of perceptrons.
    n_units : int, default=256
        Units of each hidden layer.
    n_layers : int, default=2
        Number of hidden layers.
    n_bins : int, default=32
        Pieces of each feature, at most.
    n_dimensions : int, default=8
        Numbers that stand for a feature.
    dropout : float, default=0.1
        Share of hidden units switched off at random in training.

    Notes
    -----
    The output is the mean of the members' logarithms of probabilities. Its softmax is the
    prediction, and as a loss :class:`TabMLoss` gives the mean of the members' own cross-entropies:
    each learns for itself.

    References
    ----------
    Gorishniy, Kotelnikov and Babenko, "TabM: Advancing Tabular Deep Learning with
    Parameter-Efficient Ensembling", ICLR 2025. Gorishniy, Rubachev and Babenko, "On Embeddings for
    Numerical Features in Tabular Deep Learning", NeurIPS 2022.

    Examples
    --------
    >>> import torch
    >>> X = torch.rand(50, 4)
    >>> module = TabMEnsemble(n_features=4, n_classes=3, example_rows=X, n_members=4)
    >>> module(X).shape, module.members(X).shape
    (torch.Size([50, 3]), torch.Size([50, 4, 3]))
    """

    lowest: Tensor
    highest: Tensor
    center: Tensor
    spread: Tensor

    def __init__(
        self,
        n_features: int,
        n_classes: int,
        example_rows: Any,
        n_members: int = 16,
        n_units: int = 256,
        n_layers: int = 2,
        n_bins: int = 32,
        n_dimensions: int = 8,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        tabm, embeddings = _optional_packages()
        rows = torch.as_tensor(example_rows, dtype=torch.float32)
        # Beyond the outer edges the pieces would go on, as steep as they are.
        self.register_buffer("lowest", rows.amin(dim=0))
        self.register_buffer("highest", rows.amax(dim=0))
        self.register_buffer("center", rows.mean(dim=0))
        spread = rows.std(dim=0, correction=0)
        self.register_buffer("spread", torch.where(spread > 0, spread, 1.0))
        self.ensemble = tabm.TabM.make(
            n_num_features=n_features,
            d_out=n_classes,
            num_embeddings=embeddings.PiecewiseLinearEmbeddings(
                piece_edges(self._standardize(rows), n_bins),
                n_dimensions,
                activation=False,
                version="B",
            ),
            k=n_members,
            n_blocks=n_layers,
            d_block=n_units,
            dropout=dropout,
        )

    def _standardize(self, X: Tensor) -> Tensor:
        return (X.clamp(self.lowest, self.highest) - self.center) / self.spread

    def members(self, X: Tensor) -> Tensor:
        """Logits of each member.

        Parameters
        ----------
        X : Tensor of shape (n_rows, n_features)
            The table.

        Returns
        -------
        Tensor of shape (n_rows, n_members, n_classes)
        """
        return self.ensemble(self._standardize(X))

    def forward(self, X: Tensor) -> Tensor:
        """Mean of the members' logarithms of probabilities.

        Parameters
        ----------
        X : Tensor of shape (n_rows, n_features)
            The table.

        Returns
        -------
        Tensor of shape (n_rows, n_classes)
            On the scale of logits.
        """
        return self.members(X).log_softmax(dim=2).mean(dim=1)


class TabMLoss(nn.Module):
    """Mean of the members' cross-entropies, from what :class:`TabMEnsemble` returns.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, default="mean"
        As in torch's losses.
    """

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction

    def forward(self, log_probabilities: Tensor, y: Tensor) -> Tensor:
        """Loss of rows.

        Parameters
        ----------
        log_probabilities : Tensor of shape (n_rows, n_classes)
        y : Tensor of int of shape (n_rows,)

        Returns
        -------
        Tensor
            Of shape (n_rows,) for the reduction "none", else a number.
        """
        return nn.functional.nll_loss(log_probabilities, y, reduction=self.reduction)


class TabMNet(TabularNet):
    """skorch classifier for tables, with an ensemble of perceptrons in one module.

    Stronger than :class:`TabularNet` where features matter by steps or in combination, at about
    25 times its cost. Needs ``pip install sknoisy[tabm]``. Parameters are those of
    :class:`TabularNet`, nested ones of :class:`TabMEnsemble` (``module__n_members``) included.

    Parameters
    ----------
    module : nn.Module class, default=TabMEnsemble
        Must return logits, or mean logarithms of probabilities.
    criterion : loss class, default=TabMLoss
        Takes what the module returns, and classes.
    optimizer : optimizer class, default=torch.optim.AdamW
    lr : float, default=4e-3
        Learning rate.
    optimizer__weight_decay : float, default=3e-4
    batch_size : int, default=128
        Rows per step.
    max_epochs : int, default=40
        Passes over the data.
    predict_nonlinearity : str, callable or None, default=None
        What skorch's own `predict_proba` applies to the module's output. None: nothing. The
        estimators of this package take the softmax themselves.
    **kwargs
        Further parameters of :class:`TabularNet`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknoisy import NoisyLabelDetector
    >>> X, y = load_iris(return_X_y=True)
    >>> detector = NoisyLabelDetector(net=TabMNet(max_epochs=3), random_state=0).fit(X, y)
    >>> detector.label_quality_.shape
    (150,)
    """

    def __init__(
        self,
        module: type[nn.Module] | nn.Module = TabMEnsemble,
        *,
        criterion: type[nn.Module] | nn.Module = TabMLoss,
        optimizer: type[Optimizer] = torch.optim.AdamW,
        lr: float = 4e-3,
        optimizer__weight_decay: float = 3e-4,
        batch_size: int = 128,
        max_epochs: int = 40,
        predict_nonlinearity: str | Callable[[Tensor], Tensor] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            module,
            criterion=criterion,
            optimizer=optimizer,
            lr=lr,
            optimizer__weight_decay=optimizer__weight_decay,
            batch_size=batch_size,
            max_epochs=max_epochs,
            predict_nonlinearity=predict_nonlinearity,
            **kwargs,
        )


def piece_edges(rows: Tensor, n_bins: int) -> list[Tensor]:
    """Return the edges of the pieces that each feature is cut into, n_bins + 1 of each.

    Edges lie at quantiles. Where values repeat, as those of a category do, edges that would
    coincide are moved apart by as little as float32 can tell, which makes the piece a step.
    """
    levels = torch.linspace(0, 1, n_bins + 1, dtype=torch.float64)
    quantiles = torch.quantile(rows.double(), levels, dim=0)
    least = 1e-4 * torch.arange(n_bins + 1, dtype=torch.float64)[:, None]
    edges = (quantiles - least).cummax(dim=0).values + least
    return list(edges.float().T.contiguous())


def _optional_packages() -> tuple[Any, Any]:
    try:
        import rtdl_num_embeddings
        import tabm
    except ImportError as error:
        raise ImportError(
            "TabMNet needs the packages tabm and rtdl_num_embeddings: pip install sknoisy[tabm]."
        ) from error
    return tabm, rtdl_num_embeddings

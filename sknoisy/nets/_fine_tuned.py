"""Fine-tuning: a module of the user's with weights of its own, and a new head where needed."""

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, Self, TypeAlias

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ._vision import VisionNet

__all__ = ["FineTunedNet"]

Normalization: TypeAlias = Literal["auto", "imagenet"] | tuple[Sequence[float], Sequence[float]]

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class FineTunedNet(VisionNet):
    """skorch classifier that trains on a module whose weights are given, such as pretrained ones.

    The module itself is left as it is: every training starts from a copy of it. Its last linear
    layer is replaced by a new one where it doesn't give one output per class. The new layer, the
    head, learns at the rate `lr`, and all others, the body, at a lower one. Where the last layer
    fits the classes it stays, and all layers learn at the rate `lr`.

    The module is given images with values in [0, 1], as they are in all of this package, after
    resizing and normalisation. It may also take a table, or several inputs by name.

    Parameters
    ----------
    module : nn.Module
        An instance, for example torchvision's ``resnet18(weights="DEFAULT")``. It must return
        logits, or what its last linear layer gives.
    n_classes : int, default=None
        Number of classes. None: the estimators of this package take it from the data; skorch by
        itself leaves the last layer as it is.
    lr : float, default=1e-3
        Learning rate of the head.
    body_lr_factor : float, default=0.1
        Learning rate of the body over that of a new head. A schedule changes both alike.
    frozen_epochs : int, default=1
        For so many epochs at the beginning of a training the head learns alone: weights and
        running statistics of the body stay as they are. A training that goes on from another
        has none.
    normalization : {"auto", "imagenet"}, pair of sequences or None, default="auto"
        Mean and standard deviation of each channel, by which images are normalised. "imagenet":
        those that torchvision's weights expect. "auto": what timm's modules say of themselves,
        "imagenet" for torchvision's, and nothing for others. None: nothing.
    image_size : int, default=None
        Height and width that images are resized to. None: they stay as they are.
    criterion : loss class, default=nn.CrossEntropyLoss
        Takes logits and classes.
    optimizer : optimizer class, default=torch.optim.AdamW
        Its groups of parameters are the head and the body, unless `optimizer__param_groups` says
        otherwise.
    optimizer__weight_decay : float, default=1e-2
        Of both groups.
    batch_size : int, default=32
        Rows per step.
    max_epochs : int, default=10
        Passes over the data.
    weak_view, strong_view : str, callable or None, default="auto"
        How a training row is changed before the net sees it; see :func:`resolve_view`. "auto":
        "crop_flip" and "strong" for images, None and "noise" for tables.
    **kwargs
        Further parameters of :class:`VisionNet` and :class:`skorch.NeuralNetClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> from torchvision.models import resnet18
    >>> from sknoisy import NoisyLabelDetector
    >>> X = np.random.default_rng(0).random((8, 3, 32, 32), dtype=np.float32)
    >>> net = FineTunedNet(resnet18(weights=None), max_epochs=2, batch_size=4)
    >>> detector = NoisyLabelDetector(net=net, random_state=0).fit(X, [0, 1] * 4)
    >>> detector.predict_proba(X).shape
    (8, 2)
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        n_classes: int | None = None,
        lr: float = 1e-3,
        body_lr_factor: float = 0.1,
        frozen_epochs: int = 1,
        normalization: Normalization | None = "auto",
        image_size: int | None = None,
        criterion: type[nn.Module] | nn.Module = nn.CrossEntropyLoss,
        optimizer: type[Optimizer] = torch.optim.AdamW,
        optimizer__weight_decay: float = 0.01,
        batch_size: int = 32,
        max_epochs: int = 10,
        weak_view: str | Callable[[Tensor, torch.Generator], Tensor] | None = "auto",
        strong_view: str | Callable[[Tensor, torch.Generator], Tensor] | None = "auto",
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
            weak_view=weak_view,
            strong_view=strong_view,
            **kwargs,
        )
        self.n_classes = n_classes
        self.body_lr_factor = body_lr_factor
        self.frozen_epochs = frozen_epochs
        self.normalization = normalization
        self.image_size = image_size

    def initialize_module(self) -> Self:
        """Build the module from a copy of the one given.

        Returns
        -------
        self

        Raises
        ------
        TypeError
            If `module` isn't an instance.
        ValueError
            If a parameter is out of range, or `module` has no linear layer to replace.
        """
        self._check_parameters()
        return super().initialize_module()

    def _check_parameters(self) -> None:
        if not isinstance(self.module, nn.Module):
            raise TypeError(
                "The 'module' parameter of FineTunedNet must be an instance of torch.nn.Module, "
                f"with weights to start from. Got {self.module!r} instead."
            )
        if not 0 <= self.body_lr_factor <= 1:
            raise ValueError(
                "The 'body_lr_factor' parameter of FineTunedNet must be in [0, 1]. "
                f"Got {self.body_lr_factor!r} instead."
            )
        if self.frozen_epochs < 0:
            raise ValueError(
                "The 'frozen_epochs' parameter of FineTunedNet must be at least 0. "
                f"Got {self.frozen_epochs!r} instead."
            )
        if self.image_size is not None and self.image_size < 1:
            raise ValueError(
                "The 'image_size' parameter of FineTunedNet must be at least 1, or None. "
                f"Got {self.image_size!r} instead."
            )

    def initialized_instance(self, instance_or_cls: Any, kwargs: dict[str, Any]) -> Any:
        """Return what skorch is to train on in place of a module or criterion.

        Parameters
        ----------
        instance_or_cls : class or instance
        kwargs : dict
            Arguments of the constructor.

        Returns
        -------
        object
            For the module, a copy with a head of the right size.
        """
        if instance_or_cls is not self.module:
            return super().initialized_instance(instance_or_cls, kwargs)
        return _FineTunedModule(
            copy.deepcopy(self.module),
            self.n_classes,
            normalization=_resolve_normalization(self.normalization, self.module),
            image_size=self.image_size,
        )

    def get_params_for_optimizer(
        self, prefix: str, named_parameters: Iterable[tuple[str, nn.Parameter]]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Constructor arguments of the optimizer, as skorch asks for them.

        Parameters
        ----------
        prefix : str
            Name of the optimizer, usually ``"optimizer"``.
        named_parameters : iterator
            Names and parameters of the module.

        Returns
        -------
        args : tuple
            The groups of parameters: those of the head, then those of the body.
        kwargs : dict
            Keyword arguments.
        """
        args, kwargs = super().get_params_for_optimizer(prefix, named_parameters)
        module = self.module_
        groups, *others = args
        has_own_groups = len(groups) != 1 or "lr" in groups[0]
        if has_own_groups or not module.head_is_new:
            return args, kwargs
        of_head = {id(value) for value in module.head.parameters()}
        head, body = (
            [each for each in groups[0]["params"] if (id(each) in of_head) == is_head]
            for is_head in (True, False)
        )
        split = [{"params": head}]
        if body:
            split.append({"params": body, "lr": self.body_lr_factor * kwargs["lr"]})
        return (split, *others), kwargs

    def on_epoch_begin(self, net: Any, *args: Any, **kwargs: Any) -> None:
        super().on_epoch_begin(net, *args, **kwargs)
        self.module_.body_is_frozen = len(self.history) <= self.frozen_epochs

    def on_train_end(self, net: Any, *args: Any, **kwargs: Any) -> None:
        super().on_train_end(net, *args, **kwargs)
        self.module_.body_is_frozen = False


class _FineTunedModule(nn.Module):
    """A module that takes values in [0, 1], with a head of the right size.

    Attributes
    ----------
    head_is_new : bool
    body_is_frozen : bool
        Whether the head alone learns.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        module: nn.Module,
        n_classes: int | None,
        *,
        normalization: tuple[Sequence[float], Sequence[float]] | None,
        image_size: int | None,
    ) -> None:
        super().__init__()
        self.module = module
        self.image_size = image_size
        self.body_is_frozen = False
        self.normalizes = normalization is not None
        mean, std = ((), ()) if normalization is None else normalization
        # They aren't learnt, and aren't part of the weights that a training leaves.
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(-1, 1, 1), persistent=False)
        self._head_name, self.head_is_new = self._fit_head(n_classes)
        self.head.register_forward_pre_hook(self._stop_gradient)

    @property
    def head(self) -> nn.Module:
        return self.get_submodule(self._head_name)

    def _fit_head(self, n_classes: int | None) -> tuple[str, bool]:
        """Replace the last linear layer if its size is wrong; return its name and whether so."""
        linear = [name for name, each in self.named_modules() if isinstance(each, nn.Linear)]
        if not linear:
            raise ValueError(
                "The module of FineTunedNet must have a torch.nn.Linear, the last of which gives "
                f"the logits. Got {type(self.module).__name__}, which has none."
            )
        old: Any = self.get_submodule(linear[-1])
        if n_classes is None or old.out_features == n_classes:
            return linear[-1], False
        new = nn.Linear(old.in_features, n_classes, bias=old.bias is not None)
        self.set_submodule(linear[-1], new.to(old.weight))
        return linear[-1], True

    def _stop_gradient(self, head: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        if not self.body_is_frozen:
            return inputs
        return tuple(each.detach() for each in inputs)

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if self.body_is_frozen:
            self.module.eval()
            self.head.train(mode)
        return self

    def forward(self, *inputs: Tensor, **named_inputs: Tensor) -> Any:
        named = {name: self._prepared(values) for name, values in named_inputs.items()}
        return self.module(*map(self._prepared, inputs), **named)

    def _prepared(self, X: Tensor) -> Tensor:
        if X.ndim != 4:
            return X
        if self.image_size is not None:
            size = (self.image_size, self.image_size)
            X = nn.functional.interpolate(X, size, mode="bilinear", antialias=True)
        if self.normalizes:
            self._check_channels(X)
            X = (X - self.mean) / self.std
        return X

    def _check_channels(self, X: Tensor) -> None:
        if len(self.mean) != X.shape[1]:
            raise ValueError(
                f"images of {X.shape[1]} channels can't be normalised by {len(self.mean)} means; "
                "set the 'normalization' parameter of FineTunedNet"
            )


def _resolve_normalization(
    normalization: Any, module: nn.Module
) -> tuple[Sequence[float], Sequence[float]] | None:
    if isinstance(normalization, str) and normalization == "auto":
        return _own_normalization(module)
    if isinstance(normalization, str) and normalization == "imagenet":
        return IMAGENET
    if normalization is None:
        return None
    try:
        mean, std = ([float(each) for each in values] for values in normalization)
        is_valid = len(mean) == len(std) and min(std) > 0
    except (TypeError, ValueError):
        is_valid = False
    if not is_valid:
        raise ValueError(
            "The 'normalization' parameter of FineTunedNet must be 'auto', 'imagenet', None, or "
            "means and positive standard deviations, one each per channel. "
            f"Got {normalization!r} instead."
        )
    return mean, std


def _own_normalization(module: nn.Module) -> tuple[Sequence[float], Sequence[float]] | None:
    """Return what a module's weights were trained with, where the module tells."""
    settings = getattr(module, "pretrained_cfg", None)
    if isinstance(settings, dict) and {"mean", "std"} <= settings.keys():
        return settings["mean"], settings["std"]
    return IMAGENET if type(module).__module__.startswith("torchvision.models.") else None

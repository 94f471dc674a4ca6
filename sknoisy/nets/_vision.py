"""The default net for images: a ResNet whose first layers suit small pictures."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any, Literal, Self

import torch
from skorch import NeuralNetClassifier
from torch import Tensor, nn
from torch.optim import Optimizer

__all__ = ["CifarResNet", "VisionNet"]

PRECISIONS = ("auto", "float32", "bfloat16")

# Residual block and number of blocks in each of the four stages (He et al., table 1; 10 is the
# usual smaller sibling with one block per stage).
_PLANS = {
    10: ("BasicBlock", (1, 1, 1, 1)),
    18: ("BasicBlock", (2, 2, 2, 2)),
    34: ("BasicBlock", (3, 4, 6, 3)),
    50: ("Bottleneck", (3, 4, 6, 3)),
}


class CifarResNet(nn.Module):
    """ResNet for small images: a 3 x 3 first convolution with stride 1, and no pooling after it.

    The residual blocks are torchvision's, randomly initialised; nothing is downloaded. Every
    channel of the input is standardised by the mean and spread of the training batches, averaged
    over all of training. Images of any height and width from 8 pixels on are taken, all of one
    batch alike. Large images cost much memory and time, as the first stage works at full
    resolution; for those a net with a 7 x 7 stem is the better choice.

    Parameters
    ----------
    n_channels : int
        Channels of the images: 1 for grey, 3 for colour.
    n_classes : int
        Number of classes, and so of logits.
    depth : {10, 18, 34, 50}, default=18
        Number of layers with weights. 18 is the usual choice for CIFAR-sized images.
    width : int, default=64
        Channels of the first stage; each next stage doubles them. 64 is the standard; 16 has
        about a sixteenth of the weights and trains on a CPU.

    Raises
    ------
    ValueError
        If `depth` is not one of the four.

    Notes
    -----
    As in all nets with batch normalisation, a training batch should have two images or more.

    References
    ----------
    He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016.

    Examples
    --------
    >>> import torch
    >>> net = CifarResNet(n_channels=1, n_classes=10, depth=10, width=8)
    >>> net(torch.rand(4, 1, 28, 28)).shape
    torch.Size([4, 10])
    """

    def __init__(self, n_channels: int, n_classes: int, depth: int = 18, width: int = 64) -> None:
        super().__init__()
        if depth not in _PLANS:
            raise ValueError(f"depth must be one of {sorted(_PLANS)}, got {depth!r}.")
        block_name, n_blocks = _PLANS[depth]
        block = _residual_block(block_name)
        # momentum=None averages over all batches, so that a short training has the true spread.
        self.standardize = nn.BatchNorm2d(n_channels, affine=False, momentum=None)
        self.stem = nn.Sequential(
            nn.Conv2d(n_channels, width, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        self.stages = _stages(block, n_blocks, width)
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(8 * width * block.expansion, n_classes)
        self.apply(_initialize_convolution)

    def features(self, X: Tensor) -> Tensor:
        """Pooled values of the last stage.

        Parameters
        ----------
        X : Tensor of shape (n_images, n_channels, height, width)
            The images.

        Returns
        -------
        Tensor of shape (n_images, 8 * width), or (n_images, 32 * width) for a depth of 50
            What the linear head sees.
        """
        return self.pool(self.stages(self.stem(self.standardize(X))))

    def forward(self, X: Tensor) -> Tensor:
        """Logits.

        Parameters
        ----------
        X : Tensor of shape (n_images, n_channels, height, width)
            The images.

        Returns
        -------
        Tensor of shape (n_images, n_classes)
            One logit per class.
        """
        return self.head(self.features(X))


class VisionNet(NeuralNetClassifier):
    """skorch classifier for images, with a ResNet for small pictures as its module.

    Every parameter of :class:`skorch.NeuralNetClassifier` is accepted, nested ones
    (``module__depth``, ``module__width``, ``optimizer__momentum``, ...) included. Trained by
    skorch itself, it needs ``module__n_channels`` and ``module__n_classes``, float32 images of
    shape (n_images, n_channels, height, width) and int64 classes; the estimators of this package
    see to all of this, and only they use the views.

    Parameters
    ----------
    module : nn.Module class, default=CifarResNet
        Must return logits.
    criterion : loss class, default=nn.CrossEntropyLoss
        Takes logits and classes.
    optimizer : optimizer class, default=torch.optim.SGD
        With another class, the defaults of `optimizer__momentum` and `optimizer__nesterov` are
        left out where it does not know them.
    lr : float, default=0.05
        Learning rate.
    batch_size : int, default=128
        Images per step.
    max_epochs : int, default=30
        Passes over the data.
    train_split : callable or None, default=None
        None: all images train, none are held out.
    verbose : int, default=0
        0 prints nothing.
    optimizer__momentum : float, default=0.9
        As usual for a ResNet on CIFAR.
    optimizer__weight_decay : float, default=5e-4
        As usual for a ResNet on CIFAR.
    optimizer__nesterov : bool, default=False
        Nesterov's form of momentum.
    iterator_train__shuffle : bool, default=True
        Shuffle the images in every epoch.
    weak_view : str, callable or None, default="crop_flip"
        How a training image is changed before the net sees it; see :func:`resolve_view`.
    strong_view : str, callable or None, default="strong"
        The second, stronger change, for the methods that compare two views of an image.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Of the forward and backward pass; weights and loss stay float32. "auto": bfloat16 on CUDA
        where the device computes in it, float32 elsewhere. Trainings that learn sample weights by
        finite differences, the default on a CPU, need float32 and ignore this parameter.
    channels_last : bool, default=True
        Keep the channels of a pixel side by side in memory, which convolutions work faster with:
        1.2 to 1.4 times on a CPU.
    **kwargs
        Further parameters of :class:`skorch.NeuralNetClassifier`.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.random.default_rng(0).random((6, 3, 8, 8), dtype=np.float32)
    >>> net = VisionNet(
    ...     module__n_channels=3, module__n_classes=2, module__depth=10, module__width=4,
    ...     max_epochs=1,
    ... )
    >>> net.fit(X, np.array([0, 1, 0, 1, 0, 1])).predict_proba(X).shape
    (6, 2)
    """

    def __init__(
        self,
        module: type[nn.Module] | nn.Module = CifarResNet,
        *,
        criterion: type[nn.Module] | nn.Module = nn.CrossEntropyLoss,
        optimizer: type[Optimizer] = torch.optim.SGD,
        lr: float = 0.05,
        batch_size: int = 128,
        max_epochs: int = 30,
        train_split: Callable[..., Any] | None = None,
        verbose: int = 0,
        optimizer__momentum: float = 0.9,
        optimizer__weight_decay: float = 5e-4,
        optimizer__nesterov: bool = False,
        iterator_train__shuffle: bool = True,
        weak_view: str | Callable[[Tensor, torch.Generator], Tensor] | None = "crop_flip",
        strong_view: str | Callable[[Tensor, torch.Generator], Tensor] | None = "strong",
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
        channels_last: bool = True,
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
            optimizer__momentum=optimizer__momentum,
            optimizer__weight_decay=optimizer__weight_decay,
            optimizer__nesterov=optimizer__nesterov,
            iterator_train__shuffle=iterator_train__shuffle,
            **kwargs,
        )
        self.weak_view = weak_view
        self.strong_view = strong_view
        self.precision = precision
        self.channels_last = channels_last

    def initialize_module(self) -> Self:
        """Build the module, in the memory layout that `channels_last` says.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If `precision` is unknown.
        """
        if self.precision not in PRECISIONS:
            raise ValueError(
                f"The 'precision' parameter of VisionNet must be one of {PRECISIONS}. "
                f"Got {self.precision!r} instead."
            )
        super().initialize_module()
        if self.channels_last:
            self.module_.to(memory_format=torch.channels_last)
        return self

    def infer(self, x: Any, **fit_params: Any) -> Any:
        """Logits of a batch, in the wanted precision and memory layout.

        Parameters
        ----------
        x : Tensor of shape (n_images, n_channels, height, width)
        **fit_params
            Further arguments of the module's forward.

        Returns
        -------
        Tensor
            What the module returns, in float32.
        """
        if self.channels_last and isinstance(x, Tensor) and x.ndim == 4:
            x = x.contiguous(memory_format=torch.channels_last)
        device = next(self.module_.parameters()).device.type
        if not self._computes_in_bfloat16(device):
            return super().infer(x, **fit_params)
        with torch.autocast(device, dtype=torch.bfloat16):
            return super().infer(x, **fit_params).float()

    def _computes_in_bfloat16(self, device: str) -> bool:
        if self.precision == "auto":
            return device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return self.precision == "bfloat16"

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
            Positional arguments.
        kwargs : dict
            Keyword arguments, less those defaults of this class that are meant for SGD and
            unknown to the optimizer in use. A value set by the user is never dropped.
        """
        args, kwargs = super().get_params_for_optimizer(prefix, named_parameters)
        known = inspect.signature(getattr(self, prefix)).parameters
        defaults = inspect.signature(VisionNet).parameters
        unwanted = {
            name
            for name in ("momentum", "nesterov")
            if name in kwargs
            and name not in known
            and kwargs[name] == defaults[f"optimizer__{name}"].default
        }
        return args, {name: value for name, value in kwargs.items() if name not in unwanted}


def _residual_block(name: str) -> Any:
    # It brings torch's compiler with it, half a second that no table should wait for.
    from torchvision.models import resnet

    return getattr(resnet, name)


def _stages(block: Any, n_blocks: tuple[int, ...], width: int) -> nn.Sequential:
    """Four stages; from the second on, each halves the resolution and doubles the channels."""
    stages, n_inputs = [], width
    for stage, n_stage_blocks in enumerate(n_blocks):
        n_planes, stride = width * 2**stage, 1 if stage == 0 else 2
        n_outputs = n_planes * block.expansion
        blocks = [block(n_inputs, n_planes, stride, _shortcut(n_inputs, n_outputs, stride))]
        blocks += [block(n_outputs, n_planes) for _ in range(n_stage_blocks - 1)]
        stages.append(nn.Sequential(*blocks))
        n_inputs = n_outputs
    return nn.Sequential(*stages)


def _shortcut(n_inputs: int, n_outputs: int, stride: int) -> nn.Sequential | None:
    """The projection that fits a block's input to its output, where their shapes differ."""
    if stride == 1 and n_inputs == n_outputs:
        return None
    return nn.Sequential(
        nn.Conv2d(n_inputs, n_outputs, kernel_size=1, stride=stride, bias=False),
        nn.BatchNorm2d(n_outputs),
    )


def _initialize_convolution(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

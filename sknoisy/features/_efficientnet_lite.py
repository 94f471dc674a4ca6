"""EfficientNet-Lite0, whose weights come in a package, so that nothing need be downloaded."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .._typing import State

# Kernel, stride, expansion, output channels and number of blocks of each stage.
STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
N_STEM_CHANNELS = 32
N_FEATURES = 1280
N_CLASSES = 1000
# Of the weights, which were trained in TensorFlow.
EPSILON = 1e-3


class SameConv2d(nn.Conv2d):
    """Convolution with TensorFlow's padding, which puts an odd pixel at the lower right."""

    def forward(self, x: Tensor) -> Tensor:
        sides = []
        for size, kernel, stride in zip(x.shape[2:], self.kernel_size, self.stride, strict=True):
            n_out = -(-size // stride)
            n_added = max((n_out - 1) * stride + kernel - size, 0)
            sides.append((n_added // 2, n_added - n_added // 2))
        (top, bottom), (left, right) = sides
        if top == bottom and left == right:
            return F.conv2d(x, self.weight, self.bias, self.stride, (top, left), groups=self.groups)
        x = F.pad(x, (left, right, top, bottom))
        return F.conv2d(x, self.weight, self.bias, self.stride, groups=self.groups)


class NormedConv2d(nn.Module):
    """Convolution, batch norm and, unless it is left out, ReLU6."""

    def __init__(
        self,
        n_in: int,
        n_out: int,
        kernel: int,
        stride: int = 1,
        *,
        groups: int = 1,
        activate: bool = True,
    ) -> None:
        super().__init__()
        self.conv: nn.Conv2d = SameConv2d(n_in, n_out, kernel, stride, groups=groups, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(n_out, eps=EPSILON)
        self.activation = nn.ReLU6(inplace=True) if activate else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.norm(self.conv(x)))


class InvertedResidual(nn.Module):
    """Widen by `expansion`, convolve each channel by itself, and narrow again."""

    def __init__(self, n_in: int, n_out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        width = n_in * expansion
        layers = [NormedConv2d(n_in, width, 1)] if expansion > 1 else []
        layers += [
            NormedConv2d(width, width, kernel, stride, groups=width),
            NormedConv2d(width, n_out, 1, activate=False),
        ]
        self.layers = nn.Sequential(*layers)
        self.adds_input = stride == 1 and n_in == n_out

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.adds_input else self.layers(x)


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0: images (n, 3, height, width) to logits of ImageNet's classes.

    Its parameters come in the order of the published weights, under names of their own.

    References
    ----------
    M. Tan, Q. V. Le (2019). EfficientNet: rethinking model scaling for convolutional neural
    networks. ICML.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = NormedConv2d(3, N_STEM_CHANNELS, 3, 2)
        blocks = []
        n_in = N_STEM_CHANNELS
        for kernel, stride, expansion, n_out, n_blocks in STAGES:
            for number in range(n_blocks):
                step = stride if number == 0 else 1
                blocks.append(InvertedResidual(n_in, n_out, kernel, step, expansion))
                n_in = n_out
        self.blocks = nn.Sequential(*blocks)
        self.last = NormedConv2d(n_in, N_FEATURES, 1)
        self.classifier: nn.Module = nn.Linear(N_FEATURES, N_CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.last(self.blocks(self.stem(x)))
        return self.classifier(x.mean(dim=(2, 3)))

    def load_published(self, weights: State) -> None:
        """Load weights that come in this net's order under other names.

        Raises
        ------
        ValueError
            If a weight is missing, left over, or of another shape.
        """
        own = self.state_dict()
        if [value.shape for value in own.values()] != [value.shape for value in weights.values()]:
            raise ValueError("The weights aren't those of an EfficientNet-Lite0.")
        self.load_state_dict(dict(zip(own, weights.values(), strict=True)))

    def fuse(self) -> None:
        """Join each convolution with its batch norm, which saves time in evaluation."""
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, NormedConv2d) and isinstance(module.norm, nn.BatchNorm2d):
                    module.conv = fuse_conv_bn_eval(module.conv, module.norm)
                    module.norm = nn.Identity()

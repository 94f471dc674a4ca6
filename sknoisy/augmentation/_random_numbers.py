"""Random numbers drawn on the generator's device, and the check of a share of rows."""

import torch
from torch import Generator, Tensor


def uniform(shape: tuple[int, ...], generator: Generator) -> Tensor:
    return torch.rand(shape, generator=generator, device=generator.device)


def integers(n_values: int, shape: tuple[int, ...], generator: Generator) -> Tensor:
    return torch.randint(n_values, shape, generator=generator, device=generator.device)


def check_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be in [0, 1], got {value!r}.")

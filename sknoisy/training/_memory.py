"""Memory that doesn't suffice: which errors tell of it, and what to do then."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..exceptions import DeviceMemoryError

# Of errors that torch raises as no class of their own: on a CPU, on Apple's GPUs, in libraries.
WORDS = ("can't allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error tells that memory doesn't suffice."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in WORDS)


@contextmanager
def memory_advice(device: object, purpose: str, remedy: str) -> Iterator[None]:
    """Run a block; where memory doesn't suffice for it, the error says what to do."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, DeviceMemoryError) or not is_out_of_memory(error):
            raise
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise DeviceMemoryError(
            f"The memory of the device '{device}' doesn't suffice {purpose}: {said} {remedy}"
        ) from error

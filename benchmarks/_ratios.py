"""A ratio of two trainings, how much is trained for it, and the clock."""

import time
from dataclasses import dataclass

import numpy as np
from _turns import between_epochs
from skorch.callbacks import Callback


@dataclass(frozen=True)
class Sizes:
    """How much is trained; `--quick` takes the smallest that run through."""

    n_rows: int = 20_000
    n_small_rows: int = 1_000
    n_features: int = 54
    n_units: int = 256
    batch_size: int = 256
    max_epochs: int = 30
    n_image_batches: int = 12
    image_epochs: int = 3
    images_per_batch: int = 64
    images_in_memory: int = 512
    image_size: int = 32
    image_width: int = 16
    grid_rows: int = 5_000
    predicted_rows: int = 200_000
    mixture_rows: int = 1_000_000
    threads_rows: int = 4_000
    threads_features: int = 30
    cuda_images: int = 50_000
    cuda_depth: int = 34
    n_unmeasured: int = 1
    n_repeats: int = 5


QUICK = Sizes(
    n_rows=600,
    n_small_rows=200,
    n_features=8,
    n_units=16,
    batch_size=64,
    max_epochs=3,
    n_image_batches=2,
    images_per_batch=8,
    images_in_memory=16,
    image_size=8,
    image_width=4,
    grid_rows=300,
    predicted_rows=2_000,
    mixture_rows=10_000,
    threads_rows=300,
    threads_features=8,
    cuda_images=512,
    cuda_depth=10,
    n_unmeasured=0,
    n_repeats=1,
)


@dataclass(frozen=True)
class Ratio:
    """Two functions that return seconds or bytes; `limit` None: for information.

    Without a reference the figure is the measured one itself. Both run by turns, epoch by epoch,
    unless the clock is the wall's.
    """

    text: str
    measured: object
    reference: object
    limit: float | None
    unit: str = "s"
    wall_clock: bool = False


# -- the clock --------------------------------------------------------------------------------


def timed(function, *arguments, **settings):
    """Return the seconds that this thread works on a call."""
    start = time.thread_time()
    function(*arguments, **settings)
    return time.thread_time() - start


class EpochClock(Callback):
    """Records the seconds of each epoch, and lets another training have its turn.

    Parameters
    ----------
    clock : callable, default=time.thread_time
    """

    def __init__(self, clock=time.thread_time):
        self.clock = clock

    def on_epoch_begin(self, net, **kwargs):
        self.start_ = self.clock()

    def on_epoch_end(self, net, **kwargs):
        net.history.record("clock", self.clock() - self.start_)
        between_epochs()


def epoch_seconds(history, epochs=slice(None)):
    return float(np.median([epoch["clock"] for epoch in history[epochs]]))

"""A moving average of a net's weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._typing import State

if TYPE_CHECKING:
    from ._run import TrainingRun


class AveragedWeights:
    """A teacher: the moving average of the weights and buffers of a net in training.

    Parameters
    ----------
    run : TrainingRun
    decay : float in [0, 1)
        Share of the old average at an update.

    Attributes
    ----------
    state : dict of Tensor, or None before the first update
        On the CPU; what `TrainingRun.predict` and `Trainer.new_run` take as `state`.
    """

    def __init__(self, run: TrainingRun, decay: float) -> None:
        self._run = run
        self._share = 1 - decay
        self.state: State | None = None

    def update(self, state: State | None = None) -> None:
        """Take in the weights as they are now, or a copy of them that is at hand."""
        state = self._run.state() if state is None else state
        self.state = blend(self.state, state, self._share)


def blend(averaged: State | None, state: State, share: float) -> State:
    """Return the moving average of weights and buffers; whole numbers come from the latest."""
    if averaged is None:
        return state
    return {
        name: averaged[name].lerp(value, share) if value.is_floating_point() else value
        for name, value in state.items()
    }

"""What a fit must be like that several processes do together."""

from typing import Any

from ._evidence import hashed
from .methods import Method, check_distributed_method
from .training import TrainingData, current_ranks


def check_distributed_fit(
    estimator: Any, method: Method, data: TrainingData, settings: dict[str, Any]
) -> None:
    """Raise an error if the processes of a fit can't do it together, or were given other things.

    Parameters
    ----------
    estimator : estimator of this package
    method : Method
    data : TrainingData
    settings : dict
        Parameters of the training.
    """
    ranks = current_ranks()
    if ranks.n_ranks == 1:
        return
    check_distributed_method(method)
    if estimator.memory is not None:
        raise ValueError(
            "The 'memory' parameter must be None in sknoisy.distributed(): what one process finds "
            f"in a cache, another may not. Got memory={estimator.memory!r}."
        )
    # Not the values of X: that would read all of what may be larger than the memory.
    ranks.check_equal(
        **{
            "the shape of X": _shape(data.X),
            "y": hashed(data.y),
            "trusted": hashed(data.trusted),
            "sample_weight": hashed(data.sample_weight),
            "groups": hashed(data.groups),
            "method": repr(method),
            **{name: str(value) for name, value in settings.items() if name != "device"},
            "the class": type(estimator).__name__,
        }
    )


def _shape(X: Any) -> Any:
    return tuple(X.shape) if hasattr(X, "shape") else len(X)

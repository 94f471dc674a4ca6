"""What stands for some attributes in a pickle: JSON and arrays in place of live objects."""

import json
from typing import Any

from numpy.typing import NDArray

from ._kinds import every_kind
from ._writer import Reader, Writer

# A net of skorch's brings a pickle within the pickle along, which nobody can look into, and skops
# doesn't know pandas.
STORED = ("net_", "_peer_nets", "_index", "group_noise_rates_")


class StoredAttribute:
    """An attribute of an estimator as JSON and arrays.

    Parameters
    ----------
    description : str
        JSON.
    arrays : dict of str to ndarray
    named : dict of str to class, function or module
        What the nets need of the user's.
    """

    def __init__(
        self, description: str, arrays: dict[str, NDArray[Any]], named: dict[str, Any]
    ) -> None:
        self.description = description
        self.arrays = arrays
        self.named = named

    @classmethod
    def of(cls, value: Any) -> "StoredAttribute | None":
        """Return what stands for a value; None if something in it has no place in a file."""
        writer = Writer(every_kind())
        try:
            description = writer.value(value)
        except TypeError:
            return None
        if writer.parts:
            return None
        return cls(json.dumps(description), writer.arrays, writer.named)

    def value(self) -> Any:
        """Return the value."""
        reader = Reader(every_kind(), self.arrays, {}, self.named)
        return reader.value(json.loads(self.description))


def stored(state: dict[str, Any]) -> dict[str, Any]:
    """Return an estimator's state with some attributes stored, where they can be.

    Parameters
    ----------
    state : dict

    Returns
    -------
    dict
    """
    kept = {name: StoredAttribute.of(state[name]) for name in STORED if name in state}
    return state | {name: each for name, each in kept.items() if each is not None}


def restored(state: dict[str, Any]) -> dict[str, Any]:
    """Return the state that `stored` was given.

    Parameters
    ----------
    state : dict

    Returns
    -------
    dict
    """
    return {
        name: each.value() if isinstance(each, StoredAttribute) else each
        for name, each in state.items()
    }

"""Wrong labels made on purpose, for benchmarks and tests.

Every function takes clean labels and returns ``(y_noisy, flipped)``: the labels with some of them
exchanged for another class, and the mask of the rows where that happened. ``y_noisy`` is of the
same kind as ``y`` (an array of the same dtype; a pandas Series with the same index, name and
dtype), ``flipped`` is always a NumPy array of bool. Only classes that occur in ``y`` are known and
they are used in sorted order, as ``numpy.unique`` gives them. The number of flipped rows is random:
each row is drawn on its own.
"""

from ._class_dependent import flip_classes, flip_pair, flip_symmetric
from ._instance_dependent import flip_instance_dependent

__all__ = ["flip_classes", "flip_instance_dependent", "flip_pair", "flip_symmetric"]

"""Types that many signatures share."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from skorch import NeuralNet
from torch import Tensor, nn
from torch.utils.data import Dataset

# What users pass.
Features: TypeAlias = ArrayLike | pd.DataFrame | Tensor | Dataset | Mapping[str, Any]
Labels: TypeAlias = ArrayLike | pd.Series | Tensor
RowValues: TypeAlias = ArrayLike | pd.Series | Tensor
NetParameter: TypeAlias = NeuralNet | nn.Module | type[nn.Module] | None
# A number of folds, a splitter, or pairs of row numbers.
CrossValidation: TypeAlias = int | Any | Iterable[tuple[ArrayLike, ArrayLike]] | None
RandomStateParameter: TypeAlias = int | np.random.RandomState | None

# What trainings leave.
History: TypeAlias = list[dict[str, Any]]
State: TypeAlias = dict[str, Tensor]

# What computations are made on.
BoolArray: TypeAlias = NDArray[np.bool_]
FloatArray: TypeAlias = NDArray[np.floating]
IntArray: TypeAlias = NDArray[np.integer]
LabelArray: TypeAlias = NDArray[Any]

"""CIFAR-10N: what people answered who were asked to label CIFAR-10."""

from os import PathLike
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ._home import RemoteFile, check_own_content, find_data_home, obtain
from ._pickled_arrays import read_zipped_arrays

OFFICIAL_FILE = RemoteFile(
    path="noisy_labels/CIFAR-10_human.pt",
    url=(
        "https://github.com/UCSC-REAL/cifar-10-100n/raw/"
        "49df7d8a69e355470c77c1c2f2424916325a394b/data/CIFAR-10_human.pt"
    ),
    sha256="873e69c39cb9b5e97fb6bae2d60bb59b38a5cbc31d2b868f7903dcb2b9dd2310",
)

KEYS = {
    "aggregate": "aggre_label",
    "random1": "random_label1",
    "random2": "random_label2",
    "random3": "random_label3",
    "worse": "worse_label",
    "clean": "clean_label",
}

# Of the labels alone, one byte each.
CONTENT_SHA256 = {
    "aggregate": "2bd5e02e39c9c79772cf4c794f7b74630ac1aaeeac4b807a63c11e9a375f8404",
    "random1": "8d01b5a5af048e84bf6e964c86e1133e95d5b22c07763e23705b714ad0f32d8b",
    "random2": "7ea04c887750912f49669282a75e78df380077766b361fb6cb5200999ad6dcda",
    "random3": "cdbfad7e15bfc8fc83bc7c6e30b692e2aa1186660d82738b7543a6012d6ca46f",
    "worse": "11a306ed336e3bc81aaac36322ddf12de379d0df1883aa43e10ba562a98f6b2a",
    "clean": "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
}


def fetch_cifar10n(
    *,
    label: Literal["worse", "random1", "random2", "random3", "aggregate", "clean"] = "worse",
    data_home: str | PathLike[str] | None = None,
) -> NDArray[np.int64]:
    """Load human labels of the 50,000 training images of CIFAR-10.

    Three people labelled every image, so the mistakes are real: they depend on the picture, and
    mix up cat and dog far more often than cat and ship.

    The labels are under a non-commercial licence (CC BY-NC 4.0): research is free, other uses need
    the authors' consent.

    Parameters
    ----------
    label : {"worse", "random1", "random2", "random3", "aggregate", "clean"}, default="worse"
        "random1" to "random3": the answer of the first, second or third person (17.2 %, 18.1 % and
        17.6 % wrong); "aggregate": their majority (9.0 % wrong); "worse": a wrong answer where any
        of the three is wrong (40.2 % wrong); "clean": the official label of CIFAR-10.
    data_home : path-like or None, default=None
        Folder that has, or will get, ``noisy_labels/CIFAR-10_human.pt`` (the authors' file), or has
        ``noisy_labels/cifar10n.npz`` (arrays under the authors' keys: ``worse_label``,
        ``aggre_label``, ``random_label1``, ..., ``clean_label``). None: the environment variable
        ``SKNOISY_DATA``, else scikit-learn's data home.

    Returns
    -------
    ndarray of int64, shape (50000,)
        A class in 0 to 9 for each row of ``fetch_cifar10().data``.

    Raises
    ------
    ValueError
        If `label` is not one of the six names.
    OSError
        If the file is neither in the data home nor to be had from the network, or if it is not
        the published one.

    References
    ----------
    J. Wei, Z. Zhu, H. Cheng, T. Liu, G. Niu, Y. Liu (2022). Learning with noisy labels revisited:
    a study using real-world human annotations. ICLR.

    Examples
    --------
    >>> from sknoisy.datasets import fetch_cifar10n
    >>> y_noisy, y_true = fetch_cifar10n(), fetch_cifar10n(label="clean")  # doctest: +SKIP
    >>> round((y_noisy != y_true).mean(), 3)  # doctest: +SKIP
    0.402
    """
    if label not in KEYS:
        raise ValueError(f"label must be one of {', '.join(KEYS)}, got {label!r}.")
    labels = read_own_copy(label, data_home)
    if labels is None:
        labels = read_zipped_arrays(obtain(OFFICIAL_FILE, data_home))[KEYS[label]]
    return labels.astype(np.int64)


def read_own_copy(label: str, data_home: str | PathLike[str] | None) -> NDArray[Any] | None:
    """Read labels from the npz file of the data home; None where it has none of this name."""
    path = find_data_home(data_home) / "noisy_labels" / "cifar10n.npz"
    if not path.is_file():
        return None
    with np.load(path) as arrays:
        if KEYS[label] not in arrays:
            return None
        labels = arrays[KEYS[label]]
    check_own_content(path, labels.astype(np.uint8).tobytes(), CONTENT_SHA256[label])
    return labels

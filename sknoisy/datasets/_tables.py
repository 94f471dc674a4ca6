"""Tables of PMLB, the Penn Machine Learning Benchmarks."""

from os import PathLike

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import Bunch

from ._home import RemoteFile, obtain

# One commit of the collection, so that later changes there cannot change a benchmark.
SOURCE = "https://github.com/EpistasisLab/pmlb/raw/7c1f4bdc00136dc2e55c87fa6b8ba6e8af6d1a68"

HASHES = {
    "adult": "fb8bc76eafa39558b6044907f23416faf99099cefb8afd06a2cf5afbdae1b506",
    "krkopt": "0d05767a4c118752a25c4632aeea3b71ffa1bfe122b6a2401f85d20541be19a4",
    "letter": "f8ffe4f9920dc63fb85b864cc1afffb66e45c6e302d175905fd7db04ba67b8c6",
    "nursery": "5e56c09fc2c6a983c031879fe7de5fc945c44db2ca65f10fc5f5b6fc770489ff",
    "optdigits": "b70b7ac68a54d1ccd41bd24f11324c3af96b67541791fb9d8684cbdf151533c3",
    "page_blocks": "ebd2c0505b95df7c3fbcd132fe97d35cf85dc6be9b939f26cb0962f8134a5198",
    "phoneme": "2e1c31a2c560f3539be5bda1084939765c80ddd814bd6919fd8a3465f9b8aee6",
    "shuttle": "fb73571feabc1f0c10dc749acb28bf2d0efceeedca2115eafd79ad5b82cdcba0",
    "spambase": "735e8d43f7ee78ac54ca17404510e95f4c8b364a721e4d9532a1b3221ed70961",
    "splice": "30f7c126059de9f5962c41bbfbdee2926ea9432e4d620930ce6db79a43885510",
    "texture": "94abf897fcd6d93b0f78ea309b10ef5b83a8b95e46aa29974a43dbefb3741c0c",
    "twonorm": "00e254e3cc6879b3c08cfc5a96ad882a6b1b0a232afcff4934bc1555e05f7168",
    "vehicle": "dad03273414ae7127e30b6e4e66df90319a148b37ead5dd376dd140be5baedc4",
    "waveform_40": "b095f9d384fbac256b5870d3ca01d687e776a81457351a8a6fa56e7f1d09c4b0",
    "yeast": "705c335a0d7edb3edf247ea313f2ae334086ce3e6bf4e1b64a8b306befd1c816",
}

TABLE_NAMES = tuple(HASHES)
"""Names that `fetch_table` knows."""


def fetch_table(
    name: str, *, data_home: str | PathLike[str] | None = None, return_X_y: bool = False
) -> Bunch | tuple[pd.DataFrame, NDArray[np.integer]]:
    """Load one of 15 classification tables of PMLB.

    All features are numbers without missing values; categories are coded as integers. The tables
    are small enough (846 to 58,000 rows) to flip labels, train and compare within minutes.

    Parameters
    ----------
    name : str
        One of `TABLE_NAMES`.
    data_home : path-like or None, default=None
        Folder that has, or will get, ``tabular/NAME.tsv.gz``. None: the environment variable
        ``SKNOISY_DATA``, else scikit-learn's data home.
    return_X_y : bool, default=False
        True: return ``(data, target)`` in place of a Bunch.

    Returns
    -------
    sklearn.utils.Bunch
        With ``data`` (DataFrame of shape (n_samples, n_features)), ``target`` (int array of shape
        (n_samples,); the classes need not be 0, 1, 2, ...), ``feature_names`` (list of str) and
        ``name``. Or the first two alone, see `return_X_y`.

    Raises
    ------
    ValueError
        If the table is not one of `TABLE_NAMES`.
    OSError
        If the file is neither in the data home nor to be had from the network, or if it is not
        the published one.

    References
    ----------
    R. S. Olson, W. La Cava, P. Orzechowski, R. J. Urbanowicz, J. H. Moore (2017). PMLB: a large
    benchmark suite for machine learning evaluation and comparison. BioData Mining 10:36.

    Examples
    --------
    >>> from sknoisy.datasets import TABLE_NAMES, fetch_table
    >>> "letter" in TABLE_NAMES
    True
    >>> X, y = fetch_table("letter", return_X_y=True)  # doctest: +SKIP
    >>> X.shape  # doctest: +SKIP
    (20000, 16)
    """
    if name not in HASHES:
        raise ValueError(f"name must be one of {', '.join(TABLE_NAMES)}, got {name!r}.")
    table = read_table(obtain(table_file(name), data_home))
    data, target = table.drop(columns="target"), table["target"].to_numpy()
    if return_X_y:
        return data, target
    return Bunch(data=data, target=target, feature_names=list(data.columns), name=name)


def table_file(name: str) -> RemoteFile:
    """Return the RemoteFile of a table."""
    return RemoteFile(
        path=f"tabular/{name}.tsv.gz",
        url=f"{SOURCE}/datasets/{name}/{name}.tsv.gz",
        sha256=HASHES[name],
    )


def read_table(path: str | PathLike[str]) -> pd.DataFrame:
    """Read a table of PMLB: tab-separated, packed with gzip, the label in ``target``."""
    table = pd.read_csv(path, sep="\t", compression="gzip")
    if "target" not in table:
        raise ValueError(f"{path} must have a column 'target', got {list(table.columns)}.")
    return table

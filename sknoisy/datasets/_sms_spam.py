"""The SMS Spam Collection: short messages, spam or not."""

import csv
import io
import zipfile
from os import PathLike
from pathlib import Path

import pandas as pd
from sklearn.utils import Bunch

from ._home import RemoteFile, check_own_content, find_data_home, obtain

ARCHIVE = RemoteFile(
    path="text/sms_spam_collection.zip",
    url="https://archive.ics.uci.edu/static/public/228/sms+spam+collection.zip",
    sha256="1587ea43e58e82b14ff1f5425c88e17f8496bfcdb67a583dbff9eefaf9963ce3",
)
FILE_IN_ARCHIVE = "SMSSpamCollection"
COLUMNS = ["label", "text"]
# Of the file in the archive.
CONTENT_SHA256 = "7d039a24a6083ed9ef0f806ebad56bbb976e3aeb8de05669173bfdc4996c239d"


def fetch_sms_spam(
    *, data_home: str | PathLike[str] | None = None, return_X_y: bool = False
) -> Bunch | tuple[pd.Series, pd.Series]:
    """Load the SMS Spam Collection: 5,574 messages, 747 of which are spam.

    Some messages are there twice or more, or nearly so. A few labels are doubtful.

    The collection is under CC BY 4.0.

    Parameters
    ----------
    data_home : path-like or None, default=None
        Folder that has ``text/sms_spam.tsv.gz`` (columns ``label`` and ``text``), or that has, or
        will get, ``text/sms_spam_collection.zip``, the archive of the UCI Machine Learning
        Repository. None: the environment variable ``SKNOISY_DATA``, else scikit-learn's data home.
    return_X_y : bool, default=False
        True: return ``(data, target)`` in place of a Bunch.

    Returns
    -------
    sklearn.utils.Bunch
        With ``data`` (Series of 5,574 str), ``target`` (Series of "ham" and "spam") and
        ``target_names``. Or the first two alone, see `return_X_y`.

    Raises
    ------
    OSError
        If the set is neither in the data home nor to be had from the network, or if it is not the
        published one.
    ValueError
        If a file in the data home is damaged.

    References
    ----------
    T. A. Almeida, J. M. Gómez Hidalgo, A. Yamakami (2011). Contributions to the study of SMS spam
    filtering: new collection and results. ACM Symposium on Document Engineering.

    Examples
    --------
    >>> from sknoisy.datasets import fetch_sms_spam
    >>> X, y = fetch_sms_spam(return_X_y=True)  # doctest: +SKIP
    >>> X[1], y[1]  # doctest: +SKIP
    ('Ok lar... Joking wif u oni...', 'ham')
    """
    own_copy = find_data_home(data_home) / "text" / "sms_spam.tsv.gz"
    if own_copy.is_file():
        table = read_own_copy(own_copy)
    else:
        table = read_archive(obtain(ARCHIVE, data_home))
    data, target = table["text"], table["label"]
    if return_X_y:
        return data, target
    return Bunch(data=data, target=target, target_names=["ham", "spam"])


def read_own_copy(path: Path) -> pd.DataFrame:
    """Read a table with a header, in which texts with quotation marks are quoted."""
    # Without the default, the message "null" would be a missing value.
    table = pd.read_csv(path, sep="\t", keep_default_na=False)
    if not set(COLUMNS) <= set(table.columns):
        raise ValueError(f"{path} must have the columns {COLUMNS}, got {list(table.columns)}.")
    lines = (
        f"{label}\t{text}\n" for label, text in zip(table["label"], table["text"], strict=True)
    )
    check_own_content(path, "".join(lines).encode(), CONTENT_SHA256)
    return table


def read_archive(path: Path) -> pd.DataFrame:
    """Read the authors' file from the archive: no header, and quotation marks as they are."""
    try:
        with zipfile.ZipFile(path) as archive:
            content = archive.read(FILE_IN_ARCHIVE)
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(f"{path} must be an archive with {FILE_IN_ARCHIVE}: {error}") from error
    return pd.read_csv(
        io.BytesIO(content),
        sep="\t",
        names=COLUMNS,
        quoting=csv.QUOTE_NONE,
        keep_default_na=False,
        encoding="utf-8",
    )

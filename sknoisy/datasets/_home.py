"""Where data sets lie on disk, and how a missing file gets there."""

import gzip
import hashlib
import logging
import os
import shutil
import time
import uuid
import zlib
from dataclasses import dataclass
from http.client import HTTPException
from os import PathLike
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from sklearn.datasets import get_data_home

from .._private_folders import make_private_folder

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class RemoteFile:
    """One file of a data set: its place in the data home and where the public finds it.

    Parameters
    ----------
    path : str
        Place of the file below the data home, with forward slashes.
    url : str
        Address of the file at its public source.
    sha256 : str
        SHA-256 of the file, in hexadecimal digits.
    hash_unpacked : bool, default=False
        True: `sha256` is that of the content of a gzip file. The same content packed by another
        program has other bytes, so this is the safer choice for data that has many mirrors.
    """

    path: str
    url: str
    sha256: str
    hash_unpacked: bool = False


def find_data_home(data_home: str | PathLike[str] | None = None) -> Path:
    """Return the folder that holds the data sets.

    Parameters
    ----------
    data_home : path-like or None, default=None
        The folder. None: the environment variable ``SKNOISY_DATA``, else scikit-learn's data home.

    Returns
    -------
    pathlib.Path
        The folder; it need not exist yet.
    """
    chosen = data_home or os.environ.get("SKNOISY_DATA") or get_data_home()
    return Path(chosen).expanduser()


def obtain(
    remote: RemoteFile,
    data_home: str | PathLike[str] | None = None,
    *,
    n_attempts: int = 3,
    delay: float = 1.0,
) -> Path:
    """Return the path of a file of the data home, and download the file if it is missing.

    A file that is there already is checked as a downloaded one is, unless a file beside it, named
    as it is with ``.sha256`` behind, holds its SHA-256: whoever wrote that answers for it.

    Parameters
    ----------
    remote : RemoteFile
        The file wanted.
    data_home : path-like or None, default=None
        See `find_data_home`.
    n_attempts : int, default=3
        How often to try when the source is busy or the connection breaks.
    delay : float, default=1.0
        Seconds to wait before the second attempt; doubled before every further one.

    Returns
    -------
    pathlib.Path
        Where the file lies.

    Raises
    ------
    OSError
        If the file is missing and cannot be downloaded, stored, or is not the expected one.
    """
    path = find_data_home(data_home) / remote.path
    if path.is_file():
        check_own_file(path, remote)
    else:
        try:
            download(remote, path, n_attempts=n_attempts, delay=delay)
        except (OSError, HTTPException, EOFError, zlib.error) as error:
            raise OSError(
                f"{path} does not exist, and it could not be downloaded from {remote.url}: "
                f"{error}. Without a network, get that file elsewhere and save it as {path}, or "
                "set data_home or the environment variable SKNOISY_DATA to a folder that has "
                f"{remote.path}."
            ) from error
    return path


def download(remote: RemoteFile, target: Path, *, n_attempts: int, delay: float) -> None:
    """Download a file, check its hash, and only then give it its final name."""
    logger.info("Downloading %s to %s", remote.url, target)
    make_private_folder(target.parent)
    partial = target.with_name(f"{target.name}.{uuid.uuid4().hex}.part")
    try:
        copy_with_retries(remote.url, partial, n_attempts=n_attempts, delay=delay)
        check_hash(partial, remote)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def copy_with_retries(url: str, target: Path, *, n_attempts: int, delay: float) -> None:
    """Copy what lies at an address to a file; try again after a fault that may pass."""
    for attempt in range(n_attempts):
        try:
            return copy_once(url, target)
        except (OSError, HTTPException) as error:
            if attempt == n_attempts - 1 or not may_pass(error):
                raise
        time.sleep(delay * 2**attempt)


def copy_once(url: str, target: Path) -> None:
    """Copy what lies at an address to a file."""
    # The addresses are those of this package, and what they give is checked.
    response = urlopen(url, timeout=TIMEOUT_SECONDS)  # nosec B310
    with response, open(target, "wb") as file:
        shutil.copyfileobj(response, file)
        n_announced = response.headers.get("Content-Length")
    n_copied = target.stat().st_size
    # A connection that ends early raises nothing by itself when it is read piece by piece.
    if n_announced is not None and n_copied != int(n_announced):
        raise ConnectionError(f"the connection ended after {n_copied} of {n_announced} bytes")


def may_pass(error: Exception) -> bool:
    """Tell whether another attempt can help: not where there is no network or no such file."""
    if isinstance(error, HTTPError):
        return error.code == 429 or error.code >= 500
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, ConnectionRefusedError):
        return False
    return isinstance(reason, (ConnectionError, TimeoutError, HTTPException))


def check_hash(path: Path, remote: RemoteFile) -> None:
    """Raise OSError unless a file has the SHA-256 that is expected of it."""
    opener = gzip.open if remote.hash_unpacked else open
    with opener(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != remote.sha256:
        raise OSError(f"its SHA-256 is {found}, but {remote.sha256} was expected")


def check_own_file(path: Path, remote: RemoteFile) -> None:
    """Raise OSError unless a file of the data home is the published one, or vouched for."""
    if is_vouched_for(path):
        return
    try:
        check_hash(path, remote)
    except (OSError, EOFError, zlib.error) as error:
        raise unpublished(path, str(error)) from error


def check_own_content(path: Path, content: bytes, sha256: str) -> None:
    """Raise OSError unless what a file holds is what was published, or the file is vouched for.

    For files that have the published values in a form of their own.
    """
    found = hashlib.sha256(content).hexdigest()
    if found != sha256 and not is_vouched_for(path):
        raise unpublished(path, f"the SHA-256 of its content is {found}, not {sha256}")


def check_own_size(path: Path, n_bytes: int) -> None:
    """Raise OSError unless a file has the published length, or is vouched for."""
    found = path.stat().st_size
    if found != n_bytes and not is_vouched_for(path):
        raise unpublished(path, f"it has {found} bytes, not {n_bytes}")


def unpublished(path: Path, reason: str) -> OSError:
    """Return the error for a file of the data home that isn't the published one."""
    return OSError(
        f"{path} is not the published file: {reason}. Delete it, and it is downloaded where that "
        "is possible. To take it as it is, write its SHA-256, as sha256sum prints it, to "
        f"{voucher(path)}."
    )


def is_vouched_for(path: Path) -> bool:
    """Tell whether a file has its SHA-256 beside it; another one there raises OSError."""
    if not voucher(path).is_file():
        return False
    words = voucher(path).read_text(encoding="utf-8").split()
    expected = words[0].lower() if words else ""
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise OSError(f"{path} has the SHA-256 {found}, but {voucher(path)} says {expected!r}.")
    return True


def voucher(path: Path) -> Path:
    """Return the place of the file that vouches for another."""
    return path.with_name(f"{path.name}.sha256")

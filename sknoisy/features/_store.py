"""Embeddings kept on disk, found again by the content of their image."""

import os
import uuid
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from joblib import Memory
from numpy.typing import NDArray

from .._private_folders import make_private_folder, open_private_memory
from .._typing import BoolArray
from ..exceptions import CacheWarning

FOLDER = "sknoisy_features"


class EmbeddingStore:
    """Embeddings of one backbone with one preprocessing.

    Each file holds those of some images, and is never changed once it has its name. So several
    processes may read and write at a time, and what was computed before an interrupt stays.

    Parameters
    ----------
    folder : pathlib.Path
        Need not exist yet.
    n_features : int
    """

    def __init__(self, folder: Path, n_features: int) -> None:
        self.folder = folder
        self.n_features = n_features

    def find(self, digests: Sequence[bytes]) -> tuple[NDArray[np.float32], BoolArray]:
        """Return the embeddings of some images, and which of them were found."""
        embeddings = np.empty((len(digests), self.n_features), dtype=np.float32)
        is_known = np.zeros(len(digests), dtype=bool)
        rows_of: dict[bytes, list[int]] = {}
        for row, digest in enumerate(digests):
            rows_of.setdefault(digest, []).append(row)
        for path in sorted(self.folder.glob("*.npz")):
            self._read(path, rows_of, embeddings, is_known)
        return embeddings, is_known

    def _read(
        self,
        path: Path,
        rows_of: dict[bytes, list[int]],
        embeddings: NDArray[np.float32],
        is_known: BoolArray,
    ) -> None:
        try:
            with np.load(path) as arrays:
                known = [entry.tobytes() for entry in arrays["digests"]]
                if rows_of.keys().isdisjoint(known):
                    return
                values = arrays["embeddings"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            warnings.warn(
                f"Embeddings kept in {path} can't be read, and are computed anew: {error}",
                CacheWarning,
                stacklevel=2,
            )
            return
        for digest, value in zip(known, values, strict=True):
            rows = rows_of.get(digest, [])
            embeddings[rows] = value
            is_known[rows] = True

    def add(self, digests: Sequence[bytes], embeddings: NDArray[np.float32]) -> None:
        """Keep embeddings; a folder that can't be written to is a warning."""
        partial = self.folder / f"{uuid.uuid4().hex}.part"
        try:
            make_private_folder(self.folder)
            with open(partial, "wb") as file:
                codes = np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(len(digests), -1)
                np.savez(file, digests=codes, embeddings=embeddings)
            os.replace(partial, partial.with_suffix(".npz"))
        except OSError as error:
            warnings.warn(
                f"Embeddings can't be kept in {self.folder}: {error}", CacheWarning, stacklevel=2
            )
        finally:
            partial.unlink(missing_ok=True)


def open_store(memory: str | Memory | None, key: str, n_features: int) -> EmbeddingStore | None:
    """Return the store in the folder of a joblib Memory, which its `clear` empties too; or None."""
    backend = open_private_memory(memory).store_backend
    if backend is None:
        return None
    return EmbeddingStore(Path(backend.location) / FOLDER / key, n_features)

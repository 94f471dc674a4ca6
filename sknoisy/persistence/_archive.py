"""Named parts in one file, or in one folder: written as a whole or not at all, read with care."""

import os
import secrets
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from ..exceptions import ModelFileError

# A part may grow by so much when it is unpacked, unless it stays small.
LARGEST_RATIO = 100
LARGEST_SMALL_PART = 16 * 2**20
# Compressed ones are read in pieces, so that none grows beyond what the file says of it.
PIECE = 2**20
# Of a zip file, which knows no earlier one; equal models give files with equal names and times.
NO_TIME = (1980, 1, 1, 0, 0, 0)
MOST_PARTS = 1000
# What Python's zipfile raises for archives that are none; it looks for their parts where they say.
UNREADABLE = (
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


def write_parts(path: Path, parts: Mapping[str, bytes], uncompressed: tuple[str, ...]) -> None:
    """Write a zip file of the parts, which takes its name when all of it is on the disk.

    Parameters
    ----------
    path : Path
    parts : dict of str to bytes
    uncompressed : tuple of str
        Parts that are stored as they are.
    """
    with replacing(path) as stream, zipfile.ZipFile(stream, "w") as archive:
        for name, content in parts.items():
            info = zipfile.ZipInfo(name, NO_TIME)
            is_stored = name in uncompressed
            info.compress_type = zipfile.ZIP_STORED if is_stored else zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file beside the one that it replaces at the end, if nothing goes wrong."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        with open(temporary, "xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Let the new name reach the disk too, where the system can do that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_parts(path: Path, required: tuple[str, ...], suffix: str) -> dict[str, bytes]:
    """Return the parts of a file, or of a folder that holds them one by one.

    Parameters
    ----------
    path : Path
    required : tuple of str
        Names of parts that must be there.
    suffix : str
        Of the names of other parts that may be there. A file has no others; a folder may.
    """
    if path.is_dir():
        names = sorted(each.name for each in path.iterdir() if each.name.endswith(suffix))
        _check_complete(path, {each.name for each in path.iterdir()}, required)
        return {name: (path / name).read_bytes() for name in (*required, *names)}
    with open(path, "rb") as stream:
        try:
            return _parts_of_archive(path, stream, required, suffix)
        except ModelFileError:
            raise
        except UNREADABLE as error:
            raise ModelFileError(
                f"{path} can't be read: it isn't a file of sknoisy.save, or it is damaged "
                f"({error})."
            ) from error


def _parts_of_archive(
    path: Path, stream: IO[bytes], required: tuple[str, ...], suffix: str
) -> dict[str, bytes]:
    with zipfile.ZipFile(stream) as archive:
        _check_names(path, archive.namelist(), required, suffix)
        return {info.filename: _unpacked(path, archive, info) for info in archive.infolist()}


def _check_names(path: Path, names: list[str], required: tuple[str, ...], suffix: str) -> None:
    if len(names) > MOST_PARTS or len(set(names)) < len(names):
        raise ModelFileError(f"{path} isn't a file of sknoisy.save: it has {len(names)} parts.")
    _check_complete(path, set(names), required)
    for name in names:
        is_plain = name.removesuffix(suffix).isidentifier() and name.endswith(suffix)
        if name not in required and not is_plain:
            raise ModelFileError(f"{path} isn't a file of sknoisy.save: it holds {name!r}.")


def _check_complete(path: Path, names: set[str], required: tuple[str, ...]) -> None:
    missing = [name for name in required if name not in names]
    if missing:
        raise ModelFileError(f"{path} isn't a model of sknoisy.save: it lacks {missing[0]}.")


def _unpacked(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    most = max(LARGEST_SMALL_PART, LARGEST_RATIO * info.compress_size)
    if info.file_size > most:
        raise ModelFileError(
            f"{path} is refused: its {info.filename} would grow from {info.compress_size} to "
            f"{info.file_size} bytes."
        )
    pieces, total = [], 0
    with archive.open(info) as stream:
        while piece := stream.read(PIECE):
            total += len(piece)
            if total > most:
                raise ModelFileError(f"{path} is refused: its {info.filename} grows too large.")
            pieces.append(piece)
    return b"".join(pieces)

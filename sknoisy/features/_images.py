"""Images from whatever holds them, read one by one when their turn comes."""

import hashlib
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset

from .._arrays import as_array
from .._features import _channels_first

if TYPE_CHECKING:
    from PIL.Image import Image

# Floats a little beyond [0, 1] come from interpolation; others were never brought to it.
SMALLEST_FLOAT, LARGEST_FLOAT = -0.5, 1.5
LARGEST_UINT16 = 65535
KINDS_OF_X = (
    "X must be images (n, height, width), (n, channels, height, width) or (n, height, width, "
    "channels), a torch Dataset of pairs (x, y), or a list of paths of files or of PIL images."
)


class ImageSource(Protocol):
    """Images by row number, as tensors (channels, height, width) of bytes or of floats in [0, 1].

    Attributes
    ----------
    reads_files : bool
        Whether reading waits for a disk, so that threads help.
    first_row : int
        Number of the first image among those that the user gave.
    """

    reads_files: bool
    first_row: int

    def __len__(self) -> int: ...

    def read(self, row: int, enough: int | None = None) -> Tensor:
        """Return one image; one much larger than `enough` pixels a side may come reduced."""

    def digest(self, row: int) -> bytes:
        """Return what tells the image's content from any other."""


class ArrayImages:
    """Images of one array, which may be mapped from a file."""

    reads_files = False
    first_row = 0

    def __init__(self, images: NDArray[Any]) -> None:
        self.images = _channels_first(images)
        if 0 in self.images.shape:
            raise ValueError(f"X must hold images of at least one pixel. Got shape {images.shape}.")

    def __len__(self) -> int:
        return len(self.images)

    def read(self, row: int, enough: int | None = None) -> Tensor:
        return check_pixels(tensor_of_array(self.images[row]), f"row {row}")

    def digest(self, row: int) -> bytes:
        return digest_of_array(self.images[row])


class FileImages:
    """Images of files."""

    reads_files = True
    first_row = 0

    def __init__(self, paths: Sequence[str | PathLike[str]]) -> None:
        self.paths = [Path(path) for path in paths]

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, row: int, enough: int | None = None) -> Tensor:
        return read_file(self.paths[row], f"row {row}", enough)

    def digest(self, row: int) -> bytes:
        try:
            with open(self.paths[row], "rb") as file:
                return hashlib.file_digest(file, new_digest).digest()
        except OSError as error:
            raise unreadable(self.paths[row], f"row {row}", error) from error


class ItemImages:
    """Images that are items of a list, or first in the pairs of a torch Dataset."""

    reads_files = False
    first_row = 0

    def __init__(self, items: Any, *, are_pairs: bool) -> None:
        self.items = items
        self.are_pairs = are_pairs

    def __len__(self) -> int:
        return len(self.items)

    def read(self, row: int, enough: int | None = None) -> Tensor:
        item = self.items[row]
        if self.are_pairs:
            if not isinstance(item, tuple | list) or len(item) != 2:
                raise TypeError(
                    "X is a Dataset whose items must be pairs (x, y). "
                    f"Item {row} is a {type(item).__name__}."
                )
            item = item[0]
        return tensor_of_item(item, f"row {row}")

    def digest(self, row: int) -> bytes:
        return digest_of_array(self.read(row).numpy())


class PartOfImages:
    """Successive ones of more images.

    Parameters
    ----------
    source : ImageSource
        Of all.
    rows : range
    """

    def __init__(self, source: ImageSource, rows: range) -> None:
        self.reads_files = source.reads_files
        self.first_row = rows.start
        self._source = source
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def read(self, row: int, enough: int | None = None) -> Tensor:
        return self._source.read(self._rows[row], enough)

    def digest(self, row: int) -> bytes:
        return self._source.digest(self._rows[row])


def image_source(X: Any) -> ImageSource:
    """Return how to read the images that a user gave.

    Raises
    ------
    TypeError, ValueError
        If X isn't of a kind known, or empty.
    """
    source = _image_source(X)
    if len(source) == 0:
        raise ValueError("X has 0 images, but at least 1 is required.")
    return source


def _image_source(X: Any) -> ImageSource:
    if isinstance(X, str | PathLike):
        raise TypeError(
            f"{KINDS_OF_X} Got the single path {str(X)!r}; sknoisy.datasets.load_image_folder "
            "lists the files of a folder with one subfolder per class."
        )
    if isinstance(X, IterableDataset):
        raise TypeError(
            "X must be a Dataset with a length, whose items are found by number. "
            f"Got the IterableDataset {type(X).__name__}."
        )
    if isinstance(X, Dataset):
        paths = paths_of_dataset(X)
        return ItemImages(X, are_pairs=True) if paths is None else FileImages(paths)
    X = as_array(X, "X")
    if isinstance(X, np.ndarray) and X.dtype.kind in "buif":
        return _array_images(X)
    items = X.to_numpy() if isinstance(X, pd.DataFrame | pd.Series) else X
    if isinstance(items, np.ndarray) and items.ndim == 2 and items.shape[1] == 1:
        items = items[:, 0]
    items = list(items)
    if all(isinstance(item, str | PathLike) for item in items):
        return FileImages(items)
    if all(is_picture(item) or isinstance(item, Tensor | np.ndarray) for item in items):
        return ItemImages(items, are_pairs=False)
    array = np.asarray(X)
    if array.dtype.kind not in "buif":
        kinds = sorted({type(item).__name__ for item in items})
        raise TypeError(f"{KINDS_OF_X} Got items of {', '.join(kinds)}.")
    return _array_images(array)


def _array_images(X: NDArray[Any]) -> ArrayImages:
    if X.ndim not in (3, 4):
        raise ValueError(f"{KINDS_OF_X} Got an array of shape {X.shape}.")
    return ArrayImages(X)


def paths_of_dataset(dataset: Any) -> list[str] | None:
    """Return the files of an ImageFolder that leaves its images as they are; else None."""
    changed = any(getattr(dataset, name, None) for name in ("transform", "transforms"))
    samples = getattr(dataset, "samples", None)
    # Whoever has a loader of their own may have files that Pillow doesn't know.
    loader = getattr(getattr(dataset, "loader", None), "__name__", None)
    if changed or not isinstance(samples, list) or loader != "default_loader":
        return None
    return [path for path, _ in samples]


# -- one image -----------------------------------------------------------------------------------


def is_picture(item: Any) -> bool:
    """Tell whether an item is an image of PIL."""
    from PIL.Image import Image

    return isinstance(item, Image)


def tensor_of_item(item: Any, place: str) -> Tensor:
    """Return an image of PIL, a tensor or an array as (channels, height, width)."""
    if is_picture(item):
        return tensor_of_picture(item)
    array = as_array(item, "X")
    if not isinstance(array, np.ndarray) or array.ndim not in (2, 3):
        shape = f" of shape {array.shape}" if isinstance(array, np.ndarray) else ""
        raise TypeError(
            "X must hold images of PIL, or tensors (channels, height, width). "
            f"Got a {type(item).__name__}{shape} in {place}."
        )
    return check_pixels(tensor_of_array(_channels_first(array[None])[0]), place)


def tensor_of_array(image: NDArray[Any]) -> Tensor:
    """Return an image (channels, height, width) as a tensor of bytes or of floats."""
    if image.dtype == bool or image.dtype.kind == "f":
        return torch.from_numpy(np.array(image, dtype=np.float32))
    if image.dtype == np.uint8:
        return torch.from_numpy(np.array(image))
    low, high = image.min(), image.max()
    if low < 0 or high > 255:
        raise ValueError(f"Images of integers must lie in 0 to 255. Got {low} to {high}.")
    return torch.from_numpy(image.astype(np.uint8))


def check_pixels(image: Tensor, place: str) -> Tensor:
    """Return an image; raise if it has floats that aren't in [0, 1]."""
    if image.is_floating_point():
        low, high = (value.item() for value in image.aminmax())
        # Written so that NaN fails too.
        if not (low >= SMALLEST_FLOAT and high <= LARGEST_FLOAT):
            raise ValueError(
                "Images of floats must lie in [0, 1], before any normalisation: the backbone's own "
                f"is applied to them. Got values from {low:.3g} to {high:.3g} in {place}."
            )
    return image


def read_file(path: Path, place: str, enough: int | None = None) -> Tensor:
    """Read an image file; an error names it."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            if enough is not None:
                picture.draft(None, (enough, enough))
            return tensor_of_picture(picture, enough)
    # Pillow's decoders fail on broken files in many ways.
    except Exception as error:
        raise unreadable(path, place, error) from error


def unreadable(path: Path, place: str, error: Exception) -> OSError:
    """Return an error that names the file that couldn't be read."""
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(f"The image {str(path)!r} ({place}) doesn't exist.")
    return OSError(f"The image {str(path)!r} ({place}) can't be read: {error}")


def tensor_of_picture(picture: "Image", enough: int | None = None) -> Tensor:
    """Return an image of PIL, upright, as a tensor with 1, 3 or 4 channels."""
    from PIL import ImageOps

    picture = to_plain_mode(picture)
    factor = 1 if enough is None else min(picture.size) // enough
    if factor > 1 and picture.mode in ("L", "RGB", "RGBA"):
        picture = picture.reduce(factor)
    image = np.array(ImageOps.exif_transpose(picture))
    if image.dtype != np.uint8:
        image = np.clip(image / LARGEST_UINT16, 0, 1).astype(np.float32)
    return torch.from_numpy(image if image.ndim == 3 else image[:, :, None]).permute(2, 0, 1)


def to_plain_mode(picture: "Image") -> "Image":
    """Bring an image of PIL to bytes with 1, 3 or 4 channels, or to 16 bits of grey."""
    if picture.mode in ("L", "RGB", "RGBA") and "transparency" not in picture.info:
        return picture
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        if picture.mode == "F":
            raise ValueError("it holds floats, whose range isn't known")
        return picture
    if picture.mode in ("LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        return picture.convert("RGBA")
    return picture.convert("L" if picture.mode == "1" else "RGB")


def picture_of_tensor(image: Tensor) -> "Image":
    """Return an image (channels, height, width) as an RGB image of PIL."""
    from PIL import Image

    pixels = (to_rgb(image[None])[0] * 255).round().to(torch.uint8)
    return Image.fromarray(pixels.permute(1, 2, 0).numpy())


def to_rgb(images: Tensor) -> Tensor:
    """Return images as floats in [0, 1] with three channels; what is transparent turns white."""
    if not images.is_floating_point():
        images = images.float() / 255
    images = images.clamp(0, 1)
    n_channels = images.shape[1]
    if n_channels == 1:
        return images.expand(-1, 3, -1, -1)
    if n_channels == 4:
        opacity = images[:, 3:]
        return images[:, :3] * opacity + (1 - opacity)
    return images


# -- content -------------------------------------------------------------------------------------


def new_digest() -> Any:
    return hashlib.blake2b(digest_size=16)


def digest_of_array(image: NDArray[Any]) -> bytes:
    """Return what tells an image's kind, shape and values from any other's."""
    digest = new_digest()
    digest.update(f"{image.dtype.str} {image.shape}".encode())
    digest.update(np.ascontiguousarray(image))
    return digest.digest()

"""Small pictures as addresses that hold them."""

import base64
import io
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..display._suspicious_images import channels_last, scale_for_display

# Pixels of a side.
MAX_SIDE = 112
# Images of a few pixels are kept to the bit.
LARGEST_EXACT_SIDE = 48
JPEG_QUALITY = 82
CHANNELS = (1, 3, 4)
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm")


def is_pictures(values: Any) -> bool:
    """Return whether an array holds images: (n, height, width), or with channels."""
    shape: tuple[int, ...] = getattr(values, "shape", ())
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "biuf":
        return False
    return len(shape) == 3 or (len(shape) == 4 and (shape[1] in CHANNELS or shape[3] in CHANNELS))


def thumbnails(images: NDArray[Any]) -> list[str | None]:
    """Return a small picture of each image.

    Parameters
    ----------
    images : ndarray of shape (n, height, width), (n, channels, height, width) or \
            (n, height, width, channels)
        Bytes are shown as they are, and so are other numbers within [0, 1]; else their range is
        stretched from black to white.
    """
    from PIL import Image

    if images.dtype.kind == "b":
        images = images.astype(np.uint8) * np.uint8(255)
    scaled = scale_for_display(channels_last(images))
    pixels = np.nan_to_num(scaled * 255).clip(0, 255).round().astype(np.uint8)
    return [_address(Image.fromarray(each)) for each in pixels]


def thumbnail_of_file(path: str | os.PathLike[str]) -> str | None:
    """Return a small picture of an image file; None if it can't be read."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            picture.draft(None, (2 * MAX_SIDE, 2 * MAX_SIDE))
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except (OSError, UnidentifiedImageError, ValueError, Image.DecompressionBombError):
        return None
    return _address(upright)


def _address(picture: Any) -> str:
    from PIL import Image

    is_exact = max(picture.size) <= LARGEST_EXACT_SIDE
    buffer = io.BytesIO()
    if is_exact:
        picture.save(buffer, "PNG", optimize=True)
        return _data_url("png", buffer)
    picture.thumbnail((MAX_SIDE, MAX_SIDE))
    if picture.mode == "RGBA":
        backed = Image.new("RGB", picture.size, "white")
        backed.paste(picture, mask=picture.getchannel("A"))
        picture = backed
    picture.convert("RGB").save(buffer, "JPEG", quality=JPEG_QUALITY)
    return _data_url("jpeg", buffer)


def _data_url(kind: str, buffer: io.BytesIO) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"

"""A grid of the images whose labels are least likely to be right."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._arrays import check_mask
from .._typing import FloatArray, IntArray, Labels
from ._shared import (
    DARK_BLUE,
    INK,
    ORANGE_RED,
    check_length,
    check_quality,
    import_pyplot,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colour and mark of an image by "is its label wrong?"; None: the truth is unknown.
VERDICT_STYLES = {None: (INK, ""), True: (ORANGE_RED, "✓ "), False: (DARK_BLUE, "✗ ")}
VERDICT_NAMES = {True: "wrong label, rightly suspected", False: "right label, wrongly suspected"}

# Inches. The height has room for a title of two lines and a line below the image.
IMAGE_WIDTH, IMAGE_HEIGHT = 1.55, 2.1
LEGEND_WIDTH, LEGEND_HEIGHT = 2.5, 0.4

# Pixels of a side of an image that was read from a file.
MAX_SIDE = 320

# Two names that together have more letters than this get a line each.
MAX_TITLE_LETTERS = 16


def plot_suspicious_images(
    images: NDArray[Any] | Sequence[str | PathLike[str]],
    given: Labels,
    suggested: Labels,
    label_quality: ArrayLike,
    *,
    n_images: int = 16,
    wrong: ArrayLike | None = None,
    names: Sequence[str] | Mapping[Any, str] | None = None,
    axes: ArrayLike | Axes | Sequence[Axes] | None = None,
) -> Figure:
    """Show the images whose labels are least likely to be right.

    Above each image stands its given and its suggested label, below it the label quality. The
    most suspicious image comes first.

    Parameters
    ----------
    images : array of shape (n, height, width), (n, channels, height, width) or \
            (n, height, width, channels), or list, array or Series of paths
        Grey (1 channel), RGB (3) or RGBA (4) images; a last axis of length 1, 3 or 4 is taken for
        the channels. Bytes are shown as they are, and so are other numbers within [0, 1]; else the
        range of the images shown is stretched from black to white. Only the images shown are read,
        so a memory-mapped array will do. Paths are those of image files.
    given, suggested : array-like of shape (n,)
        Given and suggested label of each image.
    label_quality : array-like of shape (n,)
        How likely each given label is right, in [0, 1].
    n_images : int, default=16
        How many to show, at most.
    wrong : array-like of bool of shape (n,) or None, default=None
        True where the given label is known to be wrong. Titles and frames of these are orange-red
        with a check mark (rightly suspected), those of right labels blue with a cross.
    names : sequence or dict, or None, default=None
        Names of the classes, found by label: ``names[label]``. None: the labels themselves.
    axes : array-like of matplotlib.axes.Axes or None, default=None
        Where to draw, at least as many as images shown; the rest is emptied. None: a new figure,
        with a legend if `wrong` is known.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    ValueError
        If lengths differ, `images` have no shape of these, or `axes` are too few.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy.display import plot_suspicious_images
    >>> digits = load_digits()
    >>> given, suggested = digits.target, digits.target[::-1]
    >>> quality = digits.data.mean(axis=1) / 16
    >>> plot_suspicious_images(digits.images, given, suggested, quality)  # doctest: +SKIP
    """
    quality = check_quality(label_quality)
    given = check_length(given, len(quality), name="given")
    suggested = check_length(suggested, len(quality), name="suggested")
    wrong = None if wrong is None else check_mask(wrong, "wrong", len(quality))
    if len(images) != len(quality):
        raise ValueError(f"images must have {len(quality)} entries, got {len(images)}.")
    if n_images < 1:
        raise ValueError(f"n_images must be at least 1, got {n_images}.")

    rows = np.argsort(quality, kind="stable")[:n_images]
    pictures = read_pictures(images, rows)
    axes = new_grid(len(rows), wrong is not None) if axes is None else np.ravel(np.asarray(axes))
    if len(axes) < len(rows):
        raise ValueError(f"axes must be at least {len(rows)}, got {len(axes)}.")
    for ax, row, picture in zip(axes, rows, pictures, strict=False):
        draw_picture(ax, picture)
        verdict = None if wrong is None else bool(wrong[row])
        title = write_title(name_of(given[row], names), name_of(suggested[row], names))
        caption_picture(ax, title, quality[row], verdict)
    for ax in axes[len(rows) :]:
        ax.set_axis_off()
    return axes[0].figure


def read_pictures(images: Any, rows: IntArray) -> Sequence[FloatArray]:
    """Return some of the images as matplotlib has them; files are read."""
    if not isinstance(images, np.ndarray):
        images = np.asarray(images)
    if images.ndim == 1 and images.dtype.kind in "OU":
        return [read_picture(path) for path in images[rows]]
    return list(scale_for_display(channels_last(np.asarray(images[rows]))))


def read_picture(path: str | PathLike[str]) -> FloatArray:
    """Read an image file, no larger than can be seen, as RGBA within [0, 1]."""
    from PIL import Image, ImageOps

    with Image.open(path) as picture:
        picture.draft(None, (MAX_SIDE, MAX_SIDE))
        upright = ImageOps.exif_transpose(picture).convert("RGBA")
    upright.thumbnail((MAX_SIDE, MAX_SIDE))
    return scale_for_display(np.asarray(upright))


def channels_last(images: NDArray[Any]) -> NDArray[Any]:
    """Bring images to (n, height, width) or (n, height, width, 3 or 4), as matplotlib has them."""
    if images.ndim == 4 and images.shape[3] not in (1, 3, 4):
        images = np.moveaxis(images, 1, 3)
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if images.ndim == 3 or (images.ndim == 4 and images.shape[3] in (3, 4)):
        return images
    raise ValueError(
        "images must have shape (n, height, width), (n, channels, height, width) or (n, height, "
        f"width, channels) with 1, 3 or 4 channels, got {images.shape}."
    )


def scale_for_display(images: NDArray[Any]) -> FloatArray:
    """Bring bytes to [0, 1], and stretch other numbers to it unless they are within already."""
    if images.dtype == np.uint8:
        return images / 255.0
    images = images.astype(float)
    low, high = np.nanmin(images), np.nanmax(images)
    if 0.0 <= low and high <= 1.0:
        return images
    return (images - low) / max(high - low, np.finfo(float).tiny)


def draw_picture(ax: Axes, picture: FloatArray) -> None:
    """Show one image without ticks."""
    ax.imshow(picture, cmap="gray", vmin=0.0, vmax=1.0, interpolation="nearest")
    ax.set(xticks=[], yticks=[])


def caption_picture(ax: Axes, title: str, quality: float, verdict: bool | None) -> None:
    """Write the labels above and the quality below an image; colour it by the truth, if known."""
    color, mark = VERDICT_STYLES[verdict]
    ax.set_title(mark + title, fontsize=9, color=color, pad=4)
    ax.set_xlabel(f"quality {quality:.2f}", fontsize=8, color=INK, labelpad=3)
    for spine in ax.spines.values():
        spine.set(color=color, linewidth=0.8 if verdict is None else 2.0)


def new_grid(n_images: int, with_legend: bool) -> NDArray[Any]:
    """Return the axes of a new figure, row by row; a legend explains colours and marks."""
    n_columns = math.ceil(math.sqrt(n_images))
    n_rows = math.ceil(n_images / n_columns)
    width, height = IMAGE_WIDTH * n_columns, IMAGE_HEIGHT * n_rows
    if with_legend:
        width, height = max(width, LEGEND_WIDTH), height + LEGEND_HEIGHT
    figure, axes = import_pyplot().subplots(
        n_rows, n_columns, figsize=(width, height), layout="constrained", squeeze=False
    )
    if with_legend:
        add_verdict_legend(figure, n_columns=2 if n_columns > 2 else 1)
    return axes.ravel()


def add_verdict_legend(figure: Figure, *, n_columns: int) -> None:
    """Explain colours and marks below all images."""
    from matplotlib.patches import Patch

    handles = []
    for verdict, name in VERDICT_NAMES.items():
        color, mark = VERDICT_STYLES[verdict]
        handles.append(Patch(facecolor="none", edgecolor=color, linewidth=2.0, label=mark + name))
    place: dict[str, Any] = {"loc": "outside lower center", "ncols": n_columns}
    figure.legend(handles=handles, frameon=False, fontsize=8, **place)


def write_title(given: str, suggested: str) -> str:
    """Write a change of label on one line, or on two where it is long."""
    gap = " " if len(given) + len(suggested) <= MAX_TITLE_LETTERS else "\n"
    return f"{given}{gap}→ {suggested}"


def name_of(label: Any, names: Sequence[str] | Mapping[Any, str] | None) -> str:
    """Return the name of a label."""
    return str(label if names is None else names[label])

"""A grid of the images whose labels are least likely to be right."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from os import PathLike
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from .._arrays import check_mask, plain
from .._typing import BoolArray, FloatArray, IntArray, Labels
from ._shared import check_length, check_quality
from ._style import (
    BLUE,
    LETTER_WIDTH,
    ORANGE_RED,
    fitted,
    new_axes,
    picture_size,
    plain_text,
    settings,
    size_in_points,
    text_width,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colour and mark of an image by "is its label wrong?"; None: the truth is unknown.
VERDICT_STYLES = {None: (None, ""), True: (ORANGE_RED, "✓ "), False: (BLUE, "✗ ")}
VERDICT_NAMES = {True: "wrong label, rightly suspected", False: "right label, wrongly suspected"}
EXPLANATION = "given → suggested label"

# Inches. Beside the image a row of them has room for its lines of text.
IMAGE_WIDTH, LINE_HEIGHT, ROW_GAP = 1.55, 0.15, 0.2
LEGEND_WIDTH, LINE_OF_LEGEND = 2.5, 0.25
HIGHEST_RATIO = 3.0
TITLE_SIZE, CAPTION_SIZE = 9.0, 8.0

# Pixels of a side of an image that was read from a file.
MAX_SIDE = 320

# Two names that together have more letters than this get a line each.
MAX_TITLE_LETTERS = 16
# Of their column texts take no more than this.
ROOM_SHARE = 0.92
# Probabilities nearer to 0 or 1 than this are told as a bound.
LEAST_TOLD = 0.001


def plot_suspicious_images(
    images: NDArray[Any] | Sequence[str | PathLike[str]],
    given: Labels,
    suggested: Labels,
    label_quality: ArrayLike,
    *,
    n_images: int = 16,
    wrong: ArrayLike | None = None,
    names: Sequence[str] | Mapping[Any, str] | None = None,
    row_labels: ArrayLike | None = None,
    captions: Sequence[str] | None = None,
    axes: ArrayLike | Axes | Sequence[Axes] | None = None,
) -> Figure:
    """Show the images whose labels are least likely to be right.

    Above each image stands its given and its suggested label, below it the row, the name of its
    file if it was read from one, and the probability that the given label is right. The most
    suspicious image comes first.

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
    row_labels : array-like of shape (n,) or None, default=None
        What the rows are called. None: the index of `images`, `label_quality`, `given` or
        `suggested`, if one of them is a Series; else positions.
    captions : sequence of str of shape (n,) or None, default=None
        A line for each image, in place of the probability. None: the probability; if it is written
        alike for all images of a new figure, it is told once below them.
    axes : array-like of matplotlib.axes.Axes or None, default=None
        Where to draw, at least as many as images shown; the rest is emptied. None: a new figure,
        with a legend.

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
    >>> figure = plot_suspicious_images(digits.images, given, suggested, quality, n_images=2)
    >>> print(figure.axes[0].get_title())
    1 → 8
    >>> print(figure.axes[0].get_xlabel())
    row 1626
    given right: 18%
    """
    labels = labels_of_rows(row_labels, images, label_quality, given, suggested)
    quality = check_quality(label_quality)
    given = check_length(given, len(quality), name="given")
    suggested = check_length(suggested, len(quality), name="suggested")
    wrong = None if wrong is None else check_mask(wrong, "wrong", len(quality))
    if labels is not None:
        labels = check_length(labels, len(quality), name="row_labels")
    if captions is not None and len(captions) != len(quality):
        raise ValueError(f"captions must have {len(quality)} entries, got {len(captions)}.")
    if len(images) != len(quality):
        raise ValueError(f"images must have {len(quality)} entries, got {len(images)}.")
    if n_images < 1:
        raise ValueError(f"n_images must be at least 1, got {n_images}.")

    rows = np.argsort(quality, kind="stable")[:n_images]
    pictures = read_pictures(images, rows)
    told = [tell_probability(quality[row]) for row in rows]
    is_new = axes is None
    told_once = told[0] if is_new and captions is None and is_alike(told) else None
    axes = new_grid(len(rows)) if is_new else np.ravel(np.asarray(axes))
    if len(axes) < len(rows):
        raise ValueError(f"axes must be at least {len(rows)}, got {len(axes)}.")
    for number, (ax, row, picture) in enumerate(zip(axes, rows, pictures, strict=False)):
        draw_picture(ax, picture)
        both = [name_of(each[row], names) for each in (given, suggested)]
        write_title(ax, both, None if wrong is None else bool(wrong[row]))
        lines = lines_of_row(row, labels, images)
        if captions is not None:
            lines.append(str(captions[row]))
        elif told_once is None:
            lines.append(wordy_if_it_fits("given right: ", told[number], ax))
        write_caption(ax, lines)
    for ax in axes[len(rows) :]:
        ax.set_axis_off()
    if is_new:
        n_lines = add_explanations(axes[0].figure, legend_handles(wrong), explain(told_once))
        fit_height(axes[: len(rows)], LINE_OF_LEGEND * n_lines)
    return axes[0].figure


def labels_of_rows(row_labels: ArrayLike | None, *series: Any) -> Any:
    """Return what the rows are called; None: by their position."""
    if row_labels is not None:
        return row_labels
    for each in series:
        if isinstance(each, pd.Series):
            return None if isinstance(each.index, pd.RangeIndex) else each.index.to_flat_index()
    return None


def is_alike(told: Sequence[str]) -> bool:
    """Return whether several probabilities are written alike."""
    return len(told) > 1 and len(set(told)) == 1


def tell_probability(quality: float) -> str:
    """Write a probability in percent, with as many digits as mean something."""
    if quality < LEAST_TOLD:
        return f"<{LEAST_TOLD:.1%}"
    if quality > 1 - LEAST_TOLD:
        return f">{1 - LEAST_TOLD:.1%}"
    return f"{quality:.1%}" if min(quality, 1 - quality) < 0.0995 else f"{quality:.0%}"


def explain(told_once: str | None) -> str:
    """Say once what holds for all images."""
    if told_once is None:
        return EXPLANATION
    return f"{EXPLANATION}; probability of each given label: {told_once}"


def lines_of_row(row: int, labels: Any, images: Any) -> list[str]:
    """Return the lines that tell which row an image is, and which file."""
    if isinstance(images, np.ndarray) and images.ndim > 1:
        file_name = None
    else:
        path = images.iloc[row] if isinstance(images, pd.Series) else images[row]
        file_name = os.path.basename(path) if isinstance(path, str | PathLike) else None
    if labels is None:
        return [f"row {row}"] if file_name is None else [f"{row}: {file_name}"]
    label = plain(labels[row])
    if file_name is None:
        return [f"row {label}" if isinstance(label, int) else str(label)]
    if os.path.basename(str(label)) == file_name:
        return [file_name]
    return [f"{label}: {file_name}"]


def room_for_text(ax: Axes) -> float:
    """Return how wide a text above or below an image may be, in points."""
    width, place = size_in_points(ax)[0], ax.get_subplotspec()
    if place is not None and ax.figure.get_layout_engine() is not None:
        # Before it is laid out, axes are narrower than they will be.
        width = max(width, picture_size(ax)[0] / place.get_gridspec().ncols)
    return ROOM_SHARE * width


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


def wordy_if_it_fits(words: str, told: str, ax: Axes) -> str:
    """Return a caption with its words, or without them where they are too wide."""
    is_narrow = text_width(words + told, CAPTION_SIZE) > room_for_text(ax)
    return told if is_narrow else words + told


def write_title(ax: Axes, both: Sequence[str], verdict: bool | None) -> None:
    """Write a change of label above an image, on two lines where it is long; colour it."""
    color, mark = VERDICT_STYLES[verdict]
    color = settings("text.color") if color is None else color
    room = room_for_text(ax)
    given, suggested = both
    title = f"{mark}{given} → {suggested}"
    if len(given) + len(suggested) > MAX_TITLE_LETTERS or text_width(title, TITLE_SIZE) > room:
        given = mark + fitted(given, room - text_width(mark, TITLE_SIZE), TITLE_SIZE)
        suggested = fitted(suggested, room - text_width("→ ", TITLE_SIZE), TITLE_SIZE)
        title = f"{plain_text(given)}\n→ {plain_text(suggested)}"
    else:
        title = plain_text(title)
    ax.set_title(title, fontsize=TITLE_SIZE, color=color, pad=4)
    for spine in ax.spines.values():
        spine.set(color=color, linewidth=0.8 if verdict is None else 2.0)


def write_caption(ax: Axes, lines: Sequence[str]) -> None:
    """Write some lines below an image."""
    room = room_for_text(ax)
    text = "\n".join(plain_text(fitted(line, room, CAPTION_SIZE)) for line in lines)
    ax.set_xlabel(text, fontsize=CAPTION_SIZE, color=settings("text.color"), labelpad=3)


def legend_handles(wrong: BoolArray | None) -> list[Any]:
    """Return what explains colours and marks, where there are any."""
    if wrong is None:
        return []
    from matplotlib.patches import Patch

    handles = []
    for verdict, name in VERDICT_NAMES.items():
        color, mark = VERDICT_STYLES[verdict]
        handles.append(Patch(facecolor="none", edgecolor=color, linewidth=2.0, label=mark + name))
    return handles


def new_grid(n_images: int) -> NDArray[Any]:
    """Return the axes of a new figure, row by row."""
    n_columns = math.ceil(math.sqrt(n_images))
    n_rows = math.ceil(n_images / n_columns)
    size = (max(IMAGE_WIDTH * n_columns, LEGEND_WIDTH), IMAGE_WIDTH * n_rows)
    return new_axes(figsize=size, nrows=n_rows, ncols=n_columns, squeeze=False).ravel()


def add_explanations(figure: Figure, handles: Sequence[Any], explanation: str) -> int:
    """Explain below all images what is to be seen; return the number of lines that it takes."""
    width = figure.get_figwidth()
    n_columns = 2 if width > 2 * IMAGE_WIDTH else 1
    lines = wrap(explanation, int(72 * width / (LETTER_WIDTH * CAPTION_SIZE)))
    style: dict[str, Any] = {"frameon": False, "fontsize": CAPTION_SIZE, "ncols": n_columns}
    style |= {"title": "\n".join(lines), "title_fontsize": CAPTION_SIZE}
    figure.legend(handles=handles, loc="outside lower center", **style)
    return len(lines) + math.ceil(len(handles) / n_columns)


def fit_height(axes: NDArray[Any], below: float) -> None:
    """Make a figure as high as its images and their texts need, and so many inches more."""
    titles, captions = (
        max(text.count("\n") + 1 for text in texts)
        for texts in ([ax.get_title() for ax in axes], [ax.get_xlabel() for ax in axes])
    )
    ratios = [np.divide(*ax.images[0].get_array().shape[:2]) for ax in axes]
    image = IMAGE_WIDTH * min(float(np.max(ratios)), HIGHEST_RATIO)
    n_rows = axes[0].get_gridspec().nrows
    height = n_rows * (image + LINE_HEIGHT * (titles + captions) + ROW_GAP)
    axes[0].figure.set_figheight(height + below)


def name_of(label: Any, names: Sequence[str] | Mapping[Any, str] | None) -> str:
    """Return the name of a label."""
    return str(label if names is None else names[label])

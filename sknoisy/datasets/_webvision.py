"""WebVision: pictures that two searches of the web found for the classes of ImageNet."""

from collections.abc import Iterable
from os import PathLike
from pathlib import Path

from sklearn.utils import Bunch

from ._home import find_data_home
from ._listed_images import as_series, check_layout, read_labels, read_lines

SOURCES = ("google", "flickr")
N_CLASSES = 1000
VALIDATION_LIST = "info/val_filelist.txt"
VALIDATION_FOLDERS = ("val_images_256", "val_images")
NAMES = "info/synsets.txt"

HOW = (
    "Obtain WebVision 1.0 from https://data.vision.ee.ethz.ch/cvl/webvision/dataset2017.html (the "
    "resized images will do), and unpack the lists, the training and the validation images there, "
    "so that info/, google/ and val_images_256/ lie side by side."
)


def fetch_webvision(
    *,
    n_classes: int = 50,
    sources: Iterable[str] = ("google",),
    data_home: str | PathLike[str] | None = None,
) -> Bunch:
    """List WebVision 1.0: pictures labelled by the word that a search of the web found them by.

    What is known as mini WebVision is the default: the first 50 classes, by Google only. About a
    fifth of the labels are thought to be wrong. Validation labels were checked by people.

    No image is opened: `sknoisy.features.PretrainedFeatures` reads the files when their turn
    comes.

    Parameters
    ----------
    n_classes : int, default=50
        How many classes, from the first on; 1,000 are all.
    sources : iterable of {"google", "flickr"}, default=("google",)
        Whose pictures.
    data_home : path-like or None, default=None
        Folder with the folder ``webvision``, which has ``info/train_filelist_google.txt`` (and
        ``info/train_filelist_flickr.txt``), ``info/val_filelist.txt``, the training images in
        ``google/`` (and ``flickr/``) and those to validate by in ``val_images_256/`` or
        ``val_images/``. None: the environment variable ``SKNOISY_DATA``, else scikit-learn's data
        home.

    Returns
    -------
    sklearn.utils.Bunch
        With ``data`` (Series of paths in the order of the lists; 65,944 in mini WebVision),
        ``target`` (Series of int, the given labels), ``test_data`` and ``test_target`` (the
        validation set, 50 images per class), and ``target_names``, whose entry i names class i by
        ``info/synsets.txt``, or by its number where that is missing. The index of the Series is the
        file's place in the folder.

    Raises
    ------
    FileNotFoundError
        If the set is not there; the message says how to obtain it.
    ValueError
        If a parameter is out of its range, or a list is damaged.

    References
    ----------
    W. Li, L. Wang, W. Li, E. Agustsson, L. Van Gool (2017). WebVision database: visual learning and
    understanding from web data. arXiv:1708.02862.

    Examples
    --------
    >>> from sknoisy.datasets import fetch_webvision
    >>> mini = fetch_webvision()  # doctest: +SKIP
    >>> mini.data.shape, mini.test_data.shape  # doctest: +SKIP
    ((65944,), (2500,))
    """
    if isinstance(n_classes, bool) or not 2 <= n_classes <= N_CLASSES:
        raise ValueError(f"n_classes must be in 2 to {N_CLASSES}, got {n_classes!r}.")
    sources = (sources,) if isinstance(sources, str) else tuple(sources)
    if not sources or not set(sources) <= set(SOURCES):
        raise ValueError(f"sources must be of {', '.join(SOURCES)}, got {sources!r}.")
    folder = find_data_home(data_home) / "webvision"
    lists = [f"info/train_filelist_{source}.txt" for source in sources]
    check_layout(folder, [*lists, VALIDATION_LIST, *sources], HOW)
    train = {place: label for name in lists for place, label in read_labels(folder / name).items()}
    start = validation_folder(folder)
    validation = read_labels(folder / VALIDATION_LIST)
    data, target = as_series(folder, first_classes(train, n_classes))
    test_data, test_target = as_series(
        folder,
        {f"{start}/{name}": label for name, label in first_classes(validation, n_classes).items()},
    )
    return Bunch(
        data=data,
        target=target,
        test_data=test_data,
        test_target=test_target,
        target_names=class_names(folder, n_classes),
    )


def first_classes(labels: dict[str, int], n_classes: int) -> dict[str, int]:
    """Return the images of the first classes."""
    return {place: label for place, label in labels.items() if label < n_classes}


def validation_folder(folder: Path) -> str:
    """Return the name of the folder that the validation images lie in."""
    for name in VALIDATION_FOLDERS:
        if (folder / name).is_dir():
            return name
    raise FileNotFoundError(f"{folder} must have {' or '.join(VALIDATION_FOLDERS)}. {HOW}")


def class_names(folder: Path, n_classes: int) -> list[str]:
    """Return the words of the first classes, without the numbers that they start with."""
    if not (folder / NAMES).is_file():
        return [str(code) for code in range(n_classes)]
    lines = read_lines(folder / NAMES)[:n_classes]
    if len(lines) < n_classes:
        raise ValueError(f"{folder / NAMES} must name {n_classes} classes, got {len(lines)}.")
    return [line.partition(" ")[2] or line for line in lines]

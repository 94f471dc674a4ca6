"""Clothing1M: a million photos of clothes, labelled by the words around them."""

from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path

import pandas as pd
from sklearn.utils import Bunch

from ._home import find_data_home
from ._listed_images import as_series, check_layout, read_labels, read_lines

NOISY_LABELS = "noisy_label_kv.txt"
CLEAN_LABELS = "clean_label_kv.txt"
NAMES = "category_names_eng.txt"
# The list of each part, and the labels that belong to it.
PARTS = {
    "": ("noisy_train_key_list.txt", NOISY_LABELS),
    "trusted_": ("clean_train_key_list.txt", CLEAN_LABELS),
    "validation_": ("clean_val_key_list.txt", CLEAN_LABELS),
    "test_": ("clean_test_key_list.txt", CLEAN_LABELS),
}

HOW = (
    "Ask the authors of Clothing1M for it (https://github.com/Cysu/noisy_label says whom), and "
    "unpack the images and the annotations there, so that images/0 to images/9 lie beside "
    "noisy_label_kv.txt and the other lists."
)


def fetch_clothing1m(*, data_home: str | PathLike[str] | None = None) -> Bunch:
    """List Clothing1M: a million photos of clothes from shops, in 14 classes.

    Labels of the training images come from the words around them; about 38.5 % are wrong. Others
    were labelled by people: some to train with, the rest to validate and to test.

    The authors hand the set out on request, for research. No image is opened:
    `sknoisy.features.PretrainedFeatures` reads the files when their turn comes.

    Parameters
    ----------
    data_home : path-like or None, default=None
        Folder with the folder ``clothing1m``, which has ``images/0`` to ``images/9`` and beside
        them, or in ``annotations/``, the authors' lists: ``noisy_train_key_list.txt``,
        ``clean_train_key_list.txt``, ``clean_val_key_list.txt``, ``clean_test_key_list.txt``,
        ``noisy_label_kv.txt``, ``clean_label_kv.txt`` and ``category_names_eng.txt``. None: the
        environment variable ``SKNOISY_DATA``, else scikit-learn's data home.

    Returns
    -------
    sklearn.utils.Bunch
        With ``data`` (Series of paths in the order of the list; 1,000,000 in the full set),
        ``target`` (Series of int, the noisy labels), and the same for what people labelled:
        ``trusted_data`` and ``trusted_target`` (47,570), ``validation_data`` and
        ``validation_target`` (14,313), ``test_data`` and ``test_target`` (10,526).
        ``labeled_twice`` is a DataFrame with ``noisy_label`` and ``clean_label`` of the images
        that have both, and ``target_names`` names class i in its entry i. The index of all of them
        is the file's place in the folder.

    Raises
    ------
    FileNotFoundError
        If the set is not there; the message says how to obtain it.
    ValueError
        If a list is damaged, or an image has no label.

    References
    ----------
    T. Xiao, T. Xia, Y. Yang, C. Huang, X. Wang (2015). Learning from massive noisy labeled data for
    image classification. CVPR.

    Examples
    --------
    >>> from sknoisy.datasets import fetch_clothing1m
    >>> clothes = fetch_clothing1m()  # doctest: +SKIP
    >>> twice = clothes.labeled_twice  # doctest: +SKIP
    >>> round((twice["noisy_label"] == twice["clean_label"]).mean(), 2)  # doctest: +SKIP
    0.62
    """
    folder = find_data_home(data_home) / "clothing1m"
    lists = folder / "annotations" if (folder / "annotations").is_dir() else folder
    check_layout(
        lists, [NOISY_LABELS, CLEAN_LABELS, NAMES, *(name for name, _ in PARTS.values())], HOW
    )
    labels = {name: read_labels(lists / name) for name in (NOISY_LABELS, CLEAN_LABELS)}
    parts = {}
    for start, (list_name, labels_name) in PARTS.items():
        chosen = choose(labels[labels_name], read_lines(lists / list_name), lists / labels_name)
        parts[f"{start}data"], parts[f"{start}target"] = as_series(folder, chosen)
    return Bunch(
        **parts,
        labeled_twice=labeled_twice(labels[NOISY_LABELS], labels[CLEAN_LABELS]),
        target_names=read_lines(lists / NAMES),
    )


def choose(labels: Mapping[str, int], places: Iterable[str], path: Path) -> dict[str, int]:
    """Return the labels of some images, in their order."""
    try:
        return {place: labels[place] for place in places}
    except KeyError as error:
        raise ValueError(f"{path} has no label for {error}.") from None


def labeled_twice(noisy: Mapping[str, int], clean: Mapping[str, int]) -> pd.DataFrame:
    """Return both labels of the images that have two."""
    places = [place for place in noisy if place in clean]
    return pd.DataFrame(
        {
            "noisy_label": [noisy[place] for place in places],
            "clean_label": [clean[place] for place in places],
        },
        index=pd.Index(places, name="path", dtype=object),
    )

"""Verdicts on images as a data set of FiftyOne."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ._files import PathLike, _as_json

NOISE_TAG = "suspicious"
# Columns that become fields under their own names, where they are there.
PLAIN_FIELDS = ("label_quality", "is_noise", "rank", "reason")


def write_fiftyone(
    issues: pd.DataFrame, folder: PathLike, *, paths: pd.Series | Sequence[PathLike] | None = None
) -> Path:
    """Write verdicts on images as a folder that FiftyOne imports.

    Parameters
    ----------
    issues : DataFrame
        As `get_label_issues` or `review_queue` returns it, all of it or some rows.
    folder : path
        Is made if it isn't there. Gets the file ``samples.json``; no image is copied.
    paths : Series or sequence of paths, default=None
        The image files: a Series by row label, such as `load_image_folder` returns, or one path
        for each row of `issues`, in its order. None: the row labels are the paths.

    Returns
    -------
    Path
        The file that was written.

    Notes
    -----
    Import it with ``fiftyone.Dataset.from_dir(folder,
    dataset_type=fiftyone.types.LegacyFiftyOneDataset)``, the one of FiftyOne's own formats that
    describes samples and nothing of its database. The fields of a sample:

    - ``filepath``: the absolute path of the image;
    - ``tags``: ``suspicious`` where the label is judged wrong;
    - ``ground_truth``: the given label, as a Classification;
    - ``suggested``: the suggested label, as a Classification;
    - ``label_quality``: the probability that the given label is right;
    - ``is_noise``, ``rank``, ``reason``: as in `issues`, where it has them;
    - ``row_label``: the row's label in your index, as a text.

    Examples
    --------
    >>> import json
    >>> from tempfile import mkdtemp
    >>> import pandas as pd
    >>> from sknoisy.review import write_fiftyone
    >>> issues = pd.DataFrame(
    ...     {
    ...         "given_label": ["cat"],
    ...         "suggested_label": ["dog"],
    ...         "label_quality": [0.1],
    ...         "is_noise": [True],
    ...     },
    ...     index=["/photos/7.jpg"],
    ... )
    >>> file = write_fiftyone(issues, mkdtemp())
    >>> sample = json.loads(file.read_text())["samples"][0]
    >>> sample["ground_truth"], sample["tags"]
    ({'_cls': 'Classification', 'label': 'cat'}, ['suspicious'])
    """
    lacking = [name for name in ("given_label", "suggested_label") if name not in issues]
    if lacking:
        raise ValueError(f"issues must have the columns {', '.join(lacking)}, got {list(issues)}.")
    files = _files_of(issues, paths)
    samples = [
        _sample(file, label, record)
        for file, label, record in zip(files, issues.index, issues.to_dict("records"), strict=True)
    ]
    target = Path(folder) / "samples.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps({"samples": samples}, ensure_ascii=False), encoding="utf-8")
    return target


def _files_of(issues: pd.DataFrame, paths: pd.Series | Sequence[PathLike] | None) -> list[str]:
    """Return the absolute path of the image of each row."""
    if paths is None:
        chosen = list(issues.index)
    elif isinstance(paths, pd.Series):
        if not paths.index.is_unique:
            raise ValueError("paths must have each row label once; give one path per row instead.")
        missing = issues.index.difference(paths.index)
        if len(missing):
            raise ValueError(f"paths must have every row of issues, and lacks {missing[0]!r}.")
        chosen = paths.loc[issues.index].tolist()
    else:
        chosen = list(paths)
    if len(chosen) != len(issues):
        raise ValueError(
            f"paths must be one per row of issues ({len(issues)} rows), got {len(chosen)}."
        )
    others = [path for path in chosen if not isinstance(path, str | os.PathLike)]
    if others:
        raise ValueError(f"paths must be paths of files, got {others[0]!r}.")
    return [os.path.abspath(path) for path in chosen]


def _sample(file: str, label: Any, record: dict[Any, Any]) -> dict[str, Any]:
    return {
        "filepath": file,
        "tags": [NOISE_TAG] if record.get("is_noise") else [],
        "ground_truth": _classification(record["given_label"]),
        "suggested": _classification(record["suggested_label"]),
        **{name: _as_json(record[name]) for name in PLAIN_FIELDS if name in record},
        "row_label": str(label),
    }


def _classification(label: Any) -> dict[str, str]:
    return {"_cls": "Classification", "label": str(label)}

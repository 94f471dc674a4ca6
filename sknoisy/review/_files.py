"""A review queue as a file, and the answers back: CSV, lines of JSON, Label Studio."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias
from xml.sax.saxutils import quoteattr

import numpy as np
import pandas as pd

from .._typing import LabelArray
from ._answers import match_answers

PathLike: TypeAlias = str | os.PathLike[str]
ANSWER = "right_label"
POSITION = "row"
FIELDS = (
    "row_label",
    POSITION,
    "given_label",
    "suggested_label",
    "label_quality",
    "reason",
    ANSWER,
)
UNSURE_CHOICE = "unsure"
MODEL = "sknoisy"


def read_review(path: PathLike, classes: LabelArray) -> pd.Series:
    """Read a queue that was written by `queue.to_csv(path)` and filled in by a person.

    The answers stand in the column `right_label`. What is empty is yet to be looked at; "?" and
    "unsure" say that a person couldn't decide.

    Parameters
    ----------
    path : path
    classes : ndarray of shape (n_classes,)
        The estimator's `classes_`; answers come back in their type.

    Returns
    -------
    Series
        Answers by row label, for `apply_review`; None where there is none yet, "?" where a
        person couldn't decide. Row labels are
        texts, as they stand in the file; `apply_review` finds the rows that they mean.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> import numpy as np
    >>> path = Path(mkdtemp(), "queue.csv")
    >>> _ = path.write_text(",row,right_label\\na,0,3.0\\nb,1,\\n")
    >>> read_review(path, np.array([1, 3])).to_dict()
    {'a': 3, 'b': None}
    """
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    for column in (POSITION, ANSWER):
        if column not in table:
            raise ValueError(
                f"{path} must be a review queue with the columns {POSITION!r} and {ANSWER!r}, as "
                f"queue.to_csv writes it. Got the columns {', '.join(table.columns)}."
            )
    # The index stands before the columns; of several levels it takes several.
    levels = table.iloc[:, : table.columns.get_loc(POSITION)]
    if not levels.shape[1]:
        raise ValueError(
            f"{path} has no column of row labels before {POSITION!r}: write it with "
            "queue.to_csv(path), with its index."
        )
    rows = [level[0] if len(level) == 1 else level for level in levels.itertuples(False, None)]
    return _answers(rows, table[ANSWER].tolist(), classes)


def _answers(rows: Sequence[Any], answers: Sequence[Any], classes: LabelArray) -> pd.Series:
    index = pd.Index(np.empty(0, dtype=object)) if not rows else pd.Index(rows, tupleize_cols=False)
    return pd.Series(match_answers(answers, classes), index=index, name=ANSWER, dtype=object)


# -- lines of JSON -------------------------------------------------------------------------------


def write_jsonl(queue: pd.DataFrame, path: PathLike) -> None:
    """Write a queue as lines of JSON, one object per row.

    Parameters
    ----------
    queue : DataFrame
        As `review_queue` returns it, with or without answers.
    path : path

    Notes
    -----
    Fields: `row_label` (the row's label in your index; a list where it has several levels), `row`
    (its position), `given_label`, `suggested_label`, `label_quality` (probability that the given
    label is right), `reason`, and `right_label`, which is null until a person fills it in.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> import pandas as pd
    >>> path = Path(mkdtemp(), "queue.jsonl")
    >>> write_jsonl(pd.DataFrame({"row": [4], "right_label": [None]}, index=["a"]), path)
    >>> path.read_text()
    '{"row_label": "a", "row": 4, "right_label": null}\\n'
    """
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in _records(queue))


def read_jsonl(path: PathLike, classes: LabelArray) -> pd.Series:
    """Read the answers from lines of JSON with the fields `row_label` and `right_label`.

    Parameters
    ----------
    path : path
    classes : ndarray of shape (n_classes,)
        The estimator's `classes_`; answers come back in their type.

    Returns
    -------
    Series
        Answers by row label, for `apply_review`; None where there is none yet, "?" where a
        person couldn't decide.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> import numpy as np
    >>> path = Path(mkdtemp(), "queue.jsonl")
    >>> _ = path.write_text('{"row_label": 7, "right_label": "b"}\\n')
    >>> read_jsonl(path, np.array(["a", "b"])).to_dict()
    {7: 'b'}
    """
    records = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                records.append(_parsed(line, f"{path}, line {number}"))
    for record in records:
        _check_fields(record, ("row_label", ANSWER), str(path))
    rows = [_row_label(record["row_label"]) for record in records]
    return _answers(rows, [record[ANSWER] for record in records], classes)


def _parsed(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{place}: this isn't JSON: {error}.") from error


def _check_fields(record: Any, names: Iterable[str], place: str) -> None:
    missing = [name for name in names if not isinstance(record, Mapping) or name not in record]
    if missing:
        raise ValueError(f"{place}: a record lacks the field {missing[0]!r}. Got {record!r}.")


def _row_label(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _records(queue: pd.DataFrame) -> list[dict[str, Any]]:
    columns = {name: [_as_json(value) for value in queue[name]] for name in queue.columns}
    columns = {"row_label": [_as_json(label) for label in queue.index]} | columns
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def _as_json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_as_json(each) for each in value]
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return None
    return value if isinstance(value, str | int | float | bool) else str(value)


# -- Label Studio --------------------------------------------------------------------------------


def label_studio_config(classes: LabelArray, content: str = "reason", kind: str = "Text") -> str:
    """Return the labelling interface for a project in Label Studio.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
    content : str, default="reason"
        Field of the tasks that is shown.
    kind : str, default="Text"
        Label Studio's tag for it: "Text", "Image", "HyperText", ...

    Returns
    -------
    str
        XML, with one choice per class and one for "unsure".

    Examples
    --------
    >>> import numpy as np
    >>> print(label_studio_config(np.array(["cat", "dog"]), content="picture", kind="Image"))
    <View>
      <Image name="content" value="$picture"/>
      <Choices name="right_label" toName="content" choice="single">
        <Choice value="cat"/>
        <Choice value="dog"/>
        <Choice value="unsure"/>
      </Choices>
    </View>
    """
    choices = [str(label) for label in classes.tolist()] + [UNSURE_CHOICE]
    return "\n".join(
        [
            "<View>",
            f'  <{kind} name="content" value={quoteattr("$" + content)}/>',
            f'  <Choices name="{ANSWER}" toName="content" choice="single">',
            *(f"    <Choice value={quoteattr(choice)}/>" for choice in choices),
            "  </Choices>",
            "</View>",
        ]
    )


def write_label_studio(
    queue: pd.DataFrame, path: PathLike, *, content: Mapping[str, Sequence[Any]] | None = None
) -> None:
    """Write a queue as tasks with predictions, to be imported into Label Studio.

    Parameters
    ----------
    queue : DataFrame
        As `review_queue` returns it.
    path : path
    content : mapping of str to sequence, default=None
        Further fields of the tasks, one value per row of the queue: texts, or addresses of images.

    Notes
    -----
    A list of tasks. The `data` of each has the fields of `write_jsonl` without the answer, and
    those of `content`. Its prediction is the suggested label, as a choice named `right_label` about
    `content`; the `score` is one minus the label quality. `label_studio_config` writes the
    interface that belongs to it.

    Examples
    --------
    >>> import json
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> import pandas as pd
    >>> queue = pd.DataFrame({"row": [4], "suggested_label": [1], "label_quality": [0.25]}, ["a"])
    >>> path = Path(mkdtemp(), "tasks.json")
    >>> write_label_studio(queue, path, content={"text": ["A good film"]})
    >>> json.loads(path.read_text())[0]["predictions"][0]["result"][0]["value"]
    {'choices': ['1']}
    """
    tasks = _records(queue.drop(columns=ANSWER, errors="ignore"))
    for name, values in (content or {}).items():
        for task, value in zip(tasks, values, strict=True):
            task[name] = _as_json(value)
    with open(path, "w", encoding="utf-8") as file:
        json.dump([{"data": task, "predictions": [_prediction(task)]} for task in tasks], file)


def _prediction(task: Mapping[str, Any]) -> dict[str, Any]:
    choice = {
        "from_name": ANSWER,
        "to_name": "content",
        "type": "choices",
        "value": {"choices": [str(task["suggested_label"])]},
    }
    return {"model_version": MODEL, "score": 1 - task["label_quality"], "result": [choice]}


def read_label_studio(path: PathLike, classes: LabelArray) -> pd.Series:
    """Read the answers from what Label Studio exports as "JSON".

    Of several annotations of a task the last one counts, without those that were cancelled. Tasks
    without annotations are left out.

    Parameters
    ----------
    path : path
    classes : ndarray of shape (n_classes,)
        The estimator's `classes_`; answers come back in their type.

    Returns
    -------
    Series
        Answers by row label, for `apply_review`; None where there is none yet, "?" where a
        person couldn't decide.

    Examples
    --------
    >>> import json
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> import numpy as np
    >>> choice = {"from_name": "right_label", "type": "choices", "value": {"choices": ["2"]}}
    >>> task = {"data": {"row_label": 7}, "annotations": [{"result": [choice]}]}
    >>> path = Path(mkdtemp(), "export.json")
    >>> _ = path.write_text(json.dumps([task]))
    >>> read_label_studio(path, np.array([1, 2])).to_dict()
    {7: 2}
    """
    with open(path, encoding="utf-8") as file:
        tasks = _parsed(file.read(), str(path))
    if not isinstance(tasks, list):
        raise ValueError(f"{path} must be a list of tasks, as Label Studio exports it as JSON.")
    rows, answers = [], []
    for task in tasks:
        _check_fields(task, ("data", "annotations"), str(path))
        _check_fields(task["data"], ("row_label",), str(path))
        done = [each for each in task["annotations"] or () if not each.get("was_cancelled")]
        if done:
            rows.append(_row_label(task["data"]["row_label"]))
            answers.append(_chosen(done[-1]))
    return _answers(rows, answers, classes)


def _chosen(annotation: Mapping[str, Any]) -> Any:
    for result in annotation.get("result", ()):
        if result.get("type") == "choices" and result.get("from_name") == ANSWER:
            choices = result["value"]["choices"]
            return choices[0] if choices else None
    return None

"""Queues as files, and answers back."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest

from sknoisy.review import (
    KnownValues,
    label_studio_config,
    match_answers,
    read_jsonl,
    read_label_studio,
    read_review,
    write_jsonl,
    write_label_studio,
)

CLASSES = np.array([1, 3, 10])


def make_queue(index=("a", "b", "c"), answers=(3, None, "?")):
    return pd.DataFrame(
        {
            "row": np.arange(3) + 4,
            "given_label": np.array([1, 3, 10]),
            "suggested_label": np.array([3, 1, 3]),
            "label_quality": [0.1, 0.25, 0.5],
            "reason": ['contradicted; "so", he says', "näher", ""],
            "right_label": pd.Series(answers, dtype=object).to_numpy(),
        },
        index=pd.Index(list(index)),
    )


# -- answers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("classes", "answer", "expected"),
    [
        ([1, 3], "3.0", 3),
        ([1, 3], 3.0, 3),
        ([1, 3], np.int64(3), 3),
        ([1.5, 2.5], "2.50", 2.5),
        ([False, True], "TRUE", True),
        (["cat", "Dog"], " dog ", "Dog"),
        (["1", "01"], "01", "01"),
        (["?", "x"], "?", "?"),
        (["none", "x"], "none", "none"),
    ],
)
def test_answers_come_back_in_the_type_of_the_classes(classes, answer, expected):
    (found,) = match_answers([answer], np.array(classes))
    assert found == expected
    assert type(found) is type(expected)


def test_ambiguous_text_is_no_known_value():
    assert KnownValues(["A", "a"]).position(" A") == 0
    assert KnownValues(["Ab", "aB"]).position("AB") is None


@pytest.mark.parametrize("empty", [None, np.nan, pd.NA, "", " ", "NaN"])
def test_empty_answers_are_none(empty):
    assert match_answers([empty], CLASSES)[0] is None


@pytest.mark.parametrize("unsure", ["?", "unsure", " Unsure"])
def test_unsure_answers_are_a_question_mark(unsure):
    assert match_answers([unsure], CLASSES)[0] == "?"


@pytest.mark.parametrize("answer", ["4", 2, "cat", {"a": 1}, [3]])
def test_an_answer_that_is_no_class_is_named(answer):
    with pytest.raises(ValueError, match="none of the classes: 1, 3, 10"):
        match_answers([answer], CLASSES)


# -- files -------------------------------------------------------------------------------------


def test_queue_filled_in_as_csv_comes_back(tmp_path):
    make_queue().to_csv(tmp_path / "queue.csv")
    answers = read_review(tmp_path / "queue.csv", CLASSES)
    assert answers.to_dict() == {"a": 3, "b": None, "c": "?"}
    assert type(answers["a"]) is int


def test_row_labels_of_csv_keep_their_zeros(tmp_path):
    make_queue(index=("007", "08", "9")).to_csv(tmp_path / "queue.csv")
    assert list(read_review(tmp_path / "queue.csv", CLASSES).index) == ["007", "08", "9"]


def test_numbers_that_gaps_turned_into_fractions_are_classes_again(tmp_path):
    queue = make_queue().astype({"right_label": object})
    queue["right_label"] = [3.0, np.nan, 10.0]
    queue.to_csv(tmp_path / "queue.csv")
    assert "3.0" in (tmp_path / "queue.csv").read_text()
    assert read_review(tmp_path / "queue.csv", CLASSES).to_dict() == {"a": 3, "b": None, "c": 10}


def test_an_index_of_several_levels_comes_back_from_csv(tmp_path):
    queue = make_queue()
    queue.index = pd.MultiIndex.from_tuples([("x", 1), ("x", 2), ("y", 1)])
    queue.to_csv(tmp_path / "queue.csv")
    assert list(read_review(tmp_path / "queue.csv", CLASSES).index)[1] == ("x", "2")


def test_csv_without_answers_is_an_error(tmp_path):
    make_queue().drop(columns="right_label").to_csv(tmp_path / "queue.csv")
    with pytest.raises(ValueError, match="'right_label'"):
        read_review(tmp_path / "queue.csv", CLASSES)


def test_csv_without_row_labels_is_an_error(tmp_path):
    make_queue().to_csv(tmp_path / "queue.csv", index=False)
    with pytest.raises(ValueError, match="row labels"):
        read_review(tmp_path / "queue.csv", CLASSES)


def test_lines_of_json_come_back(tmp_path):
    write_jsonl(make_queue(), tmp_path / "queue.jsonl")
    records = [json.loads(line) for line in (tmp_path / "queue.jsonl").read_text().splitlines()]
    assert records[0] == {
        "row_label": "a",
        "row": 4,
        "given_label": 1,
        "suggested_label": 3,
        "label_quality": 0.1,
        "reason": 'contradicted; "so", he says',
        "right_label": 3,
    }
    assert read_jsonl(tmp_path / "queue.jsonl", CLASSES).to_dict() == {"a": 3, "b": None, "c": "?"}


@pytest.mark.parametrize(
    ("line", "message"),
    [("{", "line 1: this isn't JSON"), ('{"row_label": 1}', "right_label"), ("3", "row_label")],
)
def test_lines_that_are_no_records_are_named(tmp_path, line, message):
    (tmp_path / "queue.jsonl").write_text(line + "\n")
    with pytest.raises(ValueError, match=message):
        read_jsonl(tmp_path / "queue.jsonl", CLASSES)


def test_pickles_are_not_read(tmp_path):
    for read in (read_jsonl, read_label_studio):
        (tmp_path / "queue").write_bytes(pickle.dumps([1], protocol=0))
        with pytest.raises(ValueError, match="JSON"):
            read(tmp_path / "queue", CLASSES)


def test_tasks_of_label_studio_hold_what_a_person_needs(tmp_path):
    write_label_studio(
        make_queue(), tmp_path / "tasks.json", content={"text": ["one", "two", "three"]}
    )
    tasks = json.loads((tmp_path / "tasks.json").read_text())
    assert tasks[1]["data"]["text"] == "two"
    assert "right_label" not in tasks[1]["data"]
    (prediction,) = tasks[1]["predictions"]
    assert prediction["score"] == 0.75
    assert prediction["result"][0]["value"] == {"choices": ["1"]}


def test_predictions_belong_to_the_interface():
    config = label_studio_config(np.array(["a & b", "<c>"]), content="text")
    assert '<Choices name="right_label" toName="content"' in config
    assert '<Choice value="a &amp; b"/>' in config
    assert 'value="$text"' in config


def annotated(path, *annotations):
    """Answer the tasks of a file as Label Studio exports them."""
    tasks = json.loads(path.read_text())
    for task, answers in zip(tasks, annotations, strict=True):
        task["annotations"] = [
            {
                "was_cancelled": answer == "skipped",
                "result": [
                    {
                        "from_name": "right_label",
                        "to_name": "content",
                        "type": "choices",
                        "value": {"choices": [answer]},
                    }
                ],
            }
            for answer in answers
        ]
    path.write_text(json.dumps(tasks))


def test_annotations_of_label_studio_come_back(tmp_path):
    path = tmp_path / "tasks.json"
    write_label_studio(make_queue(index=(7, 8, 9)), path)
    annotated(path, ["1", "3", "skipped"], ["unsure"], [])
    assert read_label_studio(path, CLASSES).to_dict() == {7: 3, 8: "?"}


def test_a_file_that_label_studio_did_not_export_is_named(tmp_path):
    write_label_studio(make_queue(), tmp_path / "tasks.json")
    with pytest.raises(ValueError, match="annotations"):
        read_label_studio(tmp_path / "tasks.json", CLASSES)

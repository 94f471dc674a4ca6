"""The commands `review` and `apply`."""

import shutil

import pandas as pd
import pytest
from cli_runs import TREES, pets, sknoisy

import sknoisy as package
from sknoisy.review import read_review


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    table, _ = pets()
    table["note"] = "007"
    table.loc[5, "kind"] = ""
    table.to_csv(folder / "data.csv", index=False)
    arguments = ("detect", folder / "data.csv", "-t", "kind", "-o", folder / "out", *TREES, "-q")
    assert sknoisy(*arguments).exit_code == 0
    return folder


@pytest.fixture
def folder(results, tmp_path):
    """A copy of the results of `detect`, to be changed."""
    shutil.copytree(results / "out", tmp_path / "out")
    return tmp_path / "out"


def answers_of(folder):
    return pd.read_csv(folder / "review.csv", dtype=str, keep_default_na=False)


def test_a_row_is_shown_with_its_cells_labels_and_reason(folder):
    printed = sknoisy("review", folder, keys="q\n").stdout
    first = package.load(folder / "model.sknoisy").review_queue(1).iloc[0]
    assert f"row {first.name}" in printed
    assert "007" in printed
    assert f"given      {first['given_label']}" in printed
    assert f"suggested  {first['suggested_label']}" in printed
    assert first["reason"] in printed


def test_keys_decide_for_the_given_the_suggested_or_no_class(folder):
    sknoisy("review", folder, "-n", "4", keys="k\ns\nu\nn\n")
    answers = answers_of(folder)
    assert len(answers) == 4
    assert answers["right_label"].tolist() == [
        answers["given_label"][0],
        answers["suggested_label"][1],
        "?",
        "",
    ]


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("typed", ["dog", "2", "DOG"])
def test_another_class_is_typed_by_name_or_number(folder, typed):
    sknoisy("review", folder, keys=f"o\n{typed}\nq\n")
    assert answers_of(folder)["right_label"][0] == "dog"


def test_an_unknown_class_or_key_decides_nothing(folder):
    result = sknoisy("review", folder, keys="o\nbird\nx\nq\n")
    assert "There is no class 'bird'" in result.stdout
    assert not (folder / "review.csv").exists()


def test_one_goes_back_and_decides_anew(folder):
    result = sknoisy("review", folder, keys="k\nb\ns\nq\n")
    assert "answered" in result.stdout
    answers = answers_of(folder)
    assert answers["right_label"][0] == answers["suggested_label"][0]
    assert (answers["right_label"] != "").sum() == 1


@pytest.mark.slow
def test_the_next_review_goes_on_with_the_rows_that_are_open(folder):
    sknoisy("review", folder, "-n", "3", keys="k\nn\nq\n")
    first = answers_of(folder)
    result = sknoisy("review", folder, "-n", "3", keys="s\ns\ns\n")
    answers = answers_of(folder)
    assert f"row {first['row_label'][1]}" in result.stdout
    assert f"row {first['row_label'][0]}\n" not in result.stdout
    assert answers["row_label"].tolist()[:3] == first["row_label"].tolist()
    assert answers["row_label"].is_unique
    assert len(answers) == 4
    assert (answers["right_label"] != "").all()


def test_the_file_is_one_that_the_library_reads(folder):
    sknoisy("review", folder, "-n", "3", keys="k\ns\nq\n")
    model = package.load(folder / "model.sknoisy")
    answers = read_review(folder / "review.csv", model.classes_)
    assert answers.notna().sum() == 2
    model.apply_review(answers)
    assert model.reviewed_.sum() == 2


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("strategy", ["informative", "random"])
def test_rows_come_by_another_strategy(folder, strategy):
    sknoisy("review", folder, "-n", "5", "--strategy", strategy, keys="k\nq\n")
    suspicious = package.load(folder / "model.sknoisy").review_queue(5)
    assert answers_of(folder)["row_label"].tolist() != suspicious.index.map(str).tolist()


def test_an_unknown_strategy_is_wrong_usage(folder):
    result = sknoisy("review", folder, "--strategy", "suspicius")
    assert result.exit_code == 2
    assert "Did you mean 'suspicious'?" in result.stderr


# -- apply ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_apply_brings_all_files_up_to_date(folder):
    n_before = pd.read_csv(folder / "label_issues.csv")["is_noise"].sum()
    sknoisy("review", folder, "-n", "4", keys="k\nk\ns\nu\n")
    answers = answers_of(folder)
    report = (folder / "report.html").read_bytes()
    result = sknoisy("apply", folder)
    assert result.exit_code == 0
    assert "3 answers, and 1 that couldn't be decided" in result.stdout
    issues = pd.read_csv(folder / "label_issues.csv").set_index("row")
    reviewed = issues.loc[answers["row"].astype(int)]
    assert reviewed["is_noise"].tolist()[:3] == [False, False, True]
    assert reviewed["label_quality"].tolist()[:3] == [1, 1, 0]
    assert reviewed["reason"].tolist()[:3] == ["reviewed by a person"] * 3
    model = package.load(folder / "model.sknoisy")
    assert model.reviewed_.sum() == 3
    assert len(pd.read_csv(folder / "cleaned.csv")) == 239 - issues["is_noise"].sum()
    assert f"{n_before}" in result.stdout
    assert (folder / "report.html").read_bytes() != report


@pytest.mark.slow
def test_the_rate_is_shown_with_its_interval_before_and_after(folder):
    sknoisy("review", folder, "-n", "2", keys="k\nk\n")
    before = package.load(folder / "model.sknoisy")
    printed = sknoisy("apply", folder).stdout
    after = package.load(folder / "model.sknoisy")
    for model in (before, after):
        rate, low, high = (
            f"{100 * share:.1f} %" for share in (model.noise_rate_, *model.noise_rate_interval_)
        )
        assert f"{rate} (90 % interval {low} to {high})" in printed
    assert before.noise_rate_ != after.noise_rate_


@pytest.mark.slow
def test_applied_rows_dont_come_again(folder):
    sknoisy("review", folder, "-n", "3", keys="k\nk\nk\n")
    sknoisy("apply", folder)
    sknoisy("review", folder, "-n", "3", keys="s\nq\n")
    answers = answers_of(folder)
    assert len(answers) == 6
    assert answers["row_label"].is_unique
    assert sknoisy("apply", folder).exit_code == 0
    assert package.load(folder / "model.sknoisy").reviewed_.sum() == 4


@pytest.mark.slow
def test_answers_may_come_from_another_file(folder, tmp_path):
    (tmp_path / "mine.jsonl").write_text('{"row_label": 7, "right_label": "dog"}\n')
    assert sknoisy("apply", folder, tmp_path / "mine.jsonl").exit_code == 0
    model = package.load(folder / "model.sknoisy")
    assert model.reviewed_.sum() == 1
    # Row 5 has no label, so that row 7 is the seventh that was judged.
    assert model.reviewed_[6]


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no file"),
        (",row,right_label\n0,0,\n", "none of the rows has an answer yet"),
        (",row,right_label\n0,0,bird\n", "'bird' is none of the classes"),
        (",row,right_label\n999,0,dog\n", "'999'"),
        ("a,b\n1,2\n", "must be a review queue"),
    ],
    ids=["missing", "unanswered", "unknown class", "unknown row", "other table"],
)
def test_answers_that_cant_be_taken_change_nothing(folder, content, words):
    if content is not None:
        (folder / "review.csv").write_text(content)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    result = sknoisy("apply", folder)
    assert result.exit_code == 1
    assert words in result.stderr
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.slow
@pytest.mark.parametrize("command", ["review", "apply"])
def test_data_that_changed_or_moved_are_told(results, tmp_path, command):
    shutil.copytree(results / "out", tmp_path / "out")
    (tmp_path / "out" / "review.csv").write_text(",row,right_label\n0,0,dog\n")
    data = tmp_path / "moved.csv"
    lines = (results / "data.csv").read_text().splitlines()
    data.write_text("\n".join([lines[0], *lines[:0:-1]]) + "\n")
    changed = sknoisy(command, tmp_path / "out", "--data", data, keys="q\n")
    assert changed.exit_code == 1
    assert "has changed since the verdict" in changed.stderr
    data.write_bytes((results / "data.csv").read_bytes())
    assert sknoisy(command, tmp_path / "out", "--data", data, keys="q\n").exit_code == 0
    gone = sknoisy(command, tmp_path / "out", "--data", tmp_path / "nowhere.csv", keys="q\n")
    assert gone.exit_code == 1
    assert "--data PATH" in gone.stderr


@pytest.mark.parametrize("command", ["review", "apply"])
def test_a_folder_without_results_is_told(tmp_path, command):
    result = sknoisy(command, tmp_path)
    assert result.exit_code == 1
    assert "isn't a folder of" in result.stderr or "holds no results" in result.stderr

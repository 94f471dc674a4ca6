"""The report on the quality of labels: what it says, in each of its forms."""

import copy
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import polars
import pytest
import torch
from PIL import Image
from report_data import HOSTILE, blobs, fitted_hostile, fitted_table, quick_detector
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from small_data import SHORT, easy_table, tiny_image_classifier, tiny_images
from torch.utils.data import TensorDataset

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.metrics import noise_detection_report
from sknoisy.report import LabelQualityReport

DATA = re.compile(r'<script type="application/json" id="report-data">(.*?)</script>', re.DOTALL)


def data_of(report):
    """Return what the page's script reads."""
    return json.loads(DATA.search(report.html()).group(1))


def content_of(X):
    """Return what the page holds of the rows of X, beside labels of as many rows."""
    return data_of(LabelQualityReport(fitted_table()[0], X))["content"]


@pytest.fixture
def table_report():
    detector, X, y, truth = fitted_table()
    return LabelQualityReport(detector, X, y, truth=truth)


# -- forms -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_page_is_one_html_document_without_addresses_to_load(table_report):
    page = table_report.html()
    assert page.startswith("<!DOCTYPE html>")
    assert not re.search(r'<(?:script|img|link|iframe)[^>]*\s(?:src|href)="?(?:https?:)?//', page)


@pytest.mark.slow
def test_own_script_is_small(table_report):
    scripts = re.findall(r"<script>(.*?)</script>", table_report.html(), re.DOTALL)
    assert len(scripts) == 1
    assert len(scripts[0].encode()) < 60_000


@pytest.mark.slow
def test_snippet_is_the_page_in_a_frame_of_its_own(table_report):
    class Frames(HTMLParser):
        found = []

        def handle_starttag(self, tag, attributes):
            self.found.append((tag, dict(attributes)))

    frames = Frames()
    frames.feed(table_report.html_snippet())
    ((tag, attributes),) = frames.found
    assert tag == "iframe"
    assert attributes["srcdoc"] == table_report.html()
    assert "allow-same-origin" not in attributes["sandbox"]


@pytest.mark.slow
def test_notebooks_get_the_snippet_and_a_line_of_text(table_report):
    shown = table_report._repr_mimebundle_()
    assert shown["text/html"] == table_report.html_snippet() == table_report._repr_html_()
    assert re.search(r"about [\d.]+ % of 150 labels wrong", shown["text/plain"])


@pytest.mark.slow
@pytest.mark.parametrize("opened", [io.StringIO, io.BytesIO])
def test_page_is_written_to_paths_and_open_files(table_report, tmp_path, opened):
    table_report.write_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == table_report.html()
    file = opened()
    table_report.write_html(file)
    written = file.getvalue()
    assert (written if isinstance(written, str) else written.decode()) == table_report.html()


@pytest.mark.slow
def test_open_shows_a_file_that_holds_the_page(table_report, monkeypatch):
    import webbrowser
    from pathlib import Path
    from urllib.parse import unquote, urlparse

    addresses = []
    monkeypatch.setattr(webbrowser, "open", addresses.append)
    table_report.open()
    path = Path(unquote(urlparse(addresses[0]).path))
    assert path.read_text(encoding="utf-8") == table_report.html()
    path.unlink()


def test_json_tells_the_figures_of_the_estimator(table_report):
    detector, X, _, truth = fitted_table()
    told = json.loads(table_report.json())
    assert told["schema_version"] == "1.0"
    assert told["summary"]["noise_rate"] == detector.noise_rate_
    assert told["summary"]["noise_rate_interval"] == list(detector.noise_rate_interval_)
    assert told["summary"]["n_flagged"] == detector.noise_mask_.sum()
    rates = {each["name"]: each["noise_rate"] for each in told["classes"]}
    assert rates == dict(zip(detector.classes_, detector.class_noise_rates_, strict=True))
    assert np.sum(told["confusions"]) == detector.noise_mask_.sum()
    np.testing.assert_allclose(told["transition_matrix"], detector.transition_matrix_)
    assert told["queue"][0]["row_label"] == X.index[np.argmin(detector.label_quality_)]
    expected = noise_detection_report(
        detector._given_labels != truth, detector.noise_mask_, detector.label_quality_
    )
    assert {name: told["truth"][name] for name in expected} == expected


def test_markdown_tells_rate_classes_and_first_rows(table_report):
    detector, X, _, _ = fitted_table()
    text = table_report.markdown()
    first = X.index[np.argmin(detector.label_quality_)]
    assert f"| {first} |" in text
    assert re.search(r"\| birch \| \d+ \| [\d.]+\s% \|", text)
    assert "## Compared with the right labels" in text


@pytest.mark.slow
def test_markdown_keeps_hostile_names_in_their_cells():
    detector, frame = fitted_hostile()
    text = LabelQualityReport(detector, frame).markdown()
    assert "<script" not in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    counts = {len(re.findall(r"(?<!\\)\|", line)) for line in tables}
    assert counts <= {4, 5, 6, 7}


@pytest.mark.slow
@pytest.mark.parametrize("place", ["class", "column", "cell", "row label", "group"])
def test_nothing_hostile_is_markup_in_the_page(place):
    detector, frame = fitted_hostile()
    page = LabelQualityReport(detector, frame).html()

    class Tags(HTMLParser):
        found = []

        def handle_starttag(self, tag, attributes):
            self.found.append((tag, attributes))

    tags = Tags()
    tags.feed(page)
    names = [tag for tag, _ in tags.found]
    assert names.count("script") == 2
    assert not {"img", "a href"} & set(names)
    assert not any(name.startswith("on") for _, found in tags.found for name, _ in found)
    data = data_of(LabelQualityReport(detector, frame))
    where = {
        "class": data["classes"],
        "column": [name.strip() for name in data["content"]["columns"]],
        "cell": sum(data["content"]["cells"], []),
        "row label": [label.split(" ", 1)[1] for label in data["rows"]["label"]],
        "group": data["groups"],
    }
    # Some names of columns are cut.
    wanted = [each for each in HOSTILE if place != "column" or len(each) < 75]
    stripped = {str(each).strip() for each in where[place]}
    assert {each.strip() for each in wanted} <= stripped


# -- what it takes -----------------------------------------------------------------------------


@pytest.mark.parametrize("estimator_class", [NoisyLabelDetector, RobustClassifier])
def test_unfitted_estimators_are_refused_as_everywhere(estimator_class):
    with pytest.raises(NotFittedError):
        LabelQualityReport(estimator_class(), np.zeros((3, 2)))
    with pytest.raises(NotFittedError):
        LabelQualityReport(make_pipeline(StandardScaler(), estimator_class()), np.zeros((3, 2)))


def test_other_estimators_are_named():
    with pytest.raises(TypeError, match=r"NoisyLabelDetector.*Got LogisticRegression"):
        LabelQualityReport(LogisticRegression(), np.zeros((3, 2)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": np.zeros((90, 4))}, "150 rows. Got 90"),
        ({"X": {"a": np.zeros(150), "b": np.zeros(3)}}, r"X\['b'\].*150 rows. Got 3"),
        ({"X": None, "y": ["ash"]}, r"y must be the labels of fit.*\(150,\). Got shape \(1,\)"),
        ({"X": None, "y": ["fir"] * 150}, "Row 0 has 'fir'"),
        ({"X": None, "truth": ["ash"]}, r"truth must be of shape \(150,\)"),
        ({"X": None, "truth": [None] * 150}, "isn't missing"),
    ],
)
def test_what_does_not_belong_to_the_rows_of_fit_is_named(arguments, message):
    detector = fitted_table()[0]
    with pytest.raises(ValueError, match=message):
        LabelQualityReport(detector, **arguments)


def test_pipelines_and_searches_are_opened():
    X, y, _ = blobs()
    pipeline = make_pipeline(StandardScaler(), quick_detector()).fit(X, y)
    search = GridSearchCV(quick_detector(), {"threshold": [0.3]}, cv=2, scoring=lambda *_: 1.0).fit(
        X, y
    )
    for estimator in (pipeline, search):
        assert json.loads(LabelQualityReport(estimator, X, y).json())["summary"]["n_rows"] == 150


@pytest.mark.slow
@pytest.mark.parametrize(
    "estimator",
    [
        NoisyLabelDetector(**SHORT),
        RobustClassifier(**SHORT),
        RobustClassifier(final_estimator=LogisticRegression(), **SHORT),
        NoisyLabelDetector("cross_entropy", contamination=0.2, **SHORT),
        RobustClassifier("lsw", threshold=0.4, **SHORT),
    ],
    ids=["default", "default classifier", "final estimator", "contamination", "trusted"],
)
def test_estimators_of_every_kind_are_reported(estimator):
    X, y, truth = easy_table()
    trusted = np.arange(len(X)) < 30
    given = np.where(trusted, truth, y)
    model = estimator.fit(X, given, trusted=trusted)
    report = LabelQualityReport(model, X, given, truth=truth)
    told = json.loads(report.json())
    assert told["summary"]["n_trusted"] == 30
    assert told["summary"]["n_flagged"] == model.noise_mask_.sum()
    assert (told["final"] is None) == isinstance(model, NoisyLabelDetector)
    assert told["training"]["curves"]
    assert (
        data_of(report)["rows"]["flags"].count(2) + data_of(report)["rows"]["flags"].count(6) == 30
    )
    assert report.markdown()


@pytest.mark.slow
def test_a_detector_fitted_on_a_dataset_of_images_shows_them():
    images, y = tiny_images()
    floats = torch.from_numpy(images).float() / 255
    dataset = TensorDataset(floats, torch.from_numpy(y))
    model = tiny_image_classifier().fit(dataset)
    state = torch.get_rng_state()
    content = data_of(LabelQualityReport(model, dataset))["content"]
    assert len(content["pictures"]) == len(images)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.slow
def test_rows_of_a_table_are_shown_as_text():
    frame = pd.DataFrame(
        {
            "city": ["Bern", None] * 75,
            "day": pd.Timestamp("2024-05-01"),
            "size": np.float32(0.1),
            "member": True,
            7: np.arange(150),
        }
    )
    content = content_of(frame)
    assert content["columns"] == ["city", "day", "size", "member", "7"]
    first = data_of(LabelQualityReport(fitted_table()[0], frame))["rows"]["position"][0]
    cells = [column[0] for column in content["cells"]]
    assert cells == ["Bern" if first % 2 == 0 else None, "2024-05-01", "0.1", "True", str(first)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    [
        lambda X: polars.DataFrame({str(column): X[:, column] for column in range(4)}),
        sparse.csr_matrix,
        torch.from_numpy,
        lambda X: X.tolist(),
        lambda X: TensorDataset(torch.from_numpy(X), torch.zeros(len(X))),
    ],
    ids=["polars", "sparse", "tensor", "list", "Dataset"],
)
def test_tables_of_every_make_show_the_same_values(kind):
    X = np.random.default_rng(0).normal(size=(150, 4)).round(2) + 0.0
    assert content_of(kind(X))["cells"] == content_of(X)["cells"]


@pytest.mark.parametrize("kind", [list, np.array, pd.Series, polars.Series])
def test_texts_are_shown_whole(kind):
    texts = [f"Text number {number} " + "a" * 300 for number in range(150)]
    content = content_of(kind(texts))
    assert set(content["texts"]) == set(texts)
    assert not content["columns"]


@pytest.mark.parametrize(
    "shape", [(150, 8, 8), (150, 3, 8, 8), (150, 8, 8, 3), (150, 60, 50, 1), (150, 1, 90, 90)]
)
def test_images_are_small_pictures(shape):
    images = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    pictures = content_of(images)["pictures"]
    assert len(pictures) == 150
    assert all(each.startswith("data:image/") for each in pictures)


def test_a_list_of_images_is_shown_as_pictures():
    images = list(np.zeros((150, 8, 8, 3), np.uint8))
    assert len(content_of(images)["pictures"]) == 150


@pytest.mark.slow
def test_image_files_are_read_and_those_that_cannot_be_are_named(tmp_path):
    paths = [tmp_path / f"{number}.png" for number in range(150)]
    for path in paths[1:]:
        Image.new("RGB", (300, 200), "red").save(path)
    report = LabelQualityReport(fitted_table()[0], [str(path) for path in paths])
    content = data_of(report)["content"]
    missing = content["files"].index("0.png")
    assert content["pictures"][missing] is None
    assert sum(each is not None for each in content["pictures"]) == 149
    assert str(tmp_path) not in report.html()


def test_arrays_by_name_are_shown_side_by_side():
    X = {"age": np.arange(150), "scan": np.zeros((150, 8, 8), np.uint8), "rest": np.ones((150, 2))}
    content = content_of(X)
    assert content["columns"] == ["age", "rest: 0", "rest: 1"]
    assert len(content["pictures"]) == 150


def test_wide_tables_show_their_first_columns_and_say_so():
    page = LabelQualityReport(fitted_table()[0], np.zeros((150, 700))).html()
    assert "Of 700 columns the first 40 are shown" in page


def test_without_rows_the_labels_are_reported_alone():
    report = LabelQualityReport(fitted_table()[0], None)
    assert data_of(report)["content"]["places"] == []


@pytest.mark.slow
def test_rows_of_X_stay_as_they_were():
    detector, frame, _, _ = fitted_table()
    before = frame.copy()
    LabelQualityReport(detector, frame).html()
    pd.testing.assert_frame_equal(frame, before)


# -- what it says ------------------------------------------------------------------------------


@pytest.mark.slow
def test_reviewed_rows_carry_their_answer():
    detector, X, _, truth = fitted_table()
    reviewed = copy.deepcopy(detector)
    rows = detector.review_queue(20)["row"].to_numpy()
    reviewed.apply_review(pd.Series(truth[rows], X.index[rows]))
    data = data_of(LabelQualityReport(reviewed, X))
    told = {
        data["rows"]["position"][place]: data["classes"][code] for place, code in data["answers"]
    }
    assert told == {int(row): truth[row] for row in rows}
    assert "20 rows reviewed by a person" in LabelQualityReport(reviewed, X).html()


def test_truth_may_name_other_classes_and_be_missing():
    detector, X, y, _ = fitted_table()
    truth = pd.Series(y, X.index).astype(object)
    truth.iloc[:100] = None
    truth.iloc[100] = "yew"
    told = json.loads(LabelQualityReport(detector, X, truth=truth).json())["truth"]
    assert (told["n_known"], told["n_wrong"]) == (50, 1)


@pytest.mark.slow
def test_figures_that_the_truth_does_not_give_are_left_out():
    detector, X, y, _ = fitted_table()
    report = LabelQualityReport(detector, X, truth=y)
    assert json.loads(report.json())["truth"]["auc"] is None
    assert "nan" not in report.html().lower().split("<main")[1].split("report-data")[0]


def test_a_model_that_knows_nothing_is_not_recommended():
    random = np.random.default_rng(0)
    X, y = random.normal(size=(300, 3)), random.integers(0, 2, 300)
    with pytest.warns(UserWarning):
        detector = quick_detector().fit(X, y)
    (model, *_) = json.loads(LabelQualityReport(detector, X).json())["trust"]
    assert model["level"] == "poor"


def test_a_model_that_knows_the_classes_is_recommended(table_report):
    (model, *_) = json.loads(table_report.json())["trust"]
    assert model["level"] == "good"


@pytest.mark.slow
def test_the_form_of_the_last_training_is_told_with_its_scores():
    X, y, _ = blobs(600)
    trees = HistGradientBoostingClassifier(max_iter=30)
    model = RobustClassifier(estimator=trees, random_state=0).fit(X, y)
    told = json.loads(LabelQualityReport(model, X).json())["final"]
    assert told["form"] == model.final_
    assert told["scores"] == model.final_scores_


def test_curves_are_those_of_the_history():
    X, y, _ = easy_table()
    model = NoisyLabelDetector("cores", **SHORT | {"max_epochs": 3}).fit(X, y)
    model.history_ = [
        {
            "epoch": number + 1,
            "train_loss": epoch["train_loss"],
            "train_agreement": 0.5 + 0.01 * number,
            "stage": "warm-up" if number < 2 else "rest",
        }
        for number, epoch in enumerate(model.history_)
    ]
    told = json.loads(LabelQualityReport(model, X).json())["training"]
    recorded = [epoch["train_loss"] for epoch in model.history_]
    assert told["curves"]["loss"]["rows trained on"] == recorded
    assert told["curves"]["agreement"]["rows trained on"][1] == 0.51
    assert [stage["first"] for stage in told["stages"]] == [1, 3]
    assert any("Wrong events" in sentence for sentence in told["missing"])


def test_epochs_counted_anew_begin_a_stage():
    detector, X, _, _ = fitted_table()
    model = copy.deepcopy(detector)
    model.history_ = [{"epoch": epoch, "train_loss": 1.0} for epoch in (1, 2, 3, 1, 2)]
    told = json.loads(LabelQualityReport(model, X).json())["training"]
    assert [stage["first"] for stage in told["stages"]] == [1, 4]


def test_values_that_are_no_numbers_leave_gaps():
    detector, X, _, _ = fitted_table()
    model = copy.deepcopy(detector)
    model.history_ = [
        {"epoch": 1, "train_loss": np.nan},
        {"epoch": 2},
        {"epoch": 3, "train_loss": 1},
    ]
    report = LabelQualityReport(model, X)
    assert json.loads(report.json())["training"]["curves"]["loss"]["rows trained on"] == [
        None,
        None,
        1.0,
    ]


@pytest.mark.slow
def test_without_history_the_page_says_so(table_report):
    detector, X, _, _ = fitted_table()
    model = copy.deepcopy(detector)
    model.history_ = []
    assert "No epochs or rounds were recorded" in LabelQualityReport(model, X).html()


@pytest.mark.slow
def test_skrub_is_asked_for_the_columns_of_tables_only(table_report):
    pytest.importorskip("skrub")
    assert "skrub" in data_of(table_report)["table"]
    images = np.zeros((150, 8, 8), np.uint8)
    assert data_of(LabelQualityReport(fitted_table()[0], images))["table"] is None

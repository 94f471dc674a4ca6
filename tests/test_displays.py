"""The displays of sknoisy.display: one form for all, and what each of them draws."""

import warnings
from types import SimpleNamespace

import matplotlib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score

from sknoisy import NoisyLabelDetector
from sknoisy.display import (
    ClassNoiseRatesDisplay,
    DetectionCurvesDisplay,
    HighWeightErrorsDisplay,
    LabelQualityDisplay,
    NoiseRobustnessDisplay,
    ReviewProgressDisplay,
    TrainingCurvesDisplay,
    TransitionMatrixDisplay,
    WeightHistoryDisplay,
    plot_suspicious_images,
)
from sknoisy.noise import flip_symmetric

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

GENERATOR = np.random.RandomState(0)
FLIPPED = GENERATOR.uniform(size=200) < 0.3
QUALITY = np.clip(np.where(FLIPPED, 0.3, 0.7) + 0.2 * GENERATOR.randn(200), 0.0, 1.0)
HOSTILE = ["$\\frac{", "a$b$c", "_hidden", "<script>", "line\nbreak", "50% of 100"]


def history(n_epochs, **more):
    return [
        {
            "epoch": epoch,
            "train_loss": 1 / epoch,
            "train_agreement": 0.5 + 0.02 * epoch,
            "held_out_agreement": 0.5 + 0.01 * epoch,
            "wrong_events": 0.5 - 0.02 * epoch,
            "dur": 0.1,
            **more,
        }
        for epoch in range(1, n_epochs + 1)
    ]


def matrix(n_classes):
    return 0.8 * np.eye(n_classes) + 0.2 / n_classes


def class_rates(n_classes, names=None):
    rates = np.linspace(0.4, 0.05, n_classes)
    intervals = np.stack([0.5 * rates, 1.5 * rates], axis=1)
    return ClassNoiseRatesDisplay(rates, intervals=intervals, noise_rate=0.2, display_labels=names)


def review_records():
    counts = {"n_reviewed": [0, 10, 20], "n_found": [0, 8, 14]}
    rates = {"noise_rate": [0.2, 0.25, 0.24], "low": [0.1, 0.15, 0.2], "high": [0.5, 0.4, 0.3]}
    return pd.DataFrame(counts | rates)


def robustness(methods=("one", "two"), kinds=("",)):
    return NoiseRobustnessDisplay(
        [
            {"method": name, "noise": kind, "noise_rate": rate, "auc": 1 - rate * number / 20}
            for kind in kinds
            for number, name in enumerate(methods)
            for rate in (0.4, 0.2)
        ]
    )


DISPLAYS = {
    "label quality": lambda: LabelQualityDisplay(QUALITY, threshold=0.4, flipped=FLIPPED),
    "training curves": lambda: TrainingCurvesDisplay(history(9)),
    "transition matrix": lambda: TransitionMatrixDisplay(matrix(4)),
    "class noise rates": lambda: class_rates(4),
    "detection curves": lambda: DetectionCurvesDisplay(FLIPPED, {"one": QUALITY, "two": QUALITY}),
    "weight history": lambda: WeightHistoryDisplay(np.stack([QUALITY] * 5), flipped=FLIPPED),
    "high-weight errors": lambda: HighWeightErrorsDisplay(FLIPPED, {"one": QUALITY}),
    "noise robustness": robustness,
    "review progress": lambda: ReviewProgressDisplay(review_records(), noise_rate=0.2),
}
every_display = pytest.mark.parametrize("make", DISPLAYS.values(), ids=DISPLAYS)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def table():
    """A table whose labels are partly wrong, and a detector that has judged them."""
    X, codes = make_classification(
        400, 6, n_informative=5, n_redundant=0, n_classes=3, n_clusters_per_class=1, random_state=0
    )
    names = np.array(["ash", "birch", "cedar"])
    given, flipped = flip_symmetric(codes, 0.2, random_state=0)
    trees = HistGradientBoostingClassifier(max_iter=40, random_state=0)
    detector = NoisyLabelDetector(estimator=trees, random_state=0).fit(X, names[given])
    return SimpleNamespace(
        X=X, y=names[given], truth=names[codes], flipped=flipped, detector=detector
    )


def texts_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


# One form for all displays


@every_display
def test_plot_returns_the_display_with_its_axes_and_figure(make):
    display = make()
    assert display.plot() is display
    assert display.ax_.figure is display.figure_


@every_display
def test_given_axes_are_drawn_on_and_pyplot_is_left_alone(make):
    figure = matplotlib.figure.Figure()
    ax = figure.subplots()
    other = plt.figure()
    display = make().plot(ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert plt.get_fignums() == [other.number]
    assert plt.gcf() is other


@every_display
def test_settings_of_matplotlib_stay(make):
    before = dict(matplotlib.rcParams)
    make().plot().figure_.canvas.draw()
    assert dict(matplotlib.rcParams) == before


@every_display
def test_the_data_are_given_as_a_table_that_is_the_callers_own(make):
    display = make()
    frame = display.frame()
    assert isinstance(frame, pd.DataFrame)
    assert len(frame)
    before = frame.copy()
    frame.loc[frame.index[0]] = frame.loc[frame.index[-1]]
    frame[frame.columns[-1]] = 0
    pd.testing.assert_frame_equal(display.frame(), before)


@every_display
@pytest.mark.parametrize("layout", [None, "constrained"])
@pytest.mark.parametrize("size", [(3, 2.4), (12, 8)])
def test_small_and_large_pictures_are_drawn_without_a_warning(make, size, layout):
    figure, ax = plt.subplots(figsize=size, dpi=100, layout=layout)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make().plot(ax)
        figure.canvas.draw()
    assert ax.get_window_extent().height > 0.25 * figure.bbox.height


@every_display
def test_legend_lies_below_the_axes_and_within_the_figure(make):
    display = make().plot()
    legend = display.ax_.get_legend()
    if legend is None:
        return
    display.figure_.canvas.draw()
    box = legend.get_window_extent()
    assert box.y1 <= display.ax_.get_window_extent().y0
    assert 0 <= box.x0 and 0 <= box.y0
    assert box.x1 <= display.figure_.bbox.width


@every_display
def test_texts_are_visible_on_a_dark_background(make):
    with plt.style.context("dark_background"):
        display = make().plot()
        written = display.figure_.findobj(matplotlib.text.Text)
        inside = set(display.text_.ravel()) if hasattr(display, "text_") else set()
        for text in written:
            if text.get_text() and text not in inside:
                assert matplotlib.colors.to_rgb(text.get_color()) == (1, 1, 1)


@pytest.mark.parametrize(
    ("display", "keywords"),
    [
        ("training curves", {"line_kw": {"lw": 5}}),
        ("detection curves", {"line_kw": {"linewidth": 5}}),
        ("review progress", {"line_kw": {"lw": 5}}),
        ("noise robustness", {"line_kw": {"lw": 5}}),
    ],
)
def test_keywords_for_lines_win_under_either_name(display, keywords):
    lines = DISPLAYS[display]().plot(**keywords).lines_
    assert [line.get_linewidth() for line in lines] == [5] * len(lines)


def test_keywords_reach_the_other_artists_too():
    matrix_display = DISPLAYS["transition matrix"]().plot(
        im_kw={"cmap": "gray"}, text_kw={"color": "red"}
    )
    assert matrix_display.im_.get_cmap().name == "gray"
    assert matrix_display.text_[0, 0].get_color() == "red"
    quality = DISPLAYS["label quality"]().plot(bar_kw={"lw": 3})
    assert quality.ax_.patches[0].get_linewidth() == 3
    rates = DISPLAYS["class noise rates"]().plot(errorbar_kw={"color": "red"})
    assert rates.errorbar_[0].get_color() == "red"
    errors = DISPLAYS["high-weight errors"]().plot(marker_kw={"ms": 12})
    assert errors.lines_[0].get_markersize() == 12


@pytest.mark.parametrize(
    "display_class",
    [
        TrainingCurvesDisplay,
        TransitionMatrixDisplay,
        ClassNoiseRatesDisplay,
        WeightHistoryDisplay,
        DetectionCurvesDisplay,
        HighWeightErrorsDisplay,
        ReviewProgressDisplay,
    ],
)
def test_unfitted_estimators_are_refused(display_class):
    needs = (FLIPPED,) if display_class.__name__[0] in "DHR" else ()
    with pytest.raises(NotFittedError):
        display_class.from_estimator(NoisyLabelDetector(), *needs)


def test_unfitted_estimators_of_several_runs_are_refused():
    with pytest.raises(NotFittedError):
        NoiseRobustnessDisplay.from_estimator([NoisyLabelDetector()], [FLIPPED])


@pytest.mark.parametrize(
    "make",
    [
        lambda names: TransitionMatrixDisplay(matrix(len(names)), display_labels=names),
        lambda names: class_rates(len(names), names),
        lambda names: HighWeightErrorsDisplay(FLIPPED, dict.fromkeys(names, QUALITY)),
        lambda names: DetectionCurvesDisplay(FLIPPED, dict.fromkeys(names, QUALITY)),
        lambda names: robustness(methods=names),
        lambda names: ReviewProgressDisplay(
            [{"strategy": name, "n_reviewed": 5, "n_found": 2} for name in names]
        ),
    ],
)
def test_names_are_shown_letter_by_letter(make):
    figure = make(HOSTILE).plot().figure_
    figure.canvas.draw()
    shown = " | ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))
    for name in HOSTILE:
        assert " ".join(name.split()).replace("$", r"\$") in shown


def test_lines_differ_in_more_than_their_colour():
    names = [f"method {number}" for number in range(12)]
    display = DetectionCurvesDisplay(FLIPPED, dict.fromkeys(names, QUALITY)).plot()
    dashes = [str(line._unscaled_dash_pattern) for line in display.lines_]
    colours = [line.get_color() for line in display.lines_]
    assert len(set(zip(colours, dashes, strict=True))) == 12
    assert len(set(dashes[:5])) == 5


# TrainingCurvesDisplay


def test_curves_hold_agreements_and_wrong_events_by_epoch():
    display = TrainingCurvesDisplay(history(4)).plot()
    names = ["train_agreement", "held_out_agreement", "wrong_events"]
    for line, name in zip(display.lines_, names, strict=True):
        assert_allclose(line.get_xdata(), [1, 2, 3, 4])
        assert_allclose(line.get_ydata(), [each[name] for each in display.history])
    assert display.ax_.get_xlabel() == "Epoch"
    assert display.ax_.get_ylabel() == "Share of rows"


@pytest.mark.parametrize(
    ("entry", "drawn", "label"),
    [
        (
            {"held_out_agreement": 0.5, "held_out_loss": 1.0},
            ["held_out_agreement"],
            "Share of rows",
        ),
        ({"memorization_gap": -0.1, "train_loss": 1.0}, ["memorization_gap"], "Share of rows"),
        ({"train_loss": 1.0, "valid_loss": 2.0}, ["train_loss", "valid_loss"], "Mean loss"),
    ],
)
def test_what_is_there_is_drawn(entry, drawn, label):
    display = TrainingCurvesDisplay([entry | {"round": 1}, entry | {"round": 2}]).plot()
    assert len(display.lines_) == len(drawn)
    assert_allclose(display.lines_[0].get_ydata(), [entry[drawn[0]]] * 2)
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("Round", label)


def test_a_curve_looks_the_same_whatever_stands_beside_it():
    both = TrainingCurvesDisplay(history(3)).plot()
    alone = TrainingCurvesDisplay(history(3)).plot(curves=["wrong_events", "train_loss"])
    assert alone.lines_[0].get_color() == both.lines_[2].get_color()
    assert alone.lines_[1].get_color() != alone.lines_[0].get_color()


def test_curves_can_be_chosen():
    display = TrainingCurvesDisplay(history(4)).plot(curves="train_loss")
    assert_allclose(display.lines_[0].get_ydata(), [1, 1 / 2, 1 / 3, 1 / 4])
    with pytest.raises(ValueError, match=r"curves must be among .*'train_loss'.* got \['loss'\]"):
        display.plot(curves=["loss"])


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], "history must be a list of dicts"),
        ([{"epoch": 1, "dur": 0.1}], r"history must hold one of .*train_loss.* got \['epoch'"),
        ([{"epoch": 1, "train_loss": None}], "history must hold one of"),
    ],
)
def test_a_history_with_nothing_to_draw_is_refused(entries, message):
    with pytest.raises(ValueError, match=message):
        TrainingCurvesDisplay(entries)


def shaded(ax):
    """Return the epochs at which shading begins and ends."""
    return [(patch.get_x() + 0.5, patch.get_x() + patch.get_width() - 0.5) for patch in ax.patches]


def test_epochs_that_count_are_shaded():
    counted = [False, True, True, False, True]
    ax = TrainingCurvesDisplay(history(5), counted=counted).plot().ax_
    assert_allclose(shaded(ax), [(2, 3), (5, 5)])
    assert texts_of(ax)[0] == "epochs that count"
    entries = [each | {"counted": n == 2} for n, each in enumerate(history(4))]
    assert_allclose(shaded(TrainingCurvesDisplay(entries).plot().ax_), [(3, 3)])


def test_rounds_shaded_are_as_many_as_the_detector_has_counted(table):
    display = TrainingCurvesDisplay.from_estimator(table.detector)
    assert display.counted.sum() == table.detector._contradictions[0].n_looks
    assert display.ax_.get_xlabel() == "Round"


@pytest.mark.slow
def test_epochs_shaded_are_as_many_as_the_detector_has_counted(table):
    detector = NoisyLabelDetector(max_epochs=8, random_state=0).fit(table.X, table.y)
    display = TrainingCurvesDisplay.from_estimator(detector)
    assert display.counted.sum() == detector._contradictions[0].n_looks


def test_stages_are_apart_and_named():
    entries = history(4, stage="wrong_events") + history(6, stage="dynamic_loss")
    display = TrainingCurvesDisplay(entries).plot()
    assert_array_equal(display.frame()["step"], np.arange(1, 11))
    values = display.lines_[0].get_ydata()
    assert np.flatnonzero(np.isnan(values)).tolist() == [4]
    assert [text.get_text() for text in display.ax_.texts] == ["wrong events", "dynamic loss"]


# TransitionMatrixDisplay


def test_matrix_is_drawn_with_its_values_and_names(table):
    display = TransitionMatrixDisplay.from_estimator(table.detector)
    assert_allclose(display.im_.get_array(), table.detector.transition_matrix_)
    assert display.frame().loc["ash", "ash"] == table.detector.transition_matrix_[0, 0]
    share = table.detector.transition_matrix_[1, 1]
    assert display.text_[1, 1].get_text() == f"{100 * share:.0f}"
    assert [each.get_text() for each in display.ax_.get_yticklabels()] == ["ash", "birch", "cedar"]


def test_matrix_of_known_labels_counts_them(table):
    display = TransitionMatrixDisplay.from_predictions(table.truth, table.y)
    of_ash = table.truth == "ash"
    assert display.frame().loc["ash", "birch"] == np.mean(table.y[of_ash] == "birch")
    assert_allclose(display.frame().sum(axis=1), 1)


@pytest.mark.parametrize(
    ("n_classes", "size", "has_values", "has_bar"),
    [(2, (3, 2.4), True, False), (10, (8, 6), True, True), (50, (3, 2.4), False, True)],
)
def test_numbers_are_written_where_there_is_room(n_classes, size, has_values, has_bar):
    figure, ax = plt.subplots(figsize=size)
    display = TransitionMatrixDisplay(matrix(n_classes)).plot(ax)
    assert (display.text_ is not None) == has_values
    assert bool(ax.child_axes) == has_bar


def test_numbers_differ_from_the_colour_of_their_cells():
    display = TransitionMatrixDisplay([[1.0, 0.0], [0.05, 0.95]]).plot()
    assert display.text_[0, 0].get_color() == "black"
    assert display.text_[1, 0].get_color() == "white"
    assert display.text_[0, 1].get_text() == ""


@pytest.mark.parametrize("axis", ["xaxis", "yaxis"])
@pytest.mark.parametrize("size", [(3, 2.4), (12, 9)])
def test_names_of_fifty_classes_do_not_touch(axis, size):
    names = [f"a class with a rather long name, number {number}" for number in range(50)]
    figure, ax = plt.subplots(figsize=size, layout="constrained")
    TransitionMatrixDisplay(matrix(50), display_labels=names).plot(ax)
    figure.canvas.draw()
    boxes = [each.get_window_extent() for each in getattr(ax, axis).get_ticklabels()]
    assert len(boxes) >= 5
    assert not any(one.overlaps(other) for one, other in zip(boxes, boxes[1:], strict=False))
    # What tells them apart is at their end.
    assert ax.get_yticklabels()[-1].get_text()[-1].isdigit()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[0.5, 0.5]], r"transition_matrix must have shape \(n_classes, n_classes\), got \(1, 2\)"),
        ([[1.5, 0], [0, 1]], r"transition_matrix must be in \[0, 1\], got 0 to 1.5"),
    ],
)
def test_a_matrix_that_is_none_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        TransitionMatrixDisplay(values)


def test_names_of_other_number_than_classes_are_refused():
    with pytest.raises(ValueError, match="display_labels must be the names of 3 classes"):
        TransitionMatrixDisplay(matrix(3), display_labels=["a", "b"])


# ClassNoiseRatesDisplay


def test_rates_of_classes_have_their_intervals_and_the_truth(table):
    detector = table.detector
    display = ClassNoiseRatesDisplay.from_estimator(detector, flipped=table.flipped, sort=False)
    frame = display.frame()
    assert_allclose(frame["noise_rate"], detector.class_noise_rates_)
    assert_allclose(frame[["low", "high"]], detector.class_noise_rate_intervals_)
    assert frame.loc["birch", "true_rate"] == table.flipped[table.y == "birch"].mean()
    (bars,) = display.errorbar_[2]
    first = bars.get_segments()[0]
    assert_allclose(first[:, 0], frame.loc["ash", ["low", "high"]])


def test_the_worst_class_comes_first():
    display = ClassNoiseRatesDisplay([0.1, 0.5, 0.3], display_labels=["a", "b", "c"]).plot()
    assert [each.get_text() for each in display.ax_.get_yticklabels()] == ["b", "c", "a"]
    assert_allclose(display.errorbar_[0].get_xdata(), [0.5, 0.3, 0.1])
    low, high = display.ax_.get_ylim()
    assert low > high


def test_rates_of_a_checked_sample_have_intervals_by_its_size():
    given = ["many"] * 100 + ["few"] * 10
    truth = ["other"] * 20 + ["many"] * 80 + ["other"] * 2 + ["few"] * 8
    frame = ClassNoiseRatesDisplay.from_predictions(truth, given).frame()
    assert_allclose(frame["noise_rate"], [0.2, 0.2])
    widths = frame["high"] - frame["low"]
    assert widths["few"] > 2 * widths["many"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"class_noise_rates": [0.1, 1.2]}, r"class_noise_rates must be in \[0, 1\]"),
        ({"intervals": [[0, 1]]}, r"intervals must have shape \(2, 2\), got \(1, 2\)"),
        ({"true_rates": [0.1]}, r"true_rates must have shape \(2,\)"),
    ],
)
def test_bad_rates_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ClassNoiseRatesDisplay(**({"class_noise_rates": [0.1, 0.2]} | arguments))


# DetectionCurvesDisplay


def test_scores_of_the_curves_are_scikit_learns():
    scores = DetectionCurvesDisplay(FLIPPED, {"one": QUALITY}).scores().loc["one"]
    assert_allclose(scores["auc"], roc_auc_score(FLIPPED, -QUALITY))
    assert_allclose(scores["average_precision"], average_precision_score(FLIPPED, -QUALITY))


def test_curves_tell_recall_and_precision_below_each_threshold():
    frame = DetectionCurvesDisplay(FLIPPED, QUALITY).frame()
    for number in (1, 40, 150):
        row = frame.iloc[number]
        flagged = row["threshold"] >= QUALITY
        assert_allclose(row["recall"], flagged[FLIPPED].mean())
        assert_allclose(row["false_positive_rate"], flagged[~FLIPPED].mean())
        assert_allclose(row["precision"], FLIPPED[flagged].mean())


@pytest.mark.parametrize("kind", ["roc", "precision_recall"])
def test_a_point_marks_the_verdict(kind):
    mask = QUALITY < 0.45
    display = DetectionCurvesDisplay(FLIPPED, {"one": QUALITY}, noise_mask={"one": mask})
    line, point = display.plot(kind=kind).ax_.lines[:2]
    recall = mask[FLIPPED].mean()
    place = (mask[~FLIPPED].mean(), recall)
    if kind == "precision_recall":
        place = (recall, FLIPPED[mask].mean())
    assert_allclose(np.ravel(point.get_data()), place)
    assert point.get_color() == line.get_color()


def test_trusted_rows_are_left_out_of_the_curves(table):
    trusted = ~table.flipped & (np.arange(len(table.y)) < 100)
    detector = NoisyLabelDetector(estimator=LogisticRegression(), random_state=0)
    detector.fit(table.X, table.y, trusted=trusted)
    display = DetectionCurvesDisplay.from_estimator({"some": detector}, table.flipped)
    expected = roc_auc_score(table.flipped[~trusted], -detector.label_quality_[~trusted])
    assert_allclose(display.scores().loc["some", "auc"], expected)


def test_one_estimator_is_named_by_its_method(table):
    display = DetectionCurvesDisplay.from_estimator(table.detector, table.flipped)
    assert list(display.label_quality) == ["wrong_event"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"flipped": np.zeros(200, bool)}, "flipped must be true for some of the rows"),
        ({"label_quality": {"one": QUALITY[:5]}}, r"label_quality of 'one' must have shape"),
        ({"label_quality": {}}, "label_quality must hold at least one method"),
        ({"label_quality": 2 * QUALITY}, r"label_quality must be in \[0, 1\]"),
        ({"noise_mask": {"two": FLIPPED}}, r"noise_mask must have names .*\['two'\] too"),
    ],
)
def test_bad_qualities_are_refused(arguments, message):
    usual = {"flipped": FLIPPED, "label_quality": {"one": QUALITY}}
    with pytest.raises(ValueError, match=message):
        DetectionCurvesDisplay(**(usual | arguments))


# NoiseRobustnessDisplay


def test_runs_of_each_setting_are_scored_and_repetitions_averaged():
    reversed_quality = {"one": QUALITY, "two": 1 - QUALITY}
    display = NoiseRobustnessDisplay.from_predictions(
        [FLIPPED, ~FLIPPED, FLIPPED],
        [reversed_quality] * 3,
        noise=["pair", "symmetric", "pair"],
        noise_rates=[0.3, 0.7, 0.3],
    )
    frame = display.frame().set_index(["noise", "noise_rate", "method"])
    auc = roc_auc_score(FLIPPED, -QUALITY)
    assert_allclose(frame.loc[("pair", 0.3, "one"), ["mean", "n_runs"]].tolist(), [auc, 2])
    assert_allclose(frame.loc[("pair", 0.3, "two"), "mean"], 1 - auc)
    assert_allclose(frame.loc[("symmetric", 0.7, "one"), "mean"], 1 - auc)
    assert [ax.get_title() for ax in display.axes_] == ["pair", "symmetric"]


def test_rates_of_runs_are_their_shares_of_wrong_labels_unless_told():
    display = NoiseRobustnessDisplay.from_predictions([FLIPPED], [QUALITY])
    assert_allclose(display.frame()["noise_rate"], [FLIPPED.mean()])


def test_fitted_estimators_are_scored_without_trusted_rows(table):
    trusted = ~table.flipped & (np.arange(len(table.y)) < 100)
    detector = NoisyLabelDetector(estimator=LogisticRegression(), random_state=0)
    detector.fit(table.X, table.y, trusted=trusted)
    display = NoiseRobustnessDisplay.from_estimator([{"some": detector}], [table.flipped])
    expected = roc_auc_score(table.flipped[~trusted], -detector.label_quality_[~trusted])
    assert_allclose(display.frame()["mean"], [expected])


def test_lines_run_over_the_rates_with_a_band_of_repetitions():
    scores = [
        {"method": "one", "noise_rate": rate, "average_precision": score}
        for rate, score in ((0.4, 0.6), (0.2, 0.9), (0.4, 0.8))
    ]
    display = NoiseRobustnessDisplay(scores).plot(score="average_precision")
    line, chance = display.ax_.lines
    assert_allclose(line.get_xydata(), [[0.2, 0.9], [0.4, 0.7]])
    assert_allclose(chance.get_xydata(), [[0.2, 0.2], [0.4, 0.4]])
    low, high = display.ax_.collections[0].get_datalim(display.ax_.transData).intervaly
    assert_allclose([low, high], [0.6, 0.9])
    assert display.ax_.get_ylim()[0] < 0.2


@pytest.mark.parametrize("size", [(3, 3), (12, 8)])
def test_one_legend_explains_the_axes_of_all_kinds_of_noise(size):
    figure, axes = plt.subplots(1, 2, figsize=size, dpi=100, layout="constrained")
    names = ["a method with a long name", "another of them"]
    display = robustness(methods=names, kinds=["symmetric", "a kind with a very long name indeed"])
    display.plot(axes)
    figure.canvas.draw()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [*names, "by chance"]
    boxes = [ax.get_window_extent() for ax in axes]
    assert legend.get_window_extent().y1 <= min(box.y0 for box in boxes)
    assert axes[0].title.get_window_extent().x1 < axes[1].title.get_window_extent().x0
    assert len(display.lines_) == 4 and axes[1].get_ylabel() == ""


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: NoiseRobustnessDisplay([]), "scores must have the columns method, noise_rate"),
        (
            lambda: NoiseRobustnessDisplay([{"method": "one", "noise_rate": 0.2, "f1": 1}]),
            r"auc or average_precision, .* got \['method', 'noise_rate', 'f1'\]",
        ),
        (
            lambda: NoiseRobustnessDisplay([{"method": "one", "noise_rate": 20, "auc": 1}]),
            r"noise_rate in scores must be in \[0, 1\], got 20 to 20",
        ),
        (
            lambda: robustness().plot(score="average_precision"),
            r"score must be one of \('auc',\), got 'average_precision'",
        ),
        (
            lambda: NoiseRobustnessDisplay.from_predictions([FLIPPED], [QUALITY] * 2),
            "label_quality must have an entry for each of the 1 runs, got 2",
        ),
        (lambda: NoiseRobustnessDisplay.from_predictions([], []), "at least one run, got none"),
        (
            lambda: robustness(kinds=["one", "two"]).plot(plt.gca()),
            "ax must be at least 2 axes, got 1",
        ),
    ],
)
def test_bad_scores_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("display", ["detection curves", "weight history", "review progress"])
def test_unknown_kinds_are_refused(display):
    with pytest.raises(ValueError, match=r"kind must be one of \(.*\), got 'pie'"):
        DISPLAYS[display]().plot(kind="pie")


# WeightHistoryDisplay


class Recorded(BaseEstimator):
    """Has recorded the weights of five rows in two epochs; the last row was trusted."""

    def fit(self):
        by_epoch = np.array([[0.5, 0.5, 0.5, 0.5, 1.0], [0.9, 0.7, 0.2, 0.4, 1.0]])
        self.evidence_ = {"by_epoch": by_epoch.astype(np.float32)}
        self._trusted = np.array([False, False, False, False, True])
        return self


def test_weights_recorded_by_a_method_are_split_by_truth_without_trusted_rows():
    flipped = [False, False, True, True, False]
    display = WeightHistoryDisplay.from_estimator(Recorded().fit(), flipped=flipped)
    last = display.frame().query("epoch == 2").set_index("group")
    assert_allclose(last["median"], [0.3, 0.8], rtol=1e-6)
    assert last["n_rows"].tolist() == [2, 2]


def test_an_estimator_that_has_recorded_nothing_says_what_to_do(table):
    with pytest.raises(ValueError, match=r"by_epoch .*LSW\(record_epochs=True\)"):
        WeightHistoryDisplay.from_estimator(table.detector)


def test_histograms_count_the_rows_of_some_epochs():
    by_epoch = np.linspace(0, 1, 8)[:, None] * np.where(FLIPPED, 0.5, 1.0)
    display = WeightHistoryDisplay(by_epoch, flipped=FLIPPED).plot(kind="histograms")
    assert [ax.get_title() for ax in display.axes_] == ["Epoch 2", "Epoch 4", "Epoch 6", "Epoch 8"]
    wrong, right = (patch.get_data().values for patch in display.axes_[-1].patches)
    assert (wrong.sum(), right.sum()) == (FLIPPED.sum(), (~FLIPPED).sum())
    assert right[-1] == right.sum()


def test_histograms_of_chosen_epochs_go_onto_given_axes():
    display = WeightHistoryDisplay(np.stack([QUALITY] * 3), epochs=[25, 50, 100])
    figure, axes = plt.subplots(1, 3)
    display.plot(axes, kind="histograms", epochs=[25, 100])
    assert [ax.get_title() for ax in axes] == ["Epoch 25", "Epoch 100", ""]
    assert not axes[2].axison
    with pytest.raises(ValueError, match="ax must be at least 3 axes, got 1"):
        display.plot(axes[0], kind="histograms")
    with pytest.raises(ValueError, match=r"epochs must be among 25 to 100, got \[3\]"):
        display.plot(kind="histograms", epochs=[3])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"by_epoch": QUALITY}, r"by_epoch must have shape \(n_epochs, n_samples\), got \(200,\)"),
        ({"flipped": [True]}, r"flipped must be a mask of shape \(200,\)"),
        ({"epochs": [1]}, r"epochs must have shape \(2,\), got \(1,\)"),
    ],
)
def test_weights_of_other_shapes_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        WeightHistoryDisplay(**({"by_epoch": np.stack([QUALITY] * 2)} | arguments))


# HighWeightErrorsDisplay


def test_errors_are_counted_at_each_level():
    flipped = [True, True, True, True, False, False]
    weights = [0.95, 0.75, 0.2, np.nan, 0.05, 0.9]
    display = HighWeightErrorsDisplay.from_predictions(flipped, {"one": weights})
    frame = display.frame()
    assert frame["level"].tolist() == [0.5, 0.7, 0.9]
    assert frame["n_rows"].tolist() == [2, 2, 1]
    assert_allclose(frame["share"], [2 / 3, 2 / 3, 1 / 3])
    assert_allclose([line.get_xdata()[0] for line in display.lines_], frame["share"])
    assert display.frame(kind="right", levels=[0.1])["n_rows"].tolist() == [1]


def test_rows_to_look_at_are_the_worst_ones_of_a_method():
    display = HighWeightErrorsDisplay(FLIPPED, {"one": QUALITY})
    wrong, right = display.rows("one", 5), display.rows("one", 5, kind="right")
    assert FLIPPED[wrong].all() and not FLIPPED[right].any()
    assert_allclose(QUALITY[wrong], np.sort(QUALITY[FLIPPED])[::-1][:5])
    assert_allclose(QUALITY[right], np.sort(QUALITY[~FLIPPED])[:5])


@pytest.mark.parametrize(
    ("weights", "levels", "message"),
    [
        (QUALITY + 1, None, r"sample_weights of 'sample weights' must be in \[0, 1\]"),
        ({"one": QUALITY[:3]}, None, r"sample_weights of 'one' must have shape \(200,\)"),
        (QUALITY, [0.5, 1.5], "levels must be one to three numbers"),
        (QUALITY, [], "levels must be one to three numbers"),
    ],
)
def test_bad_weights_and_levels_are_refused(weights, levels, message):
    with pytest.raises(ValueError, match=message):
        HighWeightErrorsDisplay(FLIPPED, weights).plot(levels=levels)


# ReviewProgressDisplay


def test_strategies_are_tried_without_touching_the_estimator(table):
    before = table.detector.label_quality_.copy()
    display = ReviewProgressDisplay.from_estimator(
        table.detector, table.truth, n_rows=40, n_rounds=4
    )
    frame = display.frame()
    assert_array_equal(table.detector.label_quality_, before)
    assert not hasattr(table.detector, "reviewed_")
    found = frame[frame["n_reviewed"] == 40].set_index("strategy")["n_found"]
    assert found["suspicious"] > found["random"] + 10
    for _, part in frame.groupby("strategy"):
        assert part["n_reviewed"].tolist() == [0, 10, 20, 30, 40]
    random = frame[frame["strategy"] == "random"]
    widths = (random["high"] - random["low"]).to_numpy()
    assert widths[-1] < widths[1]


def test_orders_of_rows_are_followed():
    order = np.argsort(QUALITY)
    display = ReviewProgressDisplay.from_predictions(FLIPPED, {"by quality": order[:50]})
    assert_array_equal(display.lines_[0].get_ydata()[1:], np.cumsum(FLIPPED[order[:50]]))
    by_chance = display.ax_.lines[-1]
    assert_allclose(by_chance.get_ydata(), [0, 50 * FLIPPED.mean()])


def test_intervals_narrow_round_the_truth():
    display = ReviewProgressDisplay(review_records(), noise_rate=0.22).plot(kind="rate")
    assert_allclose(display.lines_[0].get_ydata(), [0.2, 0.25, 0.24])
    assert_allclose(display.ax_.lines[-1].get_ydata(), [0.22, 0.22])
    assert len(display.ax_.collections) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ReviewProgressDisplay([{"n_reviewed": 3}]), r"records must have the columns"),
        (lambda: ReviewProgressDisplay([]), "at least one row, got 0 rows"),
        (
            lambda: ReviewProgressDisplay([{"n_reviewed": 3, "n_found": 1}]).plot(kind="rate"),
            "records must have the columns .*low.* for kind='rate'",
        ),
        (
            lambda: ReviewProgressDisplay.from_predictions([True, False], [0, 2]),
            "orders of 'review' must hold positions from 0 to 1",
        ),
    ],
)
def test_bad_records_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# Rows and files below suspicious images

IMAGES = np.zeros((3, 4, 4))


@pytest.mark.parametrize(
    ("quality", "told"),
    [
        (0.0, "<0.1%"),
        (0.004, "0.4%"),
        (0.0996, "10%"),
        (0.5, "50%"),
        (0.97, "97.0%"),
        (0.9999, ">99.9%"),
    ],
)
def test_probabilities_have_digits_that_tell_something(quality, told):
    figure = plot_suspicious_images(IMAGES[:1], [0], [1], [quality])
    assert figure.axes[0].get_xlabel() == f"row 0\ngiven right: {told}"


def test_a_probability_that_all_images_share_is_told_once():
    quality = [1e-9, 1e-7, 1e-8]
    figure = plot_suspicious_images(IMAGES, [0, 1, 2], [1, 2, 0], quality)
    assert [ax.get_xlabel() for ax in figure.axes[:3]] == ["row 0", "row 2", "row 1"]
    told = figure.legends[0].get_title().get_text().replace("\n", " ")
    assert "probability of each given label: <0.1%" in told
    _, axes = plt.subplots(1, 3)
    plot_suspicious_images(IMAGES, [0, 1, 2], [1, 2, 0], quality, axes=axes)
    assert all("<0.1%" in ax.get_xlabel() for ax in axes)


def test_rows_are_called_by_their_labels():
    quality = pd.Series([0.1, 0.2, 0.3], index=["scan 7", "scan 8", "scan 9"])
    captions = [
        plot_suspicious_images(IMAGES, [0] * 3, [1] * 3, quality, n_images=1, **more)
        .axes[0]
        .get_xlabel()
        .split("\n")[0]
        for more in ({}, {"row_labels": [17, 18, 19]})
    ]
    assert captions == ["scan 7", "row 17"]


def test_own_captions_take_the_place_of_the_probability():
    captions = ["contradicted in 9 of 10", "weight $0.97", "other"]
    figure = plot_suspicious_images(IMAGES, [0] * 3, [1] * 3, [0.1, 0.2, 0.3], captions=captions)
    assert figure.axes[0].get_xlabel() == "row 0\ncontradicted in 9 of 10"
    assert figure.axes[1].get_xlabel() == "row 1\nweight \\$0.97"
    with pytest.raises(ValueError, match="captions must have 3 entries, got 1"):
        plot_suspicious_images(IMAGES, [0] * 3, [1] * 3, [0.1, 0.2, 0.3], captions=["one"])


def test_files_are_named_below_their_images(tmp_path):
    from PIL import Image

    paths = [tmp_path / f"cat_{number}.png" for number in range(2)]
    for path in paths:
        Image.new("L", (4, 4)).save(path)
    figure = plot_suspicious_images(paths, [0, 1], [1, 0], [0.1, 0.2])
    assert figure.axes[1].get_xlabel().startswith("1: cat_1.png\n")
    figure = plot_suspicious_images(paths, [0, 1], [1, 0], [0.1, 0.2], row_labels=["a", "b"])
    assert figure.axes[0].get_xlabel().startswith("a: cat_0.png\n")


def test_texts_below_an_image_do_not_touch_those_of_the_next_row():
    names = ["a class with a very long name", "another of these long names"]
    figure = plot_suspicious_images(
        np.zeros((9, 4, 4)),
        [names[0]] * 9,
        [names[1]] * 9,
        np.linspace(0.1, 0.9, 9),
        row_labels=[f"a very long row label, number {number}" for number in range(9)],
        wrong=np.ones(9, dtype=bool),
    )
    figure.canvas.draw()
    above, right, below = figure.axes[0], figure.axes[1], figure.axes[3]
    assert below.title.get_window_extent().y1 <= above.xaxis.label.get_window_extent().y0
    assert above.xaxis.label.get_window_extent().x1 <= right.xaxis.label.get_window_extent().x0
    assert above.title.get_window_extent().x1 <= right.title.get_window_extent().x0

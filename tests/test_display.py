"""Tests of sknoisy.display."""

import subprocess
import sys
from types import SimpleNamespace

import matplotlib
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

from sknoisy.display import LabelQualityDisplay, plot_suspicious_images

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

ORANGE_RED, DARK_BLUE = "#D55E00", "#0072B2"


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def quality():
    return np.random.default_rng(0).uniform(size=200)


@pytest.fixture
def suspects():
    """Forty digits with given and suggested labels; row i has the (i * 7 % 40)th lowest quality."""
    digits = load_digits()
    order = np.arange(40) * 7 % 40
    given, suggested = digits.target[:40], digits.target[40:80]
    return SimpleNamespace(
        images=digits.images[:40], given=given, suggested=suggested, quality=order / 40
    )


class Detector(BaseEstimator):
    """Flags nothing, but says how good labels are, as a fitted detector does."""

    def fit(self, X, y):
        self.label_quality_ = np.asarray(X)[:, 0]
        self.threshold_ = 0.25
        return self


def shown_images(figure):
    return [np.asarray(ax.images[0].get_array()) for ax in figure.axes if ax.images]


def bar_heights(ax):
    return [np.array([bar.get_height() for bar in bars]) for bars in ax.containers]


# LabelQualityDisplay


def test_bars_count_the_rows_between_zero_and_one(quality):
    display = LabelQualityDisplay.from_scores(quality, bins=10)
    expected, _ = np.histogram(quality, bins=np.linspace(0, 1, 11))
    np.testing.assert_array_equal(bar_heights(display.ax_), [expected])


def test_known_truth_splits_the_bars_into_wrong_and_right_labels(quality):
    flipped = quality < 0.3
    display = LabelQualityDisplay.from_scores(quality, flipped=flipped)
    wrong_heights, right_heights = bar_heights(display.ax_)
    assert (wrong_heights.sum(), right_heights.sum()) == (flipped.sum(), (~flipped).sum())


def test_right_and_wrong_labels_differ_in_colour_and_are_named_in_the_legend(quality):
    ax = LabelQualityDisplay.from_scores(quality, flipped=quality < 0.3).ax_
    assert len({bars[0].get_facecolor() for bars in ax.containers}) == 2
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names[0].startswith("wrong labels") and names[1].startswith("right labels")


def test_threshold_is_a_line_at_its_place_with_the_share_below():
    ax = LabelQualityDisplay.from_scores([0.1, 0.2, 0.6, 0.9], threshold=0.3).ax_
    (line,) = ax.lines
    assert list(line.get_xdata()) == [0.3, 0.3]
    assert "50.0% below" in line.get_label()


def test_no_line_without_a_threshold(quality):
    assert not LabelQualityDisplay.from_scores(quality).ax_.lines


def test_axis_runs_from_zero_to_one_and_has_names(quality):
    ax = LabelQualityDisplay.from_scores(0.4 + 0.1 * quality).ax_
    assert ax.get_xlim() == (0.0, 1.0)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Label quality", "Rows")


@pytest.mark.parametrize("place", [0.5, 1.0])
@pytest.mark.parametrize("layout", [None, "constrained"])
def test_legend_hides_no_bar(place, layout):
    _, ax = plt.subplots(layout=layout)
    display = LabelQualityDisplay.from_scores(np.full(50, place), threshold=0.4, ax=ax)
    display.figure_.canvas.draw()
    legend = display.ax_.get_legend().get_window_extent()
    for bar in display.ax_.containers[0]:
        if bar.get_height():
            assert not bar.get_window_extent().overlaps(legend)


def test_from_estimator_reads_quality_and_threshold(quality):
    detector = Detector().fit(quality[:, np.newaxis], None)
    display = LabelQualityDisplay.from_estimator(detector, bins=7)
    assert len(display.ax_.containers[0]) == 7
    np.testing.assert_array_equal(display.label_quality, quality)
    assert display.ax_.lines[0].get_xdata()[0] == 0.25


def test_from_estimator_refuses_an_unfitted_estimator():
    with pytest.raises(NotFittedError):
        LabelQualityDisplay.from_estimator(Detector())


def test_given_axes_are_used(quality):
    figure, ax = plt.subplots()
    display = LabelQualityDisplay.from_scores(quality, ax=ax)
    assert display.ax_ is ax and display.figure_ is figure


def test_plot_can_be_called_again_on_other_axes(quality):
    display = LabelQualityDisplay(quality)
    first = display.plot().ax_
    assert display.plot() is display
    assert display.ax_ is not first


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"label_quality": [0.1, 1.2]}, r"label_quality must be in \[0, 1\], got 0.1 to 1.2"),
        ({"label_quality": [0.1, np.nan]}, r"label_quality must be in \[0, 1\]"),
        ({"label_quality": [[0.1]]}, r"label_quality must have shape \(n_samples,\)"),
        ({"label_quality": []}, r"label_quality must have shape \(n_samples,\)"),
        ({"label_quality": [0.1], "threshold": 2}, r"threshold must be .* got 2"),
        (
            {"label_quality": [0.1], "flipped": [True, False]},
            r"flipped must be a mask of shape \(1,\)",
        ),
        ({"label_quality": [0.1], "flipped": [2]}, "flipped must be a boolean mask. Got .* int64"),
    ],
)
def test_display_refuses_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        LabelQualityDisplay(**arguments)


def test_display_refuses_less_than_one_bar(quality):
    with pytest.raises(ValueError, match="bins must be at least 1, got 0"):
        LabelQualityDisplay.from_scores(quality, bins=0)


# plot_suspicious_images


def test_lowest_quality_comes_first(suspects):
    figure = plot_suspicious_images(
        suspects.images, suspects.given, suspects.suggested, suspects.quality, n_images=5
    )
    rows = np.argsort(suspects.quality)[:5]
    for picture, row in zip(shown_images(figure), rows, strict=True):
        np.testing.assert_allclose(picture, suspects.images[row] / 16)


def test_captions_hold_both_labels_and_the_quality(suspects):
    figure = plot_suspicious_images(
        suspects.images, suspects.given, suspects.suggested, suspects.quality, n_images=3
    )
    row = np.argsort(suspects.quality)[1]
    ax = figure.axes[1]
    assert ax.get_title() == f"{suspects.given[row]} → {suspects.suggested[row]}"
    assert ax.get_xlabel() == f"row {row}\ngiven right: {suspects.quality[row]:.1%}"


@pytest.mark.parametrize("names", [["cat", "dog"], {0: "cat", 1: "dog"}])
def test_names_replace_labels(names):
    figure = plot_suspicious_images(np.zeros((1, 4, 4)), [1], [0], [0.2], names=names)
    assert figure.axes[0].get_title() == "dog → cat"


def test_long_names_get_a_line_each():
    figure = plot_suspicious_images(np.zeros((1, 4, 4)), ["Ankle boot"], ["T-shirt/top"], [0.2])
    assert figure.axes[0].get_title() == "Ankle boot\n→ T-shirt/top"


def test_truth_colours_and_marks_the_titles():
    images = np.zeros((2, 4, 4))
    figure = plot_suspicious_images(images, [1, 1], [0, 0], [0.1, 0.2], wrong=[True, False])
    found, false_alarm = (ax.title for ax in figure.axes)
    assert (found.get_color(), found.get_text()) == (ORANGE_RED, "✓ 1 → 0")
    assert (false_alarm.get_color(), false_alarm.get_text()) == (DARK_BLUE, "✗ 1 → 0")


@pytest.mark.parametrize(("wrong", "n_colours"), [(None, 0), ([True, False], 2)])
def test_legend_explains_the_colours_where_there_are_any(wrong, n_colours):
    figure = plot_suspicious_images(np.zeros((2, 4, 4)), [1, 1], [0, 0], [0.1, 0.2], wrong=wrong)
    (legend,) = figure.legends
    assert len(legend.get_texts()) == n_colours
    assert "given → suggested label" in legend.get_title().get_text()


@pytest.mark.parametrize(
    ("shape", "shape_shown"),
    [
        ((6, 8, 9), (8, 9)),
        ((6, 1, 8, 9), (8, 9)),
        ((6, 8, 9, 1), (8, 9)),
        ((6, 3, 8, 9), (8, 9, 3)),
        ((6, 8, 9, 3), (8, 9, 3)),
        ((6, 8, 9, 4), (8, 9, 4)),
    ],
)
def test_every_layout_of_images_is_shown(shape, shape_shown):
    images = np.random.default_rng(0).uniform(size=shape)
    figure = plot_suspicious_images(images, range(6), range(6), np.linspace(0, 1, 6))
    assert [picture.shape for picture in shown_images(figure)] == [shape_shown] * 6


def test_channels_first_and_last_show_the_same_picture():
    images = np.random.default_rng(0).uniform(size=(1, 8, 9, 3))
    figures = [
        plot_suspicious_images(layout, [0], [1], [0.5])
        for layout in (images, np.moveaxis(images, 3, 1))
    ]
    np.testing.assert_array_equal(*(shown_images(figure)[0] for figure in figures))


@pytest.mark.parametrize(
    ("images", "shown"),
    [
        (np.array([[[0, 51, 255]]], dtype=np.uint8), [[0.0, 0.2, 1.0]]),
        (np.array([[[0.1, 0.2, 0.5]]]), [[0.1, 0.2, 0.5]]),
        (np.array([[[-2.0, 0.0, 2.0]]]), [[0.0, 0.5, 1.0]]),
        (np.array([[[7.0, 7.0, 7.0]]]), [[0.0, 0.0, 0.0]]),
    ],
    ids=["bytes", "zero to one", "standardised", "constant"],
)
def test_values_are_brought_to_zero_to_one(images, shown):
    figure = plot_suspicious_images(images, [0], [1], [0.5])
    np.testing.assert_allclose(shown_images(figure)[0], shown)


def test_only_the_images_shown_are_read(tmp_path, suspects):
    np.save(tmp_path / "images.npy", suspects.images)
    images = np.load(tmp_path / "images.npy", mmap_mode="r")
    figure = plot_suspicious_images(
        images, suspects.given, suspects.suggested, suspects.quality, n_images=2
    )
    assert len(shown_images(figure)) == 2


@pytest.mark.parametrize("kind", [list, np.array, pd.Series], ids=lambda kind: kind.__name__)
def test_images_are_read_from_files(tmp_path, kind):
    colours = [(200, 0, 0), (0, 100, 0), (0, 0, 50)]
    paths = [str(tmp_path / f"{number}.png") for number in range(3)]
    for path, colour, size in zip(paths, colours, [8, 9, 900], strict=True):
        Image.new("RGB", (size, 2 * size), colour).save(path)
    figure = plot_suspicious_images(kind(paths), [0, 1, 0], [1, 0, 1], [0.9, 0.1, 0.5])
    shown = shown_images(figure)
    expected = [(*colours[row], 255) for row in (1, 2, 0)]
    np.testing.assert_allclose([picture[1, 1] * 255 for picture in shown], expected)
    assert shown[1].shape == (320, 160, 4)


def test_only_the_files_shown_are_read(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "shown.png")
    paths = [tmp_path / "missing.png", tmp_path / "shown.png"]
    figure = plot_suspicious_images(paths, [0, 1], [1, 0], [0.9, 0.1], n_images=1)
    assert len(shown_images(figure)) == 1


def test_more_images_wanted_than_there_are_shows_all(suspects):
    figure = plot_suspicious_images(
        suspects.images[:5],
        suspects.given[:5],
        suspects.suggested[:5],
        suspects.quality[:5],
        n_images=16,
    )
    assert len(shown_images(figure)) == 5
    assert [ax.axison for ax in figure.axes] == [True] * 5 + [False]


def test_titles_of_two_lines_do_not_touch_the_image_above():
    figure = plot_suspicious_images(
        np.zeros((16, 4, 4)),
        ["Ankle boot"] * 16,
        ["T-shirt/top"] * 16,
        np.linspace(0, 1, 16),
        wrong=np.ones(16, dtype=bool),
    )
    figure.canvas.draw()
    above, below = figure.axes[0], figure.axes[4]
    assert below.title.get_window_extent().y1 <= above.xaxis.label.get_window_extent().y0


def test_given_axes_hold_the_images():
    figure, axes = plt.subplots(2, 2)
    returned = plot_suspicious_images(np.zeros((3, 4, 4)), [1] * 3, [0] * 3, [0.1] * 3, axes=axes)
    assert returned is figure
    assert [bool(ax.images) for ax in axes.flat] == [True, True, True, False]


def test_inputs_stay_as_they_are(suspects):
    before = suspects.images.copy()
    plot_suspicious_images(suspects.images, suspects.given, suspects.suggested, suspects.quality)
    np.testing.assert_array_equal(suspects.images, before)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"images": np.zeros((3, 4, 4))}, "images must have 2 entries, got 3"),
        ({"images": np.zeros((2, 16))}, r"images must have shape .* got \(2, 16\)"),
        ({"images": np.zeros((2, 2, 8, 8))}, "1, 3 or 4 channels"),
        ({"given": [1]}, r"given must have shape \(2,\), got \(1,\)"),
        ({"suggested": [[1, 2]]}, r"suggested must have shape \(2,\)"),
        ({"wrong": [0, 3]}, "wrong must be a boolean mask"),
        ({"n_images": 0}, "n_images must be at least 1, got 0"),
    ],
)
def test_plot_suspicious_images_refuses_bad_arguments(changed, message):
    arguments = {
        "images": np.zeros((2, 4, 4)),
        "given": [0, 1],
        "suggested": [1, 0],
        "label_quality": [0.1, 0.2],
    }
    with pytest.raises(ValueError, match=message):
        plot_suspicious_images(**(arguments | changed))


def test_too_few_axes_are_refused():
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match="axes must be at least 2, got 1"):
        plot_suspicious_images(np.zeros((2, 4, 4)), [1, 1], [0, 0], [0.1, 0.2], axes=ax)


@pytest.mark.slow
def test_import_of_the_module_does_not_import_matplotlib():
    code = "import sys, sknoisy.display; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

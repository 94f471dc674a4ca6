"""The page of a report in a real browser: what is seen, clicked, filtered and downloaded."""

import copy
import json
import time

import numpy as np
import pandas as pd
import pytest
from browser import Browser, find_chromium
from report_data import HOSTILE, fitted_hostile, fitted_table, quick_detector
from sklearn.datasets import make_blobs

from sknoisy.report import LabelQualityReport
from sknoisy.review import read_jsonl, read_review

pytestmark = [
    pytest.mark.skipif(find_chromium() is None, reason="There is no Chromium to show the page in."),
    pytest.mark.slow,
]
TABS = ("overview", "queue", "classes", "confusions", "training", "truth", "data")
READY = "Boolean(document.documentElement.dataset.openMs)"
# Names of rows and classes, as formulas and with all that a file may stumble over.
AWKWARD = np.array(["=1+1", "-none", 'say "so"', "a,b", "line\nbreak", "'quoted'"], dtype=object)


@pytest.fixture(scope="module")
def browser():
    with Browser() as browser:
        browser.resize(1280, 900)
        yield browser


def written(folder, report):
    path = folder / "page.html"
    report.write_html(path)
    return path


@pytest.fixture(scope="module")
def table_page(tmp_path_factory):
    detector, X, y, truth = fitted_table()
    report = LabelQualityReport(detector, X, y, truth=truth)
    return written(tmp_path_factory.mktemp("table"), report)


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory):
    detector, frame = fitted_hostile()
    return written(tmp_path_factory.mktemp("hostile"), LabelQualityReport(detector, frame))


def opened(browser, path, fragment=""):
    browser.open(path, fragment)
    browser.wait_for(READY)
    browser.run("localStorage.clear()")
    return browser


def texts_of(browser, selector):
    script = "[...document.querySelectorAll(%s)].map((each) => each.textContent)"
    return browser.run(script % json.dumps(selector))


def click(browser, selector):
    browser.run(f"document.querySelector({json.dumps(selector)}).click()")


def choose(browser, name, value):
    """Set a filter as a person does."""
    browser.run(
        f"(() => {{ const control = document.getElementById('filter-{name}');"
        f"control.value = {json.dumps(value)};"
        "control.dispatchEvent(new Event('input', {bubbles: true}));"
        "control.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )


def n_matching(browser):
    return int(texts_of(browser, "#match-count")[0].split()[0].replace(",", ""))


def problems(browser):
    """Return what the console complained about."""
    errors = browser.named("Runtime.exceptionThrown")
    return errors + [
        each["entry"]["text"]
        for each in browser.named("Log.entryAdded")
        if each["entry"]["level"] == "error"
    ]


# -- tabs ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tab", TABS)
def test_each_tab_shows_its_part_alone_and_without_complaint(browser, table_page, tab):
    opened(browser, table_page, f"tab={tab}")
    panels = "[...document.querySelectorAll('[role=tabpanel]')]"
    assert browser.run(f"{panels}.filter((each) => !each.hidden).map((each) => each.id)") == [tab]
    assert problems(browser) == []


def test_tabs_are_walked_by_keys(browser, table_page):
    opened(browser, table_page)
    browser.run("document.getElementById('tab-overview').focus()")
    seen = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "ArrowRight", "ArrowLeft", "Home"):
        browser.press(key)
        seen.append(browser.run("document.activeElement.getAttribute('aria-controls')"))
        chosen = "document.querySelectorAll('[aria-selected=true][tabindex=\"0\"]')"
        assert browser.run(f"{chosen}.length") == 1
        assert browser.run(f"document.activeElement === {chosen}[0]")
    assert seen == ["queue", "classes", "queue", "data", "overview", "data", "overview"]


def test_everything_that_is_clicked_has_a_name(browser, table_page):
    for tab in TABS:
        opened(browser, table_page, f"tab={tab}")
        nameless = """[...document.querySelectorAll('button, select, input, img, svg, iframe')]
            .filter((each) => each.closest('[hidden]') === null)
            .filter((each) => !(each.textContent.trim() || each.ariaLabel || each.alt || each.title
                || each.closest('label') || each.ariaHidden))
            .map((each) => each.outerHTML)"""
        assert browser.run(nameless) == []


CONTRAST = """(() => {
  const parse = (text) => {
    const numbers = text.match(/[\\d.]+/g).map(Number);
    const part = numbers.length > 3 ? numbers[3] : 1;
    // color-mix is told as fractions.
    const scale = text.startsWith("color(") ? 255 : 1;
    return { rgb: numbers.slice(0, 3).map((each) => each * scale), part };
  };
  const light = (rgb) => rgb.map((each) => each / 255)
    .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
    .reduce((sum, each, place) => sum + each * [0.2126, 0.7152, 0.0722][place], 0);
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const found = parse(getComputedStyle(each).backgroundColor);
      if (found.part > 0.99) return found.rgb;
    }
    return [255, 255, 255];
  };
  const poor = [];
  const walker = document.createTreeWalker(document.querySelector("body"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim().slice(0, 40);
    if (!text || element.closest("script, style, [hidden], :disabled, svg")) continue;
    if (!element.getClientRects().length) continue;
    const one = light(parse(getComputedStyle(element).color).rgb);
    const other = light(ground(element));
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(2)}: ${text}`);
  }
  return poor;
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser, table_page, scheme):
    browser.prefer(scheme)
    try:
        for tab in TABS:
            opened(browser, table_page, f"tab={tab}")
            assert browser.run(CONTRAST) == [], tab
    finally:
        browser.prefer("light")


def test_colours_follow_the_system_until_one_chooses(browser, table_page):
    ground = "getComputedStyle(document.body).backgroundColor"
    opened(browser, table_page)
    light = browser.run(ground)
    browser.prefer("dark")
    dark = browser.run(ground)
    assert light != dark
    click(browser, "#theme")
    assert browser.run(ground) == light
    click(browser, "#theme")
    browser.prefer("light")
    assert browser.run(ground) == dark


@pytest.mark.parametrize("tab", TABS)
def test_a_phone_needs_no_scrolling_sideways(browser, table_page, tab):
    browser.resize(390, 844, is_phone=True)
    try:
        opened(browser, table_page, f"tab={tab}")
        assert browser.run("document.documentElement.scrollWidth") <= 390
        beyond = """[...document.querySelectorAll("button, select, input, img, p, h2, h3")]
            .filter((each) => each.getBoundingClientRect().right > 391)
            .filter((each) => !each.closest(".tabs, .scroll"))
            .map((each) => each.outerHTML)"""
        assert browser.run(beyond) == []
    finally:
        browser.resize(1280, 900)


# -- filters ---------------------------------------------------------------------------------------


def test_filters_match_the_rows_that_the_estimator_has(browser, table_page):
    detector, frame, given, truth = fitted_table()
    quality, flagged = detector.label_quality_, detector.noise_mask_
    suggested = detector.evidence_.runner_up
    is_north = detector._row_groups == 0
    opened(browser, table_page, "tab=queue")
    assert n_matching(browser) == flagged.sum()
    ash, cedar = "0", "2"
    steps = [
        ("show", "all", np.ones(150, bool)),
        ("given", ash, given == "ash"),
        ("suggested", cedar, (given == "ash") & (suggested == "cedar")),
        ("group", "0", (given == "ash") & (suggested == "cedar") & is_north),
    ]
    for name, value, expected in steps:
        choose(browser, name, value)
        assert n_matching(browser) == expected.sum()
    click(browser, "#clear-filters")
    near = np.abs(quality - detector.threshold_) <= 0.1
    for value, expected in [
        ("near", near),
        ("kept", ~flagged),
        ("missed", ~flagged & (given != truth)),
        ("alarm", flagged & (given == truth)),
        ("flagged", flagged),
    ]:
        choose(browser, "show", value)
        assert n_matching(browser) == expected.sum()


def test_the_sample_that_tells_most_is_that_of_the_queue_in_its_order(browser, table_page):
    queue = fitted_table()[0].review_queue(100, strategy="informative")
    opened(browser, table_page)
    click(browser, "#overview .trust [data-go]")
    assert n_matching(browser) == 100
    shown = texts_of(browser, ".row-name")
    click(browser, "#next")
    assert shown + texts_of(browser, ".row-name") == queue.index[:50].tolist()


def test_search_finds_labels_values_and_names_of_rows(browser, table_page):
    _, frame, given, _ = fitted_table()
    opened(browser, table_page, "tab=queue&show=all")
    choose(browser, "q", "tree 149")
    assert texts_of(browser, ".row-name") == ["tree 149"]
    choose(browser, "q", f"{frame['girth'].iloc[7]:.5g}")
    assert "tree 7" in texts_of(browser, ".row-name")
    choose(browser, "q", "no such thing")
    assert browser.run("!document.getElementById('no-rows').hidden")


def test_rows_come_in_the_order_asked_for(browser, table_page):
    detector, frame, _, _ = fitted_table()
    opened(browser, table_page, "tab=queue&show=all")
    expected = {
        "suspicious": np.argsort(detector._rank),
        "row": np.arange(150),
        "near": np.argsort(
            np.abs((detector.label_quality_ * 1e4).round() - (1e4 * round(detector.threshold_, 4))),
            kind="stable",
        ),
    }
    for name, order in expected.items():
        choose(browser, "sort", name)
        shown = texts_of(browser, ".row-name")
        if name == "near":
            distance = pd.Series(np.abs(detector.label_quality_ - detector.threshold_), frame.index)
            assert (np.diff(distance[shown]) > -1e-3).all()
        else:
            assert shown == frame.index[order][:25].tolist()


def test_pages_show_every_row_once(browser, table_page):
    opened(browser, table_page, "tab=queue&show=all")
    shown = texts_of(browser, ".row-name")
    for _ in range(5):
        click(browser, "#next")
        shown += texts_of(browser, ".row-name")
    assert sorted(shown) == sorted(fitted_table()[1].index)
    assert browser.run("document.getElementById('next').disabled")


def test_address_leads_back_to_the_same_rows(browser, table_page):
    opened(browser, table_page, "tab=classes")
    click(browser, "#classes [data-go]")
    shown, fragment = texts_of(browser, ".row-name"), browser.run("location.hash.slice(1)")
    assert "given=" in fragment
    opened(browser, table_page, fragment)
    assert texts_of(browser, ".row-name") == shown


def test_an_address_that_makes_no_sense_shows_the_report_nevertheless(browser, table_page):
    opened(browser, table_page, "tab=queue&show=x&given=99&sort=y&page=-3&group=%%&q=")
    assert problems(browser) == []
    opened(browser, table_page, "tab=nowhere")
    assert browser.run("document.getElementById('overview').hidden") is False


# -- decisions -------------------------------------------------------------------------------------


def decide(browser, place, answer):
    item = f'document.querySelector("li[data-place=\\"{place}\\"]")'
    browser.run(f"{item}.querySelectorAll('[data-answer]')[{answer}].click()")


def test_decisions_outlast_filters_and_a_reload(browser, table_page):
    opened(browser, table_page, "tab=queue")
    decide(browser, 0, 1)
    choose(browser, "show", "kept")
    choose(browser, "show", "decided")
    assert n_matching(browser) == 1
    browser.send("Page.reload")
    time.sleep(0.3)
    browser.wait_for(f"document.readyState === 'complete' && {READY}")
    assert texts_of(browser, "#decided-count") == ["1 row decided"]
    pressed = 'document.querySelector("li[data-place=\\"0\\"] [aria-pressed=true]").textContent'
    assert browser.run(pressed).startswith("→")
    browser.run("localStorage.clear()")


def test_a_second_click_undoes_and_other_classes_can_be_named(browser, table_page):
    opened(browser, table_page, "tab=queue")
    decide(browser, 0, 0)
    decide(browser, 0, 0)
    assert texts_of(browser, "#decided-count") == ["Nothing decided yet"]
    browser.run(
        "(() => { const select = document.querySelector('li select'); select.focus();"
        "select.selectedIndex = 1; select.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )
    assert texts_of(browser, "#decided-count") == ["1 row decided"]


def test_keys_decide_and_lead_to_the_next_row(browser, table_page):
    opened(browser, table_page, "tab=queue")
    browser.run("document.querySelector('li.row').focus()")
    for key in ("1", "2", "3", "j", "k", "0"):
        browser.press(key)
    assert texts_of(browser, "#decided-count") == ["3 rows decided"]
    pressed = texts_of(browser, "li [aria-pressed=true] .sign")
    assert pressed == ["✓", "→", "?"]


def fetched(browser, folder, button, name):
    browser.downloads_to(folder)
    click(browser, button)
    end = time.monotonic() + 20
    while not (folder / name).exists():
        assert time.monotonic() < end, "nothing was downloaded"
        time.sleep(0.05)
    time.sleep(0.2)
    return folder / name


@pytest.mark.parametrize(
    "index",
    [
        lambda n: pd.Index([f"tree {number}" for number in range(n)]),
        lambda n: pd.Index([f"{AWKWARD[number % 6]}{number}" for number in range(n)]),
        lambda n: pd.RangeIndex(n),
        lambda n: pd.Index(np.arange(n) + 2**60),
        lambda n: pd.Index(np.arange(n) / 4),
        lambda n: pd.date_range("2024-01-01", periods=n, freq="h"),
        lambda n: pd.MultiIndex.from_arrays([AWKWARD[np.arange(n) % 6], np.arange(n)]),
    ],
    ids=["texts", "awkward", "positions", "large", "fractions", "times", "levels"],
)
def test_files_that_were_clicked_are_applied(browser, tmp_path, index):
    X, codes = make_blobs(120, 3, centers=6, cluster_std=3.0, random_state=0)
    frame = pd.DataFrame(X, index=index(120))
    detector = quick_detector().fit(frame, AWKWARD[codes])
    opened(browser, written(tmp_path, LabelQualityReport(detector, frame)), "tab=queue&show=all")
    order = np.argsort(detector._rank)
    for place in range(12):
        decide(browser, place, place % 3)
    data = [
        [detector._given_labels[row], detector.evidence_.runner_up[row], "?"][place % 3]
        for place, row in enumerate(order[:12])
    ]
    files = {
        "review.csv": ("#download-csv", read_review),
        "review.jsonl": ("#download-jsonl", read_jsonl),
    }
    for name, (button, read) in files.items():
        path = fetched(browser, tmp_path, button, name)
        answers = read(path, detector.classes_)
        assert answers.tolist() == data
        reviewed = copy.deepcopy(detector).apply_review(answers)
        settled = np.flatnonzero(reviewed.reviewed_)
        assert set(settled) == {row for place, row in enumerate(order[:12]) if place % 3 < 2}
        assert (reviewed.corrected_labels_[order[1]]) == data[1]
    cells = pd.read_csv(tmp_path / "review.csv", dtype=str, keep_default_na=False).to_numpy()
    assert not [cell for cell in cells.ravel() if cell.startswith(("=", "@", "-n"))]


def test_reasons_of_the_file_are_those_of_the_queue(browser, tmp_path):
    from small_data import SHORT, easy_table

    from sknoisy import NoisyLabelDetector

    X, y, _ = easy_table()
    detector = NoisyLabelDetector("wrong_event", **SHORT).fit(X, y)
    opened(browser, written(tmp_path, LabelQualityReport(detector, X)), "tab=queue&show=all")
    for place in range(5):
        decide(browser, place, 0)
    path = fetched(browser, tmp_path, "#download-csv", "review.csv")
    queue = detector.review_queue(5)
    assert pd.read_csv(path)["reason"].tolist() == queue["reason"].tolist()
    assert pd.read_csv(path).columns[1:].tolist() == queue.columns.tolist()


# -- nothing comes alive ---------------------------------------------------------------------------


def is_own(address, page):
    return address.split("#")[0] == page.as_uri() or address.startswith(
        ("data:", "about:", "blob:")
    )


def assert_nothing_alive(browser, page):
    assert browser.run("document.documentElement.dataset.alive") is None
    assert browser.named("Page.javascriptDialogOpening") == []
    asked = [each["request"]["url"] for each in browser.named("Network.requestWillBeSent")]
    assert [address for address in asked if not is_own(address, page)] == []
    assert problems(browser) == []


@pytest.mark.parametrize("tab", TABS[:5] + ("data",))
def test_hostile_names_stay_text_and_no_request_leaves_the_page(browser, hostile_page, tab):
    opened(browser, hostile_page, f"tab={tab}&show=all")
    if tab == "queue":
        for name in ("given", "suggested", "group", "show", "sort"):
            options = browser.run(f"document.getElementById('filter-{name}').options.length")
            for number in range(options):
                value = f"document.getElementById('filter-{name}').options[{number}].value"
                choose(browser, name, browser.run(value))
            click(browser, "#clear-filters")
        for each in HOSTILE:
            choose(browser, "q", each)
            browser.run("document.querySelectorAll('li select').forEach((each) => each.focus())")
            browser.run(
                "document.querySelectorAll('.content .link').forEach((each) => each.click())"
            )
    if tab == "data":
        time.sleep(1)
    assert_nothing_alive(browser, hostile_page)


def test_hostile_names_are_read_as_they_are(browser, hostile_page):
    opened(browser, hostile_page, "tab=queue&show=all")
    options = browser.run("[...document.getElementById('filter-given').options].map((o) => o.text)")
    squeezed = {
        " ".join(each.replace("\u2028", " ").replace("\u2029", " ").split()) for each in HOSTILE
    }
    assert squeezed == {" ".join(each.split()) for each in options[1:]}


def test_hostile_names_of_files_stay_text(browser, tmp_path):
    detector = fitted_table()[0]
    names = [each.replace("/", "∕") for each in HOSTILE]
    paths = [f"{names[number % len(names)]}{number}.png" for number in range(150)]
    page = written(tmp_path, LabelQualityReport(detector, paths))
    opened(browser, page, "tab=queue&show=all")
    shown = []
    for _ in range(6):
        shown += texts_of(browser, ".file")
        click(browser, "#next")
    assert set(shown) == set(paths)
    assert_nothing_alive(browser, page)


def test_a_page_that_was_tampered_with_runs_nothing_of_it(browser, table_page, tmp_path):
    page = tmp_path / "tampered.html"
    markup = "<script>document.documentElement.dataset.alive=1</script><img src=x onerror=alert(1)>"
    page.write_text(table_page.read_text(encoding="utf-8").replace("<main", f"{markup}<main"))
    opened(browser, page)
    assert browser.run("document.documentElement.dataset.alive") is None
    assert browser.named("Page.javascriptDialogOpening") == []


def test_snippet_works_inside_another_page(browser, tmp_path):
    detector, X, _, _ = fitted_table()
    page = tmp_path / "notebook.html"
    page.write_text(
        "<!DOCTYPE html><meta charset=utf-8><style>* { color: red }</style>"
        + LabelQualityReport(detector, X).html_snippet(),
        encoding="utf-8",
    )
    browser.open(page)
    time.sleep(1)
    errors = [each for each in problems(browser) if "sandbox" not in str(each).lower()]
    assert errors == []
    assert browser.run("document.querySelector('iframe').contentDocument") is None


def test_columns_are_described_in_a_frame_of_their_own(browser, table_page):
    pytest.importorskip("skrub")
    opened(browser, table_page, "tab=data")
    browser.wait_for("document.getElementById('table-report').srcdoc.includes('skrub')")
    time.sleep(1)
    assert browser.run("document.getElementById('table-report').contentDocument") is None
    assert problems(browser) == []

"""Tests of the scripts in benchmarks/, on tables made here."""

import importlib
import json
import subprocess
import sys
from argparse import Namespace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from data_home import vouch_for
from numpy.testing import assert_allclose, assert_array_equal
from script_runner import run_script

from sknoisy import _checkpoints

pytest.importorskip("cleanlab")

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"
MODULES = (
    "_all_methods_summary",
    "_common",
    "_paper_figures",
    "_ratios",
    "_raw_tables",
    "_streamed_counts",
    "_streamed_verdict",
    "_table_ratios",
    "_tables_summary",
    "_turns",
    "all_methods",
    "aqua",
    "auto_rule",
    "checkpoints",
    "clean_labels",
    "gradients",
    "held_out",
    "judges",
    "kills",
    "leaks",
    "load",
    "paper_tables",
    "practice",
    "pretrained",
    "review",
    "speed",
    "table_encoding",
    "tables",
)

needs_linux = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="needs Linux's count of memory"
)


def output_of(script, *arguments):
    """Run a script as a program, and return what it prints."""
    environment = {"OMP_NUM_THREADS": "1"}
    done = run_script(FOLDER / script, arguments, folder=FOLDER, environment=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def scripts():
    """The modules of the folder, which are importable by these names in these tests only."""
    sys.path.insert(0, str(FOLDER))
    try:
        yield Namespace(**{name: importlib.import_module(name) for name in MODULES})
    finally:
        sys.path.remove(str(FOLDER))
        for name in MODULES:
            sys.modules.pop(name, None)


@pytest.fixture
def data_home(tmp_path, monkeypatch):
    """Small stand-ins for two tables: three groups of rows, and four rows of a rare class."""
    generator = np.random.RandomState(0)
    target = np.repeat([1, 2, 5, 9], [60, 60, 60, 4])
    table = pd.DataFrame(generator.randn(len(target), 3) + target[:, None] * [2.0, -1.0, 0.0])
    table = table.rename(columns=str).assign(target=target).sample(frac=1, random_state=0)
    (tmp_path / "tabular").mkdir()
    for name in ("vehicle", "splice"):
        path = tmp_path / "tabular" / f"{name}.tsv.gz"
        table.to_csv(path, sep="\t", index=False, compression="gzip")
        vouch_for(path)
    monkeypatch.setenv("SKNOISY_DATA", str(tmp_path))
    return tmp_path


# -- data --------------------------------------------------------------------------------------


def test_rare_classes_are_dropped_and_the_others_are_coded(scripts, data_home):
    cell = scripts._common.load_cell("vehicle", "symmetric", 0)
    assert_array_equal(np.unique(cell.y_clean), [0, 1, 2])
    assert len(cell.y_clean) + len(cell.y_test) == 180


@pytest.mark.parametrize("noise", ["none", "symmetric", "pair", "instance"])
def test_only_training_labels_are_flipped_and_flips_are_known(scripts, data_home, noise):
    cell = scripts._common.load_cell("vehicle", noise, 0)
    clean = scripts._common.load_cell("vehicle", "none", 0)
    assert_array_equal(cell.flipped, cell.y_noisy != cell.y_clean)
    assert_array_equal(cell.y_test, clean.y_test)
    assert cell.flipped.any() == (noise != "none")


def test_training_rows_are_capped_with_the_classes_in_proportion(scripts, data_home):
    cell = scripts._common.load_cell("vehicle", "none", 0, max_rows=84)
    assert 80 <= len(cell.y_clean) <= 84
    assert np.ptp(np.bincount(cell.y_clean)) <= 1


def test_another_seed_gives_other_rows_and_the_same_seed_the_same(scripts, data_home):
    first, again, other = (scripts._common.load_cell("vehicle", "pair", s) for s in (0, 0, 1))
    assert_array_equal(first.X, again.X)
    assert_array_equal(first.y_noisy, again.y_noisy)
    assert not np.array_equal(first.X, other.X)


# -- results -----------------------------------------------------------------------------------


def square(number):
    if number < 0:
        raise ValueError("no negative numbers")
    return {"square": float(number**2)}


def test_known_results_are_not_computed_again(scripts, tmp_path):
    path = tmp_path / "results" / "squares.jsonl"
    jobs = [{"number": number} for number in (1, 2)]
    assert scripts._common.run_missing(square, jobs, path) == 0
    before = path.read_text()
    assert len(before.splitlines()) == 2
    scripts._common.run_missing(square, jobs, path)
    assert path.read_text() == before
    scripts._common.run_missing(square, [*jobs, {"number": 3}], path)
    assert len(path.read_text().splitlines()) == 3


def test_forced_results_replace_the_known_ones(scripts, tmp_path):
    path = tmp_path / "squares.jsonl"
    scripts._common.append_record(path, {"number": 2, "figures": {"square": 5.0}})
    scripts._common.run_missing(square, [{"number": 2}], path, force=True)
    known = scripts._common.read_results(path, ("number",))
    assert known[2,]["figures"] == {"square": 4.0}


def test_a_failure_is_counted_and_left_out_while_the_others_go_on(scripts, tmp_path, capsys):
    path = tmp_path / "squares.jsonl"
    jobs = [{"number": -1}, {"number": 2}]
    assert scripts._common.run_missing(square, jobs, path) == 1
    assert list(scripts._common.read_results(path, ("number",))) == [(2,)]
    assert "no negative numbers" in capsys.readouterr().err


def test_nan_is_written_as_null(scripts, tmp_path):
    path = tmp_path / "results.jsonl"
    scripts._common.append_record(path, {"number": 1, "figures": {"auc": float("nan")}})
    assert json.loads(path.read_text())["figures"]["auc"] is None


def test_only_the_named_section_of_a_document_is_replaced(scripts, tmp_path):
    document = tmp_path / "docs" / "benchmarks.md"
    scripts._common.write_section(document, "first", "old figures")
    scripts._common.write_section(document, "second", "other figures")
    document.write_text(document.read_text() + "\nwritten by hand\n")
    scripts._common.write_section(document, "first", r"new \1 figures")
    text = document.read_text()
    assert r"new \1 figures" in text
    assert "other figures" in text and "written by hand" in text
    assert "old figures" not in text


def test_long_sentences_of_a_section_are_wrapped_and_rows_of_tables_are_not(scripts, tmp_path):
    document = tmp_path / "page.md"
    sentence, row = " ".join(["word"] * 40), "| " + " | ".join(["cell"] * 40) + " |"
    scripts._common.write_section(document, "figures", f"{sentence}\n\n{row}")
    lines = document.read_text().splitlines()
    assert row in lines
    assert sentence in document.read_text().replace("\n", " ")
    assert max(len(line) for line in lines if line != row) <= 120


# -- tables ------------------------------------------------------------------------------------


def table_arguments(tmp_path, *more):
    arguments = ["--tables", "vehicle", "--noises", "pair", "--seeds", "0", "--max-epochs", "3"]
    return [*arguments, "--output", str(tmp_path / "tables.jsonl"), *more]


@pytest.mark.slow
def test_every_method_gives_its_figures_and_a_second_run_adds_nothing(
    scripts, data_home, tmp_path, capsys
):
    arguments = table_arguments(tmp_path)
    assert scripts.tables.main(arguments) == 0
    before = (tmp_path / "tables.jsonl").read_text()
    records = [json.loads(line) for line in before.splitlines()]
    figures = {record["method"]: record["figures"] for record in records}
    assert set(figures) == set(scripts.tables.METHODS)
    for method, values in figures.items():
        assert {"auc", "f1", "fdr", "recall", "seconds", "noise_rate"} <= set(values), method
    for method in ("cross_entropy", "cleanlab", "wrong_event", "lsw"):
        assert 0 <= figures[method]["accuracy"] <= 1
    assert 0 <= figures["lsw"]["wrong_event_auc"] <= 1
    assert figures["cleanlab"]["total_seconds"] > figures["cleanlab"]["seconds"]
    assert scripts.tables.main(arguments) == 0
    assert (tmp_path / "tables.jsonl").read_text() == before


def test_other_settings_are_other_results(scripts, data_home, tmp_path):
    arguments = table_arguments(tmp_path, "--methods", "wrong_event_detector")
    scripts.tables.main(arguments)
    scripts.tables.main([*arguments, "--max-rows", "100"])
    records = [json.loads(line) for line in (tmp_path / "tables.jsonl").read_text().splitlines()]
    assert [record["figures"]["n_rows"] for record in records] == [126, 97]


def test_summary_is_printed_and_written_from_what_is_there(scripts, data_home, tmp_path, capsys):
    arguments = table_arguments(tmp_path, "--methods", "wrong_event_detector")
    document = tmp_path / "benchmarks.md"
    summary = [*arguments, "--summary", "--document", str(document)]
    assert scripts.tables.main(summary) == 1
    assert not document.exists()
    scripts.tables.main(arguments)
    assert scripts.tables.main(summary) == 0
    assert "| vehicle, pair |" in document.read_text()
    assert "| vehicle, pair |" in capsys.readouterr().out


def test_trusted_rows_are_of_every_class_and_of_the_wanted_share(scripts):
    y = np.array([0] * 500 + [1] * 498 + [2] * 2)
    for seed in range(5):
        trusted = scripts.tables.draw_trusted(y, 0.1, seed)
        assert 100 <= trusted.sum() <= 101
        assert_array_equal(np.unique(y[trusted]), [0, 1, 2])


def test_two_best_rows_are_kept_of_a_class_that_would_vanish(scripts):
    y = np.array([0, 0, 0, 1, 1, 1])
    flagged = np.array([True, True, True, True, False, False])
    quality = np.array([0.3, 0.1, 0.2, 0.1, 0.9, 0.9])
    kept = scripts.tables.keep_pairs(flagged, quality, y)
    assert_array_equal(kept, [False, True, False, True, False, False])


def made_records(values):
    """Turn {(table, noise, seed, method): figures} into records."""
    names = ("table", "noise", "seed", "method")
    return [dict(zip(names, key, strict=True), figures=figs) for key, figs in values.items()]


def made_runs(scripts, figure, detector, cleanlab):
    """Two tables, pair noise, two seeds; the values are in this order."""
    keys = [(table, "pair", seed) for table in ("adult", "letter") for seed in (0, 1)]
    values = {}
    for key, ours, theirs in zip(keys, detector, cleanlab, strict=True):
        values[*key, "wrong_event_detector"] = {figure: ours}
        values[*key, "cleanlab"] = {figure: theirs}
    return scripts._tables_summary.runs_frame(made_records(values))


def criterion(scripts, text, is_share=False):
    found = [item for item in scripts._tables_summary.CRITERIA if item.text.startswith(text)]
    return next(item for item in found if item.is_share == is_share)


def test_cells_are_means_over_seeds_and_runs_are_counted_one_by_one(scripts):
    # One seed of the first table is below cleanlab, its mean isn't.
    runs = made_runs(scripts, "auc", [0.9, 0.8, 0.9, 0.9], [0.8, 0.85, 0.8, 0.9])
    summary = scripts._tables_summary
    share = summary.evaluate_criterion(criterion(scripts, "Wrong event: AUC", True), runs)
    assert (share["cells"], share["runs"]) == (1.0, 0.75)
    assert (share["n_cells"], share["n_runs"], share["is_met"]) == (2, 4, True)
    gain = summary.evaluate_criterion(criterion(scripts, "Wrong event: AUC above"), runs)
    assert_allclose(gain["cells"], 0.0375)
    assert gain["is_met"]


def test_times_are_compared_by_ratio_of_sums_and_by_median(scripts):
    runs = made_runs(scripts, "cpu_seconds", [1.0, 1.0, 8.0, 8.0], [10.0, 10.0, 20.0, 20.0])
    summary = scripts._tables_summary
    first = criterion(scripts, "Wrong event: CPU time / cleanlab's, ratio")
    total = summary.evaluate_criterion(first, runs)
    assert_allclose(total["cells"], 0.3)
    assert not total["is_met"]
    second = criterion(scripts, "Wrong event: CPU time / cleanlab's, median")
    assert_allclose(summary.evaluate_criterion(second, runs)["cells"], 0.25)


def test_a_criterion_can_be_about_some_kinds_of_noise_only(scripts):
    values = {
        ("adult", "pair", 0, "lsw"): {"auc": 0.9, "wrong_event_auc": 0.8},
        ("adult", "symmetric", 0, "lsw"): {"auc": 0.5, "wrong_event_auc": 0.9},
    }
    runs = scripts._tables_summary.runs_frame(made_records(values))
    item = criterion(scripts, "LSW, 10 % trusted: AUC")
    result = scripts._tables_summary.evaluate_criterion(item, runs)
    assert result["n_cells"] == 1
    assert_allclose(result["cells"], 0.1)


def test_self_trusted_lsw_is_judged_by_its_worst_table(scripts):
    values = {}
    gains = {("adult", "pair"): 0.1, ("letter", "pair"): -0.07, ("letter", "instance"): 0.01}
    for (table, noise), gain in gains.items():
        values[table, noise, 0, "wrong_event_detector"] = {"auc": 0.8}
        values[table, noise, 0, "lsw_self_trusted"] = {"auc": 0.8 + gain}
    runs = scripts._tables_summary.runs_frame(made_records(values))
    text = "Self-trusted LSW: AUC above wrong event's, mean of the worst"
    result = scripts._tables_summary.evaluate_criterion(criterion(scripts, text), runs)
    assert_allclose(result["cells"], -0.03)
    assert not result["is_met"]


def test_missing_results_are_left_out_of_a_criterion(scripts):
    runs = made_runs(scripts, "auc", [0.9, 0.8, 0.9, None], [0.8, 0.8, 0.8, 0.8])
    item = criterion(scripts, "Wrong event: AUC", True)
    assert scripts._tables_summary.evaluate_criterion(item, runs)["n_runs"] == 3
    missing = criterion(scripts, "LSW")
    assert scripts._tables_summary.evaluate_criterion(missing, runs) is None


def test_equal_accuracy_is_not_above(scripts):
    values = {}
    for method in ("wrong_event", "cross_entropy", "cleanlab"):
        values["adult", "pair", 0, method] = {"accuracy": 0.7}
    runs = scripts._tables_summary.runs_frame(made_records(values))
    results = {
        item.text: scripts._tables_summary.evaluate_criterion(item, runs)
        for item in scripts._tables_summary.CRITERIA
        if item.text.startswith("`RobustClassifier()`")
    }
    at_least, above = results.values()
    assert (at_least["cells"], above["cells"]) == (1.0, 0.0)


def test_markdown_shows_verdicts_counts_and_spread_over_seeds(scripts):
    runs = [0.9, 0.8, 0.6, 0.6], [0.8, 0.8, 0.8, 0.8]
    records = made_records(
        {
            (table, "pair", seed, method): {"auc": values[2 * i + seed]}
            for method, values in zip(("wrong_event_detector", "cleanlab"), runs, strict=True)
            for i, table in enumerate(("adult", "letter"))
            for seed in (0, 1)
        }
    )
    text = scripts._tables_summary.summarize(records, {"python": "3"})
    assert "| >= 0.95 | 0.500 (1/2) | 0.500 (2/4) | **missed** |" in text
    assert "| adult, pair | 0.800 ± 0.000 | 0.850 ± 0.071 |" in text


@pytest.mark.slow
def test_the_script_runs_as_a_program_with_two_processes(data_home, tmp_path):
    arguments = table_arguments(tmp_path, "--n-jobs", "2", "--methods", "cross_entropy")
    output_of("tables.py", *arguments, "--seeds", "0", "1")
    assert len((tmp_path / "tables.jsonl").read_text().splitlines()) == 2


# -- clean labels ------------------------------------------------------------------------------


@pytest.mark.slow
def test_both_parts_on_clean_labels_give_figures_once(scripts, data_home, tmp_path, monkeypatch):
    monkeypatch.setattr(scripts.clean_labels, "WIDE_NET_UNITS", 16)
    output, document = tmp_path / "clean.jsonl", tmp_path / "benchmarks.md"
    arguments = ["--tables", "vehicle", "splice", "--noises", "none", "pair", "--seeds", "0"]
    arguments += ["--max-epochs", "5", "--output", str(output), "--document", str(document)]
    assert scripts.clean_labels.main(arguments) == 0
    before = output.read_text()
    records = [json.loads(line) for line in before.splitlines()]
    found = {(record["part"], record["table"], record["noise"]) for record in records}
    assert found == {
        ("clean", "vehicle", "none"),
        ("clean", "splice", "none"),
        ("memorizing", "splice", "none"),
        ("memorizing", "splice", "pair"),
    }
    assert set(records[0]["figures"]) == {"flagged", "plain_accuracy", "accuracy", "n_epochs"}
    last = records[-1]["figures"]
    assert last["all_epochs_n_epochs"] == 5 >= last["n_epochs"]
    assert 0 <= last["f1"] <= 1 and 0 <= last["all_epochs_auc"] <= 1
    scripts.clean_labels.main(arguments)
    assert output.read_text() == before
    assert scripts.clean_labels.main([*arguments, "--summary"]) == 0
    assert "| splice, pair |" in document.read_text()


@pytest.mark.parametrize(
    "flagged, other_flagged, accuracy, verdicts",
    [
        (0.03, 0.20, 0.978, (True, True, True)),
        (0.04, 0.20, 0.978, (False, True, True)),
        (0.03, 0.21, 0.978, (True, False, True)),
        (0.03, 0.20, 0.960, (True, True, False)),
    ],
)
def test_limits_on_clean_labels(scripts, flagged, other_flagged, accuracy, verdicts):
    tables = {
        "learnt": {"flagged": flagged, "plain_accuracy": 0.98, "accuracy": accuracy},
        "hard": {"flagged": other_flagged, "plain_accuracy": 0.8, "accuracy": 0.8},
    }
    rows = scripts.clean_labels.clean_criteria(tables)
    assert tuple(row[3] for row in rows) == verdicts


def test_figures_on_clean_labels_are_averaged_over_seeds(scripts):
    records = [
        {"table": "adult", "seed": seed, "figures": {"flagged": value}}
        for seed, value in enumerate((0.1, 0.3))
    ]
    assert_allclose(scripts.clean_labels.average_tables(records)["adult"]["flagged"], 0.2)


# -- speed -------------------------------------------------------------------------------------


def test_a_ratio_is_the_median_of_pairs_without_the_first_run(scripts):
    measured, reference = iter([99.0, 2.0, 3.0, 40.0]), iter([1.0, 1.0, 2.0, 10.0])
    ratio = scripts._ratios.Ratio("name", lambda: next(measured), lambda: next(reference), 2.0)
    result = scripts.speed.measure(ratio, 3)
    assert (result["ratio"], result["lowest"], result["highest"]) == (2.0, 1.5, 4.0)
    assert result["is_met"]
    assert result["measured"] == [2.0, 3.0, 40.0]


def test_a_figure_without_a_reference_is_the_measured_one(scripts):
    ratio = scripts._ratios.Ratio("name", lambda: 0.25, None, 0.2)
    result = scripts.speed.measure(ratio, 1)
    assert result["ratio"] == 0.25 and not result["is_met"]


def test_functions_by_turns_alternate_between_epochs(scripts):
    seen = []

    def train(name, n_epochs):
        for _ in range(n_epochs):
            seen.append(name)
            scripts._turns.between_epochs()
        return name

    results = scripts._turns.by_turns(lambda: train("a", 3), lambda: train("b", 2))
    assert results == ["a", "b"]
    assert "".join(seen) == "ababa"


def test_an_error_of_one_function_ends_both_turns(scripts):
    def fail():
        scripts._turns.between_epochs()
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        scripts._turns.by_turns(fail, lambda: 1)


def test_the_hand_written_loop_learns(scripts):
    sizes = scripts._ratios.Sizes(n_units=32, batch_size=64, max_epochs=15)
    X, y = scripts._table_ratios.make_table(700, 10)
    module = scripts._table_ratios.plain_loop(X, y, sizes).eval()
    predictions = module(scripts.speed.torch.from_numpy(X)).argmax(dim=1).numpy()
    assert (predictions == y).mean() > 0.5


def test_ratios_of_an_earlier_run_stay_unless_its_settings_differ(scripts, tmp_path):
    save = scripts.speed.save
    options = Namespace(output=tmp_path / "speed.json", quick=True)
    save({"wrapper": {"ratio": 1.0}, "grid": {"ratio": 1.1}}, options)
    results = save({"grid": {"ratio": 1.2}}, options)
    assert results["ratios"] == {"wrapper": {"ratio": 1.0}, "grid": {"ratio": 1.2}}
    assert json.loads(options.output.read_text()) == results
    options.quick = False
    assert list(save({"grid": {"ratio": 1.2}}, options)["ratios"]) == ["grid"]


@pytest.mark.slow
def test_all_ratios_are_measured_in_the_quick_form(scripts, tmp_path):
    output, document = tmp_path / "speed.json", tmp_path / "performance.md"
    # Not by output_of: a forked process never ends whose pools are still open.
    command = [sys.executable, str(FOLDER / "speed.py"), "--quick"]
    command += ["--output", str(output), "--document", str(document)]
    subprocess.run(command, check=True, capture_output=True)
    results = json.loads(output.read_text())
    assert {"wrapper", "cleanlab", "grid", "lsw_memory_auto", "mixture"} < set(results["ratios"])
    for name, figures in results["ratios"].items():
        assert figures["ratio"] >= 0, name
        assert len(figures["measured"]) == 1
    # Tiny sizes say nothing about time, so they stay out of the document.
    assert not document.exists()


# -- scale -------------------------------------------------------------------------------------


@pytest.mark.slow
@needs_linux
def test_every_case_of_scale_runs_in_the_quick_form():
    output = output_of("scale.py", "--quick")
    assert output.count("mapped file") == 2 and "1,000 classes" in output


# -- load and interruptions --------------------------------------------------------------------


def test_growth_is_told_per_fit_with_its_interval(scripts):
    steady = scripts.leaks.growth_per_fit([100, 120, 140, 160], n_methods=10)
    assert_allclose(steady, 2.0)
    mean, low, high = scripts.leaks.growth_per_fit([100, 120, 95, 130, 100], n_methods=10)
    assert mean == 0
    assert low < 0 < high


@pytest.mark.slow
@needs_linux
def test_many_fits_are_measured(scripts, tmp_path, monkeypatch):
    monkeypatch.setattr(scripts.leaks, "WARM_UP_TURNS", 1)
    files = ["--output", str(tmp_path / "leaks.json"), "--document", str(tmp_path / "page.md")]
    assert scripts.leaks.main(["--n-fits", "20", *files]) == 0
    assert "| open file handles |" in (tmp_path / "page.md").read_text()


@pytest.mark.slow
@needs_linux
def test_memory_of_tables_in_a_file_and_of_predictions_is_measured(scripts, tmp_path):
    mapped = scripts.load.measure_mapped("mapped_float64", 0.002, tmp_path)
    assert mapped["n_rows"] == 100 and mapped["beyond"] > 0
    assert not list(tmp_path.iterdir())
    predicted = scripts.load.measure_prediction("table", 300)
    assert predicted["predict_proba"]["result"] == 300 * 10 * 8
    results = {"versions": {}, "cases": {"mapped_float64": [mapped], "table": [predicted]}}
    assert "| predict_proba | 300 |" in scripts.load.summarize(results)


@pytest.mark.slow
def test_cost_of_a_checkpoint_is_measured(scripts, monkeypatch):
    monkeypatch.setattr(_checkpoints, "SECONDS_BETWEEN", 0)
    monkeypatch.setattr(_checkpoints, "TIMES_OF_WRITING", 0)
    cost = scripts.checkpoints.measure_cost(next(iter(scripts.checkpoints.COSTS)))
    assert cost["n_checkpoints"] == 6
    assert cost["n_bytes"] > 4 * 54 * 256
    assert 0 < cost["cpu_seconds"]


# -- counting in a file ------------------------------------------------------------------------

N_FILE_CLASSES = 7
N_FILE_EPOCHS = 5


@pytest.fixture
def small_blocks(scripts, monkeypatch):
    """Blocks and chunks small enough that 5,000 rows are several, and the last isn't full."""
    for module, name, value in (
        (scripts._streamed_counts, "BLOCK_ROWS", 512),
        (scripts._streamed_counts, "BLOCKS_TOGETHER", 3),
        (scripts._streamed_counts, "BATCH_SIZE", 100),
        (scripts._streamed_verdict, "CHUNK_ROWS", 1_024),
    ):
        monkeypatch.setattr(module, name, value)


def counted_file(scripts, path, count, n_rows=5_000):
    """Return what lies in a file after each epoch was counted by the given function."""
    scripts._streamed_counts.create_state(path, n_rows, N_FILE_CLASSES)
    for epoch in range(N_FILE_EPOCHS):
        assert count(path, epoch, N_FILE_CLASSES, seed=epoch) == n_rows
    return np.fromfile(path, dtype=scripts._streamed_counts.RECORD)


@pytest.mark.slow
@needs_linux
@pytest.mark.usefixtures("small_blocks")
def test_counts_in_a_file_are_the_same_in_any_order(scripts, tmp_path):
    counts = scripts._streamed_counts
    orders = {
        "random": counts.count_in_random_order,
        "little": partial(counts.count_in_random_order, memory=2**16),
        "blocks": counts.count_in_blocks,
    }
    found = {name: counted_file(scripts, tmp_path / name, count) for name, count in orders.items()}
    assert_array_equal(found["random"]["looks"], N_FILE_EPOCHS)
    assert_array_equal(found["random"], found["blocks"])
    assert_array_equal(found["random"], found["little"])


@pytest.mark.parametrize("n_rows", [2, 5, 1_000, 1_025])
def test_an_order_without_an_array_of_all_rows_is_a_permutation(scripts, n_rows):
    rows = scripts._streamed_counts.permuted(np.arange(n_rows), n_rows, seed=3)
    assert_array_equal(np.sort(rows), np.arange(n_rows))
    if n_rows > 100:
        assert np.mean(np.abs(np.diff(rows)) == 1) < 0.02


@needs_linux
@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("chunk_rows", [1_024, 32])
def test_the_streamed_verdict_is_that_of_arrays_in_memory(
    scripts, tmp_path, monkeypatch, chunk_rows
):
    monkeypatch.setattr(scripts._streamed_verdict, "CHUNK_ROWS", chunk_rows)
    records = counted_file(scripts, tmp_path / "state", scripts._streamed_counts.count_in_blocks)
    shape = N_FILE_CLASSES, N_FILE_EPOCHS
    expected = scripts._streamed_verdict.judge_in_memory(records, *shape)
    verdict = scripts._streamed_verdict.judge_in_passes(tmp_path / "state", tmp_path, *shape)

    assert_array_equal(verdict.posteriors, expected["posteriors"])
    scores = np.fromfile(tmp_path / "scores.f4", dtype=np.float32)
    assert_allclose(scores, expected["scores"], rtol=1e-6)
    bits = np.fromfile(tmp_path / "flags.bits", dtype=np.uint8)
    assert_array_equal(np.unpackbits(bits)[: len(scores)], expected["flags"])
    assert verdict.n_flagged == expected["flags"].sum()
    assert_array_equal(verdict.suspicious, expected["suspicious"])
    assert_allclose(verdict.calibration, expected["calibration"], atol=2e-3)
    assert_allclose(
        verdict.quantiles, np.quantile(expected["quality"], [0.25, 0.5, 0.75]), atol=1e-3
    )
    assert_allclose(verdict.stratum_sizes, np.bincount(expected["strata"]), atol=5)


@needs_linux
@pytest.mark.usefixtures("small_blocks")
def test_the_streamed_sample_takes_each_stratum_by_chance(scripts, tmp_path):
    records = counted_file(scripts, tmp_path / "state", scripts._streamed_counts.count_in_blocks)
    shape = N_FILE_CLASSES, N_FILE_EPOCHS
    strata = scripts._streamed_verdict.judge_in_memory(records, *shape)["strata"]
    verdict = scripts._streamed_verdict.judge_in_passes(
        tmp_path / "state", tmp_path, *shape, n_review=400
    )
    assert len(np.unique(verdict.sample)) == 400
    assert np.bincount(strata[verdict.sample], minlength=8).min() >= 2
    # Rows from the whole file, not its first chunk only.
    assert_array_equal(np.unique(verdict.sample // 1_000), np.arange(5))


@pytest.mark.slow
@needs_linux
def test_counting_in_a_file_is_measured_in_the_quick_form(tmp_path):
    output = output_of("counting_state.py", "--quick", "--rows", "2e4", "--folder", tmp_path)
    assert "| block by block | 40,000 |" in output
    assert "| Counting, 10 classes | row and epoch |" in output
    assert not list(tmp_path.iterdir())


# -- gradients ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_forms_of_the_gradient_are_compared_on_the_same_cells(scripts, data_home, capsys):
    output = data_home / "gradients.jsonl"
    arguments = ["--tables", "vehicle", "--noises", "pair", "--max-epochs", "4"]
    assert scripts.gradients.main([*arguments, "--output", str(output)]) == 0
    table = capsys.readouterr().out
    assert "Means of 1 runs" in table
    errors = json.loads(output.read_text().splitlines()[-1])["figures"]
    assert errors["finite_difference"] < 0.05 < errors["last_layer"]


# -- paper tables ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "figure, method, cell, printed",
    [
        ("f1", "lsw", ("symmetric", 0.4), 0.9284),
        ("fdr", "cores", ("pair", 0.3), 0.5302),
        ("accuracy", "meta_weight_net", ("instance", 0.6), 0.4955),
        ("f1", "meta_weight_net", ("instance", 0.6), None),
        ("f1", "lsw", ("pair", 0.45), None),
    ],
)
def test_figures_of_the_paper_are_found_by_cell(scripts, figure, method, cell, printed):
    assert scripts._paper_figures.printed_figure(figure, method, *cell) == printed


def test_printed_f1_follows_from_printed_fdr_and_recall(scripts):
    """Checks our copy of the figures: all three are printed, and one follows from the others."""
    find = scripts._paper_figures.printed_figure
    for method in ("cores", "nlnl", "simifeat", "simifeat_trusted", "bhn", "lsw"):
        for cell in scripts._paper_figures.COLUMNS:
            precision, recall = 1 - find("fdr", method, *cell), find("recall", method, *cell)
            f1 = 2 * precision * recall / (precision + recall)
            assert_allclose(find("f1", method, *cell), f1, atol=2e-3)


def test_cells_are_read_from_the_command_line(scripts):
    options = scripts.paper_tables.parse_arguments(["--cells", "pair:0.4", "worse"])
    assert options.cells == [("pair", 0.4), ("worse", None)]
    with pytest.raises(SystemExit):
        scripts.paper_tables.parse_arguments(["--cells", "pair"])


@pytest.mark.slow
def test_paper_tables_resume_and_are_written(scripts, tmp_path, capsys):
    output, document = tmp_path / "paper_tables.jsonl", tmp_path / "paper_tables.md"
    arguments = ["--dataset", "digits", "--max-epochs", "2", "--max-rows", "300"]
    arguments += ["--cells", "symmetric:0.4", "--output", str(output), "--document", str(document)]
    for methods, known in ((["lsw"], 0), (["lsw", "meta_weight_net"], 1)):
        assert scripts.paper_tables.main([*arguments, "--methods", *methods]) == 0
        assert f"{known} of {len(methods)} results known" in capsys.readouterr().out
    text = document.read_text()
    assert "## digits, mlp, 300 training images, 2 epochs" in text
    assert "| meta_weight_net |" in text and "(92.84)" not in text


# -- held-out data -----------------------------------------------------------------------------


def test_strings_and_missing_values_become_finite_numbers(scripts):
    table = pd.DataFrame({"size": [1.0, None, 3.0], "colour": ["red", "blue", None]})
    prepared = scripts.held_out.make_preparation().fit_transform(table)
    assert_allclose(prepared[:, 0].mean(), 0, atol=1e-12)
    assert prepared.shape == (3, 5) and np.isfinite(prepared).all()


@pytest.fixture
def labelme_home(tmp_path, monkeypatch):
    """Nine answers for each of 24 images; in every sixth image most of them are wrong."""
    folder = tmp_path / "crowd_labelme"
    folder.mkdir()
    y = np.arange(24) % 2
    answers = np.repeat(y[:, None], 9, axis=1)
    answers[::6, :5] = 1 - answers[::6, :5]
    answers[:, 8] = -1
    X = np.random.RandomState(0).randn(24, 3) + 4 * y[:, None]
    for part in ("train", "test"):
        np.save(folder / f"LabelMe_VGG_avg_{part}.npy", X.astype(np.float32))
        np.savetxt(folder / f"LabelMe_Z_{part}.txt", y)
    np.savetxt(folder / "answers.txt", answers)
    monkeypatch.setenv("SKNOISY_DATA", str(tmp_path))
    return tmp_path


def test_given_labels_of_labelme_are_those_of_most_answers(scripts, labelme_home):
    cell = scripts.held_out.load_labelme(0, 20)
    assert_array_equal(np.flatnonzero(cell.flipped), [0, 6, 12, 18])
    assert_array_equal(cell.y_noisy != cell.y_clean, cell.flipped)


def test_held_out_results_are_written_to_the_document(scripts, labelme_home, capsys):
    document = labelme_home / "benchmarks.md"
    arguments = ["--tables", "labelme", "--max-epochs", "2", "--methods", "cross_entropy"]
    arguments += ["--output", str(labelme_home / "held_out.jsonl"), "--document", str(document)]
    assert scripts.held_out.main([*arguments, "--seeds", "0"]) == 0
    assert scripts.held_out.main([*arguments, "--summary"]) == 0
    assert "| labelme, human |" in document.read_text()


# -- the encoding of tables ----------------------------------------------------------------------


@pytest.mark.slow
def test_own_encoding_is_compared_with_preparations_by_hand(scripts, monkeypatch, capsys):
    generator = np.random.RandomState(0)
    y = np.repeat(["cat", "dog"], 60)
    table = pd.DataFrame(
        {
            "weight": generator.randn(120) + 3 * (y == "dog"),
            "coat": generator.choice(["a", "b"], 120),
        }
    )
    monkeypatch.setitem(scripts.table_encoding.TABLES, "loans", lambda: (table, y.astype(str)))
    arguments = ["--tables", "loans", "--seeds", "0", "--preparations", "own", "scikit-learn"]
    assert scripts.table_encoding.main(arguments) == 0
    *_, line = capsys.readouterr().out.splitlines()
    figures = [float(each) for cell in line.split("|")[2:4] for each in cell.split(",")]
    assert all(0.5 < each <= 1 for each in figures) and len(figures) == 4


# -- features of pretrained nets, and texts ----------------------------------------------------


@pytest.fixture
def messages_home(labelme_home):
    """Short messages beside the stand-in for LabelMe."""
    (labelme_home / "text").mkdir()
    random = np.random.default_rng(0)
    labels = np.where(np.arange(120) % 3 == 0, "spam", "ham")
    words = {"ham": ["see", "you", "home"], "spam": ["win", "cash", "now"]}
    columns = [f"word{number}" for number in range(120)]
    texts = [" ".join([*random.choice(words[label], 4), *columns]) for label in labels]
    table = pd.DataFrame({"label": labels, "text": texts})
    path = labelme_home / "text" / "sms_spam.tsv.gz"
    table.to_csv(path, sep="\t", index=False)
    vouch_for(path)
    return labelme_home


def test_wrong_labels_of_messages_are_in_training_rows_only(scripts, messages_home):
    cell = scripts.pretrained.load_cell("sms_spam", "symmetric_0.2", 0, 50, None, None)
    assert len(cell.X) == 50
    assert len(cell.y_test) == 36
    assert_array_equal(cell.flipped, cell.y_noisy != cell.y_clean)
    assert 0.1 < cell.flipped.mean() < 0.3


@pytest.mark.slow
def test_figures_on_messages_are_written_beside_their_goals(scripts, messages_home, capsys):
    document = messages_home / "benchmarks.md"
    files = ["--output", str(messages_home / "results.jsonl"), "--document", str(document)]
    arguments = ["--data", "sms_spam", "--labels", "symmetric_0.2", "--seeds", "0"]
    assert scripts.pretrained.main([*arguments, *files]) == 0
    assert scripts.pretrained.main([*files, "--summary"]) == 0
    text = document.read_text()
    for method in scripts.pretrained.METHODS:
        assert f"| sms_spam, symmetric_0.2 | {method} |" in text
    assert "accuracy above cleanlab's" in text


def test_opponent_flags_nothing_where_labels_are_plainly_right(scripts, messages_home):
    cell = scripts.pretrained.load_cell("sms_spam", "none", 0, 50, None, None)
    figures = scripts.pretrained.cleanlab(cell)
    assert figures["flagged"] == 0
    assert figures["accuracy"] == 1


def test_goals_for_labels_of_people_are_those_of_the_issue(scripts):
    cell = ("cifar10", "worse", 10_000, None)
    key = dict(zip(scripts.pretrained.KEY, (*cell[:2], 0, "", *cell[2:]), strict=True))
    figures = {
        "detector": {"auc": 0.96},
        "classifier": {"f1": 0.87, "accuracy": 0.845},
        "cleanlab": {"auc": 0.93, "accuracy": 0.81},
        "right_labels": {"accuracy": 0.86},
    }
    records = [key | {"method": name, "figures": found} for name, found in figures.items()]
    goals = list(scripts.pretrained.goals_of_cell(records, cell))
    assert [goal[0] for goal in goals] == ["cifar10, worse, 10,000, 224"] * 6
    assert [goal[3] for goal in goals] == ["met"] * 3 + ["**missed**"] + ["met"] * 2


# -- judges ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("method", ["cleanlab_trees", "trees", "area_under_margin", "flag_nothing"])
def test_judges_are_measured_on_a_table(scripts, data_home, method):
    figures = scripts.judges.evaluate_cell("vehicle", "symmetric_0.4", 0, method, 100)
    assert 0.3 < figures["noise_rate"] < 0.5
    assert figures["auc"] == 0.5 if method == "flag_nothing" else figures["auc"] > 0.5


def test_judges_are_compared_cell_by_cell_with_the_opponent(scripts):
    records = [
        {
            "table": "letter",
            "noise": "pair_0.1",
            "seed": seed,
            "method": method,
            "max_rows": 100,
            "auc": auc,
            "average_precision": auc,
            "f1": auc,
            "flagged": 0.1,
            "accuracy": 0.9,
            "balanced_accuracy": 0.9,
            "cpu_seconds": seconds,
        }
        for seed in (0, 1)
        for method, auc, seconds in (
            ("cleanlab_trees", 0.8, 4.0),
            ("trees", 0.75 + 0.1 * seed, 1.0),
        )
    ]
    text = scripts.judges.summarize(pd.DataFrame(records))
    (line,) = [line for line in text.splitlines() if line.startswith("| trees | 0.800")]
    assert "50%" in line
    assert "-0.050 letter pair_0.1 0" in line
    assert line.endswith("0.25 |")


# -- practice --------------------------------------------------------------------------------


@pytest.mark.slow
def test_verdicts_and_what_is_trained_after_them_are_measured(scripts, data_home):
    figures = scripts.practice.evaluate_cell("vehicle", "pair_0.1", 0, "robust_trees", 100)
    assert figures["final"] in ("soft", "filter", "plain")
    assert 0 <= figures["rarest_flagged"] <= 1
    assert 0 < figures["accuracy"] <= 1


def test_calibration_error_is_the_gap_in_tenths_of_the_scale(scripts):
    quality = np.array([0.05, 0.05, 0.95, 0.95])
    right = np.array([False, True, True, True])
    # In the lowest tenth half are right in place of a twentieth, in the highest all.
    assert_allclose(scripts.practice.calibration_error(quality, right), (0.45 + 0.05) / 2)


def test_gains_are_those_over_the_same_learner_on_all_rows(scripts):
    methods = {"trees_all_rows": 0.8, "robust_trees": 0.85, "cleanlab": 0.7}
    records = [
        {
            "table": table,
            "noise": "none",
            "seed": 0,
            "method": method,
            "max_rows": 100,
            "accuracy": accuracy + (0.1 if table == "letter" else 0.0),
            "balanced_accuracy": 0.5,
            "flagged": 0.1,
        }
        | dict.fromkeys(scripts.practice.FIGURES, 0.1)
        for table in ("letter", "nursery")
        for method, accuracy in methods.items()
    ]
    text = scripts.practice.summarize(pd.DataFrame(records))
    (line,) = [line for line in text.splitlines() if line.startswith("| cleanlab | 0.750")]
    assert "-0.100 | 100% | -0.100" in line
    (line,) = [line for line in text.splitlines() if line.startswith("| robust_trees | 0.900")]
    assert "+0.050 | 0%" in line


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["uniform_0.1", "class_0.4"])
def test_aquas_noises_are_of_their_rates(scripts, data_home, noise):
    figures = scripts.judges.evaluate_cell("vehicle", noise, 0, "flag_nothing", 100)
    assert abs(figures["noise_rate"] - float(noise[-3:])) < 0.1
    assert figures["weighted_f1"] > figures["f1"] == 0


def test_aquas_score_is_compared_with_flagging_nothing(scripts):
    records = [
        {"table": "loans", "noise": "class_0.1", "seed": 0, "method": method, "weighted_f1": score}
        for method, score in (("default", 0.8), ("flag_nothing", 0.85))
    ]
    text = scripts.aqua.summarize(pd.DataFrame(records))
    assert "| default | 0.800 | 0.800 | -0.050 loans class_0.1 0 |" in text


# -- review ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("order", ["suspicious", "random", "cleanlab", "activelab"])
def test_a_simulated_person_finds_and_corrects_labels(scripts, data_home, monkeypatch, order):
    monkeypatch.setattr(scripts.review, "ROWS_PER_ROUND", 10)
    figures = scripts.review.evaluate_cell("vehicle", "symmetric_0.4", 0, order, 100)
    assert 0 < figures["found_5"] <= 1
    assert figures["f1_5"] > figures["f1_0"]
    assert ("covered" in figures) == (order in ("suspicious", "random"))


def test_orders_of_review_are_compared_on_cells_that_all_have(scripts):
    records = [
        {"table": "letter", "noise": "pair_0.1", "seed": seed, "order": order, "max_rows": 100}
        | {f"found_{number}": found for number in range(1, 6)}
        | {f"f1_{number}": found for number in range(6)}
        | {"accuracy_0": 0.5, "accuracy_5": 0.6}
        for seed, order, found in (
            (0, "suspicious", 0.5),
            (0, "cleanlab", 0.4),
            (1, "suspicious", 0.4),
            (1, "cleanlab", 0.45),
            (2, "suspicious", 0.0),
        )
    ]
    text = scripts.review.summarize(pd.DataFrame(records))
    assert text.startswith("2 cells: letter.")
    assert "| suspicious | 0.450 |" in text
    assert "| cleanlab, 50 rows | 50% | 50% | +0.025 | -0.050 letter pair_0.1 1 |" in text


def test_most_frequent_answer_of_people_is_the_given_label(scripts):
    answers = np.array([[-1, 2, 2, 0], [1, -1, -1, -1]])
    assert scripts._raw_tables._majority(answers, 0).tolist() == [2, 1]


def test_aum_is_shown_beside_wrong_event_in_every_cell(scripts):
    aucs = {("letter", "robust_net"): 0.9, ("letter", "aum"): 0.95, ("yeast", "robust_net"): 0.8}
    aucs |= {("yeast", "aum"): 0.7, ("splice", "robust_net"): 0.6}
    frame = pd.DataFrame(
        [
            {"table": table, "noise": "pair_0.1", "method": method, "auc": auc}
            for (table, method), auc in aucs.items()
        ]
    )
    text = scripts.practice.rivals(frame)
    assert "| letter, pair_0.1 | 0.900 | 0.950 | +0.050 |" in text
    assert "| mean of 2 cells | 0.850 | 0.825 | -0.025 |" in text
    assert "splice" not in text and "1 of 2 cells not below" in text


# -- all methods -----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["elr", "distillation"])
def test_a_method_is_judged_on_rows_that_are_not_trusted(scripts, data_home, method):
    figures = scripts.all_methods.evaluate_cell("vehicle", "pair", 0, method, 100)
    assert figures["accuracy"] > 0.4
    # Trusted rows would thin the share of wrong labels out.
    assert figures["noise_rate"] == pytest.approx(0.3, abs=0.05)
    assert figures["cpu_seconds"] > 0


def record_of_method(method, accuracy, auc, seconds, *, data="vehicle", noise="pair"):
    figures = {"accuracy": accuracy, "auc": auc, "f1": 0.5, "right_flagged": 0.1}
    return {
        "data": data,
        "noise": noise,
        "seed": 0,
        "method": method,
        "max_rows": 100,
        "uses_trusted": method in ("glc", "cross_entropy_trusted", "wrong_event_trusted"),
        "figures": figures | {"cpu_seconds": seconds, "noise_rate": 0.3, "n_rows": 100},
    }


@pytest.fixture
def method_records():
    return [
        record_of_method("cross_entropy", 0.6, 0.7, 1.0),
        record_of_method("cross_entropy_trusted", 0.7, 0.7, 1.2),
        record_of_method("wrong_event", 0.8, 0.9, 2.0),
        record_of_method("wrong_event_trusted", 0.85, 0.95, 2.0),
        record_of_method("elr", 0.75, 0.8, 1.5),
        record_of_method("glc", 0.65, 0.8, 1.5),
    ]


def test_a_method_is_compared_with_baselines_that_know_the_same_trusted_rows(
    scripts, method_records
):
    frame = scripts._all_methods_summary.figures_frame(method_records).set_index("method")
    assert_allclose(frame["gain"][["elr", "glc"]], [0.15, -0.05])
    assert_allclose(frame["beside_rival"][["elr", "glc"]], [-0.05, -0.2])
    assert_allclose(frame["auc_beside_rival"][["elr", "glc"]], [-0.1, -0.15])


def test_costs_are_ratios_of_sums_over_tables(scripts, method_records):
    other = [
        record_of_method("cross_entropy", 0.6, 0.7, 3.0, data="splice"),
        record_of_method("elr", 0.5, 0.7, 3.0, data="splice"),
    ]
    frame = scripts._all_methods_summary.figures_frame(method_records + other)
    assert scripts._all_methods_summary.costs(frame)["elr"] == pytest.approx(4.5 / 4)


def test_the_worst_table_of_a_method_is_named(scripts, method_records):
    other = [
        record_of_method("cross_entropy", 0.6, 0.7, 3.0, data="splice"),
        record_of_method("wrong_event", 0.8, 0.9, 2.0, data="splice"),
        record_of_method("elr", 0.5, 0.95, 3.0, data="splice"),
    ]
    text = scripts._all_methods_summary.summarize(
        method_records + other, ["elr", "glc"], {"elr": "1"}, {}
    )
    (line,) = [each for each in text.splitlines() if each.startswith("| elr | 1 of 2")]
    assert "| -0.100 splice |" in line and line.endswith("| 1.12 | 1 |")


def test_embeddings_have_a_table_of_their_own(scripts, method_records):
    images = [
        record_of_method("cross_entropy", 0.8, 0.9, 3.0, data="cifar10", noise="worse"),
        record_of_method("wrong_event", 0.84, 0.96, 6.0, data="cifar10", noise="worse"),
    ]
    text = scripts._all_methods_summary.summarize(
        method_records + images, ["wrong_event", "cross_entropy"], {}, {}
    )
    section = text.partition("### Embeddings")[2].partition("###")[0]
    assert "| wrong_event | 0 | 0.840 | +0.040 | +0.000 | 0.960 |" in section


def test_a_rule_is_judged_on_the_table_that_it_was_not_chosen_on(scripts):
    tables = [f"table {number}" for number in range(8)]
    seen = pd.DataFrame({"rows": np.arange(8.0), "columns": 3.0}, index=tables)
    few = np.arange(8) < 4
    figures = pd.DataFrame(
        {"wrong_event": 0.8, "elr": np.where(few, 0.9, 0.5)}, index=tables, dtype=float
    )
    gains = scripts.auto_rule.gains_of_rules(figures, seen)
    assert_allclose(gains["one method"], 0)
    assert_allclose(gains["the best of each table"], np.where(few, 0.1, 0))
    # The limit between few and many rows lies elsewhere where a table next to it is left out.
    assert_allclose(gains["two methods"][few], 0.1)
    assert gains["two methods"].iloc[5:].max() == 0


def test_a_rule_that_fits_one_table_alone_is_seen_to_do_harm(scripts):
    tables = [f"table {number}" for number in range(7)]
    seen = pd.DataFrame({"rows": np.arange(7.0)}, index=tables)
    figures = pd.DataFrame({"wrong_event": 0.8, "elr": 0.79}, index=tables, dtype=float)
    figures.loc["table 0", "elr"] = 1.0
    gains = scripts.auto_rule.gains_of_rules(figures, seen)
    assert gains["the best of each table"].sum() == pytest.approx(0.2)
    assert gains["two methods"].sum() < 0

"""Files that the command line reads, and errors that a person can act on."""

import gzip

import numpy as np
import pandas as pd
import pytest
from cli_runs import TREES, pets, sknoisy

pytest.importorskip("typer")
from sknoisy.cli._csv import guarded, write_csv
from sknoisy.cli._errors import UserError
from sknoisy.cli._leaks import leaking_columns
from sknoisy.cli._options import ColumnRoles, FileFormat
from sknoisy.cli._reading import labels_of, read_table
from sknoisy.cli._rows import identifier_columns, rows_of_table
from sknoisy.cli._screen import Screen, shown

QUIET = Screen(quiet=True)


def written(path, content):
    if isinstance(content, str):
        content = content.encode()
    path.write_bytes(content)
    return path


def read(path, **how):
    return read_table(path, FileFormat(**how))


# -- forms of files -------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(tmp_path, separator):
    rows = [["age", "town", "label"], ["1", '"Essen, Ruhr; x|y"', "a"], ["2", "Bonn", "b"]]
    path = written(tmp_path / "data.csv", "\n".join(separator.join(row) for row in rows))
    table = read(path)
    assert table.names == ["age", "town", "label"]
    assert table.cells.iloc[0, 1] == "Essen, Ruhr; x|y"


@pytest.mark.parametrize("name", ["data.tsv", "data.tab"])
def test_tabs_separate_where_the_name_says_so(tmp_path, name):
    table = read(written(tmp_path / name, "a,b\tc\n1,2\t3\n"))
    assert table.names == ["a,b", "c"]


def test_a_separator_that_is_given_is_taken(tmp_path):
    path = written(tmp_path / "data.csv", "a,b\\tc\n1,2\\t3\n".replace("\\t", "\t"))
    assert read(path, separator="\\t").names == ["a,b", "c"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_is_read_as_it_comes(tmp_path, encoding):
    table = read(written(tmp_path / "data.csv", "größe,label\n1,ä\n".encode(encoding)))
    assert table.names == ["größe", "label"]
    assert table.cells.iloc[0, 1] == "ä"


def test_another_encoding_takes_an_option(tmp_path):
    path = written(tmp_path / "data.csv", "größe,label\n1,ä\n".encode("cp1252"))
    with pytest.raises(UserError, match="--encoding cp1252"):
        read(path)
    assert read(path, encoding="cp1252").names == ["größe", "label"]


def test_compressed_files_are_read(tmp_path):
    path = written(tmp_path / "data.csv.gz", gzip.compress(b"a;b\n1;2\n"))
    assert read(path).names == ["a", "b"]


@pytest.mark.parametrize(("name", "package"), [("data.parquet", "pyarrow"), ("d.xlsx", "openpyxl")])
def test_other_files_of_pandas_are_read(tmp_path, name, package):
    pytest.importorskip(package)
    frame = pd.DataFrame({"number": [1.5, -2], "text": ["a", None], 3: [True, False]})
    frame.columns = frame.columns.map(str)
    if package == "pyarrow":
        frame.to_parquet(tmp_path / name)
    else:
        frame.to_excel(tmp_path / name, index=False)
    table = read(tmp_path / name)
    assert table.names == ["number", "text", "3"]
    assert table.values.iloc[:, 0].tolist() == [1.5, -2]
    assert table.values.iloc[1, 1] is None or pd.isna(table.values.iloc[1, 1])


def test_a_sheet_is_chosen_by_name(tmp_path):
    pytest.importorskip("openpyxl")
    path = tmp_path / "data.xlsx"
    with pd.ExcelWriter(path) as writer:
        pd.DataFrame({"a": [1]}).to_excel(writer, sheet_name="first", index=False)
        pd.DataFrame({"b": [2]}).to_excel(writer, sheet_name="second", index=False)
    assert read(path).names == ["a"]
    assert read(path, sheet="second").names == ["b"]
    with pytest.raises(UserError, match="Did you mean 'second'"):
        read(path, sheet="secnd")


# -- cells as they stand --------------------------------------------------------------------------


def test_cells_stay_as_they_stand_in_the_file(tmp_path):
    lines = ["id,x,x,when", "007,1.10,NA,2020-01-01", '008,,"say ""hi"", now",null', "009,1e3,nan,"]
    path = written(tmp_path / "data.csv", "\n".join(lines) + "\n")
    table = read(path)
    write_csv(table.cells.set_axis(table.names, axis=1), tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_text() == path.read_text()


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1", "2", ""], [1, 2, None]),
        (["01", "02", "01"], ["01", "02", "01"]),
        (["1.0", "2.0", "1.0"], ["1.0", "2.0", "1.0"]),
        (["True", "False", "True"], [True, False, True]),
        (["TRUE", "FALSE", "TRUE"], ["TRUE", "FALSE", "TRUE"]),
        (["None", "flu", "None"], ["None", "flu", "None"]),
        (["a ", " a", "NA"], ["a", "a", None]),
        (["1", "b", "1.0"], ["1", "b", "1.0"]),
    ],
)
def test_labels_are_numbers_only_where_all_are_written_as_such(tmp_path, texts, expected):
    path = written(tmp_path / "data.csv", "x,y\n" + "".join(f"0,{text}\n" for text in texts))
    labels, _ = labels_of(read(path), 1)
    assert [None if pd.isna(label) else label for label in labels] == expected
    assert [type(label) for label in labels] == [type(label) for label in expected]


@pytest.mark.parametrize(
    "value", ["=1+1", "+a", "-a1", "@x", "\t=1", "\rx", "＝1+1", "'=1+1", " =1"]
)
def test_formulas_are_guarded(value):
    assert guarded(value) == "'" + value


@pytest.mark.parametrize(
    "value", ["-3.5", "+1e-5", "-1,234.50", "-3 %", "-", "--", "a=b", -2, None]
)
def test_numbers_and_other_texts_stay(value):
    assert guarded(value) == value


def test_control_signs_of_a_cell_dont_reach_the_terminal():
    assert "\x1b" not in shown("\x1b[2J\x1b]0;title\x07red")
    assert "\n" not in shown("a\nb")


# -- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("data.csv", b"", "is empty"),
        ("data.csv", b"\n\n", "is empty"),
        ("data.csv", b"a,b\n", "has no rows below its header (a, b)"),
        ("data.csv", b"a,b\n1,2\n1,2,3,4\n", "line 3"),
        ("data.csv", b"a,b\n1,2,3\n1,2,3\n", "more cells than the header"),
        ("data.csv", b"PK\x03\x04\xff\xfe\x00", "can't be read"),
        ("data.parquet", b"nonsense", "can't be read"),
        ("data.json", b"{}", "can't tell what kind of file"),
    ],
)
def test_files_that_cant_be_read_are_told(tmp_path, name, content, words):
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    with pytest.raises(UserError) as error:
        read(written(tmp_path / name, content))
    assert words in str(error.value)
    assert name in str(error.value)


def test_a_missing_file_is_told_with_names_like_it(tmp_path):
    written(tmp_path / "customers.csv", "a\n1\n")
    with pytest.raises(UserError, match="Did you mean 'customers.csv'"):
        read(tmp_path / "customer.csv")


def rows_of(frame, tmp_path, **roles):
    path = tmp_path / "data.csv"
    frame.to_csv(path, index=False)
    return rows_of_table(read(path), ColumnRoles(**{"target": "kind", **roles}), QUIET)


@pytest.mark.parametrize(
    ("changes", "roles", "words"),
    [
        ({}, {"target": "kinds"}, "Did you mean 'kind'?"),
        ({}, {"target": None}, "--target is missing"),
        ({}, {"trusted": "chekced"}, "--trusted: there is no column 'chekced'"),
        ({}, {"drop": ["nothing"]}, "--drop: there is no column 'nothing'"),
        ({"kind": "dog"}, {}, "all labels in 'kind' are dog"),
        ({"kind": ""}, {}, "no row has a label"),
        ({"kind": np.arange(240) / 7}, {}, "That is a quantity or a name"),
        ({"kind": np.arange(240).astype(str)}, {}, "240 different values in 240 rows"),
        ({"kind": np.arange(240) % 60 / 7}, {}, "60 different values in 240 rows"),
        ({"colour": "maybe"}, {"trusted": "colour"}, "Got maybe"),
        ({}, {"drop": ["weight", "length", "colour"]}, "no column is left"),
    ],
)
def test_columns_that_cant_serve_are_told(tmp_path, changes, roles, words):
    table = pets()[0].assign(**changes)
    with pytest.raises(UserError) as error:
        rows_of(table, tmp_path, **roles)
    assert words in str(error.value)


def test_two_columns_with_the_name_of_the_labels_are_told(tmp_path):
    path = written(tmp_path / "data.csv", "kind,x,kind\na,1,b\n")
    with pytest.raises(UserError, match="2 columns are called 'kind'"):
        rows_of_table(read(path), ColumnRoles(target="kind"), QUIET)


def test_features_of_equal_names_are_told_apart(tmp_path):
    table = pets()[0].set_axis(["x", "x", "colour", "kind"], axis=1)
    rows = rows_of(table, tmp_path)
    assert list(rows.features) == ["x", "x (2)", "colour"]
    assert rows.cell_names == ["x", "x", "colour", "kind"]


@pytest.mark.parametrize("values", [["yes", "no"], [1, 0], ["x", ""], ["TRUE", "FALSE"]])
def test_trusted_rows_are_written_in_many_ways(tmp_path, values):
    table = pets()[0].assign(checked=np.resize(values, 240))
    rows = rows_of(table, tmp_path, trusted="checked")
    assert rows.trusted.tolist() == [True, False] * 120


def test_names_that_arent_unique_give_way_to_numbers(tmp_path, capsys):
    path = tmp_path / "data.csv"
    pets()[0].to_csv(path, index=False)
    rows = rows_of_table(read(path), ColumnRoles(target="kind", id="colour"), Screen())
    assert rows.names.tolist() == list(range(240))
    assert "--id" in capsys.readouterr().err


# -- columns pointed out --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "is_identifier"),
    [
        (np.arange(100), True),
        (np.random.default_rng(0).permutation(100) + 1000, True),
        ([f"AB-{row:04}" for row in range(100)], True),
        (np.random.default_rng(0).normal(size=100), False),
        (np.arange(100) ** 3, False),
        (np.arange(100) // 2, False),
        (pd.date_range("2020-01-01", periods=100).astype(str), False),
        ([f"this sentence says in words that it is number {row}" for row in range(100)], False),
    ],
    ids=["counted", "shuffled", "codes", "floats", "amounts", "pairs", "dates", "sentences"],
)
def test_identifiers_are_told_from_values(values, is_identifier):
    found = identifier_columns(pd.DataFrame({"column": values}))
    assert found == (["column"] if is_identifier else [])


def test_only_columns_that_know_nearly_all_labels_leak():
    generator = np.random.default_rng(0)
    labels = generator.choice(["a", "b", "c"], 600, p=[0.8, 0.1, 0.1])
    table = pd.DataFrame(
        {
            "copy": pd.Series(labels).str.upper(),
            "number": pd.Series(labels).map({"a": 0.0, "b": 5.0, "c": 9.0}) + generator.random(600),
            "usual": "x",
            "noise": generator.normal(size=600),
            "half": np.where(generator.random(600) < 0.7, labels, "a"),
            "missing": np.where(labels == "a", np.nan, generator.random(600)),
        }
    )
    assert set(leaking_columns(table, labels, seed=0)) == {"copy", "number"}


def test_few_rows_tell_nothing_of_leaks():
    labels = np.array(["a", "b"] * 10)
    assert leaking_columns(pd.DataFrame({"copy": labels}), labels, seed=0) == {}


# -- commands -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (["--method", "wrong_evnt"], 2, "Did you mean 'wrong_event'?"),
        (["--estimator", "forest"], 2, "Did you mean 'random_forest'?"),
        (["--contamination", "1.5"], 2, "between 0 and 1"),
        (["--seed", "-1"], 2, "--seed"),
        (["--colour"], 2, "No such option"),
        (["--estimator", "k_neighbors", "--method", "cores"], 1, "trains nets"),
    ],
)
def test_wrong_settings_are_told_before_anything_is_written(tmp_path, arguments, exit_code, words):
    pets()[0].to_csv(tmp_path / "data.csv", index=False)
    out = tmp_path / "out"
    result = sknoisy("detect", tmp_path / "data.csv", "-t", "kind", "-o", out, *arguments)
    assert result.exit_code == exit_code
    assert words in result.stderr
    assert "Traceback" not in result.output
    assert not out.exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["k_neighbors", "logistic_regression", "random_forest"])
def test_estimators_are_given_by_name(tmp_path, name):
    pets()[0].to_csv(tmp_path / "data.csv", index=False)
    out = tmp_path / "out"
    result = sknoisy("detect", tmp_path / "data.csv", "-t", "kind", "-o", out, "-e", name)
    assert result.exit_code == 0, result.output


@pytest.mark.slow
def test_a_file_with_semicolons_and_missing_cells_is_judged(tmp_path):
    table, _ = pets()
    table.loc[::7, "colour"] = ""
    table.loc[::5, "length"] = np.nan
    table.to_csv(tmp_path / "data.csv", index=False, sep=";")
    out = tmp_path / "out"
    result = sknoisy("train", tmp_path / "data.csv", "-t", "kind", "-o", out, *TREES)
    assert result.exit_code == 0, result.output
    cleaned = pd.read_csv(out / "cleaned.csv")
    assert list(cleaned) == list(table)

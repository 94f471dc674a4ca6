"""Tables as people have them: strings, dates, missing values, rare and overlapping classes."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from _common import MIN_ROWS_PER_CLASS, TEST_SHARE
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sknoisy.datasets import TABLE_NAMES, fetch_table
from sknoisy.datasets._home import find_data_home
from sknoisy.noise import (
    flip_classes,
    flip_instance_dependent,
    flip_pair,
    flip_symmetric,
)
from sknoisy.tables import NumberEncoder

FOLDER = "tabular_raw"
ADULT_COLUMNS = (
    "age workclass fnlwgt education education_num marital_status occupation relationship race sex "
    "capital_gain capital_loss hours_per_week native_country income"
).split()
LABELME_FOLDER = "crowd_labelme"


def _read(name, **options):
    path = find_data_home() / FOLDER / name
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing. The raw tables are UCI's Adult, Dry Bean and Thyroid Disease, and "
            "OpenIntro's hotel rates and loans: put them there as benchmarks/README.md says."
        )
    return pd.read_csv(path, **options)


def adult():
    data = _read(
        "adult-train.csv.gz", header=None, names=ADULT_COLUMNS, skipinitialspace=True, na_values="?"
    )
    return data.drop(columns="income"), data["income"]


def hotel_rates():
    data = _read("hotel_rates.csv.gz")
    return data.drop(columns=["rownames", "market_segment"]), data["market_segment"]


def loans():
    data = _read("loans_full_schema.csv.gz")
    # The rate and the finer grade are made from the grade.
    return data.drop(columns=["rownames", "grade", "sub_grade", "interest_rate"]), data["grade"]


def dry_bean():
    data = _read("Dry_Bean_Dataset.csv.gz")
    return data.drop(columns="Class"), data["Class"]


def thyroid():
    data = _read("thyroid0387.data.gz", sep="\t", header=None, na_values="?")
    target = data.columns[-1]
    # Behind the bracket is the number of the patient's record.
    return data.drop(columns=target).add_prefix("x"), data[target].astype(str).str.partition("[")[0]


RAW_TABLES = {
    "adult_raw": adult,
    "hotel_rates": hotel_rates,
    "loans": loans,
    "dry_bean": dry_bean,
    "thyroid": thyroid,
}
ALL_TABLES = (*TABLE_NAMES, *RAW_TABLES, "labelme")

NOISES = {
    "none": lambda X, y, seed: (y.copy(), np.zeros(len(y), dtype=bool)),
    "pair_0.05": lambda X, y, seed: flip_pair(y, 0.05, random_state=seed),
    "pair_0.1": lambda X, y, seed: flip_pair(y, 0.1, random_state=seed),
    "instance_0.2": lambda X, y, seed: flip_instance_dependent(X, y, 0.2, random_state=seed),
    "symmetric_0.4": lambda X, y, seed: flip_symmetric(y, 0.4, random_state=seed),
}
"""Functions (X, y, seed) -> (y_noisy, flipped), X as numbers on one scale."""


def flip_by_class(y, rate, seed):
    """Flip labels by a matrix whose errors are shared out among the classes by chance."""
    n_classes = int(y.max()) + 1
    matrix = np.eye(n_classes) * (1 - rate)
    for row, shares in enumerate(
        np.random.RandomState(seed).dirichlet(np.ones(n_classes - 1), n_classes)
    ):
        matrix[row, np.arange(n_classes) != row] = rate * shares
    return flip_classes(y, matrix, random_state=seed)


AQUA_NOISES = {
    f"{name}_{rate}": partial(flip, rate=rate)
    for rate in (0.1, 0.4)
    for name, flip in {
        "uniform": lambda X, y, seed, rate: flip_symmetric(y, rate, random_state=seed),
        "asymmetric": lambda X, y, seed, rate: flip_pair(y, rate, random_state=seed),
        "class": lambda X, y, seed, rate: flip_by_class(y, rate, seed),
        "instance": lambda X, y, seed, rate: flip_instance_dependent(X, y, rate, random_state=seed),
    }.items()
}
"""The four kinds of noise of AQuA, at its two rates; likewise."""


@dataclass(frozen=True)
class TableCell:
    """One table, as it is, with one kind of noise and one seed; see `_common.Cell`."""

    X: pd.DataFrame
    y_clean: np.ndarray
    y_noisy: np.ndarray
    flipped: np.ndarray
    X_test: pd.DataFrame
    y_test: np.ndarray
    seed: int


def noises_of(table):
    """Return the noises that a table is given; LabelMe's labels are wrong by themselves."""
    return ("human",) if table == "labelme" else tuple(NOISES)


def load_raw_cell(table, noise, seed, max_rows):
    """Read a table, split it, and flip labels of the training rows."""
    if table == "labelme":
        return _labelme_cell(seed)
    X, y = RAW_TABLES[table]() if table in RAW_TABLES else fetch_table(table, return_X_y=True)
    X, y = X.reset_index(drop=True), np.unique(np.asarray(y), return_inverse=True)[1]
    X, y = _without_rare_classes(X, y)
    n_rows = min(len(y), int(max_rows / (1 - TEST_SHARE)))
    if n_rows < len(y):
        rows = train_test_split(
            np.arange(len(y)), train_size=n_rows, stratify=y, random_state=seed
        )[0]
        X, y = _without_rare_classes(X.iloc[rows].reset_index(drop=True), y[rows])
    X, X_test, y_clean, y_test = train_test_split(
        X, y, test_size=TEST_SHARE, stratify=y, random_state=seed
    )
    X, X_test = X.reset_index(drop=True), X_test.reset_index(drop=True)
    numbers = StandardScaler().fit_transform(NumberEncoder().fit_transform(X).astype(float))
    y_noisy, flipped = (NOISES | AQUA_NOISES)[noise](numbers, y_clean, seed)
    return TableCell(X, y_clean, y_noisy, flipped, X_test, y_test, seed)


def _without_rare_classes(X, y):
    kept = np.bincount(y)[y] >= MIN_ROWS_PER_CLASS
    return X[kept].reset_index(drop=True), np.unique(y[kept], return_inverse=True)[1]


def _labelme_cell(seed):
    folder = find_data_home() / LABELME_FOLDER
    X, X_test = (
        np.load(folder / f"LabelMe_VGG_avg_{part}.npy").reshape(-1, 512)
        for part in ("train", "test")
    )
    y_clean, y_test = (
        np.loadtxt(folder / f"LabelMe_Z_{part}.txt").astype(int) for part in ("train", "test")
    )
    y_noisy = _majority(np.loadtxt(folder / "answers.txt", dtype=int), seed)
    return TableCell(
        pd.DataFrame(X).add_prefix("x"),
        y_clean,
        y_noisy,
        y_noisy != y_clean,
        pd.DataFrame(X_test).add_prefix("x"),
        y_test,
        seed,
    )


def _majority(answers, seed):
    """Return the most frequent answer of each row, -1 for none; ties are broken by chance."""
    random_state = np.random.RandomState(seed)
    n_classes = answers.max() + 1
    votes = np.stack([(answers == label).sum(axis=1) for label in range(n_classes)], axis=1)
    return (votes + random_state.uniform(0, 0.5, votes.shape)).argmax(axis=1)

"""One messy table of people in every make that users have."""

import numpy as np
import pandas as pd
from scipy import sparse

CITIES = np.array(["Bern", "Bonn", "Graz"])
# Missing in one row each.
GAPS = {"age": 3, "city": 4, "member": 5, "since": 6, "visits": 7, "size": 8}


def messy_frame(n_rows=120, seed=0):
    """Return columns of every kind with gaps, and labels that two of them tell."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n_rows)
    days = pd.to_timedelta(rng.integers(0, 900, n_rows), unit="D")
    frame = pd.DataFrame(
        {
            "age": 40 + 10 * y + rng.normal(size=n_rows),
            "city": np.where(y == 1, CITIES[rng.integers(0, 2, n_rows)], "Graz").astype(object),
            "size": pd.Categorical(rng.choice(["S", "M", "L"], n_rows)),
            "member": (rng.random(n_rows) > 0.5).astype(object),
            "since": pd.Timestamp("2020-01-01") + days,
            "visits": pd.array(rng.integers(0, 9, n_rows), dtype="Int64"),
            "waited": pd.to_timedelta(rng.integers(0, 900, n_rows), unit="h"),
        }
    )
    for column, row in GAPS.items():
        frame.loc[row, column] = None
    return frame, y


def as_polars(frame):
    import polars

    columns = {name: values.astype(object) for name, values in frame.items()}
    return polars.DataFrame(
        {
            name: [as_pythons(value) for value in values.where(values.notna(), None)]
            for name, values in columns.items()
        }
    )


def as_pythons(value):
    # Earlier versions of polars don't know pandas' own type.
    return value.to_pytimedelta() if isinstance(value, pd.Timedelta) else value


def as_objects(frame):
    return frame.astype(object).to_numpy()


def numbers_with_gaps(frame):
    return np.stack([frame["age"], frame["visits"].astype(float)], axis=1)


def indicators(frame):
    """Return numbers most of which are zero."""
    columns = [frame["city"] == city for city in CITIES] + [frame["age"].fillna(40) > 45]
    return np.stack(columns, axis=1).astype(float)


def strings(frame):
    return frame[["age", "city"]].astype(str).to_numpy(dtype=str)


KINDS = {
    "pandas": lambda frame: frame,
    "polars": as_polars,
    "strings alone": lambda frame: frame[["city", "size"]],
    "one column": lambda frame: frame[["city"]],
    "nullable": lambda frame: frame.convert_dtypes(),
    "objects": as_objects,
    "array of strings": strings,
    "lists": lambda frame: as_objects(frame[["age", "city", "member"]]).tolist(),
    "NaN": numbers_with_gaps,
    "NaN of float32": lambda frame: numbers_with_gaps(frame).astype(np.float32),
    "frame of NaN": lambda frame: frame[["age", "visits"]],
    "csr_array": lambda frame: sparse.csr_array(indicators(frame)),
    "coo_matrix": lambda frame: sparse.coo_matrix(indicators(frame)),
    "sparse columns": lambda frame: pd.DataFrame(indicators(frame)).astype(
        pd.SparseDtype(float, 0.0)
    ),
}

"""Python's containers, and numpy's and pandas' values."""

import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from ._writer import Kind, Reader, Writer

# What a file of safetensors knows.
STORED_KINDS = "biufc"
STORED_SIZES = (1, 2, 4, 8)
DATES = "mM"
# Bytes of a text, for instance. Without a limit a few letters could ask for all memory.
LARGEST_VALUE = 2**20
# Fewer values are as well read in the JSON.
FEW = 16


def _is(*kinds: type) -> Any:
    return lambda value: type(value) in kinds


# -- containers ----------------------------------------------------------------------------------


def _write_items(value: Any, writer: Writer) -> list[Any]:
    return [writer.item(number, each) for number, each in enumerate(value)]


def _write_pairs(value: Any, writer: Writer) -> list[Any]:
    return [[writer.value(key), writer.item(key, each)] for key, each in value.items()]


def _read_pairs(content: Any, reader: Reader) -> dict[Any, Any]:
    return {reader.value(key): reader.value(each) for key, each in content}


def _read_items(content: Any, reader: Reader) -> list[Any]:
    return [reader.value(each) for each in content]


# -- numpy ---------------------------------------------------------------------------------------


def _write_array(values: Any, writer: Writer) -> dict[str, Any]:
    kind = values.dtype.kind
    if kind in DATES:
        return {"name": writer.array(values.view(np.int64)), "as": values.dtype.str}
    if kind in "UT" or kind == "O":
        return _write_objects(values, writer)
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    if kind not in STORED_KINDS or native.dtype.itemsize not in _sizes(kind):
        raise writer.refusal(values, f"arrays of {values.dtype} can't be")
    written = {"name": writer.array(native)}
    return written if native.dtype.str == values.dtype.str else written | {"as": values.dtype.str}


def _sizes(kind: str) -> tuple[int, ...]:
    return {"f": (2, 4, 8), "c": (8,)}.get(kind, STORED_SIZES)


def _write_objects(values: Any, writer: Writer) -> dict[str, Any]:
    """Write texts and objects: each different one once, and which of them each entry is."""
    written: dict[str, Any] = {"as": values.dtype.str, "shape": list(values.shape)}
    entries = values.ravel().tolist()
    numbers: dict[Any, int] = {}
    try:
        codes = [numbers.setdefault((type(each), each), len(numbers)) for each in entries]
    except TypeError:
        return written | {"values": write_sequence(entries, writer)}
    if len(entries) <= FEW or len(numbers) > len(entries) / 2:
        return written | {"values": write_sequence(entries, writer)}
    different = [each for _, each in numbers]
    kind = np.min_scalar_type(len(different))
    return written | {
        "values": write_sequence(different, writer),
        "codes": writer.array(np.array(codes, dtype=kind)),
    }


def write_sequence(values: list[Any], writer: Writer) -> Any:
    """Write a list; of many texts their bytes, which is much faster to read."""
    if len(values) <= FEW or not all(type(each) is str for each in values):
        return _write_items(values, writer)
    encoded = [each.encode("utf-8", "surrogatepass") for each in values]
    with writer.within("texts"):
        text = writer.array(np.frombuffer(b"".join(encoded), dtype=np.uint8))
    with writer.within("lengths"):
        lengths = writer.array(np.array([len(each) for each in encoded], dtype=np.int64))
    return {"bytes": text, "lengths": lengths}


def read_sequence(content: Any, reader: Reader) -> list[Any]:
    if isinstance(content, list):
        return _read_items(content, reader)
    text = reader.array(content["bytes"]).tobytes()
    ends = np.cumsum(reader.array(content["lengths"])).tolist()
    starts = [0, *ends[:-1]]
    return [
        text[start:end].decode("utf-8", "surrogatepass")
        for start, end in zip(starts, ends, strict=True)
    ]


def _read_array(content: Any, reader: Reader) -> Any:
    if "name" in content:
        values = reader.array(content["name"])
        if "as" not in content:
            return values
        dtype = _plain_dtype(content["as"])
        return values.view(dtype) if dtype.kind in DATES else values.astype(dtype)
    entries = read_sequence(content["values"], reader)
    if "codes" in content:
        entries = [entries[code] for code in reader.array(content["codes"]).tolist()]
    values = np.empty(len(entries), dtype=_plain_dtype(content["as"]))
    for place, each in enumerate(entries):
        values[place] = each
    return values.reshape(content["shape"])


def _plain_dtype(name: str) -> Any:
    if name.startswith("|T"):
        return np.dtypes.StringDType()
    dtype = np.dtype(str(name))
    if dtype.itemsize > LARGEST_VALUE:
        raise ValueError(f"values of {dtype} are too large")
    return dtype


def _write_scalar(value: Any, writer: Writer) -> list[Any]:
    if value.dtype.kind in DATES:
        return [value.dtype.str, int(value.astype(np.int64))]
    if value.dtype.kind not in "biufU" or value.dtype.itemsize > 8 and value.dtype.kind != "U":
        raise writer.refusal(value)
    return [value.dtype.str, writer.value(value.item())]


def _read_scalar(content: Any, reader: Reader) -> Any:
    dtype = _plain_dtype(content[0])
    if dtype.kind in DATES:
        return np.array(content[1], dtype=np.int64).view(dtype)[()]
    return np.array(reader.value(content[1]), dtype=dtype)[()]


def _write_random_state(value: Any, writer: Writer) -> list[Any]:
    return [writer.value(each) for each in value.get_state()]


def _read_random_state(content: Any, reader: Reader) -> Any:
    random_state = np.random.RandomState()
    random_state.set_state(tuple(reader.value(each) for each in content))
    return random_state


# -- pandas --------------------------------------------------------------------------------------


def _write_index(index: Any, writer: Writer) -> dict[str, Any]:
    if isinstance(index, pd.MultiIndex):
        return {
            "levels": [writer.item(number, each) for number, each in enumerate(index.levels)],
            "codes": [writer.value(np.asarray(each)) for each in index.codes],
            "names": [writer.value(each) for each in index.names],
        }
    name = writer.value(index.name)
    if isinstance(index, pd.RangeIndex):
        return {"range": [index.start, index.stop, index.step], "name": name}
    return {"values": _write_pandas_values(index, writer), "name": name}


def _read_index(content: Any, reader: Reader) -> Any:
    if "levels" in content:
        return pd.MultiIndex(
            levels=[reader.value(each) for each in content["levels"]],
            codes=[reader.value(each) for each in content["codes"]],
            names=[reader.value(each) for each in content["names"]],
        )
    name = reader.value(content["name"])
    if "range" in content:
        return pd.RangeIndex(*content["range"], name=name)
    values, frequency = _read_pandas_values(content["values"], reader)
    index = pd.Index(values, name=name, dtype=values.dtype)
    if frequency is not None:
        index.freq = frequency
    return index


def _write_pandas_values(values: Any, writer: Writer) -> dict[str, Any]:
    """Write the values of an index, without its name."""
    dtype = values.dtype
    if isinstance(dtype, np.dtype) and dtype.kind not in DATES:
        return {"numpy": writer.value(values.to_numpy())}
    frequency = getattr(values, "freq", None)
    written = {"freq": None if frequency is None else frequency.freqstr}
    if isinstance(dtype, pd.PeriodDtype):
        return {"period": str(dtype), "numbers": writer.value(values.asi8)}
    if isinstance(values, pd.DatetimeIndex | pd.TimedeltaIndex):
        zone = getattr(dtype, "tz", None)
        unit = values.unit
        return written | {
            "date" if isinstance(values, pd.DatetimeIndex) else "duration": [
                unit,
                writer.value(values.asi8),
            ],
            "zone": None if zone is None else str(zone),
        }
    if isinstance(dtype, pd.CategoricalDtype):
        return {
            "categories": writer.value(dtype.categories),
            "codes": writer.value(np.asarray(values.codes)),
            "ordered": bool(dtype.ordered),
        }
    if isinstance(dtype, pd.StringDtype):
        missing = np.asarray(values.isna())
        texts = [None if gap else each for each, gap in zip(values.tolist(), missing, strict=True)]
        return {
            "strings": write_sequence(texts, writer),
            "storage": dtype.storage,
            "is_nan": dtype.na_value is not pd.NA,
        }
    if pd.api.types.is_extension_array_dtype(dtype) and dtype.name in NULLABLE:
        missing = np.asarray(values.isna())
        filled = values.to_series().fillna(0).to_numpy(dtype=dtype.numpy_dtype)
        return {
            "nullable": dtype.name,
            "numbers": writer.value(filled),
            "missing": writer.value(missing),
        }
    raise writer.refusal(values, f"an index of {dtype} can't be")


NULLABLE = (
    "boolean",
    *(f"{kind}{bits}" for kind in ("Int", "UInt") for bits in (8, 16, 32, 64)),
    "Float32",
    "Float64",
)


def _read_pandas_values(content: Any, reader: Reader) -> tuple[Any, str | None]:
    if "numpy" in content:
        return reader.value(content["numpy"]), None
    if "nullable" in content:
        values = pd.array(reader.value(content["numbers"]), dtype=_nullable(content["nullable"]))
        values[reader.value(content["missing"])] = pd.NA
        return values, None
    if "strings" in content:
        dtype = pd.StringDtype(content["storage"], na_value=np.nan if content["is_nan"] else pd.NA)
        return pd.array(read_sequence(content["strings"], reader), dtype=dtype), None
    if "categories" in content:
        dtype = pd.CategoricalDtype(reader.value(content["categories"]), content["ordered"])
        return pd.Categorical.from_codes(reader.value(content["codes"]), dtype=dtype), None
    if "period" in content:
        dtype = pd.PeriodDtype(content["period"].removeprefix("period[").removesuffix("]"))
        return pd.arrays.PeriodArray(reader.value(content["numbers"]), dtype=dtype), None
    key = "date" if "date" in content else "duration"
    unit, numbers = content[key][0], reader.value(content[key][1])
    values = numbers.view(np.dtype(f"{'M' if key == 'date' else 'm'}8[{unit}]"))
    index = pd.Index(values)
    if content["zone"] is not None:
        index = index.tz_localize("UTC").tz_convert(content["zone"])
    return index, content["freq"]


def _nullable(name: str) -> str:
    if name not in NULLABLE:
        raise ValueError(f"{name!r} is no type of pandas that is known")
    return name


def _write_series(series: Any, writer: Writer) -> list[Any]:
    return [
        writer.value(series.to_numpy()),
        writer.item("index", series.index),
        writer.value(series.name),
    ]


def _read_series(content: Any, reader: Reader) -> Any:
    values, index, name = (reader.value(each) for each in content)
    return pd.Series(values, index=index, name=name)


def _write_timestamp(value: Any, writer: Writer) -> list[Any]:
    return [
        value.unit,
        int(value.asm8.astype(np.int64)),
        None if value.tz is None else str(value.tz),
    ]


def _read_timestamp(content: Any, reader: Reader) -> Any:
    unit, number, zone = content
    moment = pd.Timestamp(np.datetime64(int(number), unit))
    return moment if zone is None else moment.tz_localize("UTC").tz_convert(zone)


PLAIN_KINDS = (
    Kind("tuple", _is(tuple), _write_items, lambda c, r: tuple(_read_items(c, r))),
    Kind("dict", _is(dict), _write_pairs, _read_pairs),
    Kind("bunch", _is(Bunch), _write_pairs, lambda c, r: Bunch(**_read_pairs(c, r))),
    Kind(
        "set",
        _is(set, frozenset),
        lambda value, writer: _write_items(sorted(value, key=repr), writer),
        lambda c, r: set(_read_items(c, r)),
    ),
    Kind("slice", _is(slice), lambda v, w: [v.start, v.stop, v.step], lambda c, r: slice(*c)),
    Kind("date", _is(datetime.date), lambda v, w: v.isoformat(), lambda c, r: _date(c)),
    Kind("datetime", _is(datetime.datetime), lambda v, w: v.isoformat(), lambda c, r: _moment(c)),
    Kind("decimal", _is(Decimal), lambda v, w: str(v), lambda c, r: Decimal(str(c))),
    Kind("bytes", _is(bytes), lambda v, w: v.hex(), lambda c, r: bytes.fromhex(c)),
    Kind("complex", _is(complex), lambda v, w: [v.real, v.imag], lambda c, r: complex(*c)),
    Kind("timestamp", _is(pd.Timestamp), _write_timestamp, _read_timestamp),
    Kind("missing", lambda value: value is pd.NA, lambda v, w: "NA", lambda c, r: pd.NA),
    Kind("no_time", lambda value: value is pd.NaT, lambda v, w: "NaT", lambda c, r: pd.NaT),
    Kind("array", _is(np.ndarray), _write_array, _read_array),
    Kind("scalar", lambda value: isinstance(value, np.generic), _write_scalar, _read_scalar),
    Kind(
        "dtype",
        lambda value: isinstance(value, np.dtype),
        lambda v, w: v.str,
        lambda c, r: _plain_dtype(c),
    ),
    Kind("random_state", _is(np.random.RandomState), _write_random_state, _read_random_state),
    Kind("index", lambda value: isinstance(value, pd.Index), _write_index, _read_index),
    Kind("series", _is(pd.Series), _write_series, _read_series),
)


def _date(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


def _moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)

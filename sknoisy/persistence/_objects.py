"""Objects that hold nothing but numbers and texts: what was learnt, and how rows are split."""

from functools import cache
from typing import Any

from ..exceptions import ModelFileError
from ._writer import Kind, Reader, Writer


@cache
def object_classes() -> dict[str, type]:
    from skorch.dataset import ValidSplit

    from ..augmentation._image import CropFlip, StrongAugment
    from ..augmentation._table import FeatureMasking, GaussianNoise
    from ..boosting import EarlyRounds
    from ..methods._base import Contradictions
    from ..noise_rates import NoiseRate, ScoreCalibration
    from ..review import Calibration
    from ..tables import NumberEncoder, TreeEncoder
    from ..tables._categories import CategoryColumn
    from ..tables._dates import DateColumn
    from ..tables._numbers import NumberColumn, Scale
    from ..tables._texts import TextColumn

    every = (
        Calibration,
        CategoryColumn,
        Contradictions,
        CropFlip,
        DateColumn,
        EarlyRounds,
        FeatureMasking,
        GaussianNoise,
        NoiseRate,
        NumberColumn,
        NumberEncoder,
        Scale,
        ScoreCalibration,
        StrongAugment,
        TextColumn,
        TreeEncoder,
        ValidSplit,
    )
    return {each.__name__: each for each in every}


def _is_known(value: Any) -> bool:
    return object_classes().get(type(value).__name__) is type(value)


def _write(value: Any, writer: Writer) -> dict[str, Any]:
    state = value._asdict() if hasattr(value, "_asdict") else vars(value)
    return {
        "class": type(value).__name__,
        "state": {name: writer.item(name, each) for name, each in state.items()},
    }


def _read(content: Any, reader: Reader) -> Any:
    kind: Any = object_classes().get(content["class"])
    if kind is None:
        raise ModelFileError(f"this version knows no {content['class']!r}")
    state = {str(name): reader.value(each) for name, each in content["state"].items()}
    if issubclass(kind, tuple):
        return kind(**state)
    made = object.__new__(kind)
    # Some are frozen.
    vars(made).update(state)
    return made


OBJECT_KINDS = (Kind("object", _is_known, _write, _read),)

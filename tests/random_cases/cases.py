"""A Hypothesis strategy of cases.

Most of a case is ordinary; none, one or two of its dimensions are odd. What is simplest comes first
in each pool, and is what a failing case shrinks to.
"""

from dataclasses import dataclass, field

from hypothesis import strategies as st

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import METHODS

from .brought import seeded_torch
from .images_and_datasets import FEATURES
from .material import Material
from .method_parameters import (
    METHODS_OF_ESTIMATORS,
    NO_METHODS,
    ODD_FINALS,
    ODD_VALUES,
    finals,
    method_parameters,
    needs_trusted,
)
from .models import (
    FINAL_ESTIMATORS_OF_MESSY_TABLES,
    NETS,
    ODD_ESTIMATORS,
    ODD_FINAL_ESTIMATORS,
    ODD_FOLDS,
    ORDINARY_ESTIMATORS,
    ORDINARY_FINAL_ESTIMATORS,
    ORDINARY_FOLDS,
)
from .row_values import ROW_VALUES
from .settings import SETTINGS
from .tables import MESSY_TABLES

ESTIMATORS = "estimators that judge"
# How often an entry is drawn is how often it stands here.
KINDS = ["table"] * 12 + ["images"] * 4 + ["dataset"] * 2 + ["dict", "image dataset"]
NUMBERS_OF_CLASSES = [2] * 6 + [3] * 3 + [4] * 2
NUMBERS_OF_ODD_DIMENSIONS = [0] * 6 + [1] * 9 + [2] * 5
DIMENSIONS = {
    **{"X": 6, "method": 5, "net": 5, "y": 4, "trusted": 3, "sample_weight": 3, "groups": 2},
    **{"verdict": 3, "final": 3, "batch_size": 2, "lr": 2, "n_rows": 1, "max_epochs": 1},
    **{"device": 1, "memory": 1, "checkpoint_dir": 1, "random_state": 1, "verbose": 1},
}
ODD_DIMENSIONS = [name for name, often in DIMENSIONS.items() for _ in range(often)]
# Rows, by the number of classes.
FEW_ROWS = {
    "three per class": lambda n_classes: 3 * n_classes,
    "two per class": lambda n_classes: 2 * n_classes,
    "one class short": lambda n_classes: 2 * n_classes - 1,
}
FIRST_FITS = ("array", "DataFrame", "final_estimator", "images")
NET_PARAMETERS = ("net", "max_epochs", "batch_size", "lr", "device")
ALWAYS_GIVEN = ("verdict", *NET_PARAMETERS[1:], "random_state", "verbose", "memory")


# What is chosen has a place of its own in the bytes that are drawn, so that one choice becomes
# simpler without changing the others. Draws of several values would not do: Hypothesis copies from
# one to the other of those that are alike, so that five of six cases would be near copies of the
# one before; and what integers it likes depends on the modules that other tests have loaded.
BYTES_PER_CHOICE = 2
CHOICES = (
    *("estimator_class", "kind", "number of odd ones", "odd 0", "odd 1", "n_classes", "n_rows"),
    *("few rows", "n_features", "side", "seed", "no method", "method", "parameters"),
    *("first parameter", "first parameter's value", "second parameter"),
    *("second parameter's value", "odd parameter", "odd value", "method as an object"),
    *("y", "X", "labels inside", "net", "has trusted", "trusted", "has sample_weight"),
    *("sample_weight", "has groups", "groups", *ALWAYS_GIVEN, "has checkpoints"),
    *("checkpoint_dir", "has a final estimator", "final_estimator", "has both", "final"),
    *("has an estimator", "odd estimator", "estimator", "odd cv", "cv", "is the estimator odd"),
    *("net parameters too", "entry", "cloned", "pickled", "saved", "fitted before", "first fit"),
)


@dataclass
class Values:
    """What a fit is called with."""

    X: object
    y: object
    labels: object
    fit_params: dict
    params: dict


@dataclass(repr=False)
class Case:
    """What is to be fitted, in words, and the functions that make it of its material."""

    estimator_class: type
    kind: str
    sizes: dict
    odd: frozenset
    words: dict = field(default_factory=dict)
    makers: dict = field(default_factory=dict)
    method: object = None
    final: object = None
    entry: str = "fit"
    ways: dict = field(default_factory=dict)

    def __repr__(self):
        lines = [
            f"{self.estimator_class.__name__}.{self.entry}, {self.kind} of {self.sizes}",
            *(
                f"    {name}: {word}{' (odd)' if name in self.odd else ''}"
                for name, word in {**self.words, "ways": self.ways}.items()
            ),
        ]
        return "\n".join(lines)

    def _repr_pretty_(self, printer, cycle):
        printer.text(repr(self))

    def make(self, folder):
        """Return what the fit is called with; files lie in a folder."""
        material = Material(folder, self.kind, **self.sizes)
        with seeded_torch():
            made = {name: make(material) for name, make in self.makers.items()}
        X, y = made.pop("X"), made.pop("y")
        labels = y
        if self.words["labels"] == "in the Dataset":
            y, labels = None, _labels_inside(X, material)
        fit_params = {name: made.pop(name) for name in list(ROW_VALUES) if name in made}
        params = {"method": self.method, **made.pop("verdict"), **made}
        if self.final is not None:
            params["final"] = self.final
        return Values(X, y, labels, fit_params, params)


def _labels_inside(dataset, material):
    items = getattr(dataset, "items", [])
    if items and all(isinstance(item, tuple) for item in items):
        return [item[1] for item in items]
    return material.codes


@st.composite
def cases(draw, judge):
    """Draw a case of a method, given by its name, that trains nets; or of estimators that judge."""
    n_bytes = BYTES_PER_CHOICE * len(CHOICES)
    return _Drawing(draw(st.binary(min_size=n_bytes, max_size=n_bytes)), judge).case


class _Drawing:
    """The parts of a case, in an order in which each knows what it depends on."""

    def __init__(self, drawn, judge):
        self._drawn = drawn
        by_estimator = judge == ESTIMATORS
        method_name = self._one_of("method", METHODS_OF_ESTIMATORS) if by_estimator else judge
        self.case = Case(
            self._one_of("estimator_class", [NoisyLabelDetector, RobustClassifier]),
            kind="table" if by_estimator else self._one_of("kind", KINDS),
            sizes={},
            odd=self._odd_dimensions(),
        )
        self._rows()
        self._method(method_name)
        self._features()
        self._row_values()
        self._settings()
        if self.case.estimator_class is RobustClassifier:
            self._final()
        if by_estimator or self._chance("has an estimator", 5):
            self._estimator(method_name)
        self._ways()

    # -- draws -------------------------------------------------------------------------------

    def _one_of(self, name, values):
        values = list(values)
        start = BYTES_PER_CHOICE * CHOICES.index(name)
        number = int.from_bytes(self._drawn[start : start + BYTES_PER_CHOICE], "big")
        return values[number % len(values)]

    def _chance(self, name, percent):
        return self._one_of(name, [False] * (100 - percent) + [True] * percent)

    def _pick(self, name, pool):
        label = self._one_of(name, pool)
        self.case.words[name], self.case.makers[name] = label, pool[label]
        return label

    def _pick_of(self, name, ordinary, odd):
        return self._pick(name, odd if name in self.case.odd else ordinary)

    def _odd_dimensions(self):
        n_odd = self._one_of("number of odd ones", NUMBERS_OF_ODD_DIMENSIONS)
        return frozenset(self._one_of(f"odd {n}", ODD_DIMENSIONS) for n in range(n_odd))

    # -- parts -------------------------------------------------------------------------------

    def _rows(self):
        case = self.case
        n_classes = self._one_of("n_classes", NUMBERS_OF_CLASSES)
        n_rows = self._one_of("n_rows", range(24, 33 if "image" in case.kind else 65))
        if "n_rows" in case.odd:
            case.words["n_rows"] = self._one_of("few rows", FEW_ROWS)
            n_rows = FEW_ROWS[case.words["n_rows"]](n_classes)
        label = self._pick_of("y", *ROW_VALUES["y"])
        if "boolean" in label and n_rows > 20:
            n_classes = 2
        if label == "30 classes":
            n_rows, n_classes = 75, 30
        case.sizes = {
            "n_rows": n_rows,
            "n_classes": n_classes,
            "n_features": self._one_of("n_features", range(2, 13)),
            "side": self._one_of("side", range(8, 13)),
            "seed": self._one_of("seed", range(1000)),
        }

    def _method(self, name):
        case, is_odd = self.case, "method" in self.case.odd
        if is_odd and self._chance("no method", 15):
            case.method = self._one_of("method", NO_METHODS)
            case.words["method"] = repr(case.method)
            return
        accepted, given = method_parameters(name), {}
        if accepted and (is_odd or self._chance("parameters", 50)):
            for each in ("first parameter", "second parameter"):
                parameter = self._one_of(each, accepted)
                given[parameter] = self._one_of(f"{each}'s value", accepted[parameter])
        if accepted and is_odd:
            given[self._one_of("odd parameter", accepted)] = self._one_of("odd value", ODD_VALUES)
        is_object = given or self._chance("method as an object", 20)
        case.method = METHODS[name](**given) if is_object else name
        case.words["method"] = f"{name} {given}" if given else repr(case.method)

    def _features(self):
        case = self.case
        self._pick_of("X", *FEATURES[case.kind])
        case.words["labels"] = "given"
        if "dataset" in case.kind and ("X" in case.odd or self._chance("labels inside", 60)):
            case.words["labels"] = "in the Dataset"
        self._pick_of("net", *NETS[case.kind])

    def _row_values(self):
        chances = {"trusted": 20, "sample_weight": 15, "groups": 15}
        if needs_trusted(self.case.method):
            chances["trusted"] = 85
        for name, percent in chances.items():
            if name in self.case.odd or self._chance(f"has {name}", percent):
                self._pick_of(name, *ROW_VALUES[name])

    def _settings(self):
        for name in ALWAYS_GIVEN:
            self._pick_of(name, *SETTINGS[name])
        if "checkpoint_dir" in self.case.odd or self._chance("has checkpoints", 15):
            self._pick_of("checkpoint_dir", *SETTINGS["checkpoint_dir"])

    def _final(self):
        case, is_odd = self.case, "final" in self.case.odd
        choices = [*finals(), *(ODD_FINALS if is_odd else ())]
        has_estimator = is_odd or (
            case.kind == "table" and self._chance("has a final estimator", 40)
        )
        if has_estimator:
            pool = ODD_FINAL_ESTIMATORS if is_odd else ORDINARY_FINAL_ESTIMATORS
            if not is_odd and case.words["X"] in MESSY_TABLES:
                pool = FINAL_ESTIMATORS_OF_MESSY_TABLES
            self._pick("final_estimator", pool)
        if not has_estimator or (is_odd and self._chance("has both", 50)):
            case.final = self._one_of("final", choices)
            case.words["final"] = repr(case.final)

    def _estimator(self, method_name):
        """Let an estimator judge, also where it can't."""
        case = self.case
        can_judge = method_name in METHODS_OF_ESTIMATORS and case.kind == "table"
        is_odd = self._chance("is the estimator odd", 25)
        for name, ordinary, odd in (
            ("estimator", ORDINARY_ESTIMATORS, ODD_ESTIMATORS),
            ("cv", ORDINARY_FOLDS, ODD_FOLDS),
        ):
            self._pick(name, odd if is_odd and self._chance(f"odd {name}", 50) else ordinary)
        if is_odd or not can_judge:
            case.odd |= {"estimator"}
        if is_odd and self._chance("net parameters too", 20):
            return
        for name in NET_PARAMETERS:
            del case.makers[name], case.words[name]
        if "method" not in case.odd and not is_odd and can_judge:
            case.method, case.words["method"] = method_name, method_name

    def _ways(self):
        case = self.case
        if case.estimator_class is NoisyLabelDetector:
            case.entry = self._one_of("entry", ["fit", "fit_predict", "fit_resample"])
        case.ways = {
            "cloned": self._chance("cloned", 25),
            "pickled": self._chance("pickled", 15),
            "saved": self._chance("saved", 15),
            "fitted before": None,
        }
        if self._chance("fitted before", 30):
            case.ways["fitted before"] = self._one_of("first fit", FIRST_FITS)

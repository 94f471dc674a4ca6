"""What a training has recorded, as curves; and in words what it hasn't."""

from typing import Any

import numpy as np

from ._charts import line_chart
from ._findings import Findings

# Keys of a history by chart: the title, what it tells, and the names of the lines. What skorch
# itself records is named as skorch names it.
CHARTS: tuple[dict[str, Any], ...] = (
    {
        "id": "agreement",
        "title": "Agreement with the given labels",
        "tells": "Where rows that are trained on run ahead of rows left out, the model has begun "
        "to learn its labels by heart, the wrong ones too.",
        "lines": {
            "train_agreement": "rows trained on",
            "held_out_agreement": "rows left out",
            "valid_acc": "validation rows",
        },
        "is_share": True,
        "missing": "The agreement with the labels of training and left-out rows wasn't recorded "
        "by this method.",
    },
    {
        "id": "memorization",
        "title": "Memorisation gap",
        "tells": "How far rows trained on are ahead of rows left out. Where it stays above the "
        "dashed line, contradictions are counted no longer.",
        "lines": {"memorization_gap": "gap"},
        "is_share": True,
        "missing": "The memorisation gap wasn't recorded by this method.",
    },
    {
        "id": "wrong-events",
        "title": "Wrong events",
        "tells": "Mean share of the rounds so far in which the model contradicted the given label.",
        "lines": {"wrong_events": "all rows"},
        "is_share": True,
        "missing": "Wrong events by epoch weren't recorded by this method.",
    },
    {
        "id": "loss",
        "title": "Loss",
        "tells": "What the training lowers.",
        "lines": {
            "train_loss": "rows trained on",
            "held_out_loss": "rows left out",
            "valid_loss": "validation rows",
        },
        "is_share": False,
        "missing": "No loss was recorded.",
    },
)


def training_curves(findings: Findings) -> dict[str, Any]:
    """Return the charts of a training, and sentences for what wasn't recorded."""
    history = findings.estimator.history_
    step = "round" if history and "round" in history[-1] else "epoch"
    stages = _stages(history)
    charts, missing = [], []
    for chart in CHARTS:
        series = [
            {"name": name, "values": values}
            for key, name in chart["lines"].items()
            if (values := _values(history, key)) is not None
        ]
        if not series:
            missing.append(chart["missing"])
            continue
        level = _window_end(findings) if chart["id"] == "memorization" else None
        drawn = line_chart(
            series,
            is_share=chart["is_share"],
            level=level,
            stages=[stage["first"] for stage in stages[1:]],
        )
        charts.append(
            drawn
            | {name: chart[name] for name in ("id", "title", "tells", "is_share")}
            | {"series": series, "step": step}
        )
    return {
        "step": step,
        "n_steps": len(history),
        "stages": stages,
        "charts": charts,
        "missing": missing,
    }


def _values(history: list[dict[str, Any]], key: str) -> list[float | None] | None:
    """Return the values of a key by epoch; None if it never is a number."""
    values = [_number(epoch.get(key)) for epoch in history]
    return values if any(value is not None for value in values) else None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _window_end(findings: Findings) -> float | None:
    """Return the gap from which on the method stops counting."""
    from ..methods import resolve_method

    return _number(getattr(resolve_method(findings.estimator.method), "memorization_gap", None))


def _stages(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return where each stage of a training begins: named by the method, or counted anew."""
    stages: list[dict[str, Any]] = []
    previous: Any = None
    for number, epoch in enumerate(history, start=1):
        key = epoch.get("stage")
        count = epoch.get("epoch", epoch.get("round", number))
        begins = previous is None or key != previous[0] or count <= previous[1]
        if begins:
            name = f"stage {len(stages) + 1}" if key is None else str(key)
            stages.append({"name": name, "first": number})
        previous = key, count
    return stages if len(stages) > 1 else []

"""How many labels are wrong, what was run, and whether to trust it."""

from typing import Any

import numpy as np

from .._final import FORMS
from ._findings import Findings
from ._words import clean_text, percent, rows, short_text, whole

# Of the agreement that so many wrong labels leave possible, beyond chance.
KNOWS_WELL, KNOWS_SOME = 0.75, 0.4
# An interval that reaches so much further than the estimate leaves much open.
WIDE_INTERVAL = 0.1
FEW_HELD_OUT = 50
MUCH_OF_A_CLASS = 0.5
MANY_RIGHT_FLAGS = 0.3

GOOD, FAIR, POOR, NOTE = "good", "fair", "poor", "note"

FORM_WORDS = {
    "method": "the model as the method trained it",
    "plain": "trained anew on all rows, none left out",
    "soft": "trained anew, with less weight for doubtful labels",
    "filter": "trained anew on the rows that aren't flagged",
    "weight": "trained anew, each row with its weight",
    "filter_weight": "trained anew on the rows that aren't flagged, each with its weight",
}


def summary(findings: Findings) -> dict[str, Any]:
    """Return the figures of the first tab."""
    estimator, quality, mask = findings.estimator, findings.quality, findings.is_noise
    low, high = (float(each) for each in estimator.noise_rate_interval_)
    return {
        "n_rows": findings.n_rows,
        "n_classes": findings.n_classes,
        "noise_rate": float(estimator.noise_rate_),
        "noise_rate_interval": [low, high],
        "n_wrong": float(estimator.noise_rate_) * findings.n_rows,
        "n_flagged": int(mask.sum()),
        "n_flagged_wrong": float((1 - quality)[mask].sum()),
        "n_flagged_right": float(quality[mask].sum()),
        "n_missed": float((1 - quality)[~mask].sum()),
        "threshold": findings.threshold,
        "n_trusted": int(findings.is_trusted.sum()),
        "n_reviewed": int(findings.is_reviewed.sum()),
    }


def what_was_run(findings: Findings, version: str) -> list[tuple[str, str]]:
    """Return what was run, by name."""
    estimator = findings.estimator
    method = getattr(estimator.method, "name", estimator.method)
    threshold = f"{findings.threshold:.2f}"
    if estimator.contamination is not None:
        threshold += f", which flags {percent(float(estimator.contamination))} of the rows"
    elif estimator.threshold == "auto":
        threshold += ", the method's own rule"
    else:
        threshold += ", as given"
    held_out = estimator.evidence_.held_out_rows
    facts = [
        ("Estimator", type(estimator).__name__),
        ("Method", str(method)),
        ("Who judged", _judges(estimator)),
        ("Rows", whole(findings.n_rows)),
        ("Columns", whole(estimator.n_features_in_)),
        ("Classes", whole(findings.n_classes)),
        ("Trained for", _length_of_training(estimator)),
        ("Rows left out to test it", whole(len(held_out)) if len(held_out) else "none"),
        ("Threshold of quality", threshold),
        ("Trusted rows", whole(findings.is_trusted.sum()) if findings.is_trusted.any() else "none"),
        ("random_state", short_text(estimator.random_state, 60)),
        ("Version", f"sknoisy {version}"),
    ]
    return [(name, clean_text(value)) for name, value in facts]


def _judges(estimator: Any) -> str:
    names = []
    if hasattr(estimator, "net_"):
        net = type(estimator.net_).__name__
        names.append(net if net.endswith("Net") else f"{net} ({_module_name(estimator.net_)})")
    trees = [getattr(each, "booster", each) for each in getattr(estimator, "estimators_", [])]
    if trees:
        name = type(trees[0]).__name__
        names.append(name if len(trees) == 1 else f"{name}, {len(trees)} folds")
    return " and ".join(names) if names else "unknown"


def _module_name(net: Any) -> str:
    return type(getattr(net, "module_", net)).__name__


def _length_of_training(estimator: Any) -> str:
    history = estimator.history_
    if not history:
        return "unknown"
    return rows(len(history), "round" if "round" in history[-1] else "epoch")


def competence(findings: Findings) -> dict[str, Any] | None:
    """Return how well labels of rows left out of training are predicted; None if none were."""
    evidence = findings.estimator.evidence_
    held_out, probabilities = evidence.held_out_rows, evidence.held_out_probabilities
    if probabilities is None or not len(held_out):
        return None
    given, predicted = findings.given[held_out], probabilities.argmax(axis=1)
    n_classes = findings.n_classes
    of_given, of_predicted = (
        np.bincount(codes, minlength=n_classes) / len(codes) for codes in (given, predicted)
    )
    agreement = float((given == predicted).mean())
    by_chance = float(of_given @ of_predicted)
    possible = max(1 - float(findings.estimator.noise_rate_), by_chance)
    lead = (agreement - by_chance) / max(possible - by_chance, 1e-9)
    return {
        "n_held_out": len(held_out),
        "agreement": agreement,
        "most_frequent_class": float(of_given.max()),
        "possible": 1 - float(findings.estimator.noise_rate_),
        "share_of_possible": float(np.clip(lead, 0, 1)) if possible > by_chance else 0.0,
    }


def trust(findings: Findings) -> list[dict[str, str]]:
    """Return what speaks for and against the verdict, in words; each with a level."""
    return [
        _trust_in_model(findings),
        _trust_in_rate(findings),
        *_doubtful_flags(findings),
        *_lost_classes(findings),
        _trust_by_review(findings),
    ]


def _item(level: str, title: str, text: str) -> dict[str, str]:
    return {"level": level, "title": title, "text": text}


def _trust_in_model(findings: Findings) -> dict[str, str]:
    found = competence(findings)
    if found is None:
        return _item(
            FAIR,
            "No rows were left out of the training",
            "So nobody can say how well the model knows the classes. Look at some flags yourself.",
        )
    text = (
        f"Of {rows(found['n_held_out'], 'label')} that it had not learnt from, the model predicts "
        f"{percent(found['agreement'])}. Always naming the most frequent class would give "
        f"{percent(found['most_frequent_class'])}; as {percent(1 - found['possible'])} of the "
        f"labels seem to be wrong, about {percent(found['possible'])} is the most to hope for."
    )
    if found["n_held_out"] < FEW_HELD_OUT:
        text += " These are few rows to judge by."
    share = found["share_of_possible"]
    if share >= KNOWS_WELL:
        return _item(GOOD, "The model knows the classes well", text)
    if share >= KNOWS_SOME:
        return _item(
            FAIR,
            "The model knows part of what tells the classes apart",
            text + " Where classes overlap, a flag means ambiguous rather than wrong.",
        )
    return _item(
        POOR,
        "The model hardly knows the classes",
        text + " Don't act on single flags before you have looked at the rows.",
    )


def _trust_in_rate(findings: Findings) -> dict[str, str]:
    rate = float(findings.estimator.noise_rate_)
    low, high = (float(each) for each in findings.estimator.noise_rate_interval_)
    between = f"Between {percent(low)} and {percent(high)} of the labels are wrong (90 % interval)."
    if high - rate > WIDE_INTERVAL or rate - low > WIDE_INTERVAL:
        return _item(
            FAIR,
            "How many labels are wrong is known roughly",
            f"{between} Labels alone don't tell an error from an overlap of classes. A hundred "
            "reviewed rows narrow this down.",
        )
    return _item(GOOD, "How many labels are wrong is known well", between)


def _doubtful_flags(findings: Findings) -> list[dict[str, str]]:
    """Say where many of the flagged labels are right by the verdict's own probabilities."""
    flagged = findings.quality[findings.is_noise]
    if not len(flagged) or flagged.mean() < MANY_RIGHT_FLAGS:
        return []
    return [
        _item(
            FAIR,
            "Many flags are doubtful",
            f"Of {rows(len(flagged), 'flagged label')}, {whole(flagged.sum())} are expected to be "
            "right. To drop or to correct them all would do harm too: weigh them, look at them, or "
            "choose a lower threshold.",
        )
    ]


def _lost_classes(findings: Findings) -> list[dict[str, str]]:
    counts = np.bincount(findings.given, minlength=findings.n_classes)
    shares = np.bincount(findings.given, findings.is_noise, findings.n_classes) / counts
    lost = np.flatnonzero(shares > MUCH_OF_A_CLASS)
    if not len(lost):
        return []
    named = ", ".join(
        f"{short_text(findings.classes[each], 60)} ({percent(shares[each], exact=False)})"
        for each in lost[:5]
    )
    more = f" and {rows(len(lost) - 5, 'other')}" if len(lost) > 5 else ""
    return [
        _item(
            POOR,
            "More than half of a class is flagged",
            f"{named}{more}. Either these labels are worse than others, or the model hasn't learnt "
            "the class. Look at some of them before you leave them out.",
        )
    ]


def _trust_by_review(findings: Findings) -> dict[str, str]:
    n_reviewed = int(findings.is_reviewed.sum())
    if n_reviewed:
        wrong = int((findings.answers != findings.given)[findings.is_reviewed].sum())
        return _item(
            GOOD,
            f"{rows(n_reviewed)} reviewed by a person",
            f"{rows(wrong, 'label')} of them turned out wrong. All figures here take that into "
            "account.",
        )
    return _item(
        NOTE,
        "Nobody has looked at the labels yet",
        "Decide some rows in the tab “Review”, download the file, and hand it to apply_review: "
        "probabilities and counts then follow what you found. A sample over all qualities tells "
        "more than the most suspicious rows alone, and a hundred rows are enough.",
    )


def final_training(findings: Findings) -> dict[str, Any] | None:
    """Return how the classifier was got, and why so; None for a detector."""
    estimator = findings.estimator
    form = getattr(estimator, "final_", None)
    if form is None:
        return None
    scores = getattr(estimator, "final_scores_", None)
    if estimator.final != "auto":
        why = f"You asked for it by final={estimator.final!r}."
    elif scores and form == "method":
        why = (
            "The trees beside the net are trained anew, in one of three forms. Each form was "
            "trained without the rows left out, and then predicted their labels. "
            f"“{FORMS[0]}” is taken unless another one is clearly ahead."
        )
    elif scores:
        why = (
            f"Each form was trained without the rows left out, and then predicted their labels. "
            f"“{FORMS[0]}” is taken unless another one is clearly ahead."
        )
    else:
        why = "This is what the paper of the method does."
    return {
        "form": form,
        "words": FORM_WORDS.get(form, form),
        "why": why,
        "scores": {name: float(score) for name, score in (scores or {}).items()},
        "predicts": _predictor(estimator),
    }


def _predictor(estimator: Any) -> str:
    if hasattr(estimator, "final_estimator_"):
        return type(estimator.final_estimator_).__name__
    return _judges(estimator)

"""A small table with wrong labels, and commands run on it in this process."""

import sys

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from sknoisy.cli import app

TREES = ("--estimator", "hist_gradient_boosting")


def sknoisy(*arguments, keys=None):
    """Run a command; return its exit code and what it printed.

    The report is written as without skrub, whose page on the columns takes longer than the rest.
    """
    runner = CliRunner(env={"COLUMNS": "200"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "skrub", None)
        result = runner.invoke(app, [str(a) for a in arguments], input=keys)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result


def pets(n_rows=240, seed=0):
    """Return a table of two classes, and which of its labels are wrong."""
    generator = np.random.default_rng(seed)
    weight = generator.normal(size=n_rows).round(3)
    right = np.where(weight > 0, "dog", "cat")
    wrong = generator.random(n_rows) < 0.15
    table = pd.DataFrame(
        {
            "weight": weight,
            "length": (2 * weight + generator.normal(size=n_rows) / 2).round(2),
            "colour": generator.choice(["black", "white"], n_rows),
            "kind": np.where(wrong, np.where(right == "dog", "cat", "dog"), right),
        }
    )
    return table, wrong

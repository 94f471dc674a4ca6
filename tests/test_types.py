"""What mypy sees of the package, as a user's code has it checked."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sknoisy

pytest.importorskip("mypy")

RIGHT_USES = """\
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.datasets import fetch_cifar10n
from sknoisy.methods import LabelEvidence, Method, resolve_method
from sknoisy.metrics import noise_detection_report
from sknoisy.mixtures import BetaMixture, fit_beta_mixture
from sknoisy.noise import flip_symmetric
from sknoisy.thresholds import flag_share
from sknoisy.training import Batch, Step, Trainer, TrainingRun

X, y = np.zeros((4, 2)), np.array([0, 0, 1, 1])
trusted = [True, False, False, False]

detector = NoisyLabelDetector("lsw", threshold=0.3, random_state=0)
assert_type(detector, NoisyLabelDetector)
assert_type(detector.fit(X, y, trusted=trusted), NoisyLabelDetector)
assert_type(detector.noise_mask_, NDArray[np.bool_])
assert_type(detector.label_quality_, NDArray[np.floating])
assert_type(detector.threshold_, float)
assert_type(detector.sample_indices_, NDArray[np.integer])
assert_type(detector.history_, list[dict[str, Any]])
assert_type(detector.fit_predict(X, y), NDArray[np.bool_])
assert_type(detector.predict_noise(X, y), NDArray[np.bool_])
assert_type(detector.score_labels(X, y), NDArray[np.floating])

model = RobustClassifier(final="filter", max_epochs=3, batch_size=None).fit(X.tolist(), y.tolist())
assert_type(model, RobustClassifier)
assert_type(model.predict_proba(X), NDArray[np.floating])
assert_type(model.score(X, y), float)

assert_type(flip_symmetric(y, 0.2, random_state=0)[1], NDArray[np.bool_])
assert_type(noise_detection_report(trusted, trusted), dict[str, float])
assert_type(fit_beta_mixture([3, 1, 2]), BetaMixture | None)
assert_type(fetch_cifar10n(label="clean"), NDArray[np.int64])
mask, threshold = flag_share(np.ones(4), 0.5, codes=y)
assert_type(threshold, float)
assert_type(resolve_method("cores"), Method)


class Plain(Method):
    def __init__(self, *, share: float = 0.5) -> None:
        self.share = share

    def detect(self, trainer: Trainer) -> LabelEvidence:
        run = trainer.new_run()
        assert_type(run, TrainingRun)
        assert_type(run.fit(PlainStep(run)), TrainingRun)
        return LabelEvidence.of(run)


class PlainStep(Step):
    def end_epoch(self, epoch: int) -> bool:
        return len(self.run.rows) > epoch

    def train_batch(self, batch: Batch):
        return self.run.learn(batch, *self.losses(batch))


RobustClassifier(Plain(share=0.2))
"""

WRONG_IMPORTS = """\
import numpy as np

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.metrics import noise_detection_report
from sknoisy.nets import VisionNet
from sknoisy.noise import flip_instance_dependent, flip_pair
from sknoisy.training import Step, Trainer
"""

WRONG_USES = """\
NoisyLabelDetector(max_epochs="10")
NoisyLabelDetector(threshold="half")
RobustClassifier(method=3)
RobustClassifier(verbose=None)
NoisyLabelDetector().noise_mask_ + "rows"
RobustClassifier().predict(np.zeros((2, 2)), 0.5)
RobustClassifier().predict_proba(np.zeros((2, 2))).nonsense
flip_pair([0, 1], "0.3")
flip_instance_dependent([[0.0], [1.0]], [0, 1], 0.3, scale="minmax")
noise_detection_report([True, False])["fdr"].upper()
VisionNet(precision="float16")
def start(trainer: Trainer) -> None: trainer.new_run(seed=3)
def look(step: Step) -> None: step.run.weak_view("rows")
"""


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """Of each script, pairs of the number of a line, counted from 1, and what mypy says of it."""
    folder = tmp_path_factory.mktemp("scripts")
    scripts = {"right": RIGHT_USES, "wrong": WRONG_IMPORTS + WRONG_USES}
    for name, script in scripts.items():
        (folder / f"{name}.py").write_text(script)
    options = ["--config-file=", "--follow-imports=silent", "--ignore-missing-imports"]
    # Both at once, since mypy takes most of its time for the package.
    result = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "--check-untyped-defs", "right.py", "wrong.py"],
        cwd=folder,
        env={**os.environ, "MYPYPATH": str(Path(sknoisy.__file__).parents[1])},
        capture_output=True,
        text=True,
    )
    assert result.returncode in (0, 1), result.stdout + result.stderr
    found = re.findall(r"^(\w+)\.py:(\d+): error: (.*)$", result.stdout, flags=re.MULTILINE)
    return {
        name: [(int(line), message) for script, line, message in found if script == name]
        for name in scripts
    }


@pytest.mark.slow
def test_right_uses_have_the_types_that_the_documentation_names(refused):
    assert refused["right"] == []


@pytest.mark.slow
def test_each_wrong_use_is_refused(refused):
    first = 1 + len(WRONG_IMPORTS.splitlines())
    last = first + len(WRONG_USES.splitlines())
    assert [line for line, _ in refused["wrong"]] == list(range(first, last)), refused["wrong"]

"""SimiFeat: wrong labels by the labels of the neighbours."""

from collections.abc import Callable
from numbers import Integral
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata
from sklearn.preprocessing import normalize

from .._mapped import in_memory
from .._parameters import check_choice, check_number
from ..neighbors import SimilarRows, count_votes
from ..thresholds import judge_labels
from ..training import Trainer, last_layer_inputs, progress_task
from ..transition import estimate_noise
from ._base import LabelEvidence, Method

FEATURES = ("auto", "net", "trusted_net", "input")
RULES = ("rank", "vote")
KEPT_SHARE = 0.9
FLAGGED_RANGE = (0.05, 0.95)
SCORE_FLOOR = 1e-8


class SimiFeat(Method):
    r"""Compare each label with those of the most similar rows.

    Rows with similar features should have the same label. Each row's ten nearest rows, itself among
    them, vote for their labels, weighed by the cosine of the angle between the features. Two rules:

    - "vote": a label is wrong where another one wins.
    - "rank": in each class the rows whose own label has the fewest votes are wrong; how many, says
      the estimate of the transition matrix, from how often the labels of a row and of its two
      nearest rows agree (HOC). It becomes `transition_matrix_`.

    Several rounds, each with nine tenths of the rows, decide by majority. The label quality is one
    less the share of rounds in which the row was flagged, ties by votes.

    Needs features: of a net trained on the given labels or on trusted rows, of your own, or X
    itself. Features of the net cost a plain training; with others the net is trained at the end, on
    the rows that are kept. Beside that there is one search for neighbours in chunks: no matrix of
    all pairs is made.

    Parameters
    ----------
    rule : {"rank", "vote"}, default="rank"
        The paper's R and V.
    features : {"auto", "net", "trusted_net", "input"} or callable, default="auto"
        What rows are compared by: the input of the last linear layer of a net trained on the
        given labels, or on the trusted rows alone; X itself, standardised; or what a function
        makes of X, an array (n_rows, n_features), for instance by a pretrained net. "auto": X
        itself for a table; a net's for images.
    n_neighbors : int, default=10
        The row itself included, as published.
    n_rounds : int, default=21
        Published. Should be odd.

    Notes
    -----
    The published rounds differ by random crops of the images; here by the rows that may vote, so
    that neighbours are searched only once.

    It is as good as the features. A net that learnt wrong labels by heart puts their rows among
    those of the wrong class.

    References
    ----------
    Zhu, Dong and Liu, "Detecting Corrupted Labels Without Training a Model to Predict", ICML 2022;
    Zhu, Song and Liu, "Clusterability as an Alternative to Anchor Points When Learning with Noisy
    Labels" (HOC), ICML 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknoisy import NoisyLabelDetector
    >>> from sknoisy.noise import flip_symmetric
    >>> X, y = load_digits(return_X_y=True)
    >>> y_noisy, flipped = flip_symmetric(y, 0.3, random_state=0)
    >>> detector = NoisyLabelDetector("simifeat", random_state=0).fit(X, y_noisy)
    >>> bool((detector.noise_mask_ == flipped).mean() > 0.9)
    True
    """

    name = "simifeat"
    needs = "features in which rows of a class are near each other: X itself, or yours"
    cost = "detector: less than 1, and a search for neighbours; classifier: less than 1 more"
    choose_it = "you have good features, such as those of a pretrained net"
    citation = (
        "Zhu, Dong, Liu (2022). *Detecting Corrupted Labels Without Training a Model to Predict.* "
        "ICML"
    )
    default_final = "filter"

    def __init__(
        self,
        *,
        rule: Literal["rank", "vote"] = "rank",
        features: Literal["auto", "net", "trusted_net", "input"]
        | Callable[[Any], ArrayLike] = "auto",
        n_neighbors: int = 10,
        n_rounds: int = 21,
    ) -> None:
        self.rule = rule
        self.features = features
        self.n_neighbors = n_neighbors
        self.n_rounds = n_rounds

    def check_parameters(self) -> None:
        check_choice(self, "rule", RULES)
        check_number(self, "n_neighbors", 3, kind=Integral)
        check_number(self, "n_rounds", 1, kind=Integral)
        if not callable(self.features):
            check_choice(self, "features", FEATURES)

    def requires_trusted_rows(self) -> bool:
        return isinstance(self.features, str) and self.features == "trusted_net"

    def detect(self, trainer: Trainer) -> LabelEvidence:
        """Search neighbours by the features, and vote."""
        data = trainer.data
        run = self._train(trainer, "features") if self._features_of(data) == "net" else None
        features = self._extract(trainer, run, data)
        with progress_task("neighbours"):
            neighbors = SimilarRows(features, self.n_neighbors, trainer.device)
        random_state = trainer.random_state()
        n_flagged = np.zeros(data.n_rows)
        votes = np.zeros((data.n_rows, data.n_classes))
        estimate: Any = None
        with progress_task("votes", self.n_rounds, "round") as task:
            for _ in range(self.n_rounds):
                kept = random_state.rand(data.n_rows) < KEPT_SHARE
                voters, weights = neighbors.voters(kept)
                # Scaled to length one.
                shares = normalize(count_votes(data.y, data.n_classes, voters, weights))
                given, nearest, second = data.y[voters[kept, :3]].T
                estimate = estimate_noise(given, nearest, second, data.n_classes, start=estimate)
                n_flagged += self._flag(data.y, shares, estimate)
                votes += shares
                task.advance()
        given = votes[np.arange(data.n_rows), data.y]
        ties = 1 - rankdata(given) / (data.n_rows + 1)
        quality = 1 - (n_flagged + ties) / (self.n_rounds + 1)
        if run is None:
            wrong = judge_labels(
                quality, self.default_threshold, codes=data.y, trusted=data.trusted
            )
            run = self._train(trainer, "kept_rows", ~wrong)
        others = votes.copy()
        others[np.arange(data.n_rows), data.y] = -1
        evidence = LabelEvidence.of(run, quality, transition_matrix=estimate.transition_matrix)
        evidence.runner_up = _most_voted(others, evidence.runner_up)
        return evidence

    def _features_of(self, data):
        """Return where features come from: "auto" resolved."""
        if isinstance(self.features, str) and self.features == "auto":
            return "input" if data.is_table else "net"
        return self.features

    def _extract(self, trainer, run, data):
        source = self._features_of(data)
        if callable(source):
            return _checked_features(source(in_memory(data.X)), data.n_rows)
        if source == "input":
            return _standardized(data)
        if source == "trusted_net":
            run = self._train(trainer, "features", data.trusted)
        return last_layer_inputs(run, np.arange(data.n_rows))

    @staticmethod
    def _train(trainer, stage, chosen=None):
        """Train a net on the chosen rows, of those that it may learn from."""
        run = trainer.new_run()
        return run.fit(rows=None if chosen is None else run.chosen_rows(chosen), stage=stage)

    def _flag(self, codes, shares, estimate):
        if self.rule == "vote":
            return shares.argmax(axis=1) != codes
        scores = -np.log(shares[np.arange(len(codes)), codes] + SCORE_FLOOR)
        flagged = np.zeros(len(codes), dtype=bool)
        wrong_shares = np.clip(1 - estimate.right_shares(), *FLAGGED_RANGE)
        for code, share in enumerate(wrong_shares):
            rows = np.flatnonzero(codes == code)
            flagged[rows] = scores[rows] > np.quantile(scores[rows], 1 - share)
        return flagged


def _most_voted(others, fallback):
    """Return the class with most votes, and the fallback where no class has any."""
    return np.where(others.max(axis=1) > 0, others.argmax(axis=1), fallback)


def _standardized(data):
    if data.is_dataset or data.is_named:
        got = "torch Dataset" if data.is_dataset else "dict of arrays"
        raise TypeError(f"features='input' needs X as an array. Got a {got}.")
    X = data.read(np.arange(data.n_rows)).reshape(data.n_rows, -1).astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        spread = X.std(axis=0)
        standardized = (X - X.mean(axis=0)) / np.where(spread > 0, spread, 1)
    if not np.isfinite(standardized).all():
        raise ValueError(
            "X has values whose spread is too large for float32, so that rows can't be compared. "
            f"They go from {X.min():.3g} to {X.max():.3g}: scale X, or choose features='net'."
        )
    return standardized


def _checked_features(features, n_rows):
    features = np.asarray(features)
    if features.ndim != 2 or len(features) != n_rows or not np.isfinite(features).all():
        raise ValueError(
            "The function 'features' of SimiFeat must return finite numbers of shape "
            f"({n_rows}, n_features). Got an array of shape {features.shape}."
        )
    return features

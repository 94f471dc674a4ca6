"""SimiFeat: wrong labels by the labels of the neighbours."""

from numbers import Integral

import numpy as np
import torch
from scipy.stats import rankdata
from sklearn.preprocessing import normalize

from .._parameters import check_choice, check_number
from ..thresholds import judge_labels
from ..training import last_layer_inputs
from ._base import LabelEvidence, Method, margin_quality
from ._consensus import estimate_noise

FEATURES = ("auto", "net", "trusted_net", "input")
RULES = ("rank", "vote")
KEPT_SHARE = 0.9
FLAGGED_RANGE = (0.05, 0.95)
SCORE_FLOOR = 1e-8
MAX_PAIRS = 2**25


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
        itself for a table, where it was better on two of three tables and alike on the other;
        a net's for images.
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

    published_threshold = 0.5
    published_final = "filter"

    def __init__(self, *, rule="rank", features="auto", n_neighbors=10, n_rounds=21):
        self.rule = rule
        self.features = features
        self.n_neighbors = n_neighbors
        self.n_rounds = n_rounds

    def check_parameters(self):
        check_choice(self, "rule", RULES)
        check_number(self, "n_neighbors", 3, kind=Integral)
        check_number(self, "n_rounds", 1, kind=Integral)
        if not callable(self.features):
            check_choice(self, "features", FEATURES)

    def requires_trusted_rows(self):
        return isinstance(self.features, str) and self.features == "trusted_net"

    def detect(self, trainer, data):
        """Search neighbours by the features, and vote."""
        run = self._train(trainer) if self._features_of(data) == "net" else None
        features = self._extract(trainer, run, data)
        neighbors = Neighbors(features, self.n_neighbors, trainer.device)
        random_state = trainer.random_state()
        n_flagged = np.zeros(data.n_rows)
        votes = np.zeros((data.n_rows, data.n_classes))
        estimate = None
        for _ in range(self.n_rounds):
            kept = random_state.rand(data.n_rows) < KEPT_SHARE
            voters, weights = neighbors.voters(kept)
            shares = count_votes(data.y, data.n_classes, voters, weights)
            estimate = estimate_noise(*data.y[voters[kept, :3]].T, data.n_classes, start=estimate)
            n_flagged += self._flag(data.y, shares, estimate)
            votes += shares
        given = votes[np.arange(data.n_rows), data.y]
        ties = 1 - rankdata(given) / (data.n_rows + 1)
        quality = 1 - (n_flagged + ties) / (self.n_rounds + 1)
        if run is None:
            wrong = judge_labels(
                quality, self.published_threshold, codes=data.y, trusted=data.trusted
            )
            run = self._train(trainer, ~wrong)
        others = votes.copy()
        others[np.arange(data.n_rows), data.y] = -1
        return LabelEvidence(
            quality=quality,
            weights=quality,
            alternatives=_most_voted(others, margin_quality(run)[1]),
            state=run.state(),
            history=run.history(),
            details={"transition_matrix": estimate.transition_matrix},
        )

    def _features_of(self, data):
        """Return where features come from: "auto" resolved."""
        if isinstance(self.features, str) and self.features == "auto":
            return "input" if not data.is_dataset and data.X.ndim == 2 else "net"
        return self.features

    def _extract(self, trainer, run, data):
        source = self._features_of(data)
        if callable(source):
            return _checked_features(source(data.X), data.n_rows)
        if source == "input":
            return _standardized(data)
        if source == "trusted_net":
            run = self._train(trainer, data.trusted)
        return last_layer_inputs(run, np.arange(data.n_rows))

    @staticmethod
    def _train(trainer, chosen=None):
        """Train a net on the chosen rows, of those that it may learn from."""
        run = trainer.start()
        rows = run.rows if chosen is None else run.rows[chosen[run.rows]]
        rows = rows if len(rows) > 1 else run.rows
        return run.run_plain(rows=rows)

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


class Neighbors:
    """The nearest rows of each row, searched once for all rounds.

    Parameters
    ----------
    features : ndarray of shape (n_rows, n_features)
    n_neighbors : int
        The row itself included.
    device : torch.device, default="cpu"
        Where to search.
    """

    def __init__(self, features, n_neighbors, device="cpu"):
        n_rows = len(features)
        self._n_neighbors = min(n_neighbors, n_rows)
        # Some neighbours may not vote in a round: look for a few more.
        n_searched = min(2 * self._n_neighbors, n_rows)
        unit = normalize(np.asarray(features, dtype=np.float32))
        self._similarities, self._rows = _self_first(*most_similar(unit, n_searched, device))

    def voters(self, kept):
        """Return rows and weights of the voters of each row: itself, and the nearest kept ones."""
        allowed = kept[self._rows]
        allowed[:, 0] = True
        order = np.argsort(~allowed, axis=1, kind="stable")[:, : self._n_neighbors]
        voters = np.take_along_axis(self._rows, order, axis=1)
        weights = np.take_along_axis(self._similarities, order, axis=1)
        weights = np.where(np.take_along_axis(allowed, order, axis=1), weights, 0)
        if weights.shape[1] > 2:
            # A row's own vote goes on where the next two lead: it would be 1 for all otherwise.
            weights[:, 0] = 2 * weights[:, 1] - weights[:, 2]
        return voters, np.maximum(weights, 0)


def count_votes(codes, n_classes, voters, weights):
    """Return the votes of each row's voters for each class, scaled to length one."""
    votes = np.zeros((len(codes), n_classes))
    every = np.arange(len(codes))[:, None]
    np.add.at(votes, (np.broadcast_to(every, voters.shape), codes[voters]), weights)
    return normalize(votes)


def most_similar(unit, n_neighbors, device="cpu"):
    """Return the largest inner products of each row with all rows, and whose they are.

    Two to four times as fast as scikit-learn's search, which computes in double precision.

    Parameters
    ----------
    unit : ndarray of shape (n_rows, n_features) of float32
    n_neighbors : int
    device : torch.device, default="cpu"

    Returns
    -------
    similarities, rows : ndarrays of shape (n_rows, n_neighbors)
    """
    every = torch.from_numpy(unit).to(device)
    chunks = every.split(max(1, MAX_PAIRS // len(every)))
    found = [(chunk @ every.T).topk(n_neighbors, dim=1) for chunk in chunks]
    return tuple(torch.cat(part).cpu().numpy() for part in zip(*found, strict=True))


def _self_first(similarities, rows):
    """Put each row itself in the first place; equal rows may have come before it."""
    own = rows == np.arange(len(rows))[:, None]
    own[~own.any(axis=1), -1] = True
    order = np.argsort(~own, axis=1, kind="stable")
    rows = np.take_along_axis(rows, order, axis=1)
    rows[:, 0] = np.arange(len(rows))
    return np.take_along_axis(similarities, order, axis=1), rows


def _most_voted(others, fallback):
    """Return the class with most votes, and the fallback where no class has any."""
    return np.where(others.max(axis=1) > 0, others.argmax(axis=1), fallback)


def _standardized(data):
    if data.is_dataset:
        raise TypeError("features='input' needs X as an array. Got a torch Dataset.")
    X = data.X.reshape(data.n_rows, -1).astype(np.float32)
    spread = X.std(axis=0)
    return (X - X.mean(axis=0)) / np.where(spread > 0, spread, 1)


def _checked_features(features, n_rows):
    features = np.asarray(features)
    if features.ndim != 2 or len(features) != n_rows or not np.isfinite(features).all():
        raise ValueError(
            "The function 'features' of SimiFeat must return finite numbers of shape "
            f"({n_rows}, n_features). Got an array of shape {features.shape}."
        )
    return features

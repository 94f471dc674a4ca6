"""The verdict on rows whose counts lie in a file: in three passes, by histograms.

What is exact in memory is exact here, but for two things: ties of counts are broken by losses of
seven binary digits, and the calibration is fitted to quantiles of the scores.
"""

from dataclasses import dataclass

import numpy as np
from _streamed_counts import RECORD, scrambled
from scipy.stats import rankdata

from sknoisy.methods.wrong_event._events import (
    class_histograms,
    clean_posteriors,
    count_quality,
    fit_class_mixtures,
)
from sknoisy.noise_rates import calibrate_to_rate, calibrated_quality
from sknoisy.review import allocate, quality_strata
from sknoisy.review._sampling import LEAST_DEVIATION, N_STRATA

CHUNK_ROWS = 2**20
N_KEYS = 2**16
N_QUANTILES = 100_001
OWN_THRESHOLD = 0.5
SALT_OF_DRAWS = 999


@dataclass
class StreamedVerdict:
    """What a streamed verdict holds in memory; scores and flags of rows lie in files.

    Parameters
    ----------
    n_flagged : int
    posteriors : ndarray of shape (n_classes, n_levels)
        Weight of a row by class and count.
    calibration : ScoreCalibration
    threshold : float
        On the scale of probabilities.
    quantiles : ndarray of shape (3,)
        First quartile, median and third quartile of the label quality.
    stratum_sizes : ndarray of int of shape (n_strata,)
    suspicious, sample : ndarrays of int
        Rows to look at: those of the least quality, the least first; and a stratified draw.
    """

    n_flagged: int
    posteriors: np.ndarray
    calibration: tuple
    threshold: float
    quantiles: np.ndarray
    stratum_sizes: np.ndarray
    suspicious: np.ndarray
    sample: np.ndarray


def judge_in_passes(state_path, folder, n_classes, n_epochs, *, n_review=100):
    """Return the verdict; `scores.f4` and `flags.bits` are left in the folder."""
    records = np.memmap(state_path, dtype=RECORD, mode="r")
    histograms, losses_seen, n_contradicted = _first_pass(records, n_classes, n_epochs)
    mixtures = fit_class_mixtures(histograms)
    posteriors = clean_posteriors(mixtures, *histograms.shape)
    below = np.cumsum(losses_seen) - losses_seen
    tie_ranks = below + (losses_seen + 1) / 2
    scores_seen = _second_pass(records, folder / "scores.f4", tie_ranks, n_epochs)
    del records
    rate = n_contradicted / losses_seen.sum()
    calibration = calibrate_to_rate(_quantiles(scores_seen, N_QUANTILES), rate)
    threshold = float(calibrated_quality(OWN_THRESHOLD, calibration))
    strata = _strata_of_keys(scores_seen, calibration)
    sizes = np.bincount(strata, scores_seen, minlength=N_STRATA).astype(np.int64)
    n_of_strata = allocate(n_review, sizes, _error_rates(scores_seen, strata, sizes, calibration))
    n_flagged, suspicious, sample = _third_pass(
        folder, calibration, threshold, scores_seen, strata, n_of_strata, n_review
    )
    return StreamedVerdict(
        n_flagged=n_flagged,
        posteriors=posteriors,
        calibration=calibration,
        threshold=threshold,
        quantiles=calibrated_quality(_quantiles(scores_seen, 5)[1:-1], calibration),
        stratum_sizes=sizes,
        suspicious=suspicious,
        sample=sample,
    )


def _chunks(n_rows):
    return (slice(a, min(a + CHUNK_ROWS, n_rows)) for a in range(0, n_rows, CHUNK_ROWS))


def _first_pass(records, n_classes, n_epochs):
    """Return the counts by class, the number of rows of each loss, and of those contradicted."""
    histograms = np.zeros((n_classes, n_epochs + 1), dtype=np.int64)
    losses_seen = np.zeros(N_KEYS, dtype=np.int64)
    n_contradicted = 0
    for chunk in _chunks(len(records)):
        part = np.array(records[chunk])
        cells = part["label"].astype(np.int64) * (n_epochs + 1) + part["events"]
        if histograms.size <= CHUNK_ROWS:
            histograms += np.bincount(cells, minlength=histograms.size).reshape(histograms.shape)
        else:
            np.add.at(histograms.ravel(), cells, 1)
        losses_seen += np.bincount(loss_keys(part["loss"] / part["looks"]), minlength=N_KEYS)
        n_contradicted += np.count_nonzero(~judged_right(part))
    # As many levels as there are in memory, since the fit begins with them.
    n_levels = int(np.flatnonzero(histograms.any(axis=0))[-1]) + 1
    return histograms[:, :n_levels], losses_seen, n_contradicted


def loss_keys(losses):
    """Return sixteen bits of each loss, whose order is that of the losses."""
    return losses.astype(np.float32).view(np.uint32) >> np.uint32(16)


def judged_right(records):
    return records["confidence"] / records["looks"] >= OWN_THRESHOLD


def _second_pass(records, path, tie_ranks, n_epochs):
    """Write the scores; return how many lie in each of equal parts of the scale."""
    scores_seen = np.zeros(N_KEYS, dtype=np.int64)
    with open(path, "wb") as file:
        for chunk in _chunks(len(records)):
            part = np.array(records[chunk])
            ties = tie_ranks[loss_keys(part["loss"] / part["looks"])] / (len(records) + 1)
            disagreement = (part["events"] + ties) / (n_epochs + 1)
            scores = ((judged_right(part) + 1 - disagreement) / 2).astype(np.float32)
            file.write(scores)
            scores_seen += np.bincount(score_keys(scores), minlength=N_KEYS)
    return scores_seen


def score_keys(scores):
    return np.minimum(scores * N_KEYS, N_KEYS - 1).astype(np.int64)


def _middles():
    return (np.arange(N_KEYS) + 0.5) / N_KEYS


def _quantiles(scores_seen, n):
    """Return n quantiles of the scores, from the least to the largest."""
    levels = (np.arange(n) + 0.5) / n if n == N_QUANTILES else np.linspace(0, 1, n)
    reached = np.cumsum(scores_seen)
    keys = np.searchsorted(reached, levels * (reached[-1] - 1), side="right")
    within = (levels * (reached[-1] - 1) - (reached - scores_seen)[keys] + 0.5) / scores_seen[keys]
    return (keys + within) / N_KEYS


def _strata_of_keys(scores_seen, calibration):
    """Return the stratum of each part of the scale; in each the deviations' sum is the same."""
    quality = calibrated_quality(_middles(), calibration)
    deviations = np.maximum(np.sqrt(quality * (1 - quality)), LEAST_DEVIATION) * scores_seen
    middles = np.cumsum(deviations) - deviations / 2
    return np.minimum(N_STRATA * middles / deviations.sum(), N_STRATA - 1).astype(int)


def _error_rates(scores_seen, strata, sizes, calibration):
    errors = (1 - calibrated_quality(_middles(), calibration)) * scores_seen
    return np.bincount(strata, errors, minlength=N_STRATA) / np.maximum(sizes, 1)


def _third_pass(folder, calibration, threshold, scores_seen, strata, n_of_strata, n_review):
    """Write the flags, and keep the rows to look at; return how many are flagged, and these."""
    scores = np.memmap(folder / "scores.f4", dtype=np.float32, mode="r")
    last_key = int(np.searchsorted(np.cumsum(scores_seen), min(n_review, len(scores))))
    drawn = [_LeastRows(int(n)) for n in n_of_strata]
    suspicious = _LeastRows(n_review)
    n_flagged = 0
    with open(folder / "flags.bits", "wb") as file:
        for chunk in _chunks(len(scores)):
            part = np.array(scores[chunk])
            flags = calibrated_quality(part, calibration) < threshold
            n_flagged += np.count_nonzero(flags)
            file.write(np.packbits(flags))
            keys, rows = score_keys(part), np.arange(chunk.start, chunk.stop)
            first = keys <= last_key
            suspicious.add(part[first], rows[first])
            lots, strata_of_rows = draws(rows), strata[keys]
            for stratum, least in enumerate(drawn):
                # Larger lots than those that are kept can't come in any more.
                open_rows = (strata_of_rows == stratum) & (lots <= least.largest())
                least.add(lots[open_rows], rows[open_rows])
    return n_flagged, suspicious.rows, np.concatenate([each.rows for each in drawn])


def draws(rows):
    """Return a number by chance for each row; the least of a stratum are its sample."""
    return scrambled(rows, SALT_OF_DRAWS) >> np.uint64(1)


class _LeastRows:
    """Keeps the rows of the least values among those added; ties by row number."""

    def __init__(self, n):
        self._n = n
        self._values = None
        self.rows = np.empty(0, dtype=np.int64)

    def add(self, values, rows):
        if self._values is not None:
            values = np.concatenate([self._values, values])
            rows = np.concatenate([self.rows, rows])
        order = np.lexsort((rows, values))[: self._n]
        self._values, self.rows = values[order], rows[order]

    def largest(self):
        if self._values is None or len(self.rows) < self._n:
            return np.uint64(2**63)
        return self._values[-1] if self._n else np.uint64(0)


def judge_in_memory(records, n_classes, n_epochs, *, n_review=100):
    """Return the same verdict from arrays of all rows, by the package's own functions."""
    rounded = (loss_keys(records["loss"] / records["looks"]) << np.uint32(16)).view(np.float32)
    counts, codes = records["events"].astype(np.int64), records["label"].astype(np.int64)
    histograms = class_histograms(counts, codes, n_classes)
    right = judged_right(records)
    scores = count_quality(counts, rankdata(rounded), right, n_events=n_epochs)
    calibration = calibrate_to_rate(scores, np.mean(~right))
    quality = calibrated_quality(scores, calibration)
    return {
        "posteriors": clean_posteriors(fit_class_mixtures(histograms), *histograms.shape),
        "scores": scores,
        "calibration": calibration,
        "quality": quality,
        "flags": scores < OWN_THRESHOLD,
        "strata": quality_strata(quality),
        "suspicious": np.argsort(scores.astype(np.float32), kind="stable")[:n_review],
    }

"""What `speed.py` measures on tables: functions that return seconds, and the pairs of them."""

import tempfile
from functools import partial

import numpy as np
import torch
from _ratios import EpochClock, Ratio, epoch_seconds, timed
from _turns import between_epochs
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict
from torch import nn

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import L2RW, MetaWeightNet, WrongEvent
from sknoisy.mixtures import fit_beta_mixtures
from sknoisy.nets import MultilayerPerceptron, TabularNet
from sknoisy.noise import flip_symmetric

N_CLASSES = 7
N_THRESHOLDS = 9
ENDLESS = float("inf")


# -- data -------------------------------------------------------------------------------------


def make_table(n_rows, n_features):
    """Return features and noisy labels."""
    X, _, y_noisy = make_table_and_truth(n_rows, n_features)
    return X, y_noisy


def make_table_and_truth(n_rows, n_features):
    X, y = make_classification(
        n_rows,
        n_features,
        n_informative=n_features // 2,
        n_classes=N_CLASSES,
        n_clusters_per_class=1,
        random_state=0,
    )
    y_noisy, _ = flip_symmetric(y, 0.3, random_state=0)
    return X.astype(np.float32), y.astype(np.int64), y_noisy.astype(np.int64)


def table_settings(sizes, **settings):
    net = TabularNet(
        module__n_units=sizes.n_units,
        batch_size=sizes.batch_size,
        max_epochs=sizes.max_epochs,
        callbacks=[EpochClock()],
        **settings,
    )
    return {"net": net, "device": "cpu", "random_state": 0}


# -- plain training ---------------------------------------------------------------------------


def plain_loop(X, y, sizes, *, seed=0, max_epochs=None):
    """Train as one would by hand, and return the module."""
    torch.manual_seed(seed)
    module = MultilayerPerceptron(X.shape[1], N_CLASSES, n_units=sizes.n_units)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3, fused=True)
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    module.train()
    for _ in range(max_epochs or sizes.max_epochs):
        for rows in torch.randperm(len(X)).split(sizes.batch_size):
            optimizer.zero_grad()
            criterion(module(X[rows]), y[rows]).backward()
            optimizer.step()
        between_epochs()
    return module


def time_plain_loop(X, y, sizes, max_epochs=None):
    return timed(plain_loop, X, y, sizes, max_epochs=max_epochs)


def time_fit(X, y, sizes, method, *, max_epochs=None, estimator=RobustClassifier):
    """Seconds of a whole fit."""
    model = estimator(method, max_epochs=max_epochs, **table_settings(sizes))
    return timed(model.fit, X, y)


# -- wrong event ------------------------------------------------------------------------------


def time_second_stage(X, y, sizes):
    """Seconds per epoch of the second stage."""
    model = RobustClassifier(WrongEvent(memorization_gap=ENDLESS), **table_settings(sizes))
    return epoch_seconds(model.fit(X, y).history_, slice(sizes.max_epochs, None))


def time_plain_epoch(X, y, sizes):
    model = NoisyLabelDetector("cross_entropy", **table_settings(sizes))
    return epoch_seconds(model.fit(X, y).history_)


def time_confident_learning(X, y, sizes):
    """Seconds of cleanlab's verdict from five folds of the same net."""
    from cleanlab.filter import find_label_issues

    def find():
        folds = StratifiedKFold(5, shuffle=True, random_state=0)
        model = RobustClassifier("cross_entropy", **table_settings(sizes))
        probabilities = cross_val_predict(model, X, y, cv=folds, method="predict_proba")
        find_label_issues(y, probabilities, n_jobs=1)

    return timed(find)


# -- grids, mixtures and prediction -----------------------------------------------------------


def time_grid(X, y, sizes, n_thresholds):
    """Seconds of a grid search that caches its trainings in a new folder."""
    thresholds = np.linspace(0.1, 0.9, n_thresholds) if n_thresholds > 1 else [0.5]
    with tempfile.TemporaryDirectory() as folder:
        model = RobustClassifier(memory=folder, **table_settings(sizes))
        grid = {"threshold": [float(threshold) for threshold in thresholds]}
        search = GridSearchCV(model, grid, cv=3, error_score="raise", refit=False)
        return timed(search.fit, X, y)


def time_mixture(sizes):
    """Seconds from counts of all rows to one mixture per class."""
    generator = np.random.default_rng(0)
    counts = generator.binomial(30, np.where(generator.random(sizes.mixture_rows) < 0.4, 0.8, 0.1))
    codes = generator.integers(0, 10, sizes.mixture_rows)

    def fit():
        histograms = np.bincount(31 * codes + counts, minlength=310).reshape(10, 31)
        fit_beta_mixtures(histograms)

    return timed(fit)


class Prediction:
    """A fitted model and rows to predict, through the estimator and by the bare module."""

    def __init__(self, sizes):
        X, y = make_table(sizes.n_rows, sizes.n_features)
        self.X = np.resize(X, (sizes.predicted_rows, sizes.n_features))
        settings = table_settings(sizes)
        self.model = RobustClassifier("cross_entropy", max_epochs=1, **settings).fit(X, y)

    def time_estimator(self):
        return timed(self.model.predict, self.X)

    def time_module(self):
        return timed(self._infer)

    def _infer(self):
        module = self.model.net_.module_.eval()
        with torch.inference_mode():
            for X in torch.from_numpy(self.X).split(8192):
                module(X).argmax(dim=1)


# -- the ratios -------------------------------------------------------------------------------


def table_ratios(sizes):
    table = *make_table(sizes.n_rows, sizes.n_features), sizes
    small = *make_table(sizes.n_small_rows, sizes.n_features), sizes
    counting = WrongEvent(holdout=0.0, memorization_gap=ENDLESS)
    watching = WrongEvent(memorization_gap=ENDLESS)
    plain_fit = partial(time_fit, *table, "cross_entropy")
    return {
        "wrapper": Ratio(
            "`RobustClassifier('cross_entropy')` / hand-written loop, 30 epochs",
            plain_fit,
            partial(time_plain_loop, *table),
            1.05,
        ),
        "small_fit": Ratio(
            "the same on 1,000 rows, 10 epochs",
            partial(time_fit, *small, "cross_entropy", max_epochs=10),
            partial(time_plain_loop, *small, max_epochs=10),
            1.5,
        ),
        "counting": Ratio(
            "counting wrong events and judging by them / plain training, whole fit",
            partial(time_fit, *table, counting, estimator=NoisyLabelDetector),
            plain_fit,
            1.02,
        ),
        "watching": Ratio(
            "the same with a tenth of the rows watched",
            partial(time_fit, *table, watching, estimator=NoisyLabelDetector),
            plain_fit,
            None,
        ),
        "robust_fit": Ratio(
            "`RobustClassifier()` / plain training, whole fit",
            partial(time_fit, *table, "wrong_event"),
            plain_fit,
            2.0,
        ),
        "robust_fit_all_epochs": Ratio(
            "the same with a first stage of all 30 epochs",
            partial(time_fit, *table, watching),
            plain_fit,
            2.0,
        ),
        "second_stage": Ratio(
            "second stage of wrong event / plain training, per epoch",
            partial(time_second_stage, *table),
            partial(time_plain_epoch, *table),
            2.1,
        ),
    }


def method_ratios(sizes):
    """Return what detection by the other methods costs, with as many trusted rows in a batch."""
    X, y, y_noisy = make_table_and_truth(sizes.n_rows, sizes.n_features)
    trusted = np.arange(len(y)) % 10 == 0
    y_given = np.where(trusted, y, y_noisy)
    batch = {"trusted_batch_size": sizes.batch_size}
    methods = {
        "cores": ("cores", 1.1),
        "bhn": ("bhn", 1.0),
        "simifeat": ("simifeat", 1.5),
        "l2rw": (L2RW(**batch), 2.5),
        "meta_weight_net": (MetaWeightNet(**batch), 3.5),
        "nlnl": ("nlnl", None),
        "ptd": ("ptd", None),
        "cal": ("cal", None),
    }

    def fit(method):
        model = NoisyLabelDetector(method, **table_settings(sizes))
        return timed(model.fit, X, y_given, trusted=trusted)

    return {
        name: Ratio(
            f"`NoisyLabelDetector({name!r})` / plain training, whole fit",
            partial(fit, method),
            partial(fit, "cross_entropy"),
            limit,
        )
        for name, (method, limit) in methods.items()
    }


def other_ratios(sizes):
    middle = *make_table(sizes.grid_rows, sizes.n_features), sizes
    prediction = Prediction(sizes)
    return {
        "cleanlab": Ratio(
            "wrong event / `find_label_issues` of cleanlab with five folds",
            partial(time_fit, *middle, "wrong_event", estimator=NoisyLabelDetector),
            partial(time_confident_learning, *middle),
            0.20,
        ),
        "grid": Ratio(
            f"cached grid over {N_THRESHOLDS} thresholds / over one",
            partial(time_grid, *middle, N_THRESHOLDS),
            partial(time_grid, *middle, 1),
            1.15,
        ),
        "predict": Ratio(
            "`predict` / the bare module in batches of 8,192",
            prediction.time_estimator,
            prediction.time_module,
            1 / 0.9,
        ),
        "mixture": Ratio(
            f"mixtures of 10 classes on {sizes.mixture_rows:,} rows, seconds",
            partial(time_mixture, sizes),
            None,
            0.05,
        ),
    }

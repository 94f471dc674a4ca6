"""What `speed.py` measures: pairs of functions that return seconds, or bytes."""

import multiprocessing
import tempfile
import time
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from _memory import MemoryWatch, separate_blocks
from _turns import between_epochs
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict
from skorch.callbacks import Callback
from torch import nn

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.methods import L2RW, LSW, MetaWeightNet, WrongEvent
from sknoisy.mixtures import fit_beta_mixtures
from sknoisy.nets import CifarResNet, ImageNet, MultilayerPerceptron, TabularNet
from sknoisy.noise import flip_symmetric

N_CLASSES = 7
N_THRESHOLDS = 9
ENDLESS = float("inf")


@dataclass(frozen=True)
class Sizes:
    """How much is trained; `--quick` takes the smallest that run through."""

    n_rows: int = 20_000
    n_small_rows: int = 1_000
    n_features: int = 54
    n_units: int = 256
    batch_size: int = 256
    max_epochs: int = 30
    n_image_batches: int = 12
    images_per_batch: int = 64
    images_in_memory: int = 512
    image_size: int = 32
    image_width: int = 16
    grid_rows: int = 5_000
    predicted_rows: int = 200_000
    mixture_rows: int = 1_000_000
    cuda_images: int = 50_000
    cuda_depth: int = 34
    n_repeats: int = 5


QUICK = Sizes(
    n_rows=600,
    n_small_rows=200,
    n_features=8,
    n_units=16,
    batch_size=64,
    max_epochs=3,
    n_image_batches=2,
    images_per_batch=8,
    images_in_memory=16,
    image_size=8,
    image_width=4,
    grid_rows=300,
    predicted_rows=2_000,
    mixture_rows=10_000,
    cuda_images=512,
    cuda_depth=10,
    n_repeats=1,
)


@dataclass(frozen=True)
class Ratio:
    """Two functions that return seconds or bytes; `limit` None: for information.

    Without a reference the figure is the measured one itself. Both run by turns, epoch by epoch,
    unless the clock is the wall's.
    """

    text: str
    measured: object
    reference: object
    limit: float | None
    unit: str = "s"
    wall_clock: bool = False


# -- the clock -------------------------------------------------------------------------------


def timed(function, *arguments, **settings):
    """Return the seconds that this thread works on a call."""
    start = time.thread_time()
    function(*arguments, **settings)
    return time.thread_time() - start


class EpochClock(Callback):
    """Records the seconds of each epoch, and lets another training have its turn.

    Parameters
    ----------
    clock : callable, default=time.thread_time
    """

    def __init__(self, clock=time.thread_time):
        self.clock = clock

    def on_epoch_begin(self, net, **kwargs):
        self.start_ = self.clock()

    def on_epoch_end(self, net, **kwargs):
        net.history.record("clock", self.clock() - self.start_)
        between_epochs()


def epoch_seconds(history, epochs=slice(None)):
    return float(np.median([epoch["clock"] for epoch in history[epochs]]))


# -- data ------------------------------------------------------------------------------------


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


def make_images(sizes):
    """Return random images of ten classes, one batch of them trusted."""
    n_images = (sizes.n_image_batches + 1) * sizes.images_per_batch
    generator = np.random.RandomState(0)
    shape = (n_images, 3, sizes.image_size, sizes.image_size)
    images = generator.rand(*shape).astype(np.float32)
    # As many classes as a small batch has images of each.
    n_classes = min(10, sizes.images_per_batch // 2)
    trusted = np.arange(n_images) < sizes.images_per_batch
    return images, np.arange(n_images) % n_classes, trusted


def table_settings(sizes, **settings):
    net = TabularNet(
        module__n_units=sizes.n_units,
        batch_size=sizes.batch_size,
        max_epochs=sizes.max_epochs,
        callbacks=[EpochClock()],
        **settings,
    )
    return {"net": net, "device": "cpu", "random_state": 0}


# -- plain training --------------------------------------------------------------------------


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


# -- wrong event -----------------------------------------------------------------------------


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


# -- learned weights -------------------------------------------------------------------------


def fit_images(images, labels, trusted, sizes, method, max_epochs=3):
    net = ImageNet(
        module__depth=10,
        module__width=sizes.image_width,
        weak_view=None,
        batch_size=sizes.images_per_batch,
        max_epochs=max_epochs,
        callbacks=[EpochClock()],
    )
    model = NoisyLabelDetector(method, net=net, device="cpu", random_state=0)
    if method == "cross_entropy":
        return model.fit(images[~trusted], labels[~trusted])
    return model.fit(images, labels, trusted=trusted)


def time_step(*arguments):
    """Seconds per step on untrusted images; plain training is given those alone."""
    history = fit_images(*arguments).history_
    # The first epoch makes the optimiser's buffers.
    return epoch_seconds(history, slice(1, None)) / history[-1]["train_batch_count"]


def peak_bytes(*arguments):
    """Bytes by which the peak memory of a process grows in a fit."""
    context = multiprocessing.get_context("spawn")
    with separate_blocks(), context.Pool(1) as pool:
        return pool.apply(_peak_growth, arguments)


def _peak_growth(*arguments):
    torch.set_num_threads(1)
    with MemoryWatch() as memory:
        fit_images(*arguments)
    return max(memory.peak - memory.before, 1)


def lsw_of_every_step(sizes, **settings):
    """Return LSW that learns weights from the first step on, with |B_c| = |B_n|."""
    return LSW(warmup_epochs=0, trusted_batch_size=sizes.images_per_batch, **settings)


# -- grids, mixtures and prediction ----------------------------------------------------------


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


# -- CUDA ------------------------------------------------------------------------------------


def make_cuda_images(sizes):
    generator = np.random.RandomState(0)
    images = generator.randint(0, 256, (sizes.cuda_images, 3, 32, 32)).astype(np.uint8)
    return images, generator.randint(0, 10, sizes.cuda_images)


def time_cuda_fit(images, labels, sizes):
    clock = EpochClock(time.perf_counter)
    net = ImageNet(module__depth=sizes.cuda_depth, weak_view=None, callbacks=[clock])
    model = NoisyLabelDetector("cross_entropy", net=net, device="cuda", max_epochs=3)
    return epoch_seconds(model.fit(images, labels).history_, slice(1, None))


def time_cuda_loop(images, labels, sizes):
    """Seconds of the second of two epochs by hand, in the same precision and layout."""
    module = CifarResNet(3, 10, depth=sizes.cuda_depth).cuda()
    module = module.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        module.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4, fused=True
    )
    criterion = nn.CrossEntropyLoss()
    X, y = torch.from_numpy(images).cuda(), torch.from_numpy(labels).cuda()
    for _ in range(2):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for rows in torch.randperm(len(X)).cuda().split(128):
            batch = (X[rows].float() / 255).contiguous(memory_format=torch.channels_last)
            optimizer.zero_grad()
            with torch.autocast("cuda", dtype=torch.bfloat16):
                logits = module(batch)
            criterion(logits.float(), y[rows]).backward()
            optimizer.step()
        torch.cuda.synchronize()
    return time.perf_counter() - start


# -- all of them -----------------------------------------------------------------------------


def all_ratios(sizes):
    """Return the ratios by name; those on CUDA only where there is such a device."""
    parts = table_ratios, method_ratios, image_ratios, other_ratios
    ratios = {name: ratio for part in parts for name, ratio in part(sizes).items()}
    if torch.cuda.is_available():
        images = *make_cuda_images(sizes), sizes
        ratios["cuda_epoch"] = Ratio(
            f"CUDA: an epoch of a ResNet-{sizes.cuda_depth} / by hand",
            partial(time_cuda_fit, *images),
            partial(time_cuda_loop, *images),
            1.05,
            wall_clock=True,
        )
    return ratios


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


def image_ratios(sizes):
    images = *make_images(sizes), sizes
    forms = {
        "auto": ({}, 2.35),
        "interval_2": ({"interval": 2}, 1.7),
        "trusted_interval_1": ({"trusted_interval": 1}, None),
        "last_layer": ({"gradient": "last_layer"}, None),
        "forward": ({"gradient": "forward"}, None),
        "double_backward": ({"gradient": "double_backward"}, None),
    }
    ratios = {
        f"lsw_{name}": Ratio(
            f"LSW step / plain step, {_shown(settings)}",
            partial(time_step, *images, lsw_of_every_step(sizes, **settings)),
            partial(time_step, *images, "cross_entropy"),
            limit,
        )
        for name, (settings, limit) in forms.items()
    }
    # Large batches, since the allocator rounds by tens of megabytes.
    large = replace(sizes, n_image_batches=3, images_per_batch=sizes.images_in_memory)
    images = *make_images(large), large
    ratios["lsw_memory"] = Ratio(
        "LSW / plain training, growth of the peak memory",
        partial(peak_bytes, *images, lsw_of_every_step(large)),
        partial(peak_bytes, *images, "cross_entropy"),
        1.10,
        "MB",
    )
    return ratios


def _shown(settings):
    return ", ".join(f"`{name}={value!r}`" for name, value in settings.items()) or "default"


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

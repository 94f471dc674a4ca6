"""Fits that several processes do together, and what is asked of them: to be run by each."""

import os

import numpy as np
import torch
from skorch.callbacks import Callback
from small_data import SHORT, easy_table, plain_skorch_net, tiny_images
from torch import nn
from torch.utils.data import Dataset

import sknoisy
from sknoisy import NoisyLabelDetector, RobustClassifier, _checkpoints
from sknoisy.exceptions import DistributedFitError
from sknoisy.features import PretrainedFeatures
from sknoisy.methods import LSW, CrossEntropy, WrongEvent
from sknoisy.nets import TabularNet
from sknoisy.training import Trainer, TrainingData, hold_out

# 32 rows a batch, and 3 in the last: too few for two processes.
N_ROWS = 163
MAX_EPOCHS = 6
# Epochs that are done when a process dies.
N_KEPT = 3


class SmoothNet(nn.Module):
    """Without batch normalisation and dropout, so that nothing but rounding tells parts apart."""

    def __init__(self, n_features, n_classes):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_features, 16), nn.ReLU(), nn.Linear(16, n_classes))

    def forward(self, X):
        return self.layers(X)


def smooth_net(**params):
    return plain_skorch_net(SmoothNet, max_epochs=MAX_EPOCHS, **params)


def table():
    X, y, truth = easy_table(N_ROWS, 3)
    return X.astype(np.float32), y, truth


class Rows(Dataset):
    def __init__(self, X, y):
        self.X, self.y = X, y

    def __len__(self):
        return len(self.X)

    def __getitem__(self, row):
        return torch.from_numpy(self.X[row]), int(self.y[row])


# -- together -------------------------------------------------------------------------------------


def both_stages():
    """Return the counts of wrong events, the labels' quality and the weights of both stages."""
    X, y, _ = table()
    data = TrainingData(X, y, 3, np.zeros(len(y), dtype=bool))
    data = hold_out(data, 0.2, np.random.RandomState(0))
    method, found = WrongEvent(holdout=0.2), []
    with sknoisy.distributed():
        trainer = Trainer(smooth_net(), data, device="cpu", seed=0)
        evidence = method.detect(trainer)
        for stage in (evidence, method.train_classifier(trainer, evidence)):
            states = [value.numpy() for value in stage.state.values()]
            found.append((stage.counts, stage.quality, states))
    return found


def _as_dataset(folder):
    X, y, _ = table()
    return RobustClassifier("cross_entropy", net=smooth_net(), random_state=0), (Rows(X, y), y), {}


def _mapped(folder):
    X, y, _ = table()
    X = np.load(os.path.join(folder, "X.npy"), mmap_mode="r")
    return RobustClassifier(net=smooth_net(), final="weight", random_state=0), (X, y), {}


def _trusted(folder):
    X, y, truth = table()
    # Of the 117 rows and of the 31 trusted ones, 3 are left for the last batch.
    method = LSW(record_epochs=True, trusted_batch_size=14)
    model = NoisyLabelDetector(method, net=smooth_net(batch_size=38), random_state=0)
    return model, (X, y), {"trusted": (np.arange(len(y)) % 4 == 0) & (y == truth)}


LIKE_ONE = {"dataset, plain": _as_dataset, "mapped, weighted": _mapped, "LSW": _trusted}


def fit_case(case, folder):
    """Return what a fit found that differs from that of one process by rounding only."""
    model, rows, metadata = LIKE_ONE[case](folder)
    with sknoisy.distributed():
        model.fit(*rows, **metadata)
    losses = [epoch["train_loss"] for epoch in model.history_]
    by_epoch = model.evidence_.get("by_epoch")
    agreement = [epoch["train_agreement"] for epoch in model.history_]
    return [model.label_quality_, model.predict_proba(rows[0]), losses, agreement, by_epoch]


def fit_default():
    """Return what net and trees find with dropout, random views, and a seed that nobody chose."""
    X, y, truth = table()
    # Each process would draw another seed.
    rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
    np.random.seed(rank)
    model = RobustClassifier(max_epochs=MAX_EPOCHS, device="cpu")
    with sknoisy.distributed():
        model.fit(X, y)
    told = [{n: v for n, v in epoch.items() if n != "dur"} for epoch in model.history_]
    found = [model.label_quality_, model.predict_proba(X), model.evidence_.margin, repr(told)]
    return found, np.mean(model.noise_mask_ == (y != truth))


def weights_of_batch_norm():
    """Return weights and statistics of a net, and the views that the next batch is seen in."""
    X, y, _ = table()
    data = TrainingData(X, y, 3, np.zeros(len(y), dtype=bool))
    net = TabularNet(weak_view="noise", max_epochs=3, batch_size=32)
    with sknoisy.distributed():
        run = Trainer(net, data, device="cpu", seed=0).new_run().fit()
    state = {name: value.numpy() for name, value in run.state().items()}
    return state, run.weak_view(torch.ones(4, 4) * torch.arange(4)[:, None]).numpy()


def features_of_parts():
    """Return the features of images, and of how many the process has computed them."""
    net = CountedMeans()
    transformer = PretrainedFeatures(net, image_size=8, device="cpu")
    X, _ = tiny_images(7)
    with sknoisy.distributed():
        features = transformer.fit(X).transform(X)
    return features, transformer.backbone_.n_seen


class CountedMeans(nn.Module):
    def __init__(self):
        super().__init__()
        self.n_seen = 0

    def forward(self, X):
        self.n_seen += len(X)
        return X.mean(dim=(2, 3))


def fit_alone():
    """Let the first process fit by itself, though there is a group."""
    if torch.distributed.is_initialized() and torch.distributed.get_rank() > 0:
        return None
    X, y, _ = table()
    return RobustClassifier(net=TabularNet(), **SHORT).fit(X, y).predict_proba(X)


def noisy_net():
    """Return a net that draws in each step, with statistics of batches."""
    return TabularNet(
        module__n_units=8, module__dropout=0.2, weak_view="noise", max_epochs=6, batch_size=32
    )


# -- refused --------------------------------------------------------------------------------------


def refused():
    """Return the errors of fits that can't be done together."""
    X, y, truth = table()
    rank = torch.distributed.get_rank()
    trusted = (np.arange(len(y)) % 2 == 0) & (y == truth)
    cases = {
        "method": (RobustClassifier("dividemix", **SHORT), y),
        "memory": (RobustClassifier(memory="folder", **SHORT), y),
        "batch": (RobustClassifier(net=smooth_net(), device="cpu", batch_size=3), y),
        "gradient": (RobustClassifier(LSW(gradient="last_layer"), **SHORT), y),
        "labels": (RobustClassifier("cross_entropy", **SHORT), np.roll(y, rank)),
        "rows": (RobustClassifier(TwiceSeen(), net=smooth_net(), random_state=0), y),
    }
    found = {}
    with sknoisy.distributed():
        for name, (model, labels) in cases.items():
            try:
                model.fit(X, labels, trusted=trusted if name == "gradient" else None)
            except (ValueError, DistributedFitError) as error:
                found[name] = f"{type(error).__name__}: {error}"
    return found


class TwiceSeen(CrossEntropy):
    """Trains on a row twice in an epoch."""

    def detect(self, trainer):
        run = trainer.new_run()
        return run.fit(rows=np.append(run.rows, run.rows[7]))


# -- interrupted ----------------------------------------------------------------------------------


class Dies(Callback):
    """Ends a process without a word at an epoch; otherwise counts those that begin."""

    at = None
    n_begun = 0

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == self.at:
            os._exit(1)
        type(self).n_begun += 1


def fit_with_checkpoints(folder, dying_rank=None, net=None):
    """Return what was found and how many epochs were trained; or die in the fourth."""
    _checkpoints.SECONDS_BETWEEN = _checkpoints.TIMES_OF_WRITING = 0
    X, y, _ = table()
    Dies.n_begun = 0
    is_group = torch.distributed.is_initialized()
    Dies.at = N_KEPT + 1 if is_group and torch.distributed.get_rank() == dying_rank else None
    net = smooth_net() if net is None else net
    net.set_params(callbacks=[Dies])
    # Only the first process sees the folder.
    folder = folder if not is_group or torch.distributed.get_rank() == 0 else "nowhere"
    model = RobustClassifier(net=net, checkpoint_dir=folder, random_state=0)
    with sknoisy.distributed():
        model.fit(X, y)
    return [model.label_quality_, model.predict_proba(X)], Dies.n_begun

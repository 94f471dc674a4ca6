"""Whether every method gives the same bits as before: for changes that must not change results.

Record at one commit, compare at another, on the same machine and with the same packages::

    OMP_NUM_THREADS=1 python benchmarks/bit_equality.py --record before.npz
    OMP_NUM_THREADS=1 python benchmarks/bit_equality.py --compare before.npz
"""

import argparse
import sys
import warnings

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.datasets import load_digits, make_classification

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy import nets as nets_module
from sknoisy.noise import flip_symmetric

METHODS = (
    "bhn",
    "cal",
    "cores",
    "cross_entropy",
    "l2rw",
    "lsw",
    "meta_weight_net",
    "nlnl",
    "ptd",
    "simifeat",
    "wrong_event",
)
NEED_TRUSTED = ("bhn", "l2rw", "lsw", "meta_weight_net")
SEEDS = (0, 1)


def table():
    return make_classification(
        400, 12, n_informative=8, n_classes=4, class_sep=2.0, random_state=0
    ), {"max_epochs": 8, "batch_size": 64}


def images():
    digits = load_digits()
    X = (digits.images[:240] / 16).astype(np.float32)
    return (X, digits.target[:240]), {"net": _small_image_net(), "max_epochs": 3}


def _small_image_net():
    kind = getattr(nets_module, "VisionNet", None) or nets_module.ImageNet
    return kind(module__depth=10, module__width=4, batch_size=48, weak_view="crop")


KINDS = {"table": table, "images": images}


def methods(name):
    """Return the forms of a method: with trusted rows, and with stand-ins for them."""
    yield name, name, name in NEED_TRUSTED
    if name in NEED_TRUSTED:
        from sknoisy.methods import METHODS as CLASSES

        yield f"{name}-self_trusted", CLASSES[name](self_trusted=0.3), False


def fits(kind, seed):
    """Yield the name and the evidence of every fit, arrays by name."""
    (X, y), settings = KINDS[kind]()
    y_noisy, _ = flip_symmetric(y, 0.3, random_state=seed)
    trusted = np.random.default_rng(seed).random(len(y)) < 0.2
    trusted[[np.flatnonzero(y == label)[:2] for label in np.unique(y)]] = True
    checked = np.where(trusted, y, y_noisy)
    for name in METHODS:
        for label, method, needs_trusted in methods(name):
            for estimator in (NoisyLabelDetector, RobustClassifier):
                model = estimator(method, device="cpu", random_state=seed, **settings)
                model.fit(X, checked, trusted=trusted if needs_trusted else None)
                yield f"{kind}/{seed}/{label}/{estimator.__name__}", evidence(model, X)


def evidence(model, X):
    return {
        "quality": model.label_quality_,
        "weights": model.sample_weights_,
        "mask": model.noise_mask_,
        "suggested": model.suggested_labels_,
        "transition_matrix": model.transition_matrix_,
        "probabilities": model.predict_proba(X),
    }


def _collect(kind, seed):
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    return {
        f"{name}/{part}": np.asarray(value)
        for name, parts in fits(kind, seed)
        for part, value in parts.items()
    }


def collect(n_jobs):
    jobs = [(kind, seed) for kind in KINDS for seed in SEEDS]
    parts = Parallel(n_jobs=n_jobs)(delayed(_collect)(*job) for job in jobs)
    return {name: value for part in parts for name, value in part.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", metavar="FILE")
    parser.add_argument("--compare", metavar="FILE")
    parser.add_argument("--n-jobs", type=int, default=2)
    options = parser.parse_args()
    found = collect(options.n_jobs)
    if options.record:
        np.savez_compressed(options.record, **found)
        print(f"{len(found)} arrays recorded")
    if options.compare:
        known = np.load(options.compare)
        different = [n for n in known.files if not np.array_equal(known[n], found[n])]
        fits = {name.rsplit("/", 1)[0] for name in known.files}
        wrong = {name.rsplit("/", 1)[0] for name in different}
        print("\n".join(different))
        print(f"{len(fits) - len(wrong)} of {len(fits)} fits bit-equal")
        sys.exit(bool(different))


if __name__ == "__main__":
    main()

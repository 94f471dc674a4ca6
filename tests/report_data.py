"""Small fitted estimators whose reports several files of tests look at."""

from functools import cache

import numpy as np
import pandas as pd
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression

from sknoisy import NoisyLabelDetector
from sknoisy.noise import flip_symmetric

# Each sets a mark, or opens a dialog, or asks the network, if it comes alive.
MARK = "document.documentElement.dataset.alive=1"
HOSTILE = (
    f"</script><script>{MARK}</script>",
    "</script><img src=x onerror=alert(1)>",
    f"<img src=x onerror='{MARK}'>",
    f"<svg onload={MARK}>",
    f"<svg><script>{MARK}</script></svg>",
    f"<iframe srcdoc='<script>parent.{MARK}</script>'></iframe>",
    f"<iframe src='javascript:{MARK}'></iframe>",
    f"<a href='javascript:{MARK}'>click</a>",
    f"javascript:{MARK}",
    "{{7*7}}",
    "{% raw %}{{ 7*7 }}",
    "${7*7}",
    f"`${{{MARK}}}`",
    f'"><script>{MARK}</script>',
    f"'><script>{MARK}</script>",
    f'" onmouseover="{MARK}',
    f"' onfocus='{MARK}' autofocus='",
    f"--><script>{MARK}</script><!--",
    f"<!--<script>{MARK}//-->",
    f"]]><script>{MARK}</script>",
    f"</style><script>{MARK}</script>",
    f"</title><script>{MARK}</script>",
    f"</textarea><script>{MARK}</script>",
    f"</option></select><script>{MARK}</script>",
    f"&lt;script&gt;{MARK}&lt;/script&gt;",
    "<link rel=stylesheet href=https://example.org/x.css>",
    "<img src=https://example.org/x.png>",
    "<meta http-equiv=refresh content='0;url=https://example.org'>",
    f"\u2028{MARK}\u2029",
    '=HYPERLINK("https://example.org","x")',
    '\\"};alert(1);//',
    "url(https://example.org/x.png)",
)


def blobs(n_rows=150, n_classes=3, seed=0):
    """Return classes well apart, a fifth of their labels wrong, and the truth."""
    X, y = make_blobs(n_rows, 4, centers=n_classes, cluster_std=1.2, random_state=seed)
    noisy, _ = flip_symmetric(y, 0.2, random_state=seed)
    return X, noisy, y


def quick_detector(**parameters):
    return NoisyLabelDetector(estimator=LogisticRegression(max_iter=1000), random_state=0, **parameters)


@cache
def fitted_table():
    """Return a detector fitted on a DataFrame with row labels, groups and names of classes."""
    X, noisy, truth = blobs()
    names = np.array(["ash", "birch", "cedar"])
    frame = pd.DataFrame(X, columns=["height", "girth", "age", "light"])
    frame.index = [f"tree {number}" for number in range(len(X))]
    groups = np.array(["north", "south"])[np.arange(len(X)) % 2]
    detector = quick_detector().fit(frame, names[noisy], groups=groups)
    return detector, frame, names[noisy], names[truth]


@cache
def fitted_hostile():
    """Return a detector all of whose names are hostile, and its table."""
    n_classes = len(HOSTILE)
    X, noisy, _ = blobs(10 * n_classes, n_classes)
    names = np.array(HOSTILE, dtype=object)
    frame = pd.DataFrame({f"{name} ": X[:, 0] for name in HOSTILE})
    frame["cells"] = names[np.arange(len(X)) % n_classes]
    frame.index = [f"{number} {HOSTILE[number % n_classes]}" for number in range(len(X))]
    groups = names[np.arange(len(X)) % n_classes]
    return quick_detector().fit(X, pd.Series(names[noisy], frame.index), groups=groups), frame

"""Loaders of public data with wrong labels, or with clean ones to be flipped on purpose.

`load_image_folder` lists a folder of your own; `make_bookings`, `make_noisy_classification` and
`load_digits_noisy` need no file. Every other loader looks in the data home first: its argument
``data_home``, else the folder that the environment variable ``SKNOISY_DATA`` names, else
scikit-learn's own data home. What is missing is downloaded from the data's public source, checked
against a known SHA-256, and kept there. What is there already is checked too. Sets that are handed
out on request (ANIMAL-10N, Clothing1M, WebVision) aren't downloaded: their loaders say how to
obtain them.
"""

from ._animal10n import fetch_animal10n
from ._bookings import make_bookings
from ._cifar10 import fetch_cifar10
from ._cifar10n import fetch_cifar10n
from ._cifar100n import fetch_cifar100n
from ._clothing1m import fetch_clothing1m
from ._image_folder import load_image_folder
from ._mnist import fetch_fashion_mnist, fetch_mnist
from ._noisy_labels import load_digits_noisy, make_noisy_classification
from ._sms_spam import fetch_sms_spam
from ._tables import TABLE_NAMES, fetch_table
from ._webvision import fetch_webvision

__all__ = [
    "TABLE_NAMES",
    "fetch_animal10n",
    "fetch_cifar10",
    "fetch_cifar100n",
    "fetch_cifar10n",
    "fetch_clothing1m",
    "fetch_fashion_mnist",
    "fetch_mnist",
    "fetch_sms_spam",
    "fetch_table",
    "fetch_webvision",
    "load_digits_noisy",
    "load_image_folder",
    "make_bookings",
    "make_noisy_classification",
]

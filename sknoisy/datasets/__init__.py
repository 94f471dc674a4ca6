"""Loaders of public data with wrong labels, or with clean ones to be flipped on purpose.

`load_image_folder` lists a folder of your own, and `make_bookings` makes a table to try things out.
Every other loader looks in the data home first: its
argument ``data_home``, else the folder that the environment variable ``SKNOISY_DATA`` names, else
scikit-learn's own data home. What is missing is downloaded from the data's public source, checked
against a known SHA-256, and kept there.
"""

from ._bookings import make_bookings
from ._cifar10 import fetch_cifar10
from ._cifar10n import fetch_cifar10n
from ._image_folder import load_image_folder
from ._mnist import fetch_fashion_mnist, fetch_mnist
from ._sms_spam import fetch_sms_spam
from ._tables import TABLE_NAMES, fetch_table

__all__ = [
    "TABLE_NAMES",
    "fetch_cifar10",
    "fetch_cifar10n",
    "fetch_fashion_mnist",
    "fetch_mnist",
    "fetch_sms_spam",
    "fetch_table",
    "load_image_folder",
    "make_bookings",
]

"""Folders that the package makes for what it keeps can't be entered by others."""

import hashlib
import os
import stat

import numpy as np
import pytest
from small_data import SHORT, easy_table
from torch import nn

from sknoisy import NoisyLabelDetector
from sknoisy.datasets._home import RemoteFile, obtain
from sknoisy.features import PretrainedFeatures

pytestmark = pytest.mark.skipif(os.name != "posix", reason="elsewhere folders have no such modes")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def usual_mask():
    """What a program makes can be read by everybody, as is usual."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def keep_a_training(place, parameter):
    X, y, _ = easy_table(60)
    settings = SHORT | {"max_epochs": 1, parameter: str(place)}
    NoisyLabelDetector("cross_entropy", **settings).fit(X, y)


def keep_embeddings(place):
    images = np.zeros((3, 3, 8, 8), dtype=np.uint8)
    net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    PretrainedFeatures(net, image_size=8, device="cpu", memory=str(place)).fit_transform(images)


def download(place):
    source = place.parent / "source.txt"
    source.write_text("labels")
    sha256 = hashlib.sha256(b"labels").hexdigest()
    obtain(RemoteFile(f"{place.name}/labels.txt", source.as_uri(), sha256), place.parent)


KEEPING = {
    "the cache": lambda place: keep_a_training(place, "memory"),
    "checkpoints": lambda place: keep_a_training(place, "checkpoint_dir"),
    "embeddings": keep_embeddings,
    "data sets": download,
}


@pytest.mark.parametrize("keep", KEEPING.values(), ids=KEEPING)
def test_only_the_owner_can_enter_a_folder_that_the_package_makes(tmp_path, keep):
    keep(tmp_path / "place")
    assert mode(tmp_path / "place") == 0o700


@pytest.mark.parametrize("keep", KEEPING.values(), ids=KEEPING)
def test_a_folder_that_is_there_keeps_its_mode(tmp_path, keep):
    (tmp_path / "place").mkdir(mode=0o755)
    keep(tmp_path / "place")
    assert mode(tmp_path / "place") == 0o755

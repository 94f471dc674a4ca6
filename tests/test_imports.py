"""What an import brings with it, each in a process of its own."""

import subprocess
import sys

import pytest

HEAVY = ("imblearn", "pytest", "sklearn.neighbors", "skrub", "timm", "torch._dynamo", "torchvision")

ROUTES = """
import sklearn
import sknoisy
from sknoisy import NoisyLabelDetector

sklearn.set_config(enable_metadata_routing=True)
detector = NoisyLabelDetector().set_fit_resample_request(sample_weight=True)

from imblearn.base import SamplerMixin
from sklearn.base import BaseEstimator, clone

class Sampler(SamplerMixin, BaseEstimator):
    def fit_resample(self, X, y, weight=None): ...
    def _fit_resample(self, X, y): ...

for each in (detector, clone(detector)):
    assert each.get_metadata_routing().consumes("fit_resample", ["sample_weight"])
    assert each.get_metadata_routing().consumes("fit_resample", ["trusted"])
assert Sampler().set_fit_resample_request(weight=True)
"""


def run(code):
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def imported():
    """Return the names of all modules that `import sknoisy` leaves."""
    return run("import sknoisy, sys; print(*sys.modules)").split()


@pytest.mark.parametrize("name", HEAVY)
def test_the_package_is_imported_without(imported, name):
    assert "sknoisy" in imported
    assert name not in imported


@pytest.mark.slow
def test_requests_made_before_imbalanced_learn_is_imported_hold_afterwards():
    run(ROUTES)


@pytest.mark.slow
def test_the_default_image_net_is_built_from_torchvisions_blocks():
    run(
        "from sknoisy.nets import CifarResNet\n"
        "net = CifarResNet(n_channels=1, n_classes=2, depth=10, width=4)\n"
        "from torchvision.models.resnet import BasicBlock\n"
        "assert isinstance(net.stages[0][0], BasicBlock)"
    )

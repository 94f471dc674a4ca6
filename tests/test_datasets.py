"""Tests of sknoisy.datasets. None of them goes to the network."""

import dataclasses
import gzip
import hashlib
import http.server
import os
import pickle
import re
import struct
import tarfile
import threading
import zipfile
from pathlib import Path
from urllib.error import HTTPError, URLError

import numpy as np
import pandas as pd
import pytest
from data_home import vouch_for
from PIL import Image

from sknoisy.datasets import (
    TABLE_NAMES,
    _cifar10,
    _cifar10n,
    _home,
    _mnist,
    _sms_spam,
    _tables,
    fetch_cifar10,
    fetch_cifar10n,
    fetch_fashion_mnist,
    fetch_mnist,
    fetch_sms_spam,
    fetch_table,
    load_image_folder,
)

CONTENT = b"some data"


def needs(path):
    """Skip a test unless the data home that SKNOISY_DATA names has a file."""
    home = os.environ.get("SKNOISY_DATA")
    is_there = home is not None and (Path(home) / path).is_file()
    return pytest.mark.skipif(not is_there, reason=f"SKNOISY_DATA has no {path}")


def remote_file(source, *, content=CONTENT, **changed):
    """Describe a file whose public source is a file of this machine."""
    fields = {
        "path": "folder/file.bin",
        "url": source.as_uri(),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return _home.RemoteFile(**(fields | changed))


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source.bin"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def no_source(monkeypatch, tmp_path):
    """Public sources of all sets are files that do not exist, so nothing can be downloaded."""
    nowhere = (tmp_path / "nowhere").as_uri()
    monkeypatch.setattr(_tables, "SOURCE", nowhere)
    monkeypatch.setattr(_mnist, "MNIST_SOURCE", nowhere)
    monkeypatch.setattr(_mnist, "FASHION_SOURCE", nowhere)
    archives = ((_cifar10, "ARCHIVE"), (_cifar10n, "OFFICIAL_FILE"), (_sms_spam, "ARCHIVE"))
    for module, name in archives:
        remote = dataclasses.replace(getattr(module, name), url=nowhere)
        monkeypatch.setattr(module, name, remote)


# The data home


def test_argument_wins_over_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("SKNOISY_DATA", str(tmp_path / "environment"))
    assert _home.find_data_home(tmp_path / "argument") == tmp_path / "argument"


def test_environment_names_the_data_home(monkeypatch, tmp_path):
    monkeypatch.setenv("SKNOISY_DATA", str(tmp_path))
    assert _home.find_data_home() == tmp_path


def test_scikit_learns_data_home_is_the_last_resort(monkeypatch, tmp_path):
    monkeypatch.delenv("SKNOISY_DATA", raising=False)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    assert _home.find_data_home() == tmp_path


# Downloads


def test_missing_file_is_downloaded_into_the_data_home(source, home):
    path = _home.obtain(remote_file(source), home)
    assert path == home / "folder" / "file.bin"
    assert path.read_bytes() == CONTENT


@pytest.fixture
def own(home):
    """A file of the data home that isn't the published one."""
    path = home / "folder" / "file.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"filled by hand")
    return path


def test_published_file_in_the_data_home_is_taken_without_download(tmp_path, home, own):
    own.write_bytes(CONTENT)
    assert _home.obtain(remote_file(tmp_path / "nowhere"), home) == own


def test_other_file_in_the_data_home_is_refused_by_its_name(source, home, own):
    with pytest.raises(OSError) as caught:
        _home.obtain(remote_file(source), home)
    message = str(caught.value)
    assert f"{own} is not the published file" in message
    assert hashlib.sha256(b"filled by hand").hexdigest() in message
    assert f"{own}.sha256" in message
    assert own.read_bytes() == b"filled by hand"


def test_damaged_gzip_file_in_the_data_home_is_refused_by_its_name(source, home, own):
    own.write_bytes(gzip.compress(CONTENT)[:-9])
    with pytest.raises(OSError, match=re.escape(f"{own} is not the published file")):
        _home.obtain(remote_file(source, hash_unpacked=True), home)


def test_other_file_in_the_data_home_is_taken_where_its_hash_lies_beside_it(tmp_path, home, own):
    vouch_for(own)
    assert _home.obtain(remote_file(tmp_path / "nowhere"), home) == own
    assert own.read_bytes() == b"filled by hand"


@pytest.mark.parametrize("says", ["", "0" * 64])
def test_file_that_has_another_hash_than_lies_beside_it_is_refused(source, home, own, says):
    own.with_name("file.bin.sha256").write_text(says)
    with pytest.raises(OSError, match=f"file.bin.sha256 says '{says}'"):
        _home.obtain(remote_file(source), home)


def test_wrong_content_is_refused_and_not_kept(source, home):
    remote = remote_file(source, content=b"other data")
    with pytest.raises(OSError, match=f"SHA-256 is {hashlib.sha256(CONTENT).hexdigest()}"):
        _home.obtain(remote, home)
    assert list((home / "folder").iterdir()) == []


def test_hash_of_the_unpacked_content_does_not_depend_on_the_packing(source, home):
    for level in (1, 9):
        source.write_bytes(gzip.compress(CONTENT, compresslevel=level))
        remote = remote_file(source, path=f"level{level}.gz", hash_unpacked=True)
        assert gzip.decompress(_home.obtain(remote, home).read_bytes()) == CONTENT


@pytest.mark.parametrize("damage", [lambda packed: b"no gzip", lambda packed: packed[:-9]])
def test_damaged_gzip_file_is_refused(source, home, damage):
    source.write_bytes(damage(gzip.compress(CONTENT)))
    with pytest.raises(OSError, match="could not be downloaded"):
        _home.obtain(remote_file(source, hash_unpacked=True), home)
    assert list((home / "folder").iterdir()) == []


def test_error_tells_where_to_put_the_file_and_where_to_get_it(tmp_path, home):
    remote = remote_file(tmp_path / "nowhere")
    with pytest.raises(OSError) as caught:
        _home.obtain(remote, home)
    message = str(caught.value)
    assert f"save it as {home / 'folder' / 'file.bin'}" in message
    assert remote.url in message
    assert "SKNOISY_DATA" in message


class Server(http.server.BaseHTTPRequestHandler):
    """Answers one request with each of the statuses in turn; -1 ends the connection early."""

    def do_GET(self):
        self.server.n_requests += 1
        status = self.server.statuses.pop(0)
        self.send_response(200 if status == -1 else status)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[:4] if status == -1 else CONTENT)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    """A server on this machine; set its ``statuses``."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.HTTPServer(("127.0.0.1", 0), Server) as server:
        server.n_requests = 0
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def file_of(server, source):
    return remote_file(source, url=f"http://127.0.0.1:{server.server_port}/file.bin")


@pytest.mark.parametrize("fault", [429, 503, -1])
def test_passing_faults_are_tried_again(server, source, home, fault):
    server.statuses = [fault, fault, 200]
    path = _home.obtain(file_of(server, source), home, delay=0)
    assert path.read_bytes() == CONTENT


def test_missing_page_is_not_asked_for_again(server, source, home):
    server.statuses = [404, 200]
    with pytest.raises(OSError, match="404"):
        _home.obtain(file_of(server, source), home, delay=0)
    assert server.n_requests == 1


def test_attempts_are_limited(server, source, home):
    server.statuses = [503] * 5
    with pytest.raises(OSError, match="503"):
        _home.obtain(file_of(server, source), home, n_attempts=2, delay=0)
    assert server.n_requests == 2


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TimeoutError(), True),
        (URLError(TimeoutError()), True),
        (URLError(ConnectionResetError()), True),
        (URLError(ConnectionRefusedError()), False),
        (URLError(OSError("no such host")), False),
        (HTTPError("", 502, "", None, None), True),
        (HTTPError("", 403, "", None, None), False),
        (PermissionError(), False),
    ],
)
def test_only_faults_that_may_pass_are_worth_another_attempt(error, expected):
    assert _home.may_pass(error) is expected


@pytest.mark.parametrize(
    ("fetch", "path"),
    [
        (lambda home: fetch_table("adult", data_home=home), "tabular/adult.tsv.gz"),
        (
            lambda home: fetch_fashion_mnist(data_home=home),
            "fashion_mnist/train-images-idx3-ubyte.gz",
        ),
        (lambda home: fetch_mnist(data_home=home), "mnist/train-images-idx3-ubyte.gz"),
        (lambda home: fetch_cifar10(data_home=home), "cifar10/cifar-10-binary.tar.gz"),
        (lambda home: fetch_cifar10n(data_home=home), "noisy_labels/CIFAR-10_human.pt"),
        (lambda home: fetch_sms_spam(data_home=home), "text/sms_spam_collection.zip"),
    ],
    ids=["table", "fashion_mnist", "mnist", "cifar10", "cifar10n", "sms_spam"],
)
def test_every_loader_says_where_its_missing_file_belongs(no_source, home, fetch, path):
    with pytest.raises(OSError, match=re.escape(f"save it as {home / path}")):
        fetch(home)


# Tables


def write_table(home, name, table):
    path = home / "tabular" / f"{name}.tsv.gz"
    path.parent.mkdir(parents=True)
    table.to_csv(path, sep="\t", index=False)
    vouch_for(path)


def test_table_is_split_into_features_and_target(home):
    write_table(home, "yeast", pd.DataFrame({"a": [1, 2], "target": [3, 5], "b": [0.5, 1.5]}))
    table = fetch_table("yeast", data_home=home)
    assert table.name == "yeast"
    assert table.feature_names == list(table.data.columns) == ["a", "b"]
    np.testing.assert_array_equal(table.data, [[1, 0.5], [2, 1.5]])
    np.testing.assert_array_equal(table.target, [3, 5])


def test_table_can_be_had_as_a_pair(home):
    write_table(home, "yeast", pd.DataFrame({"a": [1, 2], "target": [3, 5]}))
    X, y = fetch_table("yeast", data_home=home, return_X_y=True)
    assert X.shape == (2, 1)
    np.testing.assert_array_equal(y, [3, 5])


def test_unknown_table_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match="name must be one of adult, .*, yeast, got 'iris'"):
        fetch_table("iris")


def test_table_without_target_is_refused(home):
    write_table(home, "yeast", pd.DataFrame({"a": [1], "b": [2]}))
    with pytest.raises(ValueError, match=r"must have a column 'target', got \['a', 'b'\]"):
        fetch_table("yeast", data_home=home)


def test_there_are_fifteen_tables():
    assert len(set(TABLE_NAMES)) == 15


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=needs(_tables.table_file(name).path)) for name in TABLE_NAMES]
)
def test_table_of_the_data_home_is_numeric_and_the_published_one(name):
    _home.check_hash(_home.obtain(_tables.table_file(name)), _tables.table_file(name))
    X, y = fetch_table(name, return_X_y=True)
    assert np.isfinite(X.to_numpy(dtype=float)).all()
    assert y.shape == (len(X),)
    assert len(np.unique(y)) >= 2


# idx files: MNIST and Fashion-MNIST


def pack_idx(array, *, code=8):
    header = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(header + array.tobytes())


@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (0, 3)])
def test_idx_file_is_read_in_its_shape(tmp_path, shape):
    array = np.random.default_rng(0).integers(0, 256, size=shape, dtype=np.uint8)
    (tmp_path / "file.gz").write_bytes(pack_idx(array))
    found = _mnist.read_idx(tmp_path / "file.gz")
    np.testing.assert_array_equal(found, array)
    assert found.dtype == np.uint8 and found.flags.writeable


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must be an idx file of unsigned bytes"),
        (b"<html>", "must be an idx file of unsigned bytes"),
        (bytes([0, 0, 13, 1, 0, 0, 0, 0]), "must be an idx file of unsigned bytes"),
        (bytes([0, 0, 8, 2, 0, 0, 0, 1]), "must have a header of 12 bytes, got 8"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 7]), r"must hold values of shape \(3,\), got 2"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 1, 7, 7]), r"must hold values of shape \(1,\), got 2"),
    ],
)
def test_damaged_idx_file_is_refused(tmp_path, content, message):
    (tmp_path / "file.gz").write_bytes(gzip.compress(content))
    with pytest.raises(ValueError, match=message):
        _mnist.read_idx(tmp_path / "file.gz")


@pytest.mark.parametrize(
    ("fetch", "folder", "name_of_two"),
    [(fetch_mnist, "mnist", "2"), (fetch_fashion_mnist, "fashion_mnist", "Pullover")],
)
def test_four_idx_files_make_a_set(home, fetch, folder, name_of_two):
    arrays = {
        "train-images-idx3": np.full((3, 28, 28), 9, dtype=np.uint8),
        "train-labels-idx1": np.array([2, 0, 1], dtype=np.uint8),
        "t10k-images-idx3": np.full((2, 28, 28), 7, dtype=np.uint8),
        "t10k-labels-idx1": np.array([1, 2], dtype=np.uint8),
    }
    (home / folder).mkdir(parents=True)
    for name, array in arrays.items():
        path = home / folder / f"{name}-ubyte.gz"
        path.write_bytes(pack_idx(array))
        vouch_for(path)
    images = fetch(data_home=home)
    np.testing.assert_array_equal(images.data, arrays["train-images-idx3"])
    np.testing.assert_array_equal(images.target, [2, 0, 1])
    np.testing.assert_array_equal(images.test_data, arrays["t10k-images-idx3"])
    np.testing.assert_array_equal(images.test_target, [1, 2])
    assert images.target_names[2] == name_of_two


IDX_SETS = [
    ("mnist", _mnist.MNIST_HASHES, fetch_mnist),
    ("fashion_mnist", _mnist.FASHION_HASHES, fetch_fashion_mnist),
]


@pytest.mark.parametrize(
    ("folder", "hashes", "fetch"),
    [
        pytest.param(*row, marks=needs(f"{row[0]}/train-images-idx3-ubyte.gz"), id=row[0])
        for row in IDX_SETS
    ],
)
def test_idx_files_of_the_data_home_are_the_published_ones(folder, hashes, fetch):
    for remote in _mnist.idx_files(folder, "", hashes):
        _home.check_hash(_home.obtain(remote), remote)
    images = fetch()
    assert (images.data.shape, images.test_data.shape) == ((60000, 28, 28), (10000, 28, 28))
    assert np.bincount(images.test_target).tolist()[0] in (980, 1000)
    assert len(images.target_names) == images.target.max() + 1 == 10


# CIFAR-10


@pytest.fixture
def cifar():
    """Ten training and two test images, with labels."""
    generator = np.random.default_rng(0)
    return {
        "data": generator.integers(0, 256, size=(10, 32, 32, 3), dtype=np.uint8),
        "target": np.arange(10)[::-1],
        "test_data": generator.integers(0, 256, size=(2, 32, 32, 3), dtype=np.uint8),
        "test_target": np.array([4, 2]),
    }


def pack_records(images, labels):
    planes = np.moveaxis(images, 3, 1).reshape(len(images), -1)
    return np.column_stack([labels.astype(np.uint8), planes]).tobytes()


def write_batches(folder, cifar):
    folder.mkdir(parents=True)
    for number in range(5):
        rows = slice(2 * number, 2 * number + 2)
        content = pack_records(cifar["data"][rows], cifar["target"][rows])
        (folder / f"data_batch_{number + 1}.bin").write_bytes(content)
    test_content = pack_records(cifar["test_data"], cifar["test_target"])
    (folder / "test_batch.bin").write_bytes(test_content)
    for path in list(folder.iterdir()):
        vouch_for(path)


def write_archive(path, folder, *, leave_out=()):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        for file in sorted(folder.glob("*.bin"), reverse=True):
            if file.name not in leave_out:
                archive.add(file, arcname=f"cifar-10-batches-bin/{file.name}")
    vouch_for(path)


def write_tiles(folder, cifar):
    folder.mkdir(parents=True)
    pictures = {
        "train_00": cifar["data"][:6].reshape(2, 3, 32, 32, 3),
        "train_01": cifar["data"][6:].reshape(2, 2, 32, 32, 3),
        "test1000_00": cifar["test_data"].reshape(1, 2, 32, 32, 3),
    }
    for name, grid in pictures.items():
        picture = np.concatenate([np.concatenate(row, axis=1) for row in grid], axis=0)
        Image.fromarray(picture).save(folder / f"{name}.webp", lossless=True)
    # More test labels than test images: the pictures hold only the first of them.
    test_target = np.append(cifar["test_target"], [9, 9, 9])
    np.savez(folder / "labels.npz", train=cifar["target"], test=test_target)
    vouch_for(folder / "labels.npz")


def assert_same_set(found, expected):
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def test_cifar10_is_read_from_unpacked_batches(home, cifar):
    write_batches(home / "cifar10" / "cifar-10-batches-bin", cifar)
    assert_same_set(fetch_cifar10(data_home=home), cifar)


def test_cifar10_is_read_from_the_archive(tmp_path, home, cifar):
    write_batches(tmp_path / "batches", cifar)
    write_archive(home / "cifar10" / "cifar-10-binary.tar.gz", tmp_path / "batches")
    assert_same_set(fetch_cifar10(data_home=home), cifar)


def test_cifar10_is_read_from_pictures_of_many_images(home, cifar):
    write_tiles(home / "cifar10", cifar)
    assert_same_set(fetch_cifar10(data_home=home), cifar)


def test_cifar10_prefers_the_archive_to_pictures(tmp_path, home, cifar):
    write_tiles(home / "cifar10", cifar)
    other = cifar | {"target": (cifar["target"] + 1) % 10}
    write_batches(tmp_path / "batches", other)
    write_archive(home / "cifar10" / "cifar-10-binary.tar.gz", tmp_path / "batches")
    assert_same_set(fetch_cifar10(data_home=home), other)


def test_cifar10_archive_is_downloaded_if_nothing_is_there(monkeypatch, tmp_path, home, cifar):
    write_batches(tmp_path / "batches", cifar)
    source = tmp_path / "source.tar.gz"
    write_archive(source, tmp_path / "batches")
    monkeypatch.setattr(
        _cifar10,
        "ARCHIVE",
        remote_file(source, content=source.read_bytes(), path=_cifar10.ARCHIVE.path),
    )
    assert_same_set(fetch_cifar10(data_home=home), cifar)


def test_cifar10_has_a_name_for_every_class(home, cifar):
    write_batches(home / "cifar10" / "cifar-10-batches-bin", cifar)
    names = fetch_cifar10(data_home=home).target_names
    assert (len(names), names[3], names[5]) == (10, "cat", "dog")


def test_cifar10_archive_without_a_batch_is_refused(tmp_path, home, cifar):
    write_batches(tmp_path / "batches", cifar)
    archive = home / "cifar10" / "cifar-10-binary.tar.gz"
    write_archive(archive, tmp_path / "batches", leave_out={"data_batch_3.bin"})
    with pytest.raises(ValueError, match="must contain data_batch_3.bin"):
        fetch_cifar10(data_home=home)


def test_cifar10_with_a_missing_picture_is_refused(home, cifar):
    write_tiles(home / "cifar10", cifar)
    (home / "cifar10" / "train_01.webp").unlink()
    with pytest.raises(ValueError, match="must have 10 training images, got 6"):
        fetch_cifar10(data_home=home)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bytes(3072), "must be records of 3073 bytes, got 3072"),
        (bytes([10]) + bytes(3072), "Labels must be in 0 to 9, got 10"),
    ],
)
def test_damaged_cifar10_records_are_refused(content, message):
    with pytest.raises(ValueError, match=message):
        _cifar10.decode_records(content)


def test_picture_of_the_wrong_size_is_refused():
    with pytest.raises(ValueError, match="sides that 32 divides, got 64 x 40"):
        _cifar10.split_picture(np.zeros((64, 40, 3), dtype=np.uint8))


@needs("cifar10/train_00.webp")
def test_cifar10_pictures_of_the_data_home_equal_the_official_first_batch():
    cifar = _cifar10.load_tiles(_home.find_data_home() / "cifar10")
    content = pack_records(cifar["data"][:10000], cifar["target"][:10000])
    # SHA-256 of data_batch_1.bin in the official archive.
    expected = "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"
    assert hashlib.sha256(content).hexdigest() == expected
    assert cifar["data"].shape == (50000, 32, 32, 3)


# CIFAR-10N


@pytest.fixture
def human_labels():
    keys = ("clean_label", "aggre_label", "random_label1", "random_label2", "worse_label")
    return {key: np.array([number, 9]) for number, key in enumerate(keys)}


def write_official_file(home, content):
    path = home / "noisy_labels" / "CIFAR-10_human.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    # The official file is older than NumPy 2, which renamed this module.
    packed = pickle.dumps(content, protocol=2).replace(b"numpy._core", b"numpy.core")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", packed)
    vouch_for(path)


def write_own_copy(home, arrays):
    path = home / "noisy_labels" / "cifar10n.npz"
    path.parent.mkdir(parents=True)
    np.savez(path, **arrays)
    vouch_for(path)


@pytest.mark.parametrize(
    ("label", "first"), [("clean", 0), ("aggregate", 1), ("random1", 2), ("worse", 4)]
)
@pytest.mark.parametrize("write", [write_official_file, write_own_copy])
def test_human_labels_are_read_from_both_files(home, human_labels, write, label, first):
    write(home, human_labels)
    found = fetch_cifar10n(label=label, data_home=home)
    np.testing.assert_array_equal(found, [first, 9])
    assert found.dtype == np.int64


def test_official_file_helps_out_where_the_own_copy_lacks_labels(home, human_labels):
    write_own_copy(home, {"worse_label": human_labels["worse_label"]})
    write_official_file(home, human_labels)
    np.testing.assert_array_equal(fetch_cifar10n(label="random2", data_home=home), [3, 9])


def test_unknown_kind_of_human_label_is_refused():
    with pytest.raises(ValueError, match="label must be one of aggregate, .*, got 'worst'"):
        fetch_cifar10n(label="worst")


def test_pickle_that_would_run_code_is_refused(home):
    class Malicious:
        def __reduce__(self):
            return os.mkdir, (str(home / "harm"),)

    write_official_file(home, Malicious())
    with pytest.raises(pickle.UnpicklingError, match="Only arrays are admitted"):
        fetch_cifar10n(data_home=home)
    assert not (home / "harm").exists()


@needs("noisy_labels/cifar10n.npz")
@pytest.mark.parametrize(
    ("label", "share"), [("worse", 0.402), ("random1", 0.172), ("aggregate", 0.090)]
)
def test_human_labels_are_wrong_as_often_as_published(label, share):
    y_noisy, y_true = fetch_cifar10n(label=label), fetch_cifar10n(label="clean")
    assert (y_noisy != y_true).mean() == pytest.approx(share, abs=5e-4)


# Files of the data home that hold published values in another form


def write_other_batches(home, cifar):
    write_batches(home / "cifar10" / "cifar-10-batches-bin", cifar)
    return home / "cifar10" / "cifar-10-batches-bin" / "data_batch_1.bin", fetch_cifar10


def write_other_labels(home, cifar):
    write_tiles(home / "cifar10", cifar)
    return home / "cifar10" / "labels.npz", fetch_cifar10


def write_other_answers(home, cifar):
    write_own_copy(home, {"worse_label": cifar["target"]})
    return home / "noisy_labels" / "cifar10n.npz", fetch_cifar10n


def write_other_messages(home, cifar):
    write_sms_table(home / "text" / "sms_spam.tsv.gz")
    return home / "text" / "sms_spam.tsv.gz", fetch_sms_spam


@pytest.mark.parametrize(
    "write", [write_other_batches, write_other_labels, write_other_answers, write_other_messages]
)
def test_own_copy_with_other_values_than_published_is_refused_by_its_name(home, cifar, write):
    path, fetch = write(home, cifar)
    path.with_name(f"{path.name}.sha256").unlink()
    with pytest.raises(OSError, match=re.escape(f"{path} is not the published file")):
        fetch(data_home=home)


# Texts

MESSAGES = [("ham", 'He said "hi" '), ("spam", "WIN £1000 now"), ("ham", "null"), ("ham", "a, b")]


def write_sms_archive(path):
    content = "".join(f"{label}\t{text}\n" for label, text in MESSAGES).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("SMSSpamCollection", content)
        archive.writestr("readme", "about")
    vouch_for(path)


def write_sms_table(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(MESSAGES, columns=["label", "text"])
    table.to_csv(path, sep="\t", index=False, compression="gzip")
    vouch_for(path)


@pytest.mark.parametrize(
    ("write", "name"),
    [(write_sms_archive, "sms_spam_collection.zip"), (write_sms_table, "sms_spam.tsv.gz")],
    ids=["archive", "own copy"],
)
def test_messages_are_read_as_they_are_from_both_files(no_source, home, write, name):
    write(home / "text" / name)
    X, y = fetch_sms_spam(data_home=home, return_X_y=True)
    assert list(zip(y, X, strict=True)) == MESSAGES
    assert fetch_sms_spam(data_home=home).target_names == ["ham", "spam"]


def test_messages_are_downloaded_if_nothing_is_there(monkeypatch, tmp_path, home):
    source = tmp_path / "source.zip"
    write_sms_archive(source)
    sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
    remote = dataclasses.replace(_sms_spam.ARCHIVE, url=source.as_uri(), sha256=sha256)
    monkeypatch.setattr(_sms_spam, "ARCHIVE", remote)
    assert list(fetch_sms_spam(data_home=home).data) == [text for _, text in MESSAGES]


def test_archive_without_messages_is_refused(home):
    path = home / "text" / "sms_spam_collection.zip"
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other", "")
    vouch_for(path)
    with pytest.raises(ValueError, match="must be an archive with SMSSpamCollection"):
        fetch_sms_spam(data_home=home)


def test_own_copy_of_messages_without_labels_is_refused(home):
    path = home / "text" / "sms_spam.tsv.gz"
    path.parent.mkdir(parents=True)
    pd.DataFrame({"text": ["a"]}).to_csv(path, sep="\t", index=False, compression="gzip")
    with pytest.raises(ValueError, match=r"must have the columns \['label', 'text'\]"):
        fetch_sms_spam(data_home=home)


@needs("text/sms_spam.tsv.gz")
def test_messages_of_the_data_home_are_the_published_ones():
    X, y = fetch_sms_spam(return_X_y=True)
    content = "".join(f"{label}\t{text}\n" for label, text in zip(y, X, strict=True)).encode()
    published = "7d039a24a6083ed9ef0f806ebad56bbb976e3aeb8de05669173bfdc4996c239d"
    assert hashlib.sha256(content).hexdigest() == published


# Folders of images


@pytest.fixture
def photos(tmp_path):
    places = ["dog/2.JPG", "cat/b.png", "cat/deep/a.jpeg", "dog/1.webp"]
    others = ["top.png", "cat/notes.txt", "cat/.hidden.png", ".cache/x.png"]
    for place in [*places, *others]:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    (tmp_path / "empty").mkdir()
    return tmp_path


def test_images_of_a_folder_are_listed_with_the_names_of_their_classes(photos):
    paths, labels = load_image_folder(photos)
    assert list(paths.index) == ["cat/b.png", "cat/deep/a.jpeg", "dog/1.webp", "dog/2.JPG"]
    assert list(labels) == ["cat", "cat", "dog", "dog"]
    assert paths.index.equals(labels.index) and paths.index.name == "path"
    assert all(Path(path) == photos / place for place, path in paths.items())


def test_folder_that_is_not_there_or_has_no_classes_is_refused(photos):
    with pytest.raises(FileNotFoundError, match="no folder .*nowhere"):
        load_image_folder(photos / "nowhere")
    with pytest.raises(ValueError, match="must have subfolders"):
        load_image_folder(photos / "cat" / "deep")

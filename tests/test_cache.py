"""The cache of `memory=`: what is there is read, and nobody waits for ever for what isn't."""

import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from joblib import Memory
from script_runner import run_script

from sknoisy import NoisyLabelDetector, RobustClassifier
from sknoisy._cache_lock import entry_lock
from sknoisy.exceptions import CacheWarning

ROOT, NOBODY = 0, 65534
BOTH = pytest.mark.parametrize("estimator_class", [NoisyLabelDetector, RobustClassifier])


def table():
    X = np.random.default_rng(0).normal(size=(40, 3))
    return X, (X[:, 0] > 0).astype(int)


def detector(memory, **settings):
    parameters = {"max_epochs": 2, "random_state": 0} | settings
    return NoisyLabelDetector("cross_entropy", memory=memory, **parameters)


def locks(folder):
    return folder / "joblib" / "sknoisy_locks"


@pytest.fixture
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


# -- damaged entries -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def entry(tmp_path_factory):
    """A cache with one entry, the file of it, and what was fitted."""
    folder = tmp_path_factory.mktemp("cache")
    model = detector(str(folder)).fit(*table())
    (path,) = folder.rglob("output.pkl")
    return folder, path, path.read_bytes(), model


def assert_trained_again(entry, damaged):
    folder, path, content, model = entry
    path.write_bytes(damaged)
    try:
        with pytest.warns(CacheWarning, match="damaged entry .* trained again"):
            other = detector(str(folder)).fit(*table())
        np.testing.assert_array_equal(model.label_quality_, other.label_quality_)
        X, _ = table()
        np.testing.assert_array_equal(model.predict_proba(X), other.predict_proba(X))
    finally:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)


@pytest.mark.first_case_is_quick
@pytest.mark.parametrize("seed", range(20))
def test_an_entry_with_a_changed_bit_is_trained_again(entry, seed):
    generator = np.random.default_rng(seed)
    damaged = bytearray(entry[2])
    damaged[generator.integers(len(damaged))] ^= 1 << generator.integers(8)
    assert_trained_again(entry, bytes(damaged))


@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_an_entry_that_isnt_whole_is_trained_again(entry, share):
    assert_trained_again(entry, entry[2][: int(share * len(entry[2]))])


def test_an_entry_is_mended_by_the_training(entry, quiet):
    folder, path, content, model = entry
    path.write_bytes(b"nothing")
    with pytest.warns(CacheWarning):
        detector(str(folder)).fit(*table())
    other = detector(str(folder)).fit(*table())
    np.testing.assert_array_equal(model.label_quality_, other.label_quality_)


# -- folders -------------------------------------------------------------------------------------


def test_an_entry_is_read_where_no_lock_can_be_made(tmp_path, quiet):
    first = detector(str(tmp_path)).fit(*table())
    shutil.rmtree(locks(tmp_path))
    locks(tmp_path).write_text("a file where the folder of the locks should be")
    again = detector(str(tmp_path)).fit(*table())
    np.testing.assert_array_equal(first.label_quality_, again.label_quality_)


def test_a_training_without_a_lock_says_so(tmp_path):
    detector(str(tmp_path)).fit(*table())
    shutil.rmtree(locks(tmp_path))
    locks(tmp_path).write_text("a file where the folder of the locks should be")
    with pytest.warns(CacheWarning, match="without the lock .*sknoisy_locks"):
        detector(str(tmp_path), max_epochs=3).fit(*table())


AS_USER = """
import os, sys, warnings
import numpy as np
from sknoisy import NoisyLabelDetector

folder, user, action, n_epochs = sys.argv[1:]
X = np.random.default_rng(0).normal(size=(40, 3))
y = (X[:, 0] > 0).astype(int)
# What is imported late is imported now, while it can still be read.
NoisyLabelDetector("cross_entropy", max_epochs=1).fit(X, y)
os.setgid(int(user))
os.setuid(int(user))
can_write = os.access(os.path.join(folder, "joblib"), os.W_OK)
assert can_write == (user == "0"), folder
warnings.simplefilter(action)
settings = {"max_epochs": int(n_epochs), "memory": folder, "random_state": 0}
fitted = NoisyLabelDetector("cross_entropy", **settings).fit(X, y)
print(float(fitted.label_quality_.sum()))
"""


@contextmanager
def temporary_open_folder():
    """A folder that other users may look into, as they may not into pytest's."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    (folder / "joblib").mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def open_folder():
    with temporary_open_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def used_folder():
    """One with a training of two epochs by root."""
    with temporary_open_folder() as folder:
        # In a process of its own: joblib completes only the first folder that a process uses.
        done = run_as_user(folder, ROOT, "ignore", 2)
        assert done.returncode == 0, done.stderr
        yield folder


def run_as_user(folder, *arguments):
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    with tempfile.TemporaryDirectory() as place:
        script = Path(place) / "as_user.py"
        script.write_text(AS_USER)
        return run_script(script, [folder, *arguments], folder="/", environment={})


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be another user"
)
@pytest.mark.parametrize(("action", "n_epochs"), [("error", 2), ("ignore", 3)])
def test_a_folder_that_is_read_only_for_another_user_is_of_use(used_folder, action, n_epochs):
    expected = detector(None, max_epochs=n_epochs).fit(*table()).label_quality_.sum()
    done = run_as_user(used_folder, NOBODY, action, n_epochs)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == expected


@pytest.mark.slow
@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be another user"
)
def test_a_folder_that_was_never_used_and_is_read_only_is_named(open_folder):
    done = run_as_user(open_folder, NOBODY, "default", 2)
    assert done.returncode == 1
    assert "ValueError: The 'memory' parameter must be a folder" in done.stderr


def file_in_place_of_a_folder(folder):
    (folder / "cache").write_text("not a folder")
    return str(folder / "cache")


def folder_below_a_file(folder):
    (folder / "file").write_text("not a folder")
    return str(folder / "file" / "cache")


@BOTH
@pytest.mark.parametrize("bad", [file_in_place_of_a_folder, folder_below_a_file])
def test_a_cache_that_cannot_be_made_is_named(estimator_class, bad, tmp_path):
    memory = bad(tmp_path)
    with pytest.raises(ValueError, match="'memory' parameter must be a folder.*Got .*(file|cache)"):
        estimator_class(memory=memory).fit(*table())


@pytest.mark.parametrize("kind", [str, Memory], ids=["path", "Memory"])
def test_a_cache_whose_folder_is_removed_is_made_anew(kind, tmp_path, quiet):
    memory = str(tmp_path / "cache") if kind is str else Memory(tmp_path / "cache", verbose=0)
    first = detector(memory).fit(*table())
    shutil.rmtree(tmp_path / "cache")
    again = detector(memory).fit(*table())
    np.testing.assert_array_equal(first.label_quality_, again.label_quality_)


class Cacher:
    """Has what scikit-learn asks of a memory, and nothing else."""

    def cache(self, function, ignore=None):
        return function


def test_any_object_with_a_cache_method_will_do():
    fitted = detector(Cacher()).fit(*table())
    expected = detector(None).fit(*table())
    np.testing.assert_array_equal(fitted.label_quality_, expected.label_quality_)


def test_an_entry_that_is_broken_is_made_anew(tmp_path):
    first = detector(str(tmp_path)).fit(*table())
    (entry,) = tmp_path.rglob("output.pkl")
    entry.write_bytes(entry.read_bytes()[:100])
    again = detector(str(tmp_path)).fit(*table())
    np.testing.assert_array_equal(first.label_quality_, again.label_quality_)


# -- locks ---------------------------------------------------------------------------------------


def _hold(path, seconds, is_held):
    with entry_lock(path, pulse=0.2):
        is_held.set()
        time.sleep(seconds)


@pytest.fixture
def hold():
    """Starts processes that hold a lock for some time."""
    # Not spawn, which takes the import of torch: these do nothing with it.
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("processes can't be forked here")
    context = multiprocessing.get_context("fork")
    holders = []

    def start(path, seconds):
        is_held = context.Event()
        holders.append(context.Process(target=_hold, args=(str(path), seconds, is_held)))
        holders[-1].start()
        assert is_held.wait(20)
        return holders[-1]

    yield start
    for holder in holders:
        holder.kill()
        holder.join()


def test_a_lock_that_is_free_says_nothing_and_leaves_no_pulse(tmp_path, quiet):
    with entry_lock(str(tmp_path / "locks" / "entry")):
        pass
    assert not list(tmp_path.rglob("*.pulse"))


def test_a_lock_is_held_by_one_thread_at_a_time(tmp_path):
    inside, most = [], []

    def work():
        with entry_lock(str(tmp_path / "entry")):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.02)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 4


@pytest.mark.slow
def test_a_long_wait_is_made_known_once_and_goes_on_while_the_holder_lives(tmp_path, hold):
    path = str(tmp_path / "entry")
    hold(path, 3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with entry_lock(path, notice_after=0.5, patience=1.5):
            pass
    messages = [str(each.message) for each in caught]
    # A second one would say that the wait was given up.
    assert [each.category for each in caught] == [CacheWarning], messages
    assert path in messages[0] and "Waiting" in messages[0]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="processes can't be stopped here")
def test_a_stopped_holder_is_not_waited_for(tmp_path, hold):
    path = str(tmp_path / "entry")
    holder = hold(path, 60)
    os.kill(holder.pid, signal.SIGSTOP)
    start = time.monotonic()
    with pytest.warns(CacheWarning, match="no sign of life for 1.5 s"):
        with entry_lock(path, notice_after=0.5, patience=1.5):
            assert holder.is_alive()
    assert 1.5 <= time.monotonic() - start < 10


def test_a_killed_holder_is_not_waited_for(tmp_path, hold, quiet):
    path = str(tmp_path / "entry")
    holder = hold(path, 60)
    holder.kill()
    holder.join()
    with entry_lock(path, notice_after=5):
        pass


@pytest.mark.slow
def test_a_fit_that_waits_for_another_process_says_so(tmp_path, hold):
    fitted = detector(str(tmp_path)).fit(*table())
    (entry,) = [path for path in locks(tmp_path).iterdir() if path.suffix != ".pulse"]
    shutil.rmtree(tmp_path / "joblib" / "sknoisy")
    hold(entry, 8)
    with pytest.warns(CacheWarning, match=f"Waiting for it, by the lock {entry}"):
        again = detector(str(tmp_path)).fit(*table())
    np.testing.assert_array_equal(fitted.label_quality_, again.label_quality_)

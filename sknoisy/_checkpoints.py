"""The folder of `checkpoint_dir`, in which a fit keeps how far its trainings are."""

from __future__ import annotations

import hashlib
import json
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from ._evidence import VERSIONS, draw_seed, hashed
from ._fit_progress import say_in_interrupt
from ._private_folders import make_private_folder
from .exceptions import CheckpointError, CheckpointWarning
from .persistence._archive import read_parts, replacing, write_parts
from .training import (
    StoredTraining,
    TrainingData,
    current_ranks,
    current_store,
    keeping_trainings,
)

FORMAT = 1
LOCK, FIT, SUFFIX = "sknoisy.lock", "sknoisy_fit.json", ".sknoisy_checkpoint"
DESCRIPTION, ARRAYS = "checkpoint.json", "state.safetensors"
# Seconds between two checkpoints of one fit, and how many times as long as writing the last one
# took must have passed.
SECONDS_BETWEEN = 60.0
TIMES_OF_WRITING = 50
# They don't change what a fit finds, or are compared by what becomes of them.
NOT_COMPARED = ("checkpoint_dir", "memory", "random_state", "verbose")


@contextmanager
def fit_checkpoints(estimator: Any) -> Iterator[None]:
    """Keep the trainings of a fit in the folder that the estimator names, until it has ended."""
    folder = estimator.checkpoint_dir
    if folder is None:
        with keeping_trainings(None):
            yield
        return
    if not isinstance(folder, str | os.PathLike):
        raise TypeError(
            f"The 'checkpoint_dir' parameter of {type(estimator).__name__} must be None or the "
            f"path of a folder. Got {folder!r} instead."
        )
    ranks = current_ranks()
    with ExitStack() as stack:
        ranks.first_does(lambda: stack.enter_context(_locked(Path(folder))))
        store: Any = CheckpointFolder(Path(folder))
        if ranks.n_ranks > 1:
            store = SharedFolder(store, ranks)
        try:
            with keeping_trainings(store):
                yield
        except KeyboardInterrupt as error:
            say_in_interrupt(error, store.position())
            raise
        store.remove()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    # Only who keeps checkpoints needs it.
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK)
    try:
        make_private_folder(folder)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise CheckpointError(
            f"Another fit uses the 'checkpoint_dir' {str(folder)!r} just now. Each fit that runs "
            "at the same time needs a folder of its own."
        ) from error
    except (OSError, NotImplementedError, ValueError) as error:
        raise CheckpointError(
            "The 'checkpoint_dir' parameter must be a folder that can be made, locked and written "
            f"to. Got {str(folder)!r}: {error}."
        ) from error
    try:
        yield
    finally:
        lock.release()


def describe_fit(estimator: Any, data: TrainingData, random_state: int | None) -> None:
    """Tell the folder of the fit under way what the fit is of.

    Raises
    ------
    CheckpointError
        If what lies in the folder is of another fit.
    """
    store = current_store()
    if not isinstance(store, CheckpointFolder | SharedFolder):
        return
    parameters = estimator.get_params(deep=False)
    parts: dict[str, Any] = {
        "X": (data.X, data.table),
        "y": (data.y, estimator.classes_),
        "trusted": data.trusted,
        "sample_weight": data.sample_weight,
        "groups": data.groups,
        **{name: each for name, each in parameters.items() if name not in NOT_COMPARED},
        "random_state": random_state,
        "the class": type(estimator).__name__,
        "versions of the packages": VERSIONS,
    }
    fingerprints = {name: _fingerprint(name, each) for name, each in parts.items()}
    store.begin(fingerprints, random_state)


def _fingerprint(name: str, value: Any) -> str:
    try:
        return hashed(value.item() if isinstance(value, np.generic) else value)
    except Exception as error:
        # What pickling user's objects raises can't be foreseen.
        raise CheckpointError(
            f"With a 'checkpoint_dir', '{name}' must be something that can be pickled, so that an "
            f"equal fit is known again: {error}."
        ) from error


class CheckpointFolder:
    """Files of one fit: what it is of, and the state of each of its trainings.

    Parameters
    ----------
    folder : Path
        Locked.

    Attributes
    ----------
    seed : int
        What stands in for a random state of None, also after an interruption.
    """

    def __init__(self, folder: Path) -> None:
        self.seed = 0
        self._folder = folder
        self._identity = ""
        self._descriptions: dict[str, Any] = {}
        self._part, self._n_trainings = "", 0
        self._latest = ""
        self._written_at = time.monotonic()
        self._seconds_of_writing = 0.0

    def begin(self, fingerprints: dict[str, str], random_state: int | None) -> None:
        """Compare what the fit is of with what lies in the folder, if something does."""
        kept = self._kept_fit()
        if kept is None:
            self.remove()
            seed = draw_seed(None) if random_state is None else int(random_state)
            kept = {"format": FORMAT, "fingerprints": fingerprints, "seed": seed}
            self._write(FIT, _as_bytes(kept | {"checksum": _checksum(_as_bytes(kept))}))
        found = kept["fingerprints"]
        names = [n for n in {**found, **fingerprints} if found.get(n) != fingerprints.get(n)]
        if names:
            raise CheckpointError(
                f"The checkpoint in {str(self._folder)!r} is of another fit: "
                f"{', '.join(map(repr, names))} differ{'s' if len(names) == 1 else ''}. Fit with "
                "what it was made with, choose another 'checkpoint_dir', or remove the folder."
            )
        self.seed = kept["seed"]
        self._identity = _checksum(_as_bytes(kept))

    def _kept_fit(self) -> dict[str, Any] | None:
        try:
            kept = json.loads((self._folder / FIT).read_bytes())
            checksum = kept.pop("checksum")
        except FileNotFoundError:
            return None
        except (AttributeError, KeyError, OSError, ValueError) as error:
            self._warn(FIT, str(error))
            return None
        if checksum != _checksum(_as_bytes(kept)):
            self._warn(FIT, "its checksum differs")
            return None
        if kept.get("format") != FORMAT:
            raise CheckpointError(
                f"The checkpoint in {str(self._folder)!r} is of another version of sknoisy. "
                "Choose another 'checkpoint_dir', or remove the folder."
            )
        return kept

    def begin_part(self, name: str) -> None:
        self._part, self._n_trainings = name, 0

    def next_training(self, description: dict[str, Any]) -> str:
        self._n_trainings += 1
        name = f"{self._part}_{self._n_trainings}"
        self._descriptions[name] = description
        return name

    # -- read ----------------------------------------------------------------------------------

    def stored(self, name: str) -> StoredTraining | None:
        # Only who has something to go on with needs them.
        from safetensors.numpy import load

        path = self._path(name)
        if not path.exists():
            return None
        try:
            parts = read_parts(path, (DESCRIPTION, ARRAYS), SUFFIX)
            kept = json.loads(parts[DESCRIPTION])
            checksum = kept.pop("checksum")
            if checksum != _checksum(_as_bytes(kept), parts[ARRAYS]):
                raise ValueError("its checksum differs")
            arrays = load(parts[ARRAYS])
        except Exception as error:
            # What damaged bytes lead to can't be foreseen.
            self._warn(path.name, str(error))
            return None
        if kept["fit"] != self._identity or kept["training"] != self._descriptions[name]:
            self._warn(path.name, "it is of another training")
            return None
        self._latest = f"epoch {kept['n_epochs']} of the training {name!r}"
        return StoredTraining(kept["n_epochs"], kept["is_over"], kept["state"], arrays)

    def mismatch(self, name: str, error: Exception) -> CheckpointError:
        return CheckpointError(
            f"The checkpoint {str(self._path(name))!r} doesn't fit the training ({error}). Remove "
            "the file: the training then starts from its first epoch."
        )

    def _warn(self, name: str, reason: str) -> None:
        warnings.warn(
            f"The checkpoint {str(self._folder / name)!r} isn't used ({reason}): what it is of is "
            "trained again.",
            CheckpointWarning,
            stacklevel=3,
        )

    # -- write ---------------------------------------------------------------------------------

    def is_due(self) -> bool:
        passed = time.monotonic() - self._written_at
        return passed >= max(SECONDS_BETWEEN, TIMES_OF_WRITING * self._seconds_of_writing)

    def store(self, name: str, training: StoredTraining) -> None:
        from safetensors.numpy import save

        start = time.monotonic()
        arrays = save(training.arrays)
        kept = {
            "fit": self._identity,
            "training": self._descriptions[name],
            "n_epochs": training.n_epochs,
            "is_over": bool(training.is_over),
            "state": training.state,
        }
        # The checksum is of what will be read: infinite numbers and keys have other forms there.
        description = _as_bytes(kept)
        checksum = _checksum(description, arrays)
        described = description[:-1] + b',"checksum":' + json.dumps(checksum).encode() + b"}"
        self._write(self._path(name).name, {DESCRIPTION: described, ARRAYS: arrays})
        self._latest = f"epoch {training.n_epochs} of the training {name!r}"
        self._written_at = time.monotonic()
        self._seconds_of_writing = self._written_at - start

    def _write(self, name: str, content: bytes | dict[str, bytes]) -> None:
        path = self._folder / name
        try:
            if isinstance(content, dict):
                write_parts(path, content, uncompressed=(DESCRIPTION, ARRAYS))
            else:
                with replacing(path) as stream:
                    stream.write(content)
        except OSError as error:
            raise CheckpointError(
                f"No checkpoint can be written to {str(self._folder)!r}: {error}. {self.position()}"
            ) from error

    def position(self) -> str:
        """Return how far an equal fit would come by what lies in the folder."""
        if not self._latest:
            return f"Nothing of this fit lies in the checkpoint folder {str(self._folder)!r} yet."
        return (
            f"The checkpoint in {str(self._folder)!r} is of {self._latest}: an equal fit goes on "
            "from there."
        )

    def remove(self) -> None:
        """Remove all that a fit keeps; the lock stays, since others may be about to take it."""
        written = [self._folder / FIT, *self._folder.glob(f"*{SUFFIX}")]
        # What was under way when a process was stopped.
        written += self._folder.glob(f".*{SUFFIX}.*.tmp")
        written += self._folder.glob(f".{FIT}.*.tmp")
        for each in written:
            with suppress(OSError):
                each.unlink()

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{SUFFIX}"


class SharedFolder:
    """The folder of a fit that several processes do together: the first one reads and writes.

    What is kept of a training is what they have in common, so it can be gone on with by any number
    of processes, and only the first needs to see the folder.

    Parameters
    ----------
    folder : CheckpointFolder
        Locked by the first.
    ranks : Ranks
    """

    def __init__(self, folder: CheckpointFolder, ranks: Any) -> None:
        self._folder = folder
        self._ranks = ranks
        self.seed = 0
        # Nothing of these is read or written.
        self.begin_part = folder.begin_part
        self.next_training = folder.next_training
        self.mismatch = folder.mismatch
        self.position = folder.position

    def begin(self, fingerprints: dict[str, str], random_state: int | None) -> None:
        self._ranks.first_does(lambda: self._folder.begin(fingerprints, random_state))
        self.seed = self._ranks.same(self._folder.seed)

    def stored(self, name: str) -> StoredTraining | None:
        return self._ranks.first_does(lambda: self._folder.stored(name))

    def is_due(self) -> bool:
        return self._ranks.first_does(self._folder.is_due)

    def store(self, name: str, training: StoredTraining) -> None:
        self._ranks.first_does(lambda: self._folder.store(name, training))

    def remove(self) -> None:
        self._ranks.first_does(self._folder.remove)


def _as_bytes(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def _checksum(*contents: bytes) -> str:
    found = hashlib.sha256()
    for each in contents:
        found.update(each)
    return found.hexdigest()

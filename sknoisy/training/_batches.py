"""Batches that know which rows of the data they hold."""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Self

import numpy as np
import torch
from scipy import sparse
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from .._mapped import is_mapped
from .._named_inputs import NamedInputs, on_each
from ._ranks import ONE_PROCESS

DEVICE_SHARE = 0.5
READ_AHEAD = 2
# Of a process that has no part in a batch.
NO_ITEMS = torch.empty(0), torch.empty(0, dtype=torch.int64)


class Batch(tuple):
    """Features and codes of some rows, and the rows' numbers.

    It is the pair `(X, y)` that skorch hands to callbacks; `rows` travels as an attribute. Where
    several processes train together, these are those of one of them, and `all_rows` those of all.
    """

    rows: Tensor
    all_rows: Tensor

    def __new__(cls, X: Tensor, y: Tensor, rows: Tensor, all_rows: Tensor | None = None) -> Self:
        batch = super().__new__(cls, (X, y))
        batch.rows = rows
        batch.all_rows = rows if all_rows is None else all_rows
        return batch

    @property
    def X(self) -> Tensor:
        return self[0]

    @property
    def y(self) -> Tensor:
        return self[1]


def split_rows(rows, batch_size):
    """Cut rows into batches; a last batch of one row joins the one before it.

    Batch normalisation can't be computed on one row, and dropping the row would leave it
    without evidence.
    """
    chunks = list(torch.split(rows, batch_size)) if len(rows) else []
    if len(chunks) > 1 and len(chunks[-1]) == 1:
        chunks[-2:] = [torch.cat(chunks[-2:])]
    return chunks


class FeatureStore:
    """Features of all rows, handed out by row number on the training's device.

    An array in memory stays on the device as one tensor if it takes at most half of what is free
    there. One that is mapped from a file, read-only, reversed along an axis, sparse or too large
    is streamed: a thread reads the next batches while one is trained on. Bytes become floats in
    [0, 1], and sparse rows dense, batch by batch.
    """

    def __init__(self, data, device):
        self._device = device
        self._array = data.X
        self.is_streamed = not (_is_plain(data.X) and fits_on(device, data.X.nbytes))
        self._tensor = None if self.is_streamed else as_tensor(data.X).to(device)
        self.rows_device = torch.device("cpu") if self.is_streamed else device

    def load(self, chunks):
        """Yield pairs of row numbers and features for an iterable of row numbers."""
        if self._tensor is not None:
            for rows in chunks:
                selected = on_each(partial(_select, rows=rows), self._tensor)
                yield rows, on_each(torch.Tensor.contiguous, as_float(selected))
            return
        for rows, features in read_ahead(self._read, chunks):
            features = as_tensor(features)
            if self._device.type == "cuda":
                features = on_each(torch.Tensor.pin_memory, features)
                features = features.to(self._device, non_blocking=True)
            yield rows, as_float(features.to(self._device))

    def _read(self, rows):
        return rows, read_rows(self._array, rows.numpy())


def _select(values, rows):
    return values.index_select(0, rows)


def fits_on(device, n_bytes):
    """Return whether data may stay on the device; in the computer's memory they are already."""
    if device.type != "cuda":
        return True
    return n_bytes <= DEVICE_SHARE * torch.cuda.mem_get_info(device)[0]


def read_rows(array, rows):
    """Return rows of an array in the order asked for, read in the order they lie in the file.

    Those of a sparse array become dense.
    """
    if isinstance(array, NamedInputs):
        return array.each(partial(read_rows, rows=rows))
    if sparse.issparse(array):
        return array[rows].toarray()
    if (rows[1:] >= rows[:-1]).all():
        return np.asarray(array[rows])
    order = np.argsort(rows)
    features = np.empty((len(rows), *array.shape[1:]), dtype=array.dtype)
    features[order] = array[rows[order]]
    return features


def read_ahead(read, chunks):
    """Yield `read(chunk)` for each chunk, in order; a thread is a few reads ahead."""
    waiting: deque[Future] = deque()
    with ThreadPoolExecutor(max_workers=1) as reader:
        for chunk in chunks:
            waiting.append(reader.submit(read, chunk))
            if len(waiting) > READ_AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _is_plain(X):
    if isinstance(X, NamedInputs):
        return all(map(_is_plain, X.values()))
    return (
        isinstance(X, np.ndarray) and X.flags.writeable and min(X.strides) >= 0 and not is_mapped(X)
    )


def as_tensor(features):
    """Return arrays as tensors that share their memory."""
    return on_each(torch.from_numpy, features)


def as_float(features):
    """Return floats, bytes in [0, 1]; integers of named inputs, which may be codes, stay."""
    if isinstance(features, NamedInputs):
        return features.each(lambda values: values if _are_codes(values) else as_float(values))
    if features.dtype == torch.uint8:
        return features.float().div_(255)
    return features.float()


def _are_codes(values):
    return not values.is_floating_point() and values.dtype != torch.uint8


class RowBatches:
    """Batches of the given rows, anew each time it is iterated.

    Parameters
    ----------
    features : FeatureStore
    labels : Tensor of shape (n_rows,), on the device
    rows : Tensor of int64
        Rows to draw from.
    batch_size : int
    generator : torch.Generator or None
        Order of the rows; None: as given.
    ranks : OneProcess or Ranks
        Among whom each batch is split.
    """

    def __init__(self, features, labels, rows, *, batch_size, generator=None, ranks=ONE_PROCESS):
        self._ranks = ranks
        self._features = features
        self._labels = labels
        self._rows = rows
        self._batch_size = batch_size
        self._generator = generator

    def __len__(self):
        return len(split_rows(self._rows, self._batch_size))

    def __iter__(self):
        yield from self.in_order(self.order())

    def order(self):
        """Return the rows in the order of one pass; drawn anew each time."""
        return _shuffled(self._rows, self._generator)

    def in_order(self, rows, start=0):
        """Yield the batches of rows in an order, from that of the number `start` on."""
        chunks = split_rows(rows.to(self._features.rows_device), self._batch_size)[start:]
        loaded = self._features.load(map(self._ranks.part, chunks))
        for chunk, (rows, features) in zip(chunks, loaded, strict=True):
            rows = rows.to(self._labels.device)
            all_rows = rows if len(rows) == len(chunk) else chunk.to(rows.device)
            yield Batch(features, self._labels.index_select(0, rows), rows, all_rows)


class DatasetBatches:
    """The same for a torch Dataset, through a DataLoader."""

    def __init__(
        self,
        dataset,
        labels,
        rows,
        *,
        batch_size,
        generator=None,
        num_workers=0,
        ranks=ONE_PROCESS,
    ):
        self._ranks = ranks
        self._dataset = dataset
        self._labels = labels
        self._rows = rows
        self._batch_size = batch_size
        self._generator = generator
        # A loader without a generator of its own draws from the global one.
        self.loader_generator = torch.Generator()
        if generator is not None:
            self.loader_generator.manual_seed(generator.initial_seed())
        self._num_workers = num_workers

    def __len__(self):
        return len(split_rows(self._rows, self._batch_size))

    def __iter__(self):
        yield from self.in_order(self.order())

    def order(self):
        """Return the rows in the order of one pass; drawn anew each time."""
        return _shuffled(self._rows, self._generator)

    def in_order(self, rows, start=0):
        """Yield the batches of rows in an order, from that of the number `start` on."""
        chunks = split_rows(rows, self._batch_size)[start:]
        parts = [self._ranks.part(chunk).tolist() for chunk in chunks]
        loader = DataLoader(
            _NumberedRows(self._dataset),
            batch_sampler=[part for part in parts if part],
            num_workers=self._num_workers,
            generator=self.loader_generator,
        )
        device, loaded = self._labels.device, iter(loader)
        for chunk, part in zip(chunks, parts, strict=True):
            features, rows = next(loaded) if part else NO_ITEMS
            rows = rows.to(device)
            features = as_float(features.to(device, non_blocking=True))
            all_rows = rows if len(rows) == len(chunk) else chunk.to(device)
            yield Batch(features, self._labels[rows], rows, all_rows)


class EndlessBatches:
    """Batches again and again, in a new order each time, which know where they are.

    Parameters
    ----------
    batches : RowBatches or DatasetBatches
    """

    def __init__(self, batches):
        self._batches = batches
        self._order = None
        self._n_taken = 0
        self._pass = None

    def __iter__(self):
        return self

    def __next__(self):
        while True:
            if self._pass is None:
                if self._order is None:
                    self._order, self._n_taken = self._batches.order(), 0
                self._pass = self._batches.in_order(self._order, self._n_taken)
            for batch in self._pass:
                self._n_taken += 1
                return batch
            self._order = self._pass = None

    def position(self):
        """Return what `go_to` takes; None if reading on there wouldn't give the same."""
        if isinstance(self._batches, DatasetBatches):
            # Its items may be drawn at random, ahead of time and in other processes.
            return None
        return {"order": self._order, "n_taken": self._n_taken}

    def go_to(self, position):
        """Go on after the batch at which `position` was called."""
        self._order, self._n_taken = position["order"], position["n_taken"]
        self._pass = None


class _NumberedRows(Dataset):
    def __init__(self, dataset):
        self._dataset = dataset

    def __len__(self):
        return len(self._dataset)

    def __getitem__(self, row):
        return torch.as_tensor(self._dataset[row][0]), row


def _shuffled(rows, generator):
    if generator is None:
        return rows
    return rows[torch.randperm(len(rows), generator=generator)]

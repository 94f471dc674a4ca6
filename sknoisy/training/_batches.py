"""Batches that know which rows of the data they hold."""

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset


class Batch(tuple):
    """Features and codes of some rows, and the rows' numbers.

    It is the pair `(X, y)` that skorch hands to callbacks; `rows` travels as an attribute.
    """

    def __new__(cls, X, y, rows):
        batch = super().__new__(cls, (X, y))
        batch.rows = rows
        return batch

    @property
    def X(self):
        return self[0]

    @property
    def y(self):
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

    An array that can be written stays on the device as a tensor; one that is read-only,
    memory-mapped or reversed along an axis is read batch by batch. Bytes become floats in
    [0, 1].
    """

    def __init__(self, data, device):
        self._array = None
        self._tensor = None
        if _is_resident(data.X):
            self._tensor = torch.from_numpy(data.X).to(device)
        else:
            self._array = data.X
        self._device = device

    def __getitem__(self, rows):
        if self._tensor is not None:
            features = self._tensor[rows]
        else:
            features = torch.from_numpy(np.ascontiguousarray(self._array[rows.cpu().numpy()]))
            features = features.to(self._device, non_blocking=True)
        return as_float(features).contiguous()


def _is_resident(X):
    return X.flags.writeable and min(X.strides) >= 0 and not _is_mapped(X)


def _is_mapped(X):
    """Return whether the values lie in a file, also where X is a view of the mapped array."""
    while isinstance(X, np.ndarray):
        if isinstance(X, np.memmap):
            return True
        X = X.base
    return False


def as_float(features):
    if features.dtype == torch.uint8:
        return features.float().div_(255)
    return features.float()


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
    """

    def __init__(self, features, labels, rows, *, batch_size, generator=None):
        self._features = features
        self._labels = labels
        self._rows = rows
        self._batch_size = batch_size
        self._generator = generator

    def __len__(self):
        return len(split_rows(self._rows, self._batch_size))

    def __iter__(self):
        rows = _shuffled(self._rows, self._generator).to(self._labels.device)
        for chunk in split_rows(rows, self._batch_size):
            yield Batch(self._features[chunk], self._labels[chunk], chunk)


class DatasetBatches:
    """The same for a torch Dataset, through a DataLoader."""

    def __init__(self, dataset, labels, rows, *, batch_size, generator=None, num_workers=0):
        self._dataset = dataset
        self._labels = labels
        self._rows = rows
        self._batch_size = batch_size
        self._generator = generator
        # A loader without a generator of its own draws from the global one.
        self._loader_generator = torch.Generator()
        if generator is not None:
            self._loader_generator.manual_seed(generator.initial_seed())
        self._num_workers = num_workers

    def __len__(self):
        return len(split_rows(self._rows, self._batch_size))

    def __iter__(self):
        chunks = split_rows(_shuffled(self._rows, self._generator), self._batch_size)
        loader = DataLoader(
            _NumberedRows(self._dataset),
            batch_sampler=[chunk.tolist() for chunk in chunks],
            num_workers=self._num_workers,
            generator=self._loader_generator,
        )
        device = self._labels.device
        for features, rows in loader:
            rows = rows.to(device)
            features = as_float(features.to(device, non_blocking=True))
            yield Batch(features, self._labels[rows], rows)


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

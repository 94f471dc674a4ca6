"""What counting keeps of each row, in a file: records, made-up predictions, orders of the rows."""

import mmap
import os

import numpy as np

RECORD = np.dtype(
    [
        ("label", "<u4"),
        ("prediction", "<u4"),
        ("rival", "<u4"),
        ("loss", "<f4"),
        ("confidence", "<f4"),
        ("events", "<u2"),
        ("looks", "<u2"),
    ]
)
"""Labels, the latest prediction and rival, and sums over the epochs that count."""
PAGE_BYTES = 4096
BATCH_SIZE = 8192
# Of 24 bytes each; a whole number of pages.
BLOCK_ROWS = 2**16
BLOCKS_TOGETHER = 64
WRONG_SHARE = 0.2
ACCURACY = 0.85
UNIT = np.float32(2.0**-24)


# -- numbers by chance that depend on the row and the epoch only -----------------------------------


def scrambled(numbers, salt):
    """Return 64 bits by chance for each number: the finisher of splitmix64."""
    bits = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    bits += np.uint64(0xBF58476D1CE4E5B9 * (salt + 1) % 2**64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        bits ^= bits >> np.uint64(shift)
        bits *= np.uint64(factor)
    return bits ^ (bits >> np.uint64(31))


def true_classes(rows, n_classes):
    return (scrambled(rows, 0) >> np.uint64(32)) % np.uint64(n_classes)


def given_labels(rows, n_classes):
    """Return labels of which a share is wrong."""
    bits = scrambled(rows, 1)
    is_wrong = (bits & np.uint64(0xFFFFFF)) * UNIT < WRONG_SHARE
    shift = 1 + (bits >> np.uint64(32)) % np.uint64(n_classes - 1)
    classes = true_classes(rows, n_classes)
    return np.where(is_wrong, (classes + shift) % np.uint64(n_classes), classes)


def made_predictions(rows, labels, epoch, n_classes):
    """Return prediction, rival, loss and confidence of each row, as a net might give them."""
    bits = scrambled(rows, 2 + epoch)
    knows = (bits & np.uint64(0xFFFFFF)) * UNIT < ACCURACY
    sure = ((bits >> np.uint64(24)) & np.uint64(0xFFFFFF)) * UNIT
    other = (
        labels + np.uint64(1) + (bits >> np.uint64(48)) % np.uint64(n_classes - 1)
    ) % np.uint64(n_classes)
    predictions = np.where(knows, true_classes(rows, n_classes), other)
    agrees = predictions == labels
    confidences = np.where(agrees, 1 + sure, 1 - sure).astype(np.float32) / 2
    losses = -np.log(np.maximum(confidences, np.float32(1e-6)))
    return predictions, np.where(agrees, other, predictions), losses, confidences


# -- the records ---------------------------------------------------------------------------------


def create_state(path, n_rows, n_classes):
    """Write the records of rows that no epoch has seen."""
    with open(path, "wb") as file:
        for start in range(0, n_rows, BLOCK_ROWS):
            rows = np.arange(start, min(start + BLOCK_ROWS, n_rows))
            records = np.zeros(len(rows), dtype=RECORD)
            records["label"] = given_labels(rows, n_classes)
            file.write(records)
        _leave_cache(file)


def count_batch(records, places, rows, epoch, n_classes):
    """Update the records at some places, which are those of some rows."""
    seen = records.take(places)
    found = made_predictions(rows, seen["label"].astype(np.uint64), epoch, n_classes)
    seen["prediction"], seen["rival"], losses, confidences = found
    seen["loss"] += losses
    seen["confidence"] += confidences
    seen["events"] += seen["prediction"] != seen["label"]
    seen["looks"] += 1
    # Three words are put back several times faster than a record.
    words = np.asarray(records).view(np.uint64).reshape(-1, 3)
    words[places] = seen.view(np.uint64).reshape(-1, 3)


def count_in_random_order(path, epoch, n_classes, *, seed, memory=None, max_rows=None):
    """Count one epoch in the mapped file, rows by chance over all of it; return rows counted.

    Parameters
    ----------
    memory : int, default=None
        Bytes of the file that may stay in memory; then they are written and forgotten. None: as
        many as the system likes.
    max_rows : int, default=None
        Where to end, since with little memory a whole epoch would take days.
    """
    records = _mapped(path, memory)
    n_rows = len(records)
    n_counted = min(n_rows, max_rows or n_rows)
    n_touched = 0
    with open(path, "r+b") as file:
        for start in range(0, n_counted, BATCH_SIZE):
            rows = permuted(np.arange(start, min(start + BATCH_SIZE, n_counted)), n_rows, seed)
            count_batch(records, rows, rows, epoch, n_classes)
            n_touched += len(rows)
            if memory is not None and n_touched * PAGE_BYTES >= memory:
                records = _mapped_anew(records, file, memory)
                n_touched = 0
        records.flush()
    return n_counted


def count_in_blocks(path, epoch, n_classes, *, seed):
    """Count one epoch: blocks by chance, some at a time, and their rows by chance.

    Blocks are read and written as a whole, so that only some are in memory. Return rows counted.
    """
    generator = np.random.default_rng((seed, epoch))
    n_rows = os.path.getsize(path) // RECORD.itemsize
    blocks = generator.permutation(-(-n_rows // BLOCK_ROWS))
    with open(path, "r+b") as file:
        for first in range(0, len(blocks), BLOCKS_TOGETHER):
            starts = np.sort(blocks[first : first + BLOCKS_TOGETHER]) * BLOCK_ROWS
            parts = [_read_records(file, start) for start in starts]
            records = np.concatenate(parts)
            lengths = [len(part) for part in parts]
            rows = np.concatenate(
                [np.arange(a, a + length) for a, length in zip(starts, lengths, strict=True)]
            )
            order = generator.permutation(len(records))
            for start in range(0, len(order), BATCH_SIZE):
                places = order[start : start + BATCH_SIZE]
                count_batch(records, places, rows[places], epoch, n_classes)
            for start, part in zip(starts, np.split(records, np.cumsum(lengths[:-1])), strict=True):
                file.seek(start * RECORD.itemsize)
                file.write(part)
            _leave_cache(file)
    return n_rows


def _read_records(file, start):
    file.seek(start * RECORD.itemsize)
    return np.frombuffer(file.read(BLOCK_ROWS * RECORD.itemsize), dtype=RECORD)


def _leave_cache(file):
    """Have what was written put on the disk, and out of the memory that keeps copies of files."""
    file.flush()
    os.fdatasync(file.fileno())
    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _mapped(path, memory):
    records = np.memmap(path, dtype=RECORD, mode="r+")
    if memory is not None:
        # Nothing is read beside the page of a row: it would be forgotten before it is of use.
        records._mmap.madvise(mmap.MADV_RANDOM)
    return records


def _mapped_anew(records, file, memory):
    """Return the file mapped anew, with none of it in memory."""
    path = records.filename
    records.flush()
    records._mmap.close()
    _leave_cache(file)
    return _mapped(path, memory)


def permuted(places, n_rows, seed):
    """Return where a permutation of n_rows rows puts some places, without an array of all.

    A Feistel network permutes the next power of four; what lands beyond the rows goes on.
    """
    half = max(1, -(-int(n_rows - 1).bit_length() // 2))
    rows = _feistel(places.astype(np.uint64), half, seed)
    beyond = np.flatnonzero(rows >= n_rows)
    while len(beyond):
        rows[beyond] = _feistel(rows[beyond], half, seed)
        beyond = beyond[rows[beyond] >= n_rows]
    return rows.astype(np.int64)


def _feistel(numbers, half, seed, n_rounds=4):
    mask = np.uint64(2**half - 1)
    left, right = numbers >> np.uint64(half), numbers & mask
    for each in range(n_rounds):
        left, right = right, left ^ (scrambled(right, 1000 * seed + 7 * each) & mask)
    return (left << np.uint64(half)) | right

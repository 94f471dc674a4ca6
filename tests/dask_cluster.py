"""A Dask cluster of two processes, and arrays that know how often they were sent."""

import multiprocessing
import os
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import dask
import numpy as np
from distributed import Client, LocalCluster
from distributed.protocol import dask_serialize
from distributed.protocol.numpy import serialize_numpy_ndarray
from script_runner import CONTEXT, LIBRARIES
from skorch.callbacks import Callback


@contextmanager
def two_workers():
    """Yield the client of a cluster of two workers with a thread each.

    As far as the platform can, they are forked from a process that has imported the libraries.
    """
    method = CONTEXT.get_start_method()
    if method == "forkserver":
        CONTEXT.set_forkserver_preload(["distributed", *LIBRARIES])
        multiprocessing.forkserver.ensure_running()
    with (
        dask.config.set({"distributed.worker.multiprocessing-method": method}),
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit=0
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


class CountedArray(np.ndarray):
    """An array that counts how often this process has sent it to another one."""

    n_sent = 0

    def __reduce_ex__(self, protocol):
        self.note()
        return np.asarray(self).__reduce_ex__(protocol)

    def note(self):
        CountedArray.n_sent += 1


@dask_serialize.register(CountedArray)
def _send(array, context=None):
    array.note()
    return serialize_numpy_ndarray(np.asarray(array), context)


class NoteTrainings(Callback):
    """Leaves a file in a folder at each training's start, named after the process."""

    def __init__(self, folder):
        self.folder = folder

    def on_train_begin(self, net, **kwargs):
        Path(self.folder, f"{os.getpid()} {uuid4()}").touch()

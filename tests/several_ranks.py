"""Runs functions in several processes that form a group of torch.distributed."""

import os
import pickle
import tempfile
import traceback
import warnings
from datetime import timedelta

import torch
from script_runner import CONTEXT

LONGEST = timedelta(seconds=60)


def run_together(function, *arguments, n_ranks=2):
    """Return what a function returns in each process; None of one that died.

    An error is returned as its text, as there is no telling whether it can be pickled.
    """
    with tempfile.TemporaryDirectory() as folder:
        meeting = os.path.join(folder, "meeting")
        started = [_start(function, arguments, meeting, rank, n_ranks) for rank in range(n_ranks)]
        return [_result(process, receiver) for process, receiver in started]


def _start(function, arguments, meeting, rank, n_ranks):
    receiver, sender = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(
        target=_run, args=(sender, function, arguments, meeting, rank, n_ranks)
    )
    process.start()
    sender.close()
    return process, receiver


def _result(process, receiver):
    try:
        if not receiver.poll(3 * LONGEST.total_seconds()):
            process.kill()
        return pickle.loads(receiver.recv_bytes())
    except EOFError:
        return None
    finally:
        process.join()


def _run(sender, function, arguments, meeting, rank, n_ranks):
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{meeting}", rank=rank, world_size=n_ranks, timeout=LONGEST
    )
    try:
        result = function(*arguments)
    except Exception:
        result = traceback.format_exc()
    # Plain pickle: tensors would be shared with a process that is gone.
    sender.send_bytes(pickle.dumps(result))
    # Not destroyed in an orderly way, which would wait for those that are gone.
    os._exit(0)

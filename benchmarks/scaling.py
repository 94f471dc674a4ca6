"""How much faster two processes are than one: a net on a table, and features of images.

Two processes with one thread each meet, and stay for all fits, which take turns: the first process
by itself while the other one sleeps, both together by `sknoisy.distributed`, and each by itself at
the same time. The last tells what the machine gives to two processes that have nothing to say to
each other: cores share caches, memory and their clock, and may have other things to do::

    python benchmarks/scaling.py
    python benchmarks/scaling.py --quick
"""

import argparse
import json
import multiprocessing
import os
import tempfile
import time
import warnings

import numpy as np
from _common import DOCUMENTS, RESULTS, environment, markdown_table, write_section

DOCUMENT = DOCUMENTS / "scaling.md"
N_RANKS = 2
WAYS = "one", "together", "side by side"
FULL = {"n_rows": 10_000, "n_images": 128, "image_size": 128, "n_units": 1024, "n_repeats": 3}
QUICK = {"n_rows": 600, "n_images": 8, "image_size": 32, "n_units": 16, "n_repeats": 1}


# -- what is measured ----------------------------------------------------------------------------


def small_net(sizes):
    return fit_on_table(sizes["n_rows"], n_units=sizes["n_units"] // 4, batch_size=256)


def large_net(sizes):
    return fit_on_table(sizes["n_rows"], n_units=sizes["n_units"], batch_size=1024)


def fit_on_table(n_rows, *, n_units, batch_size):
    from sklearn.datasets import make_classification

    from sknoisy import NoisyLabelDetector
    from sknoisy.nets import TabularNet

    X, y = make_classification(n_rows, 54, n_informative=20, n_classes=5, random_state=0)
    X = X.astype(np.float32)

    def fit():
        net = TabularNet(module__n_units=n_units, batch_size=batch_size, max_epochs=2)
        NoisyLabelDetector(net=net, device="cpu", random_state=0).fit(X, y)

    return fit


def features(sizes):
    import torch
    from torchvision.models import resnet18

    from sknoisy.features import PretrainedFeatures

    torch.manual_seed(0)
    backbone = resnet18(weights=None)
    backbone.fc = torch.nn.Identity()
    shape = sizes["n_images"], 3, sizes["image_size"], sizes["image_size"]
    X = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    size = sizes["image_size"]
    embed = PretrainedFeatures(backbone.eval(), image_size=size, batch_size=16, device="cpu")
    return lambda: embed.fit(X).transform(X)


CASES = {"small net, table": small_net, "large net, table": large_net, "features": features}


# -- by two processes ----------------------------------------------------------------------------


def measure(sizes):
    """Return the seconds of each way to fit, by case; those of each repeat."""
    context = multiprocessing.get_context("spawn")
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        with tempfile.TemporaryDirectory() as folder:
            place = os.path.join(folder, "meeting")
            receiver, sender = context.Pipe(duplex=False)
            processes = [
                context.Process(target=take_turns, args=(rank, place, sizes, sender))
                for rank in range(N_RANKS)
            ]
            for process in processes:
                process.start()
            sender.close()
            found = receiver.recv()
            for process in processes:
                process.join()
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
    return found


def take_turns(rank, place, sizes, sender):
    import torch.distributed as dist

    warnings.simplefilter("ignore")
    dist.init_process_group("gloo", init_method=f"file://{place}", rank=rank, world_size=N_RANKS)
    found = {
        name: repeats_of(make(sizes), rank, sizes["n_repeats"]) for name, make in CASES.items()
    }
    if rank == 0:
        sender.send(found)
    dist.destroy_process_group()


def repeats_of(fit, rank, n_repeats):
    import sknoisy

    with sknoisy.distributed():
        # What is slow the first time only.
        fit()
    seconds = {way: [] for way in WAYS}
    for _ in range(n_repeats):
        seconds["one"].append(timed(fit if rank == 0 else lambda: None))
        with sknoisy.distributed():
            seconds["together"].append(timed(fit))
        seconds["side by side"].append(timed(fit))
    return seconds


def timed(function):
    """Return the seconds until all processes are done, and the most CPU time that one took."""
    import torch.distributed as dist

    dist.barrier()
    start, cpu_start = time.perf_counter(), time.process_time()
    function()
    cpu_seconds = [time.process_time() - cpu_start] * N_RANKS
    dist.barrier()
    seconds = time.perf_counter() - start
    dist.all_gather_object(cpu_seconds, cpu_seconds[0])
    return seconds, max(cpu_seconds)


# -- tell ----------------------------------------------------------------------------------------


def report(results):
    versions = ", ".join(f"{name} {each}" for name, each in results["environment"].items() if each)
    text = (
        f"Medians of {results['sizes']['n_repeats']} repeats that take turns; "
        f"{results['n_cores']} cores, one thread a process, gloo. In the minute before, "
        f"{results['load']:.1f} other processes wanted to run in the mean. {versions}."
    )
    return "\n\n".join([text, clock_table(results["seconds"]), cpu_table(results["seconds"])])


def clock_table(measured):
    rows = []
    for name, seconds in measured.items():
        one, together, beside = (np.array(seconds[way])[:, 0] for way in WAYS)
        faster = one / together
        rows.append(
            [name, *(f"{np.median(each):.2f} s" for each in (one, together, beside))]
            + [f"{np.median(faster):.2f} ({faster.min():.2f} to {faster.max():.2f})"]
            + [f"{np.median(each / N_RANKS):.2f}" for each in (faster, beside / together)]
        )
    header = ["Time by the clock", "One process", "Two together", "Two, each its own fit"]
    header += ["Times as fast", "Efficiency", "Against each its own"]
    return markdown_table(header, rows)


def cpu_table(measured):
    rows = []
    for name, seconds in measured.items():
        one, together, _ = (np.array(seconds[way])[:, 1] for way in WAYS)
        rows.append(
            [name, *(f"{np.median(each):.2f} s" for each in (one, together))]
            + [f"{np.median(one / together):.2f}", f"{np.median(one / together / N_RANKS):.2f}"]
        )
    header = ["CPU time", "One process", "The busier of two together"]
    return markdown_table([*header, "Times less", "Efficiency"], rows)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a trial that writes nothing")
    arguments = parser.parse_args()
    sizes = QUICK if arguments.quick else FULL
    results = {
        "sizes": sizes,
        "n_cores": os.cpu_count(),
        "load": os.getloadavg()[0],
        "environment": environment(),
        "seconds": measure(sizes),
    }
    text = report(results)
    print(text)
    if not arguments.quick:
        (RESULTS / "scaling.json").write_text(json.dumps(results, indent=1) + "\n")
        write_section(DOCUMENT, "scaling", text)


if __name__ == "__main__":
    main()

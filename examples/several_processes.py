"""Find wrong labels with one net that several processes train together.

Two processes on this machine, each on its own GPU if there are GPUs::

    torchrun --standalone --nproc-per-node 2 examples/several_processes.py

Without torchrun one process does the same::

    python examples/several_processes.py

A run that was stopped is gone on with, by any number of processes::

    torchrun --standalone --nproc-per-node 4 examples/several_processes.py --checkpoint-dir kept
"""

import argparse
import os
from pathlib import Path

import torch
from sklearn.datasets import load_digits

import sknoisy
from sknoisy import NoisyLabelDetector
from sknoisy.metrics import noise_detection_report
from sknoisy.nets import TabularNet
from sknoisy.noise import flip_symmetric


def join_the_others():
    """Meet the other processes, if torchrun has started some."""
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    torch.distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--flip", type=float, default=0.2, help="share of labels to make wrong")
    add("--batch-size", type=int, default=128, help="rows per step, of all processes together")
    add("--max-epochs", type=int, default=20)
    add("--checkpoint-dir", type=Path, help="folder in which the fit keeps how far it is")
    add("--output", type=Path, default=Path("demo/several_processes.csv"))
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    join_the_others()
    # The same in all processes.
    X, y = load_digits(return_X_y=True)
    y_noisy, flipped = flip_symmetric(y, arguments.flip, random_state=0)

    detector = NoisyLabelDetector(
        net=TabularNet(),
        batch_size=arguments.batch_size,
        max_epochs=arguments.max_epochs,
        checkpoint_dir=arguments.checkpoint_dir,
        random_state=0,
        verbose=1,
    )
    with sknoisy.distributed() as ranks:
        detector.fit(X, y_noisy)

    # All have the same result; one tells it.
    if ranks.rank == 0:
        found = noise_detection_report(flipped, detector.noise_mask_, detector.label_quality_)
        print(f"Processes: {ranks.n_ranks}")
        print(f"{detector.noise_mask_.sum():,} of {len(y):,} labels are judged wrong.")
        print(f"{flipped.sum():,} are wrong. F1 {found['f1']:.3f}, AUC {found['auc']:.3f}")
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        detector.get_label_issues().to_csv(arguments.output, index_label="row")
        print(f"All labels: {arguments.output}")
    if ranks.n_ranks > 1:
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()

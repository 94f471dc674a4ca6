"""What `speed.py` measures on images: learned weights, their memory, and CUDA."""

import time
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from _memory import MemoryWatch, call_apart, separate_blocks
from _ratios import EpochClock, Ratio, epoch_seconds
from torch import nn

from sknoisy import NoisyLabelDetector
from sknoisy.methods import LSW
from sknoisy.nets import CifarResNet, VisionNet

# -- learned weights --------------------------------------------------------------------------


def make_images(sizes):
    """Return random images of ten classes, one batch of them trusted."""
    n_images = (sizes.n_image_batches + 1) * sizes.images_per_batch
    generator = np.random.RandomState(0)
    shape = (n_images, 3, sizes.image_size, sizes.image_size)
    images = generator.rand(*shape).astype(np.float32)
    # As many classes as a small batch has images of each.
    n_classes = min(10, sizes.images_per_batch // 2)
    trusted = np.arange(n_images) < sizes.images_per_batch
    return images, np.arange(n_images) % n_classes, trusted


def fit_images(images, labels, trusted, sizes, method):
    net = VisionNet(
        module__depth=10,
        module__width=sizes.image_width,
        weak_view=None,
        batch_size=sizes.images_per_batch,
        max_epochs=sizes.image_epochs,
        callbacks=[EpochClock()],
    )
    model = NoisyLabelDetector(method, net=net, device="cpu", random_state=0)
    if method == "cross_entropy":
        return model.fit(images[~trusted], labels[~trusted])
    return model.fit(images, labels, trusted=trusted)


def time_step(*arguments):
    """Seconds per step on untrusted images; plain training is given those alone."""
    history = fit_images(*arguments).history_
    # The first epoch makes the optimiser's buffers.
    return epoch_seconds(history, slice(1, None)) / history[-1]["train_batch_count"]


def peak_bytes(*arguments):
    """Bytes by which the peak memory of a process grows in a fit."""
    with separate_blocks():
        return call_apart(_peak_growth, *arguments)


def _peak_growth(*arguments):
    torch.set_num_threads(1)
    with MemoryWatch() as memory:
        fit_images(*arguments)
    return max(memory.peak - memory.before, 1)


def lsw_of_every_step(sizes, **settings):
    """Return LSW that learns weights from the first step on, with |B_c| = |B_n|."""
    return LSW(warmup_epochs=0, trusted_batch_size=sizes.images_per_batch, **settings)


# -- CUDA -------------------------------------------------------------------------------------


def make_cuda_images(sizes):
    generator = np.random.RandomState(0)
    images = generator.randint(0, 256, (sizes.cuda_images, 3, 32, 32)).astype(np.uint8)
    return images, generator.randint(0, 10, sizes.cuda_images)


def time_cuda_fit(images, labels, sizes):
    clock = EpochClock(time.perf_counter)
    net = VisionNet(module__depth=sizes.cuda_depth, weak_view=None, callbacks=[clock])
    model = NoisyLabelDetector("cross_entropy", net=net, device="cuda", max_epochs=3)
    return epoch_seconds(model.fit(images, labels).history_, slice(1, None))


def time_cuda_loop(images, labels, sizes):
    """Seconds of the second of two epochs by hand, in the same precision and layout."""
    module = CifarResNet(3, 10, depth=sizes.cuda_depth).cuda()
    module = module.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        module.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4, fused=True
    )
    criterion = nn.CrossEntropyLoss()
    X, y = torch.from_numpy(images).cuda(), torch.from_numpy(labels).cuda()
    for _ in range(2):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for rows in torch.randperm(len(X)).cuda().split(128):
            batch = (X[rows].float() / 255).contiguous(memory_format=torch.channels_last)
            optimizer.zero_grad()
            with torch.autocast("cuda", dtype=torch.bfloat16):
                logits = module(batch)
            criterion(logits.float(), y[rows]).backward()
            optimizer.step()
        torch.cuda.synchronize()
    return time.perf_counter() - start


# -- the ratios -------------------------------------------------------------------------------


GRADIENTS = {
    "auto": {},
    "last_layer": {"gradient": "last_layer"},
    "forward": {"gradient": "forward"},
    "double_backward": {"gradient": "double_backward"},
}
INTERVALS = {"interval_2": {"epoch_interval": 2}, "trusted_interval_1": {"step_interval": 1}}
STEP_LIMITS = {"auto": 2.35, "interval_2": 1.7}
MEMORY_LIMITS = {"auto": 1.10}


def image_ratios(sizes):
    images = *make_images(sizes), sizes
    return {
        f"lsw_{name}": Ratio(
            f"LSW step / plain step, {_shown(settings)}",
            partial(time_step, *images, lsw_of_every_step(sizes, **settings)),
            partial(time_step, *images, "cross_entropy"),
            STEP_LIMITS.get(name),
        )
        for name, settings in (GRADIENTS | INTERVALS).items()
    }


def memory_ratios(sizes):
    # Large batches, since the allocator rounds by tens of megabytes; two steps show the peak.
    large = replace(
        sizes, n_image_batches=2, image_epochs=1, images_per_batch=sizes.images_in_memory
    )
    images = *make_images(large), large
    return {
        f"lsw_memory_{name}": Ratio(
            f"LSW / plain training, growth of the peak memory, {_shown(settings)}",
            partial(peak_bytes, *images, lsw_of_every_step(large, **settings)),
            partial(peak_bytes, *images, "cross_entropy"),
            MEMORY_LIMITS.get(name),
            "MB",
        )
        for name, settings in GRADIENTS.items()
    }


def _shown(settings):
    return ", ".join(f"`{name}={value!r}`" for name, value in settings.items()) or "default"


def cuda_ratios(sizes):
    """Return the ratios on CUDA, none where there is no such device."""
    if not torch.cuda.is_available():
        return {}
    images = *make_cuda_images(sizes), sizes
    return {
        "cuda_epoch": Ratio(
            f"CUDA: an epoch of a ResNet-{sizes.cuda_depth} / by hand",
            partial(time_cuda_fit, *images),
            partial(time_cuda_loop, *images),
            1.05,
            wall_clock=True,
        )
    }

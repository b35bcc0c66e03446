"""Reads generators of Keras without Keras: `.keras` files, and `.h5` of Keras 2 or 3.

    read_generator(path)        the layers in the syntax of the recipe `sequential`, and their weights

Chains of layers are supported: Sequential models, also nested or wrapped in a functional model, as tutorials build
them. Channels are last in Keras and first here, so kernels are transposed; images keep their values. Needs h5py, the
extra `keras`. No code in a file is executed: its configuration is JSON, its weights are arrays.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import json
import math
import os
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan_core.errors import BadCheckpoint, BadValue
from gan_core.fitting import check_finite
from gan_core.gans.sequential import ACTIVATIONS, MOST_WEIGHTS, NO_BIAS, Layer, layers_of, written

MOST_CONFIG, MOST_BYTES = 10_000_000, 2_000_000_000  # in an archive
CHAINS = ("Sequential", "Functional", "Model")
PASSED = ("InputLayer", "Flatten", "Dropout", "LeakyReLU", "ReLU", "Reshape", "Activation", "UpSampling2D")
SUPPORTED = ("Dense", "Conv2D", "Conv2DTranspose", "BatchNormalization", *PASSED)
BROKEN = (  # errors of zipfile, json, h5py and unexpected configurations
    OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RuntimeError, ArithmeticError, EOFError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
FUNCTIONS = {**{name: name for name in ACTIVATIONS}, "swish": "silu"}
DEFAULT_SLOPE = 0.3  # of LeakyReLU in Keras
TURNS = {"dense": (1, 0), "conv": (3, 2, 0, 1), "conv_transpose": (3, 2, 0, 1)}  # Keras's axes to PyTorch's
NORM = ("weight", "bias", "running_mean", "running_var")  # gamma, beta, moving mean and variance


@dataclass(frozen=True)
class KerasGenerator:
    """A generator in our format: `weights` are the state dict of a SequentialGenerator."""

    layers: str
    latent_size: int
    shape: tuple[int, int, int]  # (C, H, W) of its images
    weights: Mapping[str, Tensor]


@dataclass(frozen=True)
class _Link:
    """A layer of the chain: its kind and settings, and the location of its weights in the file."""

    kind: str
    settings: Mapping[str, Any]
    path: str  # in `.keras` files
    name: str  # in `.h5` files


Weights = Callable[[_Link, list[str]], list[np.ndarray]]  # of a layer, by the names of its variables in order


def read_generator(path: Path) -> KerasGenerator:
    """Reads a file; raises BadCheckpoint if it can't be read or has unsupported layers."""
    if importlib.util.find_spec("h5py") is None:
        raise BadCheckpoint("Keras files need a package that isn't installed: h5py. Install it: pip install "
                            "'ganscope[keras]'")  # fmt: skip
    if not os.path.isfile(path):
        raise BadCheckpoint("{file} can't be read as weights: the file doesn't exist.", file=path)
    try:
        if path.suffix.lower() == ".keras":
            return _from_archive(path)
        return _from_h5(path)
    except BROKEN as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise BadCheckpoint(
            "{file} can't be read as a Keras model: {reason}.", file=path.name, reason=reason
        ) from error


def _from_archive(path: Path) -> KerasGenerator:
    with zipfile.ZipFile(path) as archive:
        config = json.loads(_member(archive, "config.json", MOST_CONFIG))
        content = io.BytesIO(_member(archive, "model.weights.h5", MOST_BYTES))
    h5py: Any = importlib.import_module("h5py")
    with h5py.File(content, "r") as file:

        def weights(link: _Link, variables: list[str]) -> list[np.ndarray]:
            found = file[link.path] if link.path in file else file[link.path.replace("layers/", _OLD)]
            return [_array(found[f"vars/{place}"], file) for place in range(len(variables))]

        return _generator(config, weights, path.name)


_OLD = "_layer_checkpoint_dependencies/"  # path of the layers in `.keras` files of Keras 2.12 to 2.15


def _member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    info = archive.getinfo(name)
    if info.file_size > most:
        raise ValueError(f"{name} has {info.file_size:,} bytes, and at most {most:,} are read")
    with archive.open(info) as file:
        return file.read(most)


def _from_h5(path: Path) -> KerasGenerator:
    h5py: Any = importlib.import_module("h5py")
    with h5py.File(path, "r") as file:
        if "model_config" not in file.attrs:
            raise BadCheckpoint(
                "{file} holds weights but no layers. Save the whole generator: generator.save('generator.keras').",
                file=path.name,
            )
        config = json.loads(_text(file.attrs["model_config"]))
        known: dict[tuple[str, str], Any] = {}
        for group in file["model_weights"].values():
            for name in group.attrs.get("weight_names", ()):
                layer, variable = ("/" + _text(name).split(":")[0]).rsplit("/", 2)[1:]
                known[layer or group.name.rpartition("/")[2], variable] = group[_text(name)]

        def weights(link: _Link, variables: list[str]) -> list[np.ndarray]:
            return [_array(known[link.name, variable], file) for variable in variables]

        return _generator(config, weights, path.name)


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _array(data: Any, file: Any) -> np.ndarray:
    """An array of the file; raises ValueError for one in an external file, which HDF5 allows, or too large."""
    if data.file.filename != file.filename or data.external or data.is_virtual:
        raise ValueError("its weights lie in another file")
    if math.prod(data.shape) > MOST_WEIGHTS:
        raise ValueError("an array is too large")
    return np.asarray(data, np.float32)


# --- the chain of layers ---------------------------------------------------------------------------------------------


def _generator(config: Mapping[str, Any], weights: Weights, file: str) -> KerasGenerator:
    links = list(_chain(config, ""))
    _check_supported(links, file)
    sized = [link for link in links if link.kind == "InputLayer"] + links
    latent_size = _latent_size(sized[0].settings, file)
    layers: list[Layer] = []
    tensors: dict[str, Tensor] = {}
    for link in links:
        layer = _layer(link, file)
        if layer is not None:
            tensors |= _tensors(link, layer, len(layers), weights)
            layers.append(layer)
        layers += _activation(link, file)
    layers += [Layer("from_unit")] if layers and layers[-1].kind == "sigmoid" else []
    try:
        _modules, size = layers_of(written(layers), latent_size)
        if len(size) == 1:  # a flat image, which tutorials reshape outside the model
            layers.append(_square(size[0], file))
            _modules, size = layers_of(written(layers), latent_size)
    except BadValue as error:
        raise BadCheckpoint("{file} holds layers that don't fit together. {reason}", file=file, reason=error) from error
    _check_picture(size, file)
    check_finite(tensors, file)
    return KerasGenerator(written(layers), latent_size, (size[0], size[1], size[2]), tensors)


def _chain(config: Mapping[str, Any], path: str) -> Iterator[_Link]:
    """The layers of a model in order, including those of nested models. Raises ValueError for branches."""
    inner = config["config"]
    layers = inner if isinstance(inner, list) else inner["layers"]  # a list in the oldest files
    used: Counter[str] = Counter()
    before: str | None = None
    for one in layers:
        kind, settings = str(one["class_name"]), one["config"]
        name = str(one.get("name") or (settings.get("name", "") if isinstance(settings, Mapping) else ""))
        if config["class_name"] != "Sequential":
            _check_follows(one, before)
        snake = _snake(kind)
        place = f"{path}layers/{snake}" + (f"_{used[snake]}" if used[snake] else "")
        used[snake] += 1
        before = name
        if kind in CHAINS:
            yield from _chain(one, place + "/")
        else:
            yield _Link(kind, settings, place, name)


def _check_follows(one: Mapping[str, Any], before: str | None) -> None:
    """Raises ValueError if a layer of a functional model has any input but the layer before it."""
    text = json.dumps(one.get("inbound_nodes", []))
    taken = re.findall(r'"keras_history": \["([^"]*)"', text) or re.findall(r'\["([^"]*)", \d+, \d+', text)
    if taken != ([] if before is None else [before]):
        raise ValueError("only models whose layers follow one another are supported, and this one has branches")


def _snake(kind: str) -> str:
    """Keras's name for a layer of a class: Conv2DTranspose -> conv2d_transpose."""
    name = re.sub(r"\W+", "", kind)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def _check_supported(links: list[_Link], file: str) -> None:
    others = sorted({link.kind for link in links if link.kind not in SUPPORTED})
    if others or not links:
        raise BadCheckpoint(
            "{file} has layers that aren't supported: {layers}. Supported: {valid}.",
            file=file, layers=", ".join(others) or "none at all", valid=", ".join(SUPPORTED),
        )  # fmt: skip


def _latent_size(settings: Mapping[str, Any], file: str) -> int:
    shape: Any = settings.get("batch_shape") or settings.get("batch_input_shape") or ()
    if len(shape) != 2 or type(shape[1]) is not int or shape[1] < 1:
        raise BadCheckpoint(
            "{file} takes inputs of shape {shape}; a generator takes vectors of latents, such as (100,).",
            file=file, shape=tuple(shape[1:]),
        )  # fmt: skip
    return int(shape[1])


def _square(length: int, file: str) -> Layer:
    """The shape of a flat image: grey or in colour, as many rows as columns. Raises BadCheckpoint."""
    for channels in (1, 3):
        side = math.isqrt(length // channels)
        if side > 1 and side * side * channels == length:
            return Layer("reshape", (side, side, channels))
    raise _no_picture((length,), file)


def _check_picture(size: tuple[int, ...], file: str) -> None:
    if size[0] not in (1, 3) or size[1] != size[2]:
        raise _no_picture((size[1], size[2], size[0]), file)


def _no_picture(size: tuple[int, ...], file: str) -> BadCheckpoint:
    return BadCheckpoint(
        "{file} gives outputs of shape {shape}, which aren't square images with 1 or 3 channels. Save the generator "
        "alone, without the discriminator: generator.save('generator.keras').",
        file=file, shape=size,
    )  # fmt: skip


# --- a layer ---------------------------------------------------------------------------------------------------------


def _layer(link: _Link, file: str) -> Layer | None:
    """The layer in our syntax; None if it does nothing. Raises BadCheckpoint for an unsupported setting."""
    settings, kind = link.settings, link.kind
    if kind in ("InputLayer", "Activation"):
        return None
    if settings.get("data_format") == "channels_first":
        raise _unsupported(link, "data_format", "channels_last", file)
    if kind == "Dense":
        return Layer("dense", (settings["units"],), _bias(settings))
    if kind in ("Conv2D", "Conv2DTranspose"):
        return _convolution(link, file)
    if kind == "BatchNormalization":
        if settings.get("axis", -1) not in (-1, [-1], 1, [1], 3, [3]):
            raise _unsupported(link, "axis", "-1", file)
        return Layer("batch_norm", (float(settings["epsilon"]), 1 - float(settings["momentum"])))
    if kind == "LeakyReLU":
        return Layer("leaky_relu", (float(settings.get("negative_slope", settings.get("alpha", DEFAULT_SLOPE))),))
    if kind == "ReLU":
        return _relu(link, file)
    if kind == "Reshape":
        return _reshape(link, file)
    if kind == "Dropout":
        return Layer("dropout", (float(settings["rate"]),))
    if kind == "UpSampling2D":
        factor = _both(link, "size", file)
        if settings.get("interpolation", "nearest") not in ("nearest", "bilinear"):
            raise _unsupported(link, "interpolation", "nearest, bilinear", file)
        return Layer("upsample", (factor,), (settings.get("interpolation", "nearest"),))
    return Layer("flatten")


def _convolution(link: _Link, file: str) -> Layer:
    settings = link.settings
    for name, usual in (("dilation_rate", 1), ("groups", 1), ("output_padding", None)):
        if settings.get(name, usual) not in (usual, [usual, usual]):
            raise _unsupported(link, name, str(usual), file)
    if settings["padding"] not in ("same", "valid"):
        raise _unsupported(link, "padding", "same, valid", file)
    numbers = settings["filters"], _both(link, "kernel_size", file), _both(link, "strides", file)
    kind = "conv" if link.kind == "Conv2D" else "conv_transpose"
    return Layer(kind, numbers, (settings["padding"], *_bias(settings)))


def _both(link: _Link, name: str, file: str) -> int:
    """A setting that must be equal for rows and columns."""
    value = link.settings[name]
    rows, columns = (value, value) if isinstance(value, int) else value
    if rows != columns:
        raise _unsupported(link, name, "equal for rows and columns", file)
    return int(rows)


def _bias(settings: Mapping[str, Any]) -> tuple[str, ...]:
    return () if settings.get("use_bias", True) else (NO_BIAS,)


def _relu(link: _Link, file: str) -> Layer:
    settings = link.settings
    if settings.get("max_value") is not None or settings.get("threshold"):
        raise _unsupported(link, "max_value, threshold", "none", file)
    slope = float(settings.get("negative_slope") or 0)
    return Layer("leaky_relu", (slope,)) if slope else Layer("relu")


def _reshape(link: _Link, file: str) -> Layer:
    target = [int(length) for length in link.settings["target_shape"]]
    if len(target) not in (1, 3) or min(target) < 1:
        raise _unsupported(link, "target_shape", "(rows, columns, channels)", file)
    return Layer("reshape", tuple(target)) if len(target) == 3 else Layer("flatten")


def _activation(link: _Link, file: str) -> list[Layer]:
    """The activation of a layer, which may be a function or a layer of its own."""
    given = link.settings.get("activation")
    if isinstance(given, Mapping):
        if given["class_name"] in ("LeakyReLU", "ReLU"):
            found = _layer(_Link(given["class_name"], given["config"], link.path, link.name), file)
            return [found] if found else []
        given = given["config"]
    if given in (None, "linear"):
        return []
    if given == "leaky_relu":
        return [Layer("leaky_relu", (0.2,))]
    if not isinstance(given, str) or given not in FUNCTIONS:
        raise _unsupported(link, "activation", ", ".join(["linear", "leaky_relu", *FUNCTIONS]), file)
    return [Layer(FUNCTIONS[given])]


def _unsupported(link: _Link, name: str, valid: str, file: str) -> BadCheckpoint:
    value = json.dumps(link.settings.get(name))
    return BadCheckpoint(
        "{file}: the layer {layer} ({kind}) has {setting} = {value}. Supported: {valid}.",
        file=file, layer=link.name[:60], kind=link.kind, setting=name, value=value[:60], valid=valid,
    )  # fmt: skip


def _tensors(link: _Link, layer: Layer, place: int, weights: Weights) -> dict[str, Tensor]:
    """The weights of a layer by their names in a SequentialGenerator."""
    start = f"layers.{place}."
    if layer.kind == "batch_norm":
        return _norm(link, start, weights)
    if layer.kind not in TURNS:
        return {}
    variables = ["kernel"] + (["bias"] if NO_BIAS not in layer.words else [])
    kernel, *bias = weights(link, variables)
    turned = np.ascontiguousarray(kernel.transpose(TURNS[layer.kind]))
    return {f"{start}weight": torch.from_numpy(turned), **{f"{start}bias": torch.from_numpy(one) for one in bias}}


def _norm(link: _Link, start: str, weights: Weights) -> dict[str, Tensor]:
    scale, center = (bool(link.settings.get(name, True)) for name in ("scale", "center"))
    names = ["gamma"] * scale + ["beta"] * center + ["moving_mean", "moving_variance"]
    found = dict(zip(names, map(torch.from_numpy, weights(link, names)), strict=True))
    mean = found["moving_mean"]
    known = {"gamma": torch.ones_like(mean), "beta": torch.zeros_like(mean)} | found
    order = ("gamma", "beta", "moving_mean", "moving_variance")
    named = {f"{start}{ours}": known[theirs] for ours, theirs in zip(NORM, order, strict=True)}
    return named | {f"{start}num_batches_tracked": torch.tensor(0)}

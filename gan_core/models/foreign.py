"""Weights of junyanz/pytorch-CycleGAN-and-pix2pix, put into our networks of the same make.

Its files hold a state dict of one network: `resnet_9blocks`, `unet_256` or `basic` (70x70 PatchGAN). Ours have their
layers in the same order; only the names differ:

    ResNet   model.N...              -> layers.N...             and conv_block.N -> layers.N inside a block
    PatchGAN model.N...              -> layers.N...
    U-Net    model.model.1.model.3... -> down.LEVEL.N and up.LEVEL.N: its levels lie inside one another

The mapping is written from those published names and tested against networks of that layout, and against their code
where a checkout of it is given (`pytest --peer CHECKOUT`). `kind_of` tells from names and shapes alone which network a
file is of. Batch-norm takes the file's running statistics here; their scripts take those of the picture at hand unless
called with --eval.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from gan_core.errors import BadCheckpoint
from gan_core.translation_layers import UnetGenerator

OLD_STATISTICS = re.compile(r"\.(running_mean|running_var|num_batches_tracked)$")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors by name from a `.safetensors` or `.pth` file; nothing in the file is run. Raises BadCheckpoint."""
    found = read_state(path)
    if not all(isinstance(name, str) and _dense(tensor) for name, tensor in found.items()):
        raise BadCheckpoint("{path} holds no plain weights of one network.", path=path.name)
    return dict(found)


def _dense(value: Any) -> bool:
    return isinstance(value, Tensor) and value.layout == torch.strided


def read_state(path: Path) -> Mapping[str, Any]:
    """What a `.safetensors` or `.pth` file holds, which may lie in tables inside it. Raises BadCheckpoint."""
    try:
        if path.suffix.lower() == ".safetensors":
            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, SafetensorError, RuntimeError, ValueError, EOFError, KeyError) as error:
        raise BadCheckpoint(
            "{path} can't be read as weights ({reason}).", path=path.name, reason=str(error).split("\n")[0][:200]
        ) from error
    except Exception as error:  # pickle.UnpicklingError, whose text advises to run what is in the file
        raise BadCheckpoint(
            "{path} can't be read as weights: it holds more than tensors, or isn't a file of PyTorch.", path=path.name
        ) from error
    if not isinstance(found, Mapping):
        raise BadCheckpoint("{path} holds no plain weights of one network.", path=path.name)
    return found


@dataclass(frozen=True)
class Kind:
    """The network that weights are of. `depth` counts residual blocks, or the U-Net's halvings."""

    network: str  # "resnet" or "unet"
    image_channels: int
    channels: int  # next to the image
    depth: int
    norm: str  # "instance" or "batch"
    dropout: bool  # where it can be told: it has no weights

    def __str__(self) -> str:
        return f"{self.network}, depth {self.depth}, {self.channels} channels, {self.norm} norm"


def kind_of(weights: Mapping[str, Tensor]) -> Kind:
    """Which generator weights are of; raises BadCheckpoint where they are of no known one."""
    plain = {name.removeprefix("module."): tensor for name, tensor in weights.items()}
    levels = [match.group(0).count(".model") for name in plain if (match := re.match(r"model(\.model\.\d+)+", name))]
    first = plain.get("model.model.0.weight" if levels else "model.1.weight")
    last = plain.get("model.model.3.weight" if levels else f"model.{_last(plain)}.weight")
    if first is None or last is None or first.ndim != 4 or last.ndim != 4:
        raise _unknown()
    taken, given = first.shape[1], last.shape[1 if levels else 0]
    if taken != given:
        raise BadCheckpoint(
            "These weights turn images of {taken} channels into images of {given}; only equal numbers are known here.",
            taken=taken, given=given,
        )  # fmt: skip
    channels = first.shape[0]
    if levels:
        inside = "model.model" + ".1.model" + ".3.model" * (max(levels) - 2)
        return Kind("unet", taken, channels, max(levels), _norm(plain, f"{inside}.4"), False)
    blocks = {match.group(1) for name in plain if (match := re.match(r"model\.(\d+)\.conv_block\.", name))}
    if not blocks:
        raise _unknown()
    after_dropout = plain.get(f"model.{min(blocks, key=int)}.conv_block.6.weight")
    dropped = after_dropout is not None and after_dropout.ndim == 4
    return Kind("resnet", taken, channels, len(blocks), _norm(plain, "model.2"), dropped)


def _last(weights: Mapping[str, Tensor]) -> int:
    return max((int(match.group(1)) for name in weights if (match := re.match(r"model\.(\d+)\.", name))), default=0)


def _norm(weights: Mapping[str, Tensor], place: str) -> str:
    """Only batch-norm has weights."""
    return "batch" if f"{place}.weight" in weights else "instance"


def _unknown() -> BadCheckpoint:
    return BadCheckpoint(
        "These weights are of no generator that is known here. Valid: ResNet and U-Net generators of "
        "junyanz/pytorch-CycleGAN-and-pix2pix."
    )


def load_foreign(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Fills one of our generators or patch discriminators with such weights; raises BadCheckpoint where they don't fit.

    The network must be built to the same measures: channels, blocks or depth, normalisation.
    """
    own = network.state_dict()
    renamed = _unet(weights, network) if isinstance(network, UnetGenerator) else _sequential(weights)
    # files of before 2018 hold statistics of instance norm, which nothing reads
    renamed = {name: tensor for name, tensor in renamed.items() if name in own or not OLD_STATISTICS.search(name)}
    for name in own.keys() | renamed.keys():
        theirs = tuple(renamed[name].shape) if name in renamed else "nothing"
        ours = tuple(own[name].shape) if name in own else "nothing"
        if theirs != ours and not name.endswith("num_batches_tracked"):
            raise BadCheckpoint(
                "These weights belong to another network: at {name} they have {theirs}, and this one {ours}.",
                name=name, theirs=theirs, ours=ours,
            )  # fmt: skip
    network.load_state_dict(own | renamed)


def _sequential(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`model.10.conv_block.1.weight` -> `layers.10.layers.1.weight`."""
    return {
        re.sub(r"^(module\.)?model\.", "layers.", name).replace(".conv_block.", ".layers."): tensor
        for name, tensor in weights.items()
    }


def _unet(weights: Mapping[str, Tensor], network: UnetGenerator) -> dict[str, Tensor]:
    """Each level's layers, down and up, from the level's place inside those around it."""
    depth = len(network.down)
    renamed = {}
    for name, tensor in weights.items():
        found = re.fullmatch(r"(?:module\.)?model((?:\.model\.\d+)+)\.(\w+)", name)
        places = [int(place) for place in re.findall(r"\d+", found.group(1))] if found else []
        place = _place(places, depth)
        renamed[name if place is None else f"{place}.{name.rpartition('.')[2]}"] = tensor
    return renamed


def _place(places: list[int], depth: int) -> str | None:
    """Where the layer stands in ours: `down.LEVEL.N` or `up.LEVEL.N`.

    A level of theirs is [leaky, down, norm, LEVEL, relu, up, norm, dropout]; the outermost has no leaky and no norms,
    the innermost neither norm nor level in the middle.
    """
    level = len(places) - 1
    if level < 0 or level >= depth:
        return None
    if level == 0:
        return {0: "down.0.0", 3: "up.0.1"}.get(places[-1])
    if level == depth - 1:
        found = {1: "down.{}.1", 3: "up.{}.1", 4: "up.{}.2"}.get(places[-1])
    else:
        found = {1: "down.{}.1", 2: "down.{}.2", 5: "up.{}.1", 6: "up.{}.2"}.get(places[-1])
    return found.format(level) if found else None

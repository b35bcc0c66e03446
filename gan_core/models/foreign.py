"""Loads weights of junyanz/pytorch-CycleGAN-and-pix2pix into the same architectures here.

Its files hold a state dict of one network: `resnet_9blocks`, `unet_256` or `basic` (70x70 PatchGAN). Ours have their
layers in the same order; only the names differ:

    ResNet   model.N...              -> layers.N...             and conv_block.N -> layers.N inside a block
             (taesungp/contrastive-unpaired-translation's too, whose default blurs where it resamples)
    PatchGAN model.N...              -> layers.N...
    U-Net    model.model.1.model.3... -> down.LEVEL.N and up.LEVEL.N: its levels lie inside one another

The mapping follows those published names and is tested against networks of that layout, and against their code if a
checkout of it is given (`pytest --peer CHECKOUT`). `kind_of` recognises the network of a file from names and shapes
alone. Batch-norm uses the file's running statistics here; their scripts use those of the present picture unless called
with --eval.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from gan_core.errors import BadCheckpoint
from gan_core.fitting import fill
from gan_core.layers.translation import UnetGenerator
from gan_core.models.weight_files import plain_names

OLD_STATISTICS = re.compile(r"\.(running_mean|running_var|num_batches_tracked)$")


@dataclass(frozen=True)
class Kind:
    """The network to which weights belong. `depth` counts residual blocks, or the U-Net's halvings."""

    network: str  # "resnet" or "unet"
    image_channels: int
    channels: int  # of the layers next to the image
    depth: int
    norm: str  # "instance" or "batch"
    dropout: bool  # if it can be recognised: it has no weights
    blur: str = "none"  # one of translation_layers.BLURS

    def __str__(self) -> str:
        blurred = "" if self.blur == "none" else f", blurred ({self.blur})"
        return f"{self.network}, depth {self.depth}, {self.channels} channels, {self.norm} norm{blurred}"


def kind_of(weights: Mapping[str, Tensor]) -> Kind:
    """The architecture of generator weights; raises BadCheckpoint for an unknown one."""
    plain = plain_names(weights)
    levels = [match.group(0).count(".model") for name in plain if (match := re.match(r"model(\.model\.\d+)+", name))]
    first = plain.get("model.model.0.weight" if levels else "model.1.weight")
    last = plain.get("model.model.3.weight" if levels else f"model.{_last(plain)}.weight")
    if first is None or last is None or first.ndim != 4 or last.ndim != 4:
        raise _unknown()
    if first.shape[:2] == (7, 7):
        raise BadCheckpoint(
            "These weights have Keras's kernel layout (height, width, in, out) and can't be used: Keras's transposed "
            "convolutions with odd kernels are shifted by one pixel from PyTorch's."
        )
    taken, given = first.shape[1], last.shape[1 if levels else 0]
    if taken != given:
        raise BadCheckpoint(
            "These weights map {taken} channels to {given}. Only equal numbers are supported.",
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
    return Kind("resnet", taken, channels, len(blocks), _norm(plain, "model.2"), dropped, _blur(plain, blocks))


def _blur(weights: Mapping[str, Tensor], blocks: set[str]) -> str:
    """The resampling steps at which a ResNet blurs: its filters come before or after the residual blocks."""
    filters = [int(match.group(1)) for name in weights if (match := re.match(r"model\.(\d+)\.filt$", name))]
    down, up = (
        any(place < min(map(int, blocks)) for place in filters),
        any(place > max(map(int, blocks)) for place in filters),
    )
    return {(False, False): "none", (True, False): "down", (False, True): "up", (True, True): "both"}[down, up]


def _last(weights: Mapping[str, Tensor]) -> int:
    return max((int(match.group(1)) for name in weights if (match := re.match(r"model\.(\d+)\.", name))), default=0)


def _norm(weights: Mapping[str, Tensor], place: str) -> str:
    """Only batch-norm has weights."""
    return "batch" if f"{place}.weight" in weights else "instance"


def _unknown() -> BadCheckpoint:
    return BadCheckpoint(
        "These weights are of an unknown generator. Supported: ResNet and U-Net generators of "
        "junyanz/pytorch-CycleGAN-and-pix2pix, and ResNet generators of taesungp/contrastive-unpaired-translation "
        "(CUT)."
    )


def load_foreign(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Loads such weights into one of our generators or patch discriminators; raises BadCheckpoint if they don't fit.

    The network must be built to the same measures: channels, blocks or depth, normalisation.
    """
    own, plain = network.state_dict(), plain_names(weights)
    renamed = _unet(plain, network) if isinstance(network, UnetGenerator) else _sequential(plain)
    # files from before 2018 hold unused statistics of instance norm
    renamed = {name: tensor for name, tensor in renamed.items() if name in own or not OLD_STATISTICS.search(name)}
    counters = {name: own[name] for name in own if name.endswith("num_batches_tracked")}  # missing in old files
    fill(network, counters | renamed)


def _sequential(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`model.10.conv_block.1.weight` -> `layers.10.layers.1.weight`."""
    return {
        re.sub(r"^model\.", "layers.", name).replace(".conv_block.", ".layers."): tensor
        for name, tensor in weights.items()
    }


def _unet(weights: Mapping[str, Tensor], network: UnetGenerator) -> dict[str, Tensor]:
    """The layers of each level, down and up, from the nesting of the levels."""
    depth = len(network.down)
    renamed = {}
    for name, tensor in weights.items():
        found = re.fullmatch(r"model((?:\.model\.\d+)+)\.(\w+)", name)
        places = [int(place) for place in re.findall(r"\d+", found.group(1))] if found else []
        place = _place(places, depth)
        renamed[name if place is None else f"{place}.{name.rpartition('.')[2]}"] = tensor
    return renamed


def _place(places: list[int], depth: int) -> str | None:
    """The layer's name in our network: `down.LEVEL.N` or `up.LEVEL.N`.

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

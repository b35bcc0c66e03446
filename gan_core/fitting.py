"""Checks that weights fit a network and are finite, before anything is loaded.

PyTorch's own errors list every difference after a colon, in an order that isn't that of the layers. Here the first
layer that differs is named, in the network's order and so the same one on every call, with both shapes; and, where the
weights say what data they are for, what differs about these.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.errors import BadCheckpoint

NOTHING = "missing"
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Misfit:
    """The first layer that differs: its shape in the weights, and in the network; None where it isn't there."""

    layer: str
    theirs: Shape | None
    ours: Shape | None


def misfit(network: nn.Module, weights: Mapping[str, Tensor]) -> Misfit | None:
    """What differs first, in the network's order, then what the weights alone have; None where all of it fits."""
    own = network.state_dict()
    for layer, tensor in own.items():
        theirs = weights.get(layer)
        if theirs is None or theirs.shape != tensor.shape:
            return Misfit(layer, None if theirs is None else tuple(theirs.shape), tuple(tensor.shape))
    beyond = next((layer for layer in weights if layer not in own), None)
    return None if beyond is None else Misfit(beyond, tuple(weights[beyond].shape), None)


def check_fit(
    network: nn.Module,
    weights: Mapping[str, Tensor],
    of: str = "",
    saved: DataSpec | None = None,
    wanted: DataSpec | None = None,
) -> None:
    """Raises BadCheckpoint where weights belong to another network.

    `of` is what the network is called among those of its recipe; `saved` and `wanted` are the data that the weights and
    the network are for, where both are known.
    """
    found = misfit(network, weights)
    if found is None:
        return
    layer = f"{of}.{found.layer}" if of else found.layer
    theirs, ours = _shown(found.theirs), _shown(found.ours)
    if saved is not None and wanted is not None:
        if saved.task == wanted.task and saved.channels != wanted.channels:
            raise BadCheckpoint(
                "These weights are for images with {saved} channels, but the data have {wanted}: {layer} is {theirs} "
                "in the weights and {ours} in the network.",
                saved=saved.channels, wanted=wanted.channels, layer=layer, theirs=theirs, ours=ours,
            )  # fmt: skip
        if saved.task == wanted.task and saved.size != wanted.size:
            raise BadCheckpoint(
                "These weights are for images of {saved} pixels, but the data have {wanted}: {layer} is {theirs} in "
                "the weights and {ours} in the network.",
                saved=saved.size, wanted=wanted.size, layer=layer, theirs=theirs, ours=ours,
            )  # fmt: skip
        if saved.classes != wanted.classes:
            raise BadCheckpoint(
                "These weights are for data with {saved} classes, but the data have {wanted}: {layer} is {theirs} in "
                "the weights and {ours} in the network.",
                saved=saved.classes, wanted=wanted.classes, layer=layer, theirs=theirs, ours=ours,
            )  # fmt: skip
    raise BadCheckpoint(
        "These weights belong to another network: {layer} is {theirs} in the weights and {ours} in the network.",
        layer=layer, theirs=theirs, ours=ours,
    )  # fmt: skip


def _shown(shape: Shape | None) -> str:
    return NOTHING if shape is None else f"of shape {shape}"


def fill(network: nn.Module, weights: Mapping[str, Tensor], of: str = "") -> None:
    """Loads weights into a network; raises BadCheckpoint, changing nothing, where they belong to another one."""
    check_fit(network, weights, of)
    network.load_state_dict(weights)


def check_finite(weights: Mapping[str, Tensor], file: str) -> None:
    """Raises BadCheckpoint where values are NaN or infinite: such weights draw black or noise, without an error."""
    spoilt = {layer: count for layer, tensor in weights.items() if (count := _not_finite(tensor))}
    if spoilt:
        layer, count = next(iter(spoilt.items()))
        raise BadCheckpoint(
            "The weights in {file} are corrupt: {count} of {all} values of {layer} are NaN or infinite. Affected "
            "layers: {spoilt} of {layers}.",
            file=file, count=count, all=weights[layer].numel(), layer=layer, spoilt=len(spoilt), layers=len(weights),
        )  # fmt: skip


def _not_finite(tensor: Tensor) -> int:
    if not (tensor.is_floating_point() or tensor.is_complex()):
        return 0
    values = tensor.float() if tensor.element_size() == 1 else tensor  # floats of 8 bits can't be asked
    # a sum is NaN or infinite if any value is, and costs no array of its own; large values may overflow it as well
    if not values.is_complex() and bool(torch.isfinite(values.sum(dtype=torch.float64))):
        return 0
    return int((~torch.isfinite(values)).sum())

"""Checks that weights fit a network and are finite, before anything is loaded.

PyTorch's own errors list every difference after a colon, not in the order of the layers. Here the first differing layer
in the network's order, and so always the same one, is named with both shapes; and, if the weights record their data,
what differs about these.
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
    """The first layer that differs: its shape in the weights and in the network; None if it is missing there."""

    layer: str
    theirs: Shape | None
    ours: Shape | None


def misfit(network: nn.Module, weights: Mapping[str, Tensor]) -> Misfit | None:
    """The first difference, in the network's order, then layers that only the weights have; None if all fit."""
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
    """Raises BadCheckpoint if the weights belong to another network.

    `of` is the network's name in its recipe; `saved` and `wanted` are the data of the weights and of the network, if
    both are known.
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
    """Loads weights into a network; raises BadCheckpoint, and changes nothing, if they belong to another one."""
    check_fit(network, weights, of)
    network.load_state_dict(weights)


def check_finite(weights: Mapping[str, Tensor], file: str) -> None:
    """Raises BadCheckpoint if values are NaN or infinite: such weights draw black or noise without an error."""
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
    values = tensor.float() if tensor.element_size() == 1 else tensor  # 8-bit floats lack `isfinite`
    # a sum is NaN or infinite if any value is, and needs no temporary array; large values may overflow it as well
    if not values.is_complex() and bool(torch.isfinite(values.sum(dtype=torch.float64))):
        return 0
    return int((~torch.isfinite(values)).sum())

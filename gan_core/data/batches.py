"""Batches as indices into uint8 arrays: shuffled without replacement, resumable at any batch.

Batches of a streamed set come from its shards instead (streaming.py), in the same form.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan_core.data.arrays import PICTURES
from gan_core.data.base import NOT_SHOWN_TO_NETWORKS, DataSet
from gan_core.errors import BadData
from gan_core.ranks import ALONE, Ranks

HELD_OUT = 12  # items that image-to-image recipes never train on, for their previews and metrics
CHECKED = 256  # items whose levels are checked
BEYOND = 1.01  # the largest float of a picture, with room for rounding
IN_DEVICE_MEMORY = 2 * 2**30  # sets up to this many bytes are kept on the accelerator


class Order:
    """An endless shuffled order of `length` indices; every epoch is a new permutation."""

    def __init__(self, length: int, generator: torch.Generator) -> None:
        self.length = length
        self.generator = generator
        self._begin_epoch()

    def _begin_epoch(self) -> None:
        self.epoch_state = self.generator.get_state()
        self.permutation = torch.randperm(self.length, generator=self.generator)
        self.position = 0

    def take(self, count: int) -> Tensor:
        """The next indices, (count,), across the end of an epoch if necessary."""
        parts = []
        while count:
            if self.position >= self.length:  # beyond the end if the set has lost images since
                self._begin_epoch()
            part = self.permutation[self.position : self.position + count]
            self.position += len(part)
            count -= len(part)
            parts.append(part)
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def state_dict(self) -> dict[str, Any]:
        return {"epoch_state": self.epoch_state, "position": self.position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.generator.set_state(state["epoch_state"])
        self._begin_epoch()
        self.position = state["position"]


class Batches:
    """Draws batches from a data set: images as float in [-1, 1], labels int64, on the device.

    The last `held_out` items, at most a quarter of the set, are never drawn, and serve for evaluation.
    """

    def __init__(self, data: DataSet, seed: int, device: torch.device, held_out: int = 0, ranks: Ranks = ALONE) -> None:
        self.device = device
        self._ranks = ranks
        self._held_out = min(held_out, len(data) // 4)
        on_device = device.type != "cpu" and sum(array.nbytes for array in data.arrays.values()) < IN_DEVICE_MEMORY
        self._arrays: dict[str, Tensor | np.ndarray] = {}
        for name, array in data.arrays.items():
            _check_levels(name, array)
            if isinstance(array, np.memmap):
                self._arrays[name] = array
            else:
                self._arrays[name] = torch.from_numpy(array).to(device if on_device else "cpu")
        domains = [name for name in data.arrays if name not in NOT_SHOWN_TO_NETWORKS]
        groups = domains if data.unpaired else ["all"]
        self._first = groups[0]  # labels are those of the first domain
        # unpaired domains: a separate order, from a separate random generator
        self._orders = {
            group: Order(
                (len(data.arrays[group]) if data.unpaired else len(data)) - self._held_out,
                torch.Generator().manual_seed(seed + place),
            )
            for place, group in enumerate(groups)
        }
        self._flow = None
        if data.stream is not None:
            spare = data.arrays[domains[0]]
            self._flow = data.stream.begin(seed, spare, len(data.class_names), self._held_out)

    def next(self, count: int) -> dict[str, Tensor]:
        """This rank's part of the next batch, whose `count` items are the same for every number of ranks."""
        if self._flow is not None:
            arrays = self._flow.next(count, self._ranks.rank, self._ranks.size)
            return {name: to_device(torch.from_numpy(array), self.device) for name, array in arrays.items()}
        indices = {group: self._ranks.own(order.take(count)) for group, order in self._orders.items()}
        return {name: self._gather(name, indices.get(name, indices[self._first])) for name in self._arrays}

    def first(self, count: int) -> dict[str, Tensor]:
        """The first items of the set, for display; draws no random numbers."""
        return {name: self._gather(name, torch.arange(count) % len(array)) for name, array in self._arrays.items()}

    def spread(self, count: int) -> dict[str, Tensor]:
        """At most `count` items spread over the set, which may be sorted by class; draws no random numbers."""
        return {
            # domains that aren't paired can have different lengths
            name: self._gather(name, torch.linspace(0, len(array) - 1, min(count, len(array))).long())
            for name, array in self._arrays.items()
        }

    def held_out(self) -> dict[str, Tensor]:
        """The items that are never drawn, by name; empty if there are none. Draws no random numbers."""
        count = self._held_out
        if not count:
            return {}
        return {
            name: self._gather(name, torch.arange(len(array) - count, len(array)))
            for name, array in self._arrays.items()
        }

    def _gather(self, name: str, index: Tensor | None) -> Tensor:
        assert index is not None
        array = self._arrays[name]
        items = array[index.to(array.device)] if isinstance(array, Tensor) else torch.from_numpy(array[index.numpy()])
        return to_device(items, self.device)

    def state_dict(self) -> dict[str, Any]:
        if self._flow is not None:
            return {"flow": self._flow.state_dict()}
        return {group: order.state_dict() for group, order in self._orders.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if self._flow is not None:
            return self._flow.load_state_dict(state["flow"])
        for group, order in self._orders.items():
            order.load_state_dict(state[group])


def _check_levels(name: str, array: np.ndarray) -> None:
    """Raises BadData for pictures or films that aren't uint8 or scaled to [-1, 1], by the first CHECKED."""
    if name not in (*PICTURES, "frames") or array.ndim < 4 or array.dtype == np.uint8:
        return  # arrays of other names, such as depths or masks, are read by an objective of one's own
    some = array[:CHECKED]
    low, high = (float(some.min()), float(some.max())) if some.size else (0.0, 0.0)
    if array.dtype.kind != "f" or not -BEYOND <= low <= high <= BEYOND:
        raise BadData(
            "'{name}' holds {kind} from {low:g} to {high:g}. Images must be uint8 from 0 to 255, or float32 from "
            "-1 (black) to 1 (white).", name=name, kind=array.dtype, low=low, high=high,
        )  # fmt: skip
    if low >= 0 < high:
        warnings.warn(
            f"'{name}' holds floats from {low:g} to {high:g}. If 0 is black, rescale them by 2 * x - 1: images are "
            "expected from -1 (black) to 1 (white).", stacklevel=4,
        )  # fmt: skip


def to_device(items: Tensor, device: torch.device) -> Tensor:
    """Converts uint8 images to float in [-1, 1], channels last; other arrays are only moved."""
    items = items.to(device, non_blocking=True)
    if items.dtype != torch.uint8:
        return items
    images = items.to(torch.get_default_dtype()).mul_(1 / 127.5).sub_(1)
    return images.contiguous(memory_format=torch.channels_last) if images.ndim == 4 else images

"""The heights and widths that an image-to-image network accepts, found by running it.

free_sizes(module, ["picture"], (3, 64, 64))        Sizes(multiple=4, least=2): 8, 12, 16, ... pixels
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gan_core.errors import BadValue
from gan_core.exporting.runtime import reason


@dataclass(frozen=True)
class Sizes:
    """Valid sides: every multiple of `multiple` pixels, from `least` times that upwards."""

    multiple: int = 1
    least: int = 1

    @property
    def smallest(self) -> int:
        return self.multiple * self.least

    def shapes(self, size: int) -> tuple[tuple[int, int], ...]:
        """Heights and widths of the pictures for checking an export, the largest first."""
        step = self.multiple
        return (2 * size, size + step), (size + step, size + 2 * step), (size, size)

    @property
    def words(self) -> str:
        steps = f"multiples of {self.multiple} pixels" if self.multiple > 1 else "any number of pixels"
        return f"height and width: {steps}, at least {self.smallest}"


def free_sizes(module: nn.Module, inputs: list[str], shape: tuple[int, ...]) -> Sizes:
    """The sizes that a network accepts besides (C, S, S), with outputs of equal or proportional size.

    Raises BadValue, with PyTorch's message, if the layers fix the size of the pictures.
    """
    channels, size, _ = shape
    reasons: list[str] = []
    for step in (2**power for power in range(size.bit_length())):
        reasons.append(_refusal(module, inputs, channels, size + step, size + 2 * step))
        if not reasons[-1]:
            least = next((n for n in (1, 2, 4) if not _refusal(module, inputs, channels, n * step, n * step)), 0)
            return Sizes(step, least or -(-size // step))
    raise BadValue(
        "The layers of this network fix the size of its pictures to {size}x{size}: {reason}",
        size=size,
        reason=reasons[0],
    )


def _refusal(module: nn.Module, inputs: list[str], channels: int, height: int, width: int) -> str:
    """The reason why a network doesn't accept pictures of that size; "" if it does."""
    given = []
    for name in inputs:
        picture = torch.zeros(1, 1 if name == "hole" else channels, height, width)
        given.append(picture.bool() if name == "hole" else picture)
    try:
        with torch.no_grad():
            made: Tensor = module(*given)
    except Exception as error:  # exceptions of many types
        return reason(error)
    tall, wide = made.shape[2:]
    if tall * width != wide * height or tall % height:
        return f"{height}x{width} pixels become {tall}x{wide}"
    return ""

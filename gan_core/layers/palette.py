"""Images of few colours: the last layer of a generator of drawings.

    x = sum_k softmax_k(4 m) p_k(w)

Each pixel is a mixture of K colours, which are the same everywhere in an image. Logits m choose among them, so that
even areas and crisp outlines need no precise features. Interpolated logits give larger images with outlines as crisp.
Images as sums of masked layers: 1703.01560, where a layer is a picture of its own.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from gan_core.knobs import knob

LOGIT_GAIN = 4.0  # gain of the logits
SPREAD = 0.3  # initial standard deviation of a colour over images


def palette_knob() -> Any:
    """The knob of a generator that may have a palette; 0: none."""
    return knob(
        0, 0, 64, label="Palette", unit="colours", change="rebuild", group="networks",
        help="Each image has this many colours, which depend on the latent, and each pixel is a mixture of them. "
        "Drawings get even areas and crisp outlines, also at larger sizes. 0: pixels have any colour.",
    )  # fmt: skip


class Palette(nn.Module):
    """Logits (B, K, H, W) and vectors w (B, w_size) of unit variance -> images (B, C, H, W).

    Colours are linear in w and not limited: images may slightly exceed [-1, 1].
    """

    def __init__(self, colours: int, image_channels: int, w_size: int) -> None:
        super().__init__()
        self.colours = nn.Linear(w_size, image_channels * colours)
        nn.init.normal_(self.colours.weight, std=SPREAD / math.sqrt(w_size))
        nn.init.uniform_(self.colours.bias, -0.8, 0.8)

    def forward(self, logits: Tensor, w: Tensor) -> Tensor:
        height, width = logits.shape[2:]
        pixels = logits.permute(0, 2, 3, 1).flatten(1, 2)  # (B, H * W, K), as channels-last features lie in memory
        colours = self.colours(w).unflatten(1, (pixels.shape[2], -1))  # (B, K, C)
        mixed = torch.softmax(LOGIT_GAIN * pixels, 2) @ colours
        images: Tensor = mixed.transpose(1, 2).unflatten(2, (height, width))
        return images  # (B, H * W, C) -> (B, C, H, W)

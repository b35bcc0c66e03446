"""Perceptual distance of two images: LPIPS (1801.03924) on a feature net, without learnt weights.

    d(x, y) = mean_l mean_hw |f_l(x) / |f_l(x)| - f_l(y) / |f_l(y)||^2

f_l are the features at level l, with channels normalised to length 1 at each place. The net's convolutions accept
images of any size; a level is their output at one resolution. The distance lies between 0, for the same image, and 2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gan_core.errors import BadValue, UnknownName
from gan_core.models import loading
from gan_core.models.plans import plans

EPSILON = 1e-8


class Perception(nn.Module):
    """(B, C, H, W) and (B, C, H, W) in [-1, 1] -> distances (B,); grey images are treated as colours."""

    def __init__(self, convolutions: nn.Sequential) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(layer for layer in convolutions if not isinstance(layer, nn.Flatten)))
        self.eval().requires_grad_(False)
        self.ends = [place - 1 for place, layer in enumerate(self.layers) if place and _halves(layer)]
        self.ends.append(len(self.layers) - 1)
        self.channels = next(weight.shape[1] for weight in self.parameters())

    def levels(self, images: Tensor) -> list[Tensor]:
        """Features of length 1 at each place, (B, C, h, w), from fine to coarse."""
        features = images.expand(-1, self.channels, -1, -1) if images.shape[1] == 1 else images
        found = []
        for place, layer in enumerate(self.layers):
            features = layer(features)
            if place in self.ends:
                found.append(features / (features.square().sum(1, keepdim=True) + EPSILON).sqrt())
        return found

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        pairs = zip(self.levels(one), self.levels(other), strict=True)
        apart = [(a - b).square().sum(1).flatten(1).mean(1) for a, b in pairs]  # (B, C, h, w) -> (B,)
        return torch.stack(apart).mean(0)


def _halves(layer: nn.Module) -> bool:
    """Whether a layer, or a block of layers, reduces the resolution."""
    return any(isinstance(part, nn.Conv2d) and tuple(part.stride) != (1, 1) for part in layer.modules())


def perception(net: str) -> Perception:
    """The perceptual distance of a feature net of the shelf; raises BadValue if it is missing, or BadCheckpoint."""
    try:
        network = loading.load(net).networks["features"]
    except UnknownName as error:
        if net not in plans:  # no plan trains it
            raise
        raise BadValue(
            "The perceptual distance needs the feature net {net}, which isn't among the models. Train it: `ganscope "
            "pretrain {net}`.",
            net=net,
        ) from error
    assert isinstance(network.layers, nn.Sequential)
    return Perception(network.layers)

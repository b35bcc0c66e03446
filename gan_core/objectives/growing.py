"""Progressive growing: both networks start at a low resolution and grow level by level (1710.10196, section 2).

In thousands of images: the first level trains alone for `hold_kimg`. Each further level is first faded in over
`fade_kimg` and then trained for `hold_kimg`. During the fade-in, `alpha` rises from 0 to 1 and weighs the NEW level:

    generator:      image = (1 - alpha) up(to_rgb_old(h)) + alpha to_rgb_new(block(h))
    discriminator:  h = (1 - alpha) from_rgb_old(down(x)) + alpha block(from_rgb_new(x))
    real images:    x = (1 - alpha) up(down(x)) + alpha x

At alpha = 0 the networks equal those of the previous level (many tutorials reverse the roles, or leave the real images
sharp, which gives the fakes away).

The generator's images always have the full size, with repeated pixels; here they are downsampled to the current
resolution, so that penalties act on the pixels that exist. The optimiser's moments are kept when a level is added; the
authors' code resets them and also changes the batch size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from gan_core.errors import BadValue
from gan_core.hparams import AdversarialHParams
from gan_core.knobs import Named, knob, when
from gan_core.layers.style import Growable, resized
from gan_core.objectives.adversarial import Adversarial
from gan_core.objectives.base import Batch, Networks, Phase, StepContext

Terms = Callable[[Networks, Batch, StepContext[Any]], dict[str, Tensor]]


@dataclass(frozen=True)
class GrowthHParams(AdversarialHParams):
    """The growth schedule."""

    start_size: int = knob(
        4, 4, 512, label="Initial resolution", unit="pixels", change="rebuild", group="growth",
        acts_when=when(growing=(True,)),
        help="Resolution at which training starts, a power of two. ProGAN starts at 4, StyleGAN at 8.",
    )  # fmt: skip
    hold_kimg: float = knob(
        30.0, 0.0, 10_000.0, label="Training per resolution", unit="thousand images", change="rebuild", group="growth",
        acts_when=when(growing=(True,)),
        help="How long each resolution is trained after its fade-in; the paper uses 600 to 800.",
    )  # fmt: skip
    fade_kimg: float = knob(
        30.0, 0.0, 10_000.0, label="Fade-in per resolution", unit="thousand images", change="rebuild", group="growth",
        acts_when=when(growing=(True,)),
        help="How long a new resolution is faded in; the paper uses 600 to 800.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.start_size & (self.start_size - 1):
            raise BadValue(
                "{name} must be a power of two such as 4 or 8, got {value}.",
                name=Named.of(self, ["start_size"]), value=self.start_size,
            )  # fmt: skip


def growth(hparams: GrowthHParams, size: int, images_seen: int) -> tuple[int, float]:
    """Resolution (pixels) and alpha, in [0, 1], of networks that grow up to `size` pixels."""
    thousands = images_seen / 1000
    resolution, end = min(hparams.start_size, size), hparams.hold_kimg
    while resolution < size and thousands >= end:
        resolution *= 2
        begin, end = end, end + hparams.fade_kimg + hparams.hold_kimg
        if thousands < begin + hparams.fade_kimg:
            return resolution, (thousands - begin) / hparams.fade_kimg
    return resolution, 1.0


Settings = TypeVar("Settings", bound=GrowthHParams)


class Growing(Adversarial[Settings]):
    """The adversarial objective for two `Growable` networks."""

    def __init__(self, hparams: Settings, conditional: bool = False) -> None:
        super().__init__(hparams, conditional)
        self._hparams = hparams

    def schedule(self, networks: Networks, hparams: Settings, images_seen: int) -> dict[str, float]:
        """Sets `resolution` and `alpha` of both networks."""
        resolution, alpha = growth(self._hparams, _growable(networks).size, images_seen)
        for name in ("generator", "discriminator"):
            network = _growable(networks, name)
            network.resolution.fill_(resolution)
            network.alpha.fill_(alpha)
        return {"resolution": resolution, "alpha": alpha}

    def phases(self, hparams: Settings) -> Sequence[Phase]:
        return [replace(phase, terms=_with_faded_reals(phase.terms)) for phase in super().phases(hparams)]

    def augmented(self, images: Tensor, context: StepContext[Settings]) -> Tensor:
        resolution = int(_growable(context.networks).resolution)
        return super().augmented(resized(images, resolution), context)


def _growable(networks: Networks, name: str = "generator") -> Growable:
    network = networks[name]
    assert isinstance(network, Growable)
    return network


def _with_faded_reals(terms: Terms) -> Terms:
    def faded(networks: Networks, batch: Batch, context: StepContext[Any]) -> dict[str, Tensor]:
        return terms(networks, {**batch, "real": fade(batch["real"], _growable(context.networks))}, context)

    return faded


@torch.no_grad()
def fade(images: Tensor, network: Growable) -> Tensor:
    """Real images (B, C, H, W) at full size, blended like the network's current level."""
    level, alpha = network.stage()
    sharp = resized(images, 4 << level)
    if alpha < 1:
        coarse = resized(resized(sharp, 2 << level), 4 << level)
        sharp = torch.lerp(coarse, sharp, alpha)
    return resized(sharp, network.size)

"""Progressive growing: both networks start at a few pixels and grow, level by level (1710.10196, section 2).

With k thousand images seen, the first level trains alone for `hold_kimg`. Each further level is first faded in over
`fade_kimg` and then held for `hold_kimg`. In the fade-in `alpha` rises from 0 to 1 and is the share of the NEW level:

    generator:      image = (1 - alpha) up(to_rgb_old(h)) + alpha to_rgb_new(block(h))
    discriminator:  h = (1 - alpha) from_rgb_old(down(x)) + alpha block(from_rgb_new(x))
    real images:    x = (1 - alpha) up(down(x)) + alpha x

so at alpha = 0 the networks are what they were before (many tutorials have it the other way round, or leave the real
images sharp, which gives the fakes away).

The generator's images always have the full size, with repeated pixels; here they are brought to the current
resolution, so that penalties act on the pixels that exist. The optimiser's moments are kept when a level is added; the
authors' code clears them, and changes the batch size, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gan_core.errors import BadValue
from gan_core.hparams import AdversarialHParams
from gan_core.knobs import Named, knob
from gan_core.layers.style import Growable, resized
from gan_core.objectives.adversarial import Adversarial
from gan_core.objectives.base import Batch, Networks, Phase, StepContext

Terms = Callable[[Networks, Batch, StepContext], dict[str, Tensor]]


@dataclass(frozen=True)
class GrowthHParams(AdversarialHParams):
    """The growth schedule."""

    start_size: int = knob(
        4, 4, 512, label="Initial resolution", unit="pixels", change="rebuild", group="growth",
        help="Resolution at which training starts, a power of two. ProGAN starts at 4, StyleGAN at 8.",
    )  # fmt: skip
    hold_kimg: float = knob(
        30.0, 0.0, 10_000.0, label="Training per resolution", unit="thousand images", change="rebuild", group="growth",
        help="How long each resolution is trained after its fade-in; the paper uses 600 to 800.",
    )  # fmt: skip
    fade_kimg: float = knob(
        30.0, 0.0, 10_000.0, label="Fade-in per resolution", unit="thousand images", change="rebuild", group="growth",
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
    """Resolution and alpha of networks that grow up to `size` pixels."""
    thousands = images_seen / 1000
    resolution, end = min(hparams.start_size, size), hparams.hold_kimg
    while resolution < size and thousands >= end:
        resolution *= 2
        begin, end = end, end + hparams.fade_kimg + hparams.hold_kimg
        if thousands < begin + hparams.fade_kimg:
            return resolution, (thousands - begin) / hparams.fade_kimg
    return resolution, 1.0


class Growing(Adversarial):
    """The adversarial objective of two networks that are `Growable`."""

    def __init__(self, hparams: GrowthHParams, conditional: bool = False) -> None:
        super().__init__(hparams, conditional)
        self._hparams = hparams

    def schedule(self, networks: Networks, images_seen: int) -> dict[str, float]:
        """Sets `resolution` and `alpha` of both networks."""
        resolution, alpha = growth(self._hparams, _growable(networks).size, images_seen)
        for name in ("generator", "discriminator"):
            network = _growable(networks, name)
            network.resolution.fill_(resolution)
            network.alpha.fill_(alpha)
        return {"resolution": resolution, "alpha": alpha}

    def phases(self, hparams: AdversarialHParams) -> Sequence[Phase]:
        return [replace(phase, terms=_with_faded_reals(phase.terms)) for phase in super().phases(hparams)]

    def shown(self, images: Tensor, context: StepContext) -> Tensor:
        resolution = int(_growable(context.networks).resolution)
        return super().shown(resized(images, resolution), context)


def _growable(networks: Networks, name: str = "generator") -> Growable:
    network = networks[name]
    assert isinstance(network, Growable)
    return network


def _with_faded_reals(terms: Terms) -> Terms:
    def faded(networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        return terms(networks, {**batch, "real": fade(batch["real"], _growable(context.networks))}, context)

    return faded


@torch.no_grad()
def fade(images: Tensor, network: Growable) -> Tensor:
    """Real images (B, C, H, W) of the full size, as sharp as the network is grown."""
    level, alpha = network.stage()
    sharp = resized(images, 4 << level)
    if alpha < 1:
        coarse = resized(resized(sharp, 2 << level), 4 << level)
        sharp = torch.lerp(coarse, sharp, alpha)
    return resized(sharp, network.size)

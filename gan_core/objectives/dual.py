"""CycleGAN's siblings: with plain GANs and squared errors (DiscoGAN), and with Wasserstein critics (DualGAN).

    DiscoGAN, 1703.05192:   L_G = L_GAN(G_ab) + L_GAN(G_ba) + |G_ba(G_ab(a)) - a|^2 + |G_ab(G_ba(b)) - b|^2
    DualGAN, 1704.02510:    L_G = -E[D_b(G_ab(a))] - E[D_a(G_ba(b))] + l |G_ba(G_ab(a)) - a| + l |G_ab(G_ba(b)) - b|
                            weights of the critics clipped to [-c, c], several critic updates per step

All three papers found the same idea in the spring of 2017, so that they are one objective with other distances, losses
and updates (objectives/cycle.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor, nn
from torch.nn.functional import mse_loss

from gan_core.knobs import knob
from gan_core.objectives.adversarial import clip_weights
from gan_core.objectives.base import Networks, Phase
from gan_core.objectives.cycle import Cycle, CycleHParams
from gan_core.objectives.translation import LOSSES


@dataclass(frozen=True)
class DualHParams(CycleHParams):
    """The knobs of DualGAN's objective."""

    loss: str = knob(
        "wasserstein", choices=(*LOSSES, "wasserstein"), label="Loss", group="objective",
        help="Adversarial loss of the critics and the generators. Wasserstein needs weight clipping.",
    )  # fmt: skip
    weight_clip: float = knob(
        0.01, 0.0, 1.0, label="Weight clipping", group="objective",
        help="Clips the critics' weights to plus or minus this value after each update; 0 turns clipping off.",
    )  # fmt: skip
    discriminator_steps: int = knob(
        2, 1, 20, label="Discriminator updates", unit="per step", group="objective",
        help="Updates of the critics per step, each on a new batch. The paper uses 2 to 4.",
    )  # fmt: skip


class Disco(Cycle):
    """DiscoGAN's objective. Networks: those of `Cycle`."""

    def distance(self, returned: Tensor, images: Tensor) -> Tensor:
        return mse_loss(returned, images)

    def unchanged(self, generator: nn.Module, images: Tensor) -> Tensor:
        output: Tensor = generator(images)
        return output


class Dual(Cycle):
    """DualGAN's objective. Networks: those of `Cycle`."""

    def phases(self, hparams: CycleHParams) -> Sequence[Phase]:
        assert isinstance(hparams, DualHParams)
        clip = hparams.weight_clip

        def clipped(networks: Networks) -> None:
            for name in ("discriminator_a", "discriminator_b"):
                clip_weights(networks[name], clip)

        generator, critics = super().phases(hparams)
        steps = hparams.discriminator_steps
        return generator, replace(critics, repeats=steps, after_update=clipped if clip else None)

    def unchanged(self, generator: nn.Module, images: Tensor) -> Tensor:
        output: Tensor = generator(images)
        return output

"""A hole in an image, filled from what is around it (1604.07379).

    L_D = -E[log D(y)] - E[log(1 - D(G(x)))]        L_G = l |y - G(x)|^2 - (1 - l) E[log D(G(x))]

x is the image with its middle square blank, y that square, and l = 0.999. The rim of the square weighs ten times as
much, so that it meets its surroundings (section 4.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gan_core.knobs import knob
from gan_core.objectives.base import Batch, Networks, Phase, StepContext
from gan_core.objectives.losses import losses
from gan_core.objectives.translation import MARK_EVERY, Translation, TranslationHParams, evaluated

RIM_WEIGHT = 10.0
RIM = 16  # the rim is this share of the square's side wide: 4 pixels of 64


@dataclass(frozen=True)
class MaskedHParams(TranslationHParams):
    """What the objective reads."""

    content_weight: float = knob(
        0.999, 0.0, 100.0, label="Content weight", group="objective",
        help="How much the squared distance to what was there counts. Alone it fills holes with a blur.",
    )  # fmt: skip


class Masked(Translation):
    """`generator(blanked images (B, C, H, W))` gives the square in the middle, (B, C, H/2, W/2); `discriminator` judges
    such squares.
    """

    def phases(self, hparams: MaskedHParams) -> Sequence[Phase]:
        return (
            Phase("discriminator", "discriminator", "discriminator", self._discriminator),
            Phase("generator", "generator", "generator", self._generator),
        )

    def _discriminator(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        made = context.share("made", lambda: networks["generator"](blanked(batch["real"])), "generator").detach()
        real, fake = networks["discriminator"](hole(batch["real"])), networks["discriminator"](made)
        context.observe("real", real)
        context.observe("fake_before", fake)
        return losses[settings(context).loss].discriminator_terms(real, fake)

    def _generator(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        hparams = settings(context)
        made: Tensor = context.shared("made", lambda: networks["generator"](blanked(batch["real"])))
        fake = networks["discriminator"](made)
        context.observe("fake_after", fake)
        return {
            "content": hparams.content_weight * rimmed_distance(made, hole(batch["real"])),
            "adversarial": hparams.adversarial_weight * losses[hparams.loss].generator_terms(fake)["adversarial"],
        }

    def after_step(self, context: StepContext) -> None:
        if context.step % MARK_EVERY == 0 and (held_out := context.held_out()):
            with torch.no_grad(), evaluated(context.networks["generator"]) as generator:
                made = generator(blanked(held_out["real"]))
            context.observe("held_out_l1", (made - hole(held_out["real"])).abs().mean().reshape(1))


def hole(images: Tensor) -> Tensor:
    """The square in the middle, half as high and wide: (B, C, H/2, W/2)."""
    quarter = images.shape[2] // 4
    return images[:, :, quarter : 3 * quarter, quarter : 3 * quarter]


def blanked(images: Tensor) -> Tensor:
    """The images without that square: 0, which is grey, in its place."""
    return filled(images, torch.zeros_like(hole(images)))


def filled(images: Tensor, square: Tensor) -> Tensor:
    """The images with another square in the middle."""
    quarter = images.shape[2] // 4
    whole = images.clone()
    whole[:, :, quarter : 3 * quarter, quarter : 3 * quarter] = square
    return whole


def rimmed_distance(made: Tensor, truth: Tensor) -> Tensor:
    """Mean squared distance of squares (B, C, S, S), in which the rim counts ten times."""
    side = made.shape[2]
    rim = max(1, side // RIM)
    weight = torch.full((side, side), RIM_WEIGHT, device=made.device)
    weight[rim:-rim, rim:-rim] = 1.0
    return ((made - truth).square() * weight).mean()


def settings(context: StepContext) -> MaskedHParams:
    hparams = context.hparams
    assert isinstance(hparams, MaskedHParams)
    return hparams

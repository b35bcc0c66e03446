"""Paired translation: a conditional adversarial loss and an L1 loss (pix2pix, 1611.07004).

    L_D = -E[log D(x, y)]/2 - E[log(1 - D(x, G(x)))]/2        L_G = -E[log D(x, G(x))] + lambda E[|y - G(x)|]

x is the source, y the target; D receives both. The only noise in G is dropout. The discriminator is updated first; the
generator's phase reuses its fakes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import l1_loss

from gan_core.knobs import knob
from gan_core.objectives.base import Batch, Networks, Phase, StepContext
from gan_core.objectives.translation import (
    EVALUATE_EVERY,
    PatchHParams,
    Translation,
    discriminator_terms,
    evaluated,
    generator_loss,
)


@dataclass(frozen=True)
class PairsHParams(PatchHParams):
    """The knobs of the objective."""

    l1_weight: float = knob(
        100.0, 0.0, 1000.0, label="L1 loss weight", group="objective",
        help="Weight of the absolute error to the target image. On its own it gives the blurred mean of all plausible "
        "outputs.",
    )  # fmt: skip


class Pairs(Translation[PairsHParams]):
    """`generator(source)` returns images; `discriminator(source and image, concatenated by channel)` returns logits."""

    def phases(self, hparams: PairsHParams) -> Sequence[Phase]:
        generator = Phase(name="generator", role="generator", group="generator", terms=self._generator)
        if not hparams.adversarial_weight:
            return [generator]
        return [
            Phase(name="discriminator", role="discriminator", group="discriminator", terms=self._discriminator),
            generator,
        ]

    def _discriminator(self, networks: Networks, batch: Batch, context: StepContext[PairsHParams]) -> dict[str, Tensor]:
        fake = context.share("fake", lambda: networks["generator"](batch["source"]), "generator").detach()
        discriminator = networks["discriminator"]
        real_logits = discriminator(concatenated(batch["source"], batch["target"]))
        fake_logits = discriminator(concatenated(batch["source"], fake))
        context.observe("real", real_logits)
        context.observe("fake_before", fake_logits)
        return discriminator_terms(context.hparams.loss, real_logits, fake_logits)

    def _generator(self, networks: Networks, batch: Batch, context: StepContext[PairsHParams]) -> dict[str, Tensor]:
        hparams = context.hparams
        fake: Tensor = context.shared("fake", lambda: networks["generator"](batch["source"]))
        terms = {}
        if hparams.adversarial_weight:
            logits = networks["discriminator"](concatenated(batch["source"], fake))
            context.observe("fake_after", logits)
            terms["adversarial"] = hparams.adversarial_weight * generator_loss(hparams.loss, logits)
        terms["l1"] = hparams.l1_weight * l1_loss(fake, batch["target"])
        return terms

    def after_step(self, context: StepContext[PairsHParams]) -> None:
        if context.step % EVALUATE_EVERY == 0 and (held_out := context.held_out()):
            with torch.no_grad(), evaluated(context.networks["generator"]) as generator:
                context.observe("held_out_l1", l1_loss(generator(held_out["source"]), held_out["target"]).reshape(1))


def concatenated(source: Tensor, image: Tensor) -> Tensor:
    """The input of a conditional discriminator, (B, 2C, H, W)."""
    return torch.cat([source, image], 1)

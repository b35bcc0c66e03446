"""Pairs of images: be taken for the true partner, and be near to it (1611.07004).

    L_D = -E[log D(x, y)]/2 - E[log(1 - D(x, G(x)))]/2        L_G = -E[log D(x, G(x))] + lambda E[|y - G(x)|]

x is the source, y the target; D sees both. G's noise is dropout alone. The discriminator goes first; its fakes are
judged again by the generator's phase.
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
    MARK_EVERY,
    PatchHParams,
    Translation,
    deceive,
    discriminator_terms,
    evaluated,
)


@dataclass(frozen=True)
class PairsHParams(PatchHParams):
    """What the objective reads."""

    l1_weight: float = knob(
        100.0, 0.0, 1000.0, label="L1 loss weight", group="objective",
        help="Weight of the absolute error to the target image. On its own it gives the blurred mean of all plausible "
        "outputs.",
    )  # fmt: skip


class Pairs(Translation):
    """`generator(source)` gives images; `discriminator(source and image on one another's channels)` gives logits."""

    def phases(self, hparams: PairsHParams) -> Sequence[Phase]:
        generator = Phase("generator", "generator", "generator", self._generator)
        if not hparams.adversarial_weight:
            return [generator]
        return [Phase("discriminator", "discriminator", "discriminator", self._discriminator), generator]

    def _discriminator(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        fake = context.share("fake", lambda: networks["generator"](batch["source"]), "generator").detach()
        judge = networks["discriminator"]
        real_logits = judge(together(batch["source"], batch["target"]))
        fake_logits = judge(together(batch["source"], fake))
        context.observe("real", real_logits)
        context.observe("fake_before", fake_logits)
        return discriminator_terms(settings(context).loss, real_logits, fake_logits)

    def _generator(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        hparams = settings(context)
        fake: Tensor = context.shared("fake", lambda: networks["generator"](batch["source"]))
        terms = {}
        if hparams.adversarial_weight:
            logits = networks["discriminator"](together(batch["source"], fake))
            context.observe("fake_after", logits)
            terms["adversarial"] = hparams.adversarial_weight * deceive(hparams.loss, logits)
        terms["l1"] = hparams.l1_weight * l1_loss(fake, batch["target"])
        return terms

    def after_step(self, context: StepContext) -> None:
        if context.step % MARK_EVERY == 0 and (held_out := context.held_out()):
            with torch.no_grad(), evaluated(context.networks["generator"]) as generator:
                context.observe("held_out_l1", l1_loss(generator(held_out["source"]), held_out["target"]).reshape(1))


def together(source: Tensor, image: Tensor) -> Tensor:
    """What a conditional discriminator sees, (B, 2C, H, W)."""
    return torch.cat([source, image], 1)


def settings(context: StepContext) -> PairsHParams:
    hparams = context.hparams
    assert isinstance(hparams, PairsHParams)
    return hparams

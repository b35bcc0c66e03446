"""Paired translation from coarse to fine (pix2pixHD, 1711.11585).

    L_D = sum_k L_GAN(D_k)        L_G = sum_k L_GAN(G, D_k) + l L_FM(G, D_k)                               (equation 5)

    L_FM(G, D_k) = E[sum_i |D_k^(i)(x, y) - D_k^(i)(x, G(x))|_1 / N_i]                                     (equation 4)

x is the source, y the target, D_k the discriminator of scale k and D_k^(i) its i-th layer of N_i numbers: the output
must look like the target to the discriminators, in every layer. Layers count 4 / (layers + 1) each, as in the authors'
code, and features of y are constant for the generator.

Training has three parts (section 3.2), by thousands of images: first the global generator learns images of half the
size, with the discriminators of these scales; then it is fixed and the local enhancer learns; then both learn together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import l1_loss

from gan_core.knobs import knob
from gan_core.layers.style import resized
from gan_core.layers.translation import halved
from gan_core.objectives.base import Batch, Networks, Phase, StepContext
from gan_core.objectives.pairs import concatenated
from gan_core.objectives.translation import (
    EVALUATE_EVERY,
    ScalesHParams,
    Translation,
    evaluated,
    joined,
    logits_of,
    scale_loss,
    scale_terms,
)

LAYERS = 4.0  # the weight of a layer is this, divided by the number of layers


@dataclass(frozen=True)
class CoarseToFineHParams(ScalesHParams):
    """The knobs of the objective."""

    scales: int = knob(
        2, 2, 4, label="Discriminator scales", unit="scales", change="rebuild", group="networks",
        help="Number of discriminators: one for the image, one for its half, at which training starts, and so on. "
        "Small images allow fewer. The paper uses 3.",
    )  # fmt: skip
    matching_weight: float = knob(
        10.0, 0.0, 1000.0, label="Feature matching weight", group="objective",
        help="Weight of looking like the target in every layer of the discriminators. The only term that compares the "
        "output with its target; at 0 the output need only be plausible.",
    )  # fmt: skip
    coarse_kimg: float = knob(
        8.0, 0.0, 10_000.0, label="Global generator alone", unit="thousand images", change="rebuild", group="objective",
        help="How long the global generator is trained at half the size before the local enhancer is added. 0 trains "
        "both from the start.",
    )  # fmt: skip
    fixed_kimg: float = knob(
        2.0, 0.0, 10_000.0, label="Local enhancer alone", unit="thousand images", change="rebuild", group="objective",
        help="How long the local enhancer then learns while the global generator is fixed, before both learn together.",
    )  # fmt: skip


class CoarseToFine(Translation[CoarseToFineHParams]):
    """`generator(source)` returns images of full size and has the buffer `enhanced` (0: those of the global generator,
    enlarged) and the attribute `fixed`; `discriminator(source and image, concatenated by channel)` returns the outputs
    of each scale that fits into the image."""

    def __init__(self, hparams: CoarseToFineHParams) -> None:
        super().__init__()
        self._coarse, self._fixed = hparams.coarse_kimg, hparams.coarse_kimg + hparams.fixed_kimg

    def schedule(self, networks: Networks, hparams: CoarseToFineHParams, images_seen: int) -> dict[str, float]:
        """Sets which generator is in use and which one is trained."""
        generator: Any = networks["generator"]
        thousands = images_seen / 1000
        enhanced = thousands >= self._coarse
        generator.enhanced.fill_(enhanced)
        generator.fixed = enhanced and thousands < self._fixed
        size: int = generator.size
        return {"resolution": size if enhanced else size // 2}

    def phases(self, hparams: CoarseToFineHParams) -> Sequence[Phase]:
        return (
            Phase(name="discriminator", role="discriminator", group="discriminator", terms=self._discriminator),
            Phase(name="generator", role="generator", group="generator", terms=self._generator),
        )

    def _judged(self, networks: Networks, source: Tensor, images: Tensor) -> list[list[Tensor]]:
        """The discriminators' outputs, at half the size while the local enhancer isn't in use."""
        found: list[list[Tensor]] = networks["discriminator"](concatenated(source, images))
        return found

    def _seen(self, batch: Batch, context: StepContext[CoarseToFineHParams]) -> tuple[Tensor, Tensor, int]:
        """The discriminators' inputs for source and target, and their size in pixels."""
        source, target, size = batch["source"], batch["target"], batch["source"].shape[-1]
        if bool(context.networks["generator"].enhanced):
            return source, target, size
        return halved(source), halved(target), size // 2

    def _discriminator(
        self, networks: Networks, batch: Batch, context: StepContext[CoarseToFineHParams]
    ) -> dict[str, Tensor]:
        fake = context.share("fake", lambda: networks["generator"](batch["source"]), "generator").detach()
        source, target, size = self._seen(batch, context)
        real_logits = logits_of(self._judged(networks, source, target))
        fake_logits = logits_of(self._judged(networks, source, resized(fake, size)))
        context.observe("real", joined(real_logits))
        context.observe("fake_before", joined(fake_logits))
        return scale_terms(context.hparams.loss, real_logits, fake_logits)

    def _generator(
        self, networks: Networks, batch: Batch, context: StepContext[CoarseToFineHParams]
    ) -> dict[str, Tensor]:
        hparams = context.hparams
        fake: Tensor = context.shared("fake", lambda: networks["generator"](batch["source"]))
        source, target, size = self._seen(batch, context)
        of_fake = self._judged(networks, source, resized(fake, size))
        logits = logits_of(of_fake)
        context.observe("fake_after", joined(logits))
        terms = {"adversarial": hparams.adversarial_weight * scale_loss(hparams.loss, logits)}
        if hparams.matching_weight:
            with torch.no_grad():
                of_real = self._judged(networks, source, target)
            terms["matching"] = hparams.matching_weight * matching(of_real, of_fake)
        return terms

    def after_step(self, context: StepContext[CoarseToFineHParams]) -> None:
        if context.step % EVALUATE_EVERY == 0 and (held_out := context.held_out()):
            with torch.no_grad(), evaluated(context.networks["generator"]) as generator:
                context.observe("held_out_l1", l1_loss(generator(held_out["source"]), held_out["target"]).reshape(1))


def matching(of_real: Sequence[Sequence[Tensor]], of_fake: Sequence[Sequence[Tensor]]) -> Tensor:
    """L_FM, averaged over the discriminators, of their outputs without the logits."""
    distances = [
        LAYERS / len(real) * l1_loss(one, other)
        for real, fake in zip(of_real, of_fake, strict=True)
        for one, other in zip(real[:-1], fake[:-1], strict=True)
    ]
    return torch.stack(distances).sum() / len(of_real)

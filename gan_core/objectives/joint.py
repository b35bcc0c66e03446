"""An encoder learnt by a discriminator of pairs (BiGAN, 1605.09782; ALI, 1606.00704).

    V = E_x[log D(x, E(x))] + E_z[log(1 - D(G(z), z))]                                          (1605.09782, section 3)

D sees an image together with its latents, and distinguishes real images with encoded latents from generated images with
their own. D maximises V, and both E and G minimise it: E is trained as G is, with the roles of the two kinds swapped.
At the optimum E inverts G, although no term compares an image with its reconstruction.

The pair's latents replace the label of a conditional discriminator. A gradient penalty applies to the pair: to the
gradient with respect to the image and the latents.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import l1_loss

from gan_core.hparams import AdversarialHParams
from gan_core.knobs import knob
from gan_core.objectives.adversarial import Adversarial, Fakes
from gan_core.objectives.base import Batch, Networks, StepContext
from gan_core.objectives.losses import AdversarialLoss
from gan_core.objectives.translation import EVALUATE_EVERY, evaluated


@dataclass(frozen=True)
class JointHParams(AdversarialHParams):
    """The knobs of the objective."""

    encoder_weight: float = knob(
        1.0, 0.0, 100.0, label="Encoder weight", group="objective",
        help="Weight of the encoder's loss, which is the generator's with real and generated swapped. The papers use "
        "1; smaller lets the encoder follow slowly.",
    )  # fmt: skip


def swapped(loss: AdversarialLoss, logits: Tensor) -> Tensor:
    """Logits mirrored at the decision boundary: with them the generator's loss makes real pairs look generated."""
    return 2 * (loss.threshold or 0.0) - logits


class Joint(Adversarial[JointHParams]):
    """BiGAN's objective. Networks: `generator(latents)`, `encoder(images)` returns latents (B, latent_size), and
    `discriminator(images, latents)` logits (B,)."""

    def __init__(self, hparams: JointHParams) -> None:
        super().__init__(hparams, conditional=True)

    def generate(self, networks: Networks, batch: Batch, context: StepContext[JointHParams]) -> Fakes:
        latents = context.latents(len(batch["real"]), context.hparams.latent_size)
        return Fakes(networks["generator"](latents), latents, latents)

    def _discriminator_terms(
        self, networks: Networks, batch: Batch, context: StepContext[JointHParams]
    ) -> dict[str, Tensor]:
        return super()._discriminator_terms(networks, _encoded(networks, batch), context)

    def _penalty_terms(self, networks: Networks, batch: Batch, context: StepContext[JointHParams]) -> dict[str, Tensor]:
        return super()._penalty_terms(networks, _encoded(networks, batch), context)

    def _penalty(
        self,
        networks: Networks,
        batch: Batch,
        real: Tensor,
        fake: Tensor,
        labels: Tensor | None,
        context: StepContext[JointHParams],
    ) -> Tensor:
        shape = real.shape[1:]
        codes = batch["label"]

        def critic(pairs: Tensor) -> Tensor:
            images = pairs[:, : shape.numel()].reshape(-1, *shape)  # (B, C * H * W + L) -> (B, C, H, W)
            return self.discriminate(networks["discriminator"], images, pairs[:, shape.numel() :]).logits

        pairs = (
            torch.cat([real.flatten(1), codes], 1),
            torch.cat([fake.flatten(1), codes if labels is None else labels], 1),
        )
        return self.penalty_weight(context.hparams) * self.penalty_of(lambda name: critic, *pairs, context)

    def _generator_terms(
        self, networks: Networks, batch: Batch, context: StepContext[JointHParams]
    ) -> dict[str, Tensor]:
        hparams = context.hparams
        terms = super()._generator_terms(networks, _encoded(networks, batch), context)
        codes = networks["encoder"](batch["real"])
        real = self.discriminate(networks["discriminator"], self.augmented(batch["real"], context), codes)
        loss = self.loss(hparams)
        if loss.compares:  # a loss over all pairs: real pairs replace the generated ones
            encoder = loss.generator_terms(real.logits, swapped(loss, real.logits).detach())["adversarial"]
        else:
            encoder = loss.generator_terms(swapped(loss, real.logits))["adversarial"]
        return terms | {"encoder": hparams.encoder_weight * encoder}

    def after_step(self, context: StepContext[JointHParams]) -> None:
        super().after_step(context)
        observe_rebuilt(context)


def _encoded(networks: Networks, batch: Batch) -> Batch:
    """The batch with the encoder's latents in the place of labels."""
    with torch.no_grad():
        return {**batch, "label": networks["encoder"](batch["real"])}


def observe_rebuilt(context: StepContext) -> None:
    """Observes at intervals the mean absolute difference per pixel of G(E(x)) and held-out images x."""
    if context.step % EVALUATE_EVERY == 0 and (held_out := context.held_out()):
        networks, images = context.networks, held_out["real"]
        with torch.no_grad(), evaluated(networks["encoder"]) as encoder, evaluated(networks["generator"]) as generator:
            codes = encoder(images)
            rebuilt = generator(codes[0] if isinstance(codes, tuple) else codes)
            context.observe("held_out_l1", l1_loss(rebuilt, images).reshape(1))

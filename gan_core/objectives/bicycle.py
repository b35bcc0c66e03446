"""Several outputs of one input: two ways around between outputs and latents (BicycleGAN, 1711.11586).

    cVAE-GAN:  B -> z = E(B) -> B^ = G(A, z)      L_GAN + l |B - B^|_1 + l_KL KL(E(B) | N(0, 1))
    cLR-GAN:   z -> B^ = G(A, z) -> z^ = E(B^)    L_GAN + l_latent |z - z^|_1

A is the source, B the target, G the generator and E the encoder, whose output is a normal distribution. The first way
makes latents hold what A leaves open; the second makes every latent matter, and draws them from the distribution that
samples are drawn from (section 3.4, equation 8). Each way has a discriminator of its own. As in the authors' code, the
error of the latents trains G alone, and z^ is the mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn.functional import l1_loss

from gan_core.knobs import knob
from gan_core.objectives.base import Batch, Networks, Phase, StepContext
from gan_core.objectives.pairs import concatenated
from gan_core.objectives.translation import PatchHParams, Translation, discriminator_terms, generator_loss
from gan_core.objectives.variational import kl_to_normal

WAYS = ("encoded", "random")


@dataclass(frozen=True)
class BicycleHParams(PatchHParams):
    """The knobs of the objective."""

    latent_dimensions: int = knob(
        8, 1, 64, label="Latent dimensions", unit="dimensions", change="rebuild", group="networks",
        help="Dimensions of the latent that chooses among the outputs of one input; the paper uses 8.",
    )  # fmt: skip
    l1_weight: float = knob(
        10.0, 0.0, 1000.0, label="L1 loss weight", group="objective",
        help="Weight of the absolute error to the target where the latent is that of the target.",
    )  # fmt: skip
    kl_weight: float = knob(
        0.01, 0.0, 100.0, label="Weight of the KL term", group="objective",
        help="How closely the latents of targets follow the normal distribution that outputs are drawn from.",
    )  # fmt: skip
    latent_weight: float = knob(
        0.5, 0.0, 100.0, label="Latent recovery weight", group="objective",
        help="Weight of recovering the latent from the output. At 0 the generator may ignore it, so that all outputs "
        "of an input are alike.",
    )  # fmt: skip


class Bicycle(Translation[BicycleHParams]):
    """Networks: `generator(source, latents)`, `encoder(target)` returns mean and log variance (B, L) each,
    `discriminator_encoded` and `discriminator_random` judge source and image concatenated by channel."""

    def phases(self, hparams: BicycleHParams) -> Sequence[Phase]:
        return (
            Phase(name="discriminator", role="discriminator", group="discriminator", terms=self._discriminators),
            Phase(name="generator", role="generator", group="generator", terms=self._generators),
        )

    def _made(
        self, networks: Networks, batch: Batch, context: StepContext[BicycleHParams]
    ) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """The outputs of both ways, the KL term, and the random latents."""
        count, size = len(batch["source"]), context.hparams.latent_dimensions
        mean, log_variance = networks["encoder"](batch["target"])
        noise, latents = context.latents(count, size), context.latents(count, size)
        generator = networks["generator"]
        made = {
            "encoded": generator(batch["source"], mean + (0.5 * log_variance).exp() * noise),
            "random": generator(batch["source"], latents),
        }
        return made, kl_to_normal(mean, log_variance), latents

    def _discriminators(
        self, networks: Networks, batch: Batch, context: StepContext[BicycleHParams]
    ) -> dict[str, Tensor]:
        with torch.no_grad():
            made, _, _ = self._made(networks, batch, context)
        terms: dict[str, Tensor] = {}
        for way in WAYS:
            discriminator = networks[f"discriminator_{way}"]
            real = discriminator(concatenated(batch["source"], batch["target"]))
            fake = discriminator(concatenated(batch["source"], made[way]))
            halves = discriminator_terms(context.hparams.loss, real, fake)
            terms |= {f"{name}_{way}": term for name, term in halves.items()}
        context.observe("real", real)
        context.observe("fake_before", fake)
        return terms

    def _generators(self, networks: Networks, batch: Batch, context: StepContext[BicycleHParams]) -> dict[str, Tensor]:
        hparams = context.hparams
        made, kl, latents = self._made(networks, batch, context)
        terms = {}
        for way in WAYS:
            logits = networks[f"discriminator_{way}"](concatenated(batch["source"], made[way]))
            terms[f"adversarial_{way}"] = hparams.adversarial_weight * generator_loss(hparams.loss, logits)
        context.observe("fake_after", logits)
        terms["l1"] = hparams.l1_weight * l1_loss(made["encoded"], batch["target"])
        terms["kl"] = hparams.kl_weight * kl
        encoder = networks["encoder"]
        fixed = {name: weight.detach() for name, weight in encoder.named_parameters()}
        recovered, _ = functional_call(encoder, fixed, (made["random"],))
        terms["latent"] = hparams.latent_weight * l1_loss(recovered, latents)
        return terms

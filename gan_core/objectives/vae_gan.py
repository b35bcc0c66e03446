"""A VAE whose errors are measured by a discriminator (VAE/GAN, 1512.09300).

    L_prior = KL(N(mu(x), s(x)^2) | N(0, 1))        L_llike = E[|D_l(x) - D_l(x~)|^2] / 2,  x~ = G(mu + s e)
    encoder:  L_prior + L_llike      generator:  gamma L_llike + L_G      discriminator:  L_D        (algorithm 1)

D_l are the features before the discriminator's logit, and take the place of pixels in the likelihood. Both x~ and
samples of the prior, G(z), are fakes to the discriminator: L_D and L_G sum over the two.

Differs from the paper: L_G is the loss that the knobs choose instead of the minimax one; squares are averaged over
features, and the KL term over latents, so that the weights do not depend on the widths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gan_core.hparams import AdversarialHParams
from gan_core.knobs import knob
from gan_core.objectives.adversarial import Adversarial, DiscriminatorOutput, Fakes
from gan_core.objectives.base import Batch, Networks, Phase, StepContext
from gan_core.objectives.joint import observe_rebuilt
from gan_core.objectives.variational import kl_to_normal


@dataclass(frozen=True)
class VaeGanHParams(AdversarialHParams):
    """The knobs of the objective."""

    prior_weight: float = knob(
        0.05, 0.0, 100.0, label="Weight of the KL term", group="objective",
        help="How closely the encoder's latents follow the normal distribution that samples are drawn from, per "
        "latent. Smaller: better reconstructions. Larger: better samples.",
    )  # fmt: skip
    likeness_weight: float = knob(
        1.0, 0.0, 1000.0, label="Reconstruction weight", group="objective",
        help="Weight of the distance to the given image, in the discriminator's features, in the generator's loss "
        "(gamma). Smaller: sharper pictures that are less alike.",
    )  # fmt: skip


def likeness(real: Tensor, rebuilt: Tensor) -> Tensor:
    """E[(D_l(x) - D_l(x~))^2] / 2, averaged over features (B, ...) (1512.09300, section 2.2, without constants)."""
    return 0.5 * (real - rebuilt).square().mean()


class VaeGan(Adversarial[VaeGanHParams]):
    """Networks: `encoder(images)` returns mean and log variance, (B, latent_size) each; else those of `Adversarial`."""

    needs_features = True

    def phases(self, hparams: VaeGanHParams) -> Sequence[Phase]:
        *discriminator, generator = super().phases(hparams)
        encoder = Phase(name="encoder", role="generator", group="encoder", terms=self._encoder_terms)
        return [*discriminator, encoder, generator]

    def _rebuilt(self, networks: Networks, batch: Batch, context: StepContext[VaeGanHParams]) -> tuple[Tensor, Tensor]:
        """x~ (B, C, H, W), and the KL term per latent."""
        mean, log_variance = networks["encoder"](batch["real"])
        noise = context.latents(*mean.shape)
        images = networks["generator"](mean + (0.5 * log_variance).exp() * noise)
        return images, kl_to_normal(mean, log_variance) / mean.shape[1]

    def _features(self, networks: Networks, images: Tensor) -> Tensor:
        features = self.discriminate(networks["discriminator"], images, None).features
        assert features is not None
        return features

    def _encoder_terms(
        self, networks: Networks, batch: Batch, context: StepContext[VaeGanHParams]
    ) -> dict[str, Tensor]:
        images, kl = self._rebuilt(networks, batch, context)
        with torch.no_grad():
            wanted = self._features(networks, batch["real"])
        return {
            "prior": context.hparams.prior_weight * kl,
            "likeness": likeness(wanted, self._features(networks, images)),
        }

    def discriminator_extras(
        self,
        networks: Networks,
        real: DiscriminatorOutput,
        fake: DiscriminatorOutput,
        batch: Batch,
        fakes: Fakes,
        context: StepContext[VaeGanHParams],
    ) -> dict[str, Tensor]:
        hparams = context.hparams
        with torch.no_grad():
            images, _ = self._rebuilt(networks, batch, context)
        rebuilt = self.discriminate(networks["discriminator"], self.augmented(images, context), None)
        terms = self.loss(hparams).discriminator_terms(real.logits, rebuilt.logits, 0.0, hparams.relativistic)
        return {f"rebuilt_{name}": term for name, term in terms.items() if name != "real"}

    def _generator_terms(
        self, networks: Networks, batch: Batch, context: StepContext[VaeGanHParams]
    ) -> dict[str, Tensor]:
        hparams = context.hparams
        terms = super()._generator_terms(networks, batch, context)
        images, _ = self._rebuilt(networks, batch, context)
        discriminator = networks["discriminator"]
        rebuilt = self.discriminate(discriminator, self.augmented(images, context), None)
        real = self._real_output(discriminator, batch, context) if self.compares(hparams) else None
        for name, term in self.generator_loss(hparams, rebuilt, real, context).items():
            terms[f"{name}_rebuilt"] = term
        with torch.no_grad():
            wanted = self._features(networks, batch["real"])
        terms["likeness"] = hparams.likeness_weight * likeness(wanted, self._features(networks, images))
        return terms

    def after_step(self, context: StepContext[VaeGanHParams]) -> None:
        super().after_step(context)
        observe_rebuilt(context)

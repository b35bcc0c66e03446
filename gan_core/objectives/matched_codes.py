"""An autoencoder whose codes follow a distribution that a discriminator checks (AAE, 1511.05644).

    L_D = -E_z[log D(z)] - E_x[log(1 - D(E(x)))]        L_{E,G} = E[|x - G(E(x))|^2] - w E_x[log D(E(x))]

D sees latents alone: "real" are draws of the prior, z ~ N(0, 1), "fake" the codes E(x). Where it cannot tell them
apart, G(z) of random z is a sample. It does what the KL term of a VAE does, for any prior that can be drawn from.

Differs from the paper: reconstruction and regularisation are one update instead of two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import mse_loss

from gan_core.hparams import TrainingHParams, TwoPlayerHParams
from gan_core.knobs import knob
from gan_core.objectives.base import Batch, Networks, Objective, Phase, StepContext
from gan_core.objectives.joint import observe_rebuilt
from gan_core.objectives.losses import losses, score_metrics

SCORES = ("real", "fake_before", "fake_after")


@dataclass(frozen=True)
class MatchedCodesHParams(TrainingHParams, TwoPlayerHParams):
    """The knobs of the objective."""

    latent_size: int = knob(
        8, 1, 1024, label="Latent size", unit="dimensions", change="rebuild", group="networks",
        help="Dimensions of the code, which is the latent vector z of a sample.",
    )  # fmt: skip
    code_weight: float = knob(
        0.05, 0.0, 100.0, label="Code matching weight", group="objective",
        help="Weight of making codes look like draws of the normal distribution. Smaller: better reconstructions. "
        "Larger: better samples.",
    )  # fmt: skip


class MatchedCodes(Objective[MatchedCodesHParams]):
    """Networks: `encoder(images)` returns codes (B, latent_size), `generator(codes)` images, `discriminator(codes)`
    logits (B,)."""

    def phases(self, hparams: MatchedCodesHParams) -> Sequence[Phase]:
        return (
            Phase(name="discriminator", role="discriminator", group="discriminator", terms=self._discriminator),
            Phase(name="generator", role="generator", group="generator", terms=self._autoencoder),
        )

    def _discriminator(
        self, networks: Networks, batch: Batch, context: StepContext[MatchedCodesHParams]
    ) -> dict[str, Tensor]:
        images = batch["real"]
        codes = networks["encoder"](images).detach()
        real = networks["discriminator"](context.latents(len(images), context.hparams.latent_size))
        fake = networks["discriminator"](codes)
        context.observe("real", real)
        context.observe("fake_before", fake)
        return losses["non_saturating"].discriminator_terms(real, fake)

    def _autoencoder(
        self, networks: Networks, batch: Batch, context: StepContext[MatchedCodesHParams]
    ) -> dict[str, Tensor]:
        codes = networks["encoder"](batch["real"])
        logits = networks["discriminator"](codes)
        context.observe("fake_after", logits)
        adversarial = losses["non_saturating"].generator_terms(logits)["adversarial"]
        return {
            "reconstruction": mse_loss(networks["generator"](codes), batch["real"]),
            "adversarial": context.hparams.code_weight * adversarial,
        }

    def after_step(self, context: StepContext[MatchedCodesHParams]) -> None:
        observe_rebuilt(context)

    def summarise(self, hparams: MatchedCodesHParams, observed: dict[str, Tensor]) -> dict[str, Tensor]:
        logits = {name: values for name, values in observed.items() if name in SCORES}
        others = {name: values for name, values in observed.items() if name not in SCORES}
        return score_metrics(losses["non_saturating"], logits) | super().summarise(hparams, others)

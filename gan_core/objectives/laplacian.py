"""A Laplacian pyramid of GANs (LAPGAN, 1506.05751).

    I_k: the image halved k times,  l_k = u(I_{k+1}): the next smaller one enlarged,  h_k = I_k - l_k: what is missing
    level K:      L_D, L_G of an ordinary GAN on I_K
    levels k < K: D_k tells (l_k, h_k) of a real image from (l_k, G_k(z_k, l_k)), both with the same l_k     (section 2)

Every level is a conditional GAN of its own and learns from real images of the next smaller size; none waits for
another. To sample, l_k is the enlarged sample of level k + 1. Halving is the mean of 2 x 2 pixels, enlarging is
bilinear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from gan_core.hparams import TrainingHParams, TwoPlayerHParams
from gan_core.knobs import knob
from gan_core.objectives.base import Batch, Networks, Objective, Phase, StepContext
from gan_core.objectives.losses import losses, score_metrics

LOSSES = ("non_saturating", "least_squares", "hinge")


@dataclass(frozen=True)
class LaplacianHParams(TrainingHParams, TwoPlayerHParams):
    """The knobs of the objective."""

    latent_size: int = knob(
        64, 2, 1024, label="Latent size", unit="dimensions", change="rebuild", group="networks",
        help="Dimensions of the latent vector z, which is divided among the levels of the pyramid.",
    )  # fmt: skip
    loss: str = knob(
        "non_saturating", choices=LOSSES, label="Loss", group="objective",
        help="Objective of the two networks of each level.",
    )  # fmt: skip


def halved(images: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, H/2, W/2): means of 2 x 2 pixels."""
    return avg_pool2d(images, 2)


def enlarged(images: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, 2H, 2W), bilinear."""
    return interpolate(images, scale_factor=2, mode="bilinear", align_corners=False)


def pyramid(images: Tensor, levels: int) -> list[Tensor]:
    """The image halved 0 to `levels - 1` times, the smallest first."""
    found = [images]
    for _ in range(levels - 1):
        found.insert(0, halved(found[0]))
    return found


def coarse(images: Sequence[Tensor]) -> list[Tensor | None]:
    """The input of each level of a pyramid: None, then the enlarged image of the level before."""
    return [None, *(enlarged(image) for image in images[:-1])]


class Laplacian(Objective[LaplacianHParams]):
    """Networks: `generator(latents, coarse)` returns images of all levels, the smallest first, and
    `discriminator(images, coarse)` their logits, (B,) each; `coarse` has what each level refines. The generator has
    `levels`."""

    def phases(self, hparams: LaplacianHParams) -> Sequence[Phase]:
        return (
            Phase(name="discriminator", role="discriminator", group="discriminator", terms=self._discriminators),
            Phase(name="generator", role="generator", group="generator", terms=self._generators),
        )

    def _fakes(
        self, networks: Networks, given: Sequence[Tensor | None], count: int, context: StepContext
    ) -> list[Tensor]:
        latents = context.latents(count, context.hparams.latent_size)
        made: list[Tensor] = networks["generator"](latents, given)
        return made

    def _discriminators(
        self, networks: Networks, batch: Batch, context: StepContext[LaplacianHParams]
    ) -> dict[str, Tensor]:
        images = batch["real"]
        real = pyramid(images, int(networks["generator"].levels))  # type: ignore[arg-type]
        given = coarse(real)
        fakes: list[Tensor] = context.share(
            "fakes", lambda: self._fakes(networks, given, len(images), context), "generator"
        )
        of_real = networks["discriminator"](real, given)
        of_fake = networks["discriminator"]([fake.detach() for fake in fakes], given)
        context.observe("real", of_real[-1])
        context.observe("fake_before", of_fake[-1])
        terms = {}
        for place, (one, other) in enumerate(zip(of_real, of_fake, strict=True)):
            for name, term in losses[context.hparams.loss].discriminator_terms(one, other).items():
                terms[f"{name}_{real[place].shape[-1]}"] = term
        return terms

    def _generators(
        self, networks: Networks, batch: Batch, context: StepContext[LaplacianHParams]
    ) -> dict[str, Tensor]:
        images = batch["real"]
        given = coarse(pyramid(images, int(networks["generator"].levels)))  # type: ignore[arg-type]
        fakes: list[Tensor] = context.shared("fakes", lambda: self._fakes(networks, given, len(images), context))
        logits = networks["discriminator"](fakes, given)
        context.observe("fake_after", logits[-1])
        loss = losses[context.hparams.loss]
        return {
            f"adversarial_{fake.shape[-1]}": loss.generator_terms(one)["adversarial"]
            for fake, one in zip(fakes, logits, strict=True)
        }

    def summarise(self, hparams: LaplacianHParams, observed: dict[str, Tensor]) -> dict[str, Tensor]:
        """Scores and accuracy of the discriminator of the largest level."""
        return score_metrics(losses[hparams.loss], observed)

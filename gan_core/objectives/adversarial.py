"""Noise against data: the two-player objective of every GAN that starts from latents, with or without classes.

    L_D = E[l_real(D(x))] + E[l_fake(D(G(z)))] + penalty        L_G = E[l_generator(D(G(z)))]

with the loss `l` and the penalty as knobs (losses.py, penalties.py). The discriminator goes first; the fakes of
its last update are judged again by the generator's phase (as in DCGAN's published code), so that G runs once a
step, and so that D(G(z)) before and after the discriminator's update are scores of the same images.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gan_core.data.base import DataSpec
from gan_core.hparams import AdversarialHParams
from gan_core.objectives.base import Batch, Networks, Objective, Phase, StepContext
from gan_core.objectives.losses import losses
from gan_core.objectives.penalties import gradient_penalty, r1

Labelled = tuple[Tensor, Tensor | None]  # images and their labels


class Adversarial(Objective):
    """The objective of `mlp_gan`, `dcgan`, `cgan` and their kin.

    Networks: `generator(latents (B, latent_size)[, labels (B,)])` gives images in [-1, 1];
    `discriminator(images[, labels])` gives logits (B,).
    """

    def __init__(self, conditional: bool = False) -> None:
        super().__init__()
        self.conditional = conditional
        self._together = False

    def setup(self, networks: Networks, spec: DataSpec) -> None:
        """Real and fake images are judged in one pass, unless batch-norm would then mix their statistics."""
        self._together = not any(isinstance(layer, _BatchNorm) for layer in networks["discriminator"].modules())

    def phases(self, hparams: AdversarialHParams) -> Sequence[Phase]:
        clip = hparams.weight_clip
        phases = [
            Phase(
                "discriminator",
                "discriminator",
                "discriminator",
                self._discriminator_terms,
                repeats=hparams.discriminator_steps,
                after_update=(lambda networks: clip_weights(networks["discriminator"], clip)) if clip else None,
            ),
            Phase("generator", "generator", "generator", self._generator_terms, repeats=hparams.generator_steps),
        ]
        if hparams.penalty != "none" and hparams.penalty_every > 1:
            # lazy: a phase of its own, so that the optimiser can be corrected for it (1912.04958, appendix B)
            lazy = Phase("penalty", "discriminator", "discriminator", self._penalty_terms, every=hparams.penalty_every)
            phases.insert(1, lazy)
        return phases

    def _fakes(self, networks: Networks, batch: Batch, context: StepContext) -> Labelled:
        hparams = _settings(context)
        latents = context.latents(len(batch["real"]), hparams.latent_size)
        if not self.conditional:
            return networks["generator"](latents), None
        labels = batch["label"]
        return networks["generator"](latents, labels), labels

    def _discriminator_terms(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        hparams = _settings(context)
        fake, fake_labels = context.share("fakes", lambda: self._fakes(networks, batch, context), "generator")
        fake = fake.detach()
        real_logits, fake_logits = self._judge_both(networks, (batch["real"], batch.get("label")), (fake, fake_labels))
        context.observe("real", real_logits)
        context.observe("fake_before", fake_logits)
        terms = losses[hparams.loss].discriminator(real_logits, fake_logits, hparams.label_smoothing)
        if hparams.penalty != "none" and hparams.penalty_every == 1:
            terms["penalty"] = self._penalty(networks, batch, fake, context)
        return terms

    def _penalty_terms(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        fake = None
        if _settings(context).penalty == "gradient_penalty":
            with torch.no_grad():
                fake = self._fakes(networks, batch, context)[0]
        return {"penalty": self._penalty(networks, batch, fake, context)}

    def _penalty(self, networks: Networks, batch: Batch, fake: Tensor | None, context: StepContext) -> Tensor:
        hparams = _settings(context)

        def critic(images: Tensor) -> Tensor:
            return self._judge(networks, images, batch.get("label"))

        if hparams.penalty == "r1" or fake is None:
            return hparams.penalty_weight * r1(critic, batch["real"])
        return hparams.penalty_weight * gradient_penalty(critic, batch["real"], fake, context.generator)

    def _generator_terms(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        fake, labels = context.shared("fakes", lambda: self._fakes(networks, batch, context))
        logits = self._judge(networks, fake, labels)
        context.observe("fake_after", logits)
        return losses[_settings(context).loss].generator(logits)

    def _judge_both(self, networks: Networks, real: Labelled, fake: Labelled) -> tuple[Tensor, Tensor]:
        """Logits of real and of fake images, (B,) each."""
        if not self._together:
            return self._judge(networks, *real), self._judge(networks, *fake)
        labels = torch.cat([real[1], fake[1]]) if real[1] is not None and fake[1] is not None else None
        logits = self._judge(networks, torch.cat([real[0], fake[0]]), labels)  # (2B, C, H, W) -> (2B,)
        return logits[: len(real[0])], logits[len(real[0]) :]

    def _judge(self, networks: Networks, images: Tensor, labels: Tensor | None) -> Tensor:
        logits: Tensor = (
            networks["discriminator"](images, labels) if self.conditional else networks["discriminator"](images)
        )
        return logits

    def summarise(self, hparams: AdversarialHParams, observed: dict[str, Tensor]) -> dict[str, Tensor]:
        """D(x) and D(G(z)), as probabilities where the loss gives them, else as scores; and D's accuracy."""
        loss = losses[hparams.loss]
        shown = {name: logits.sigmoid() if loss.probability else logits for name, logits in observed.items()}
        metrics = {f"score/{name}": values.mean(1) for name, values in shown.items()}
        if loss.threshold is not None and {"real", "fake_before"} <= observed.keys():
            right = (observed["real"] > loss.threshold).float().mean(1)
            metrics["accuracy"] = (right + (observed["fake_before"] <= loss.threshold).float().mean(1)) / 2
        return metrics

    def notes(self, hparams: AdversarialHParams) -> list[str]:
        notes = []
        if hparams.penalty != "none":
            notes.append(N_NO_BATCH_NORM)
        if hparams.loss == "wasserstein" and hparams.penalty == "none" and not hparams.weight_clip:
            notes.append(N_UNBOUNDED)
        return notes


N_NO_BATCH_NORM = (
    "The discriminator has no batch-norm here: a gradient penalty acts on single images, and batch-norm would tie "
    "the images of a batch together."
)
N_UNBOUNDED = "A Wasserstein critic without weight clipping or a penalty is unbounded: its scores will run away."


def _settings(context: StepContext) -> AdversarialHParams:
    hparams = context.hparams
    assert isinstance(hparams, AdversarialHParams)
    return hparams


@torch.no_grad()
def clip_weights(network: nn.Module, bound: float) -> None:
    """Cuts every weight to [-bound, bound] (1701.07875, algorithm 1)."""
    for weight in network.parameters():
        weight.clamp_(-bound, bound)

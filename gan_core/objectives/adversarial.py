"""Noise against data: the two-player objective of every GAN that starts from latents, with or without classes.

    L_D = E[l_real(D(x))] + E[l_fake(D(G(z)))] + penalty        L_G = E[l_generator(D(G(z)))]

with the loss `l`, the penalty and the stabilisers as knobs (losses.py, penalties.py, stabilisers.py, augment.py,
unrolling.py). The discriminator goes first; the fakes of its last update are judged again by the generator's phase (as
in DCGAN's published code), so that G runs once a step, and so that D(G(z)) before and after the discriminator's update
are scores of the same images.

A GAN with more terms subclasses `Adversarial` and overrides `judge`, `discriminator_extras` or `generator_extras`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gan_core.data.base import DataSpec
from gan_core.hparams import AdversarialHParams
from gan_core.layers.minibatch import MinibatchDiscrimination, MinibatchStandardDeviation
from gan_core.objectives import stabilisers
from gan_core.objectives.augment import AdaptiveStrength, adaptive, diffaugment, uniform
from gan_core.objectives.base import Batch, Networks, Objective, Phase, StepContext
from gan_core.objectives.losses import losses
from gan_core.objectives.penalties import NEED_FAKES, orthogonality, penalties
from gan_core.objectives.unrolling import unrolled

ACROSS_THE_BATCH = (_BatchNorm, MinibatchDiscrimination, MinibatchStandardDeviation)


@dataclass(frozen=True)
class Fakes:
    """What the generator made, and from what."""

    images: Tensor  # (B, C, H, W) in [-1, 1], or points (B, 2)
    latents: Tensor  # (B, latent_size)
    labels: Tensor | None  # (B,)

    def detach(self) -> Fakes:
        return Fakes(self.images.detach(), self.latents, self.labels)


@dataclass(frozen=True)
class Verdict:
    """What the discriminator says: logits (B,) or (B, L), and the input (B, ...) of its `head` where that was asked."""

    logits: Tensor
    features: Tensor | None = None

    def __getitem__(self, part: slice) -> Verdict:
        return Verdict(self.logits[part], None if self.features is None else self.features[part])


class Adversarial(Objective):
    """The objective of `mlp_gan`, `dcgan`, `cgan` and their kin.

    Networks: `generator(latents (B, latent_size)[, labels (B,)])` gives images in [-1, 1];
    `discriminator(images[, labels])` gives logits (B,). Its submodule `head`, where it has one, maps its last features
    to the logits: feature matching and auxiliary heads read what goes into it.
    """

    needs_features = False  # a subclass whose extra terms read `Verdict.features` sets this

    def __init__(self, hparams: AdversarialHParams, conditional: bool = False) -> None:
        super().__init__()
        self.conditional = conditional
        self.strength = AdaptiveStrength()
        self.history = stabilisers.History() if hparams.historical_averaging else None
        self._together = False

    def setup(self, networks: Networks, spec: DataSpec) -> None:
        """Real and fake images are judged in one pass, unless a layer would then mix them."""
        layers = networks["discriminator"].modules()
        self._together = not any(isinstance(layer, ACROSS_THE_BATCH) and layer.training for layer in layers)
        if self.history is not None:
            self.history.setup({name: networks[name] for name in ("generator", "discriminator")})

    def phases(self, hparams: AdversarialHParams) -> Sequence[Phase]:
        clip = hparams.weight_clip
        penalised = hparams.penalty != "none"
        lazy = penalised and hparams.penalty_every > 1
        phases = [
            Phase(
                "discriminator",
                "discriminator",
                "discriminator",
                self._discriminator_terms,
                repeats=hparams.discriminator_steps,
                after_update=(lambda networks: clip_weights(networks["discriminator"], clip)) if clip else None,
                exact=penalised and not lazy,
            ),
            Phase(
                "generator",
                "generator",
                "generator",
                self._generator_terms,
                repeats=hparams.generator_steps,
                exact=hparams.unroll_steps > 0,
            ),
        ]
        if lazy:
            # a phase of its own, so that the optimiser can be corrected for it (1912.04958, appendix B)
            every = hparams.penalty_every
            phases.insert(
                1, Phase("penalty", "discriminator", "discriminator", self._penalty_terms, every=every, exact=True)
            )
        return phases

    # --- what a subclass may change ----------------------------------------------------------------------------------

    def labels(self, batch: Batch, context: StepContext) -> Tensor | None:
        """The classes that the generator is asked for, (B,): those of the batch."""
        return batch["label"] if self.conditional else None

    def discriminator_extras(
        self, networks: Networks, real: Verdict, fake: Verdict, batch: Batch, fakes: Fakes, context: StepContext
    ) -> dict[str, Tensor]:
        """More terms of the discriminator's phase, weighted."""
        return {}

    def generator_extras(
        self, networks: Networks, verdict: Verdict, fakes: Fakes, context: StepContext
    ) -> dict[str, Tensor]:
        """More terms of the generator's phase, weighted."""
        return {}

    # --- the two players ---------------------------------------------------------------------------------------------

    def make(self, networks: Networks, batch: Batch, context: StepContext) -> Fakes:
        """New samples, as many as the batch has."""
        latents = context.latents(len(batch["real"]), settings(context).latent_size)
        labels = self.labels(batch, context)
        generator = networks["generator"]
        return Fakes(generator(latents) if labels is None else generator(latents, labels), latents, labels)

    def _discriminator_terms(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        hparams = settings(context)
        made: Fakes = context.share("fakes", lambda: self.make(networks, batch, context), "generator")
        fakes = made.detach()
        real_images, fake_images = self.shown(batch["real"], context), self.shown(fakes.images, context)
        real, fake = self.judge_both(
            networks["discriminator"], (real_images, batch.get("label")), (fake_images, fakes.labels)
        )
        context.observe("real", real.logits)
        context.observe("fake_before", fake.logits)
        real_logits, fake_logits = stabilisers.flip_labels(
            real.logits, fake.logits, hparams.label_flipping, context.generator
        )
        terms = losses[hparams.loss].discriminator_terms(
            real_logits, fake_logits, hparams.label_smoothing, hparams.relativistic
        )
        if hparams.penalty != "none" and hparams.penalty_every == 1:
            terms["penalty"] = self._penalty(networks, batch, real_images, fake_images, fakes.labels, context)
        if self.history is not None:
            terms["history"] = hparams.historical_averaging * self.history.term("discriminator", networks)
        return terms | self.discriminator_extras(networks, real, fake, batch, fakes, context)

    def _generator_terms(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        hparams = settings(context)
        fakes: Fakes = context.shared("fakes", lambda: self.make(networks, batch, context))
        judge = networks["discriminator"]
        if hparams.unroll_steps:
            judge = self._ahead(networks, batch, fakes, context)
        verdict = self.judge(judge, self.shown(fakes.images, context), fakes.labels, hparams.feature_matching)
        context.observe("fake_after", verdict.logits)
        compares = hparams.feature_matching or hparams.relativistic != "none"
        real = self._real_verdict(judge, batch, context) if compares else None
        terms = self.deceive(hparams, verdict, real, context)
        if hparams.orthogonal_weight:
            terms["orthogonality"] = hparams.orthogonal_weight * orthogonality(networks["generator"])
        if self.history is not None:
            terms["history"] = hparams.historical_averaging * self.history.term("generator", networks)
        return terms | self.generator_extras(networks, verdict, fakes, context)

    def deceive(
        self, hparams: AdversarialHParams, verdict: Verdict, real: Verdict | None, context: StepContext
    ) -> dict[str, Tensor]:
        """The generator's main term: to be taken for real, or to match the features of real images."""
        if hparams.feature_matching:
            assert real is not None
            return {"feature_matching": stabilisers.feature_matching(real.features, verdict.features)}
        kept = stabilisers.top_share(verdict.logits, stabilisers.top_k_share(hparams, context.steps_of("top_k")))
        real_logits = None if real is None else real.logits[: len(kept)]
        return losses[hparams.loss].generator_terms(kept, real_logits, hparams.relativistic)

    def _real_verdict(self, judge: nn.Module, batch: Batch, context: StepContext) -> Verdict:
        """What samples are compared with; it depends on the generator only through an unrolled judge."""
        hparams = settings(context)
        with torch.set_grad_enabled(hparams.unroll_steps > 0):
            return self.judge(judge, self.shown(batch["real"], context), batch.get("label"), hparams.feature_matching)

    def _ahead(self, networks: Networks, batch: Batch, fakes: Fakes, context: StepContext) -> nn.Module:
        """The discriminator some updates ahead; gradients flow from there to the generator.

        It is foreseen to learn from this batch (as in 1611.02163) and from the adversarial terms alone.
        """
        hparams = settings(context)
        shown = (
            (self.shown(batch["real"], context), batch.get("label")),
            (
                self.shown(fakes.images, context),
                fakes.labels,
            ),
        )

        def loss(judge: nn.Module) -> Tensor:
            real, fake = self.judge_both(judge, *shown)
            terms = losses[hparams.loss].discriminator_terms(
                real.logits, fake.logits, hparams.label_smoothing, hparams.relativistic
            )
            return torch.stack(list(terms.values())).sum()

        optimizer = context.optimizer_of("discriminator")
        return unrolled(networks["discriminator"], optimizer, hparams.unroll_steps, loss, hparams.gradient_clip)

    # --- penalties ---------------------------------------------------------------------------------------------------

    def _penalty_terms(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        real = self.shown(batch["real"], context)
        if settings(context).penalty not in NEED_FAKES:
            return {"penalty": self._penalty(networks, batch, real, real, None, context)}
        with torch.no_grad():
            fakes = self.make(networks, batch, context)
        fake = self.shown(fakes.images, context)
        return {"penalty": self._penalty(networks, batch, real, fake, fakes.labels, context)}

    def _penalty(
        self, networks: Networks, batch: Batch, real: Tensor, fake: Tensor, labels: Tensor | None, context: StepContext
    ) -> Tensor:
        hparams = settings(context)
        of_fakes = hparams.penalty == "r2"

        def critic(images: Tensor) -> Tensor:
            return self.judge(networks["discriminator"], images, labels if of_fakes else batch.get("label")).logits

        return hparams.penalty_weight * penalties[hparams.penalty](critic, real, fake, context.generator)

    # --- judging -----------------------------------------------------------------------------------------------------

    def shown(self, images: Tensor, context: StepContext) -> Tensor:
        """What the discriminator sees of images: with instance noise, augmented."""
        hparams = settings(context)
        level = stabilisers.noise_level(hparams, context.steps_of("instance_noise"))
        images = stabilisers.instance_noise(images, level, context.generator)
        if hparams.augment == "none":
            return images
        random = uniform(context.generator, images.device)
        if hparams.augment == "diffaugment":
            return diffaugment(images, random)
        context.observe("augment_probability", self.strength.probability.reshape(1))
        return adaptive(images, random, self.strength.probability)

    def judge(self, discriminator: nn.Module, images: Tensor, labels: Tensor | None, features: bool = False) -> Verdict:
        """Logits, and where asked (or needed by the subclass) the features that they were made from."""
        inputs = (images, labels) if self.conditional else (images,)
        if not (features or self.needs_features):
            return Verdict(discriminator(*inputs))
        with stabilisers.captured_input(discriminator) as found:
            return Verdict(discriminator(*inputs), found[-1])

    def judge_both(
        self, discriminator: nn.Module, real: tuple[Tensor, Tensor | None], fake: tuple[Tensor, Tensor | None]
    ) -> tuple[Verdict, Verdict]:
        """Verdicts on real and on fake images with their labels."""
        if not self._together:
            return self.judge(discriminator, *real), self.judge(discriminator, *fake)
        labels = torch.cat([real[1], fake[1]]) if real[1] is not None and fake[1] is not None else None
        both = self.judge(discriminator, torch.cat([real[0], fake[0]]), labels)  # (2B, ...) -> (2B,)
        return both[: len(real[0])], both[len(real[0]) :]

    # --- after the step ----------------------------------------------------------------------------------------------

    def after_step(self, context: StepContext) -> None:
        if self.history is not None:
            self.history.update(context.networks)
        if settings(context).augment == "adaptive" and "real" in context.observed:
            self.strength.update(self._sureness(context), settings(context).augment_target)

    def _sureness(self, context: StepContext) -> Tensor:
        """How far above the point of doubt the logits of training images are, (B,)."""
        hparams, real = settings(context), context.observed["real"]
        if hparams.relativistic != "none":
            return real - context.observed["fake_before"].mean()
        return real - (losses[hparams.loss].threshold or 0.0)

    def summarise(self, hparams: AdversarialHParams, observed: dict[str, Tensor]) -> dict[str, Tensor]:
        """D(x) and D(G(z)), as probabilities where the loss gives them, else as scores; and D's accuracy."""
        loss = losses[hparams.loss]
        probability = loss.probability and hparams.relativistic == "none"
        threshold = loss.threshold if hparams.relativistic == "none" else None
        logits = {name: values.flatten(1) for name, values in observed.items() if name in SCORES}
        shown = {name: values.sigmoid() if probability else values for name, values in logits.items()}
        metrics = {f"score/{name}": values.mean(1) for name, values in shown.items()}
        if threshold is not None and {"real", "fake_before"} <= logits.keys():
            right = (logits["real"] > threshold).float().mean(1)
            metrics["accuracy"] = (right + (logits["fake_before"] <= threshold).float().mean(1)) / 2
        others = {name: values for name, values in observed.items() if name not in SCORES}
        return metrics | {name: values.flatten(1).float().mean(1) for name, values in others.items()}

    def notes(self, hparams: AdversarialHParams) -> list[str]:
        notes = []
        if hparams.penalty != "none":
            notes.append(N_NO_BATCH_NORM)
        if _unbounded(hparams):
            notes.append(N_UNBOUNDED)
        return notes

    def remedies(self, hparams: AdversarialHParams) -> Sequence[str]:
        return ("weight_clipping", "gradient_penalty") if _unbounded(hparams) else ()


def _unbounded(hparams: AdversarialHParams) -> bool:
    return hparams.loss == "wasserstein" and hparams.penalty == "none" and not hparams.weight_clip


SCORES = ("real", "fake_before", "fake_after")
N_NO_BATCH_NORM = (
    "The discriminator has no batch-norm here: a gradient penalty acts on single images, and batch-norm would tie "
    "the images of a batch together."
)
N_UNBOUNDED = "A Wasserstein critic that nothing bounds lets its scores run away."


def settings(context: StepContext) -> AdversarialHParams:
    """The context's hyperparameters, which an adversarial recipe has."""
    hparams = context.hparams
    assert isinstance(hparams, AdversarialHParams)
    return hparams


@torch.no_grad()
def clip_weights(network: nn.Module, bound: float) -> None:
    """Cuts every weight to [-bound, bound] (1701.07875, algorithm 1)."""
    for weight in network.parameters():
        weight.clamp_(-bound, bound)

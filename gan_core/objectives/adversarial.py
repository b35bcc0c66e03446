"""The two-player objective of every GAN that generates from latents, with or without classes.

    L_D = E[l_real(D(x))] + E[l_fake(D(G(z)))] + penalty        L_G = E[l_generator(D(G(z)))]

The loss `l`, the penalty and the stabilisers are knobs (losses.py, penalties.py, stabilisers.py, augment.py,
unrolling.py). The discriminator is updated first. The generator's phase reuses the fakes of the discriminator's last
update (as in DCGAN's published code), so that G runs once per step and D(G(z)) before and after the discriminator's
update refers to the same images.

A GAN with further terms subclasses `Adversarial` and overrides `discriminate`, `discriminator_extras` or
`generator_extras`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gan_core.data.base import FIELDS, DataSpec
from gan_core.hparams import AdversarialHParams
from gan_core.layers.minibatch import MinibatchDiscrimination, MinibatchStandardDeviation
from gan_core.objectives import stabilisers
from gan_core.objectives.augment import AdaptiveStrength, adaptive, diffaugment, uniform
from gan_core.objectives.base import Batch, Networks, Objective, Phase, StepContext
from gan_core.objectives.losses import AdversarialLoss, losses
from gan_core.objectives.penalties import COMBINED, NEED_FAKES, Critic, finite_differences, orthogonality, penalties
from gan_core.objectives.unrolling import unrolled
from gan_core.ranks import batch_mean, current

ACROSS_THE_BATCH = (_BatchNorm, MinibatchDiscrimination, MinibatchStandardDeviation)
Settings = TypeVar("Settings", bound=AdversarialHParams)


@dataclass(frozen=True)
class Fakes:
    """Generated samples and the inputs they were generated from."""

    images: Tensor  # (B, C, H, W) in [-1, 1], or points (B, 2)
    latents: Tensor  # (B, latent_size)
    labels: Tensor | None  # (B,)

    def detach(self) -> Fakes:
        return Fakes(self.images.detach(), self.latents, self.labels)


@dataclass(frozen=True)
class DiscriminatorOutput:
    """Logits (B,) or (B, L), and the features (B, ...) that went into the `head` if they were requested."""

    logits: Tensor
    features: Tensor | None = None

    def __getitem__(self, part: slice) -> DiscriminatorOutput:
        return DiscriminatorOutput(self.logits[part], None if self.features is None else self.features[part])


class Adversarial(Objective[Settings]):
    """The objective of `mlp_gan`, `dcgan`, `cgan` and similar recipes.

    Networks: `generator(latents (B, latent_size)[, labels (B,)])` returns images in [-1, 1];
    `discriminator(images[, labels])` returns logits (B,). Its submodule `head`, if it has one, maps its last features
    to the logits; feature matching and auxiliary heads read the input of `head`.
    """

    needs_features = False  # set by subclasses whose extra terms read `DiscriminatorOutput.features`

    def __init__(self, hparams: Settings, conditional: bool = False) -> None:
        super().__init__()
        self.conditional = conditional
        self.strength = AdaptiveStrength()
        self.history = stabilisers.HistoricalAverage() if hparams.historical_averaging else None
        self._together = False

    def setup(self, networks: Networks, spec: DataSpec) -> None:
        """Real and fake images share one forward pass, unless a layer would mix them."""
        self._field = FIELDS[spec.task][0]
        layers = networks["discriminator"].modules()
        self._together = not any(isinstance(layer, ACROSS_THE_BATCH) and layer.training for layer in layers)
        if self.history is not None:
            self.history.setup({name: networks[name] for name in ("generator", "discriminator")})

    def phases(self, hparams: Settings) -> Sequence[Phase]:
        clip = hparams.weight_clip
        penalised = hparams.penalty != "none"
        lazy = penalised and hparams.penalty_every > 1
        phases = [
            Phase(
                name="discriminator",
                role="discriminator",
                group="discriminator",
                terms=self._discriminator_terms,
                repeats=hparams.discriminator_steps,
                after_update=(lambda networks: clip_weights(networks["discriminator"], clip)) if clip else None,
                exact=penalised and not lazy,
            ),
            Phase(
                name="generator",
                role="generator",
                group="generator",
                terms=self._generator_terms,
                repeats=hparams.generator_steps,
                exact=hparams.unroll_steps > 0,
            ),
        ]
        if lazy:
            # a phase of its own, so that the optimiser can be corrected for it (1912.04958, appendix B)
            every = hparams.penalty_every
            phases.insert(
                1,
                Phase(
                    name="penalty",
                    role="discriminator",
                    group="discriminator",
                    terms=self._penalty_terms,
                    every=every,
                    exact=True,
                ),
            )
        return phases

    def prepare(self, batch: Batch, context: StepContext[Settings]) -> Batch:
        """The batch with the discriminator's "real" input, for data other than pictures and points."""
        return batch if "real" in batch else {**batch, "real": self.real(batch[self._field], context)}

    # --- overridable -------------------------------------------------------------------------------------------------

    def real(self, samples: Tensor, context: StepContext[Settings]) -> Tensor:
        """The discriminator's input for real sounds, tokens, molecules ... (B, ...): unchanged unless overridden."""
        return samples

    def loss(self, hparams: Settings) -> AdversarialLoss:
        """The loss that the settings choose."""
        return losses[hparams.loss]

    def labels(self, batch: Batch, context: StepContext[Settings]) -> Tensor | None:
        """The classes of the generated samples, (B,): those of the batch."""
        return batch["label"] if self.conditional else None

    def penalty_weight(self, hparams: Settings) -> float:
        """The weight of the penalty at this step."""
        return hparams.penalty_weight

    def adapt_augmentation(self, context: StepContext[Settings]) -> None:
        """Sets the probability of adaptive augmentation after a step: by feedback (2006.06676, section 3.1)."""
        if "real" in context.observed:
            self.strength.update(self._margins(context), context.hparams.augment_target)

    def discriminator_extras(
        self,
        networks: Networks,
        real: DiscriminatorOutput,
        fake: DiscriminatorOutput,
        batch: Batch,
        fakes: Fakes,
        context: StepContext[Settings],
    ) -> dict[str, Tensor]:
        """Further terms of the discriminator's phase, weighted."""
        return {}

    def generator_extras(
        self, networks: Networks, fake: DiscriminatorOutput, fakes: Fakes, context: StepContext[Settings]
    ) -> dict[str, Tensor]:
        """Further terms of the generator's phase, weighted."""
        return {}

    # --- the two players ---------------------------------------------------------------------------------------------

    def generate(self, networks: Networks, batch: Batch, context: StepContext[Settings]) -> Fakes:
        """Generates as many samples as the batch has items."""
        latents = context.latents(len(batch["real"]), context.hparams.latent_size)
        labels = self.labels(batch, context)
        generator = networks["generator"]
        return Fakes(generator(latents) if labels is None else generator(latents, labels), latents, labels)

    def _discriminator_terms(
        self, networks: Networks, batch: Batch, context: StepContext[Settings]
    ) -> dict[str, Tensor]:
        hparams = context.hparams
        generated: Fakes = context.share("fakes", lambda: self.generate(networks, batch, context), "generator")
        fakes = generated.detach()
        real_images, fake_images = self.augmented(batch["real"], context), self.augmented(fakes.images, context)
        real, fake = self.discriminate_both(
            networks["discriminator"], (real_images, batch.get("label")), (fake_images, fakes.labels)
        )
        context.observe("real", real.logits)
        context.observe("fake_before", fake.logits)
        real_logits, fake_logits = stabilisers.flip_labels(
            real.logits, fake.logits, hparams.label_flipping, context.generator
        )
        terms = self.loss(hparams).discriminator_terms(
            real_logits, fake_logits, hparams.label_smoothing, hparams.relativistic
        )
        if hparams.penalty != "none" and hparams.penalty_every == 1:
            terms["penalty"] = self._penalty(networks, batch, real_images, fake_images, fakes.labels, context)
        if self.history is not None:
            terms["history"] = hparams.historical_averaging * self.history.term("discriminator", networks)
        return terms | self.discriminator_extras(networks, real, fake, batch, fakes, context)

    def _generator_terms(self, networks: Networks, batch: Batch, context: StepContext[Settings]) -> dict[str, Tensor]:
        hparams = context.hparams
        fakes: Fakes = context.shared("fakes", lambda: self.generate(networks, batch, context))
        discriminator = networks["discriminator"]
        if hparams.unroll_steps:
            discriminator = self._unrolled_discriminator(networks, batch, fakes, context)
        images = self.augmented(fakes.images, context)
        fake = self.discriminate(discriminator, images, fakes.labels, hparams.feature_matching)
        context.observe("fake_after", fake.logits)
        real = self._real_output(discriminator, batch, context) if self.compares(hparams) else None
        terms = self.generator_loss(hparams, fake, real, context)
        if hparams.orthogonal_weight:
            terms["orthogonality"] = hparams.orthogonal_weight * orthogonality(networks["generator"])
        if self.history is not None:
            terms["history"] = hparams.historical_averaging * self.history.term("generator", networks)
        return terms | self.generator_extras(networks, fake, fakes, context)

    def compares(self, hparams: Settings) -> bool:
        """Whether the generator's main term needs the discriminator's output for real images."""
        return hparams.feature_matching or hparams.relativistic != "none" or self.loss(hparams).compares

    def generator_loss(
        self,
        hparams: Settings,
        fake: DiscriminatorOutput,
        real: DiscriminatorOutput | None,
        context: StepContext[Settings],
    ) -> dict[str, Tensor]:
        """The generator's main term: fool the discriminator, or match the features of real images."""
        if hparams.feature_matching:
            assert real is not None
            return {"feature_matching": stabilisers.feature_matching(real.features, fake.features)}
        share = stabilisers.top_k_share(hparams, context.steps_of("top_k"))
        real_logits = None if real is None else real.logits
        if share == 1:
            return self.loss(hparams).generator_terms(fake.logits, real_logits, hparams.relativistic)
        kept = stabilisers.top_k(current().whole(fake.logits), share)  # the best of all ranks
        if real_logits is not None:
            real_logits = current().whole(real_logits)[: len(kept)]
        return self.loss(hparams).generator_terms(kept, real_logits, hparams.relativistic)

    def _real_output(
        self, discriminator: nn.Module, batch: Batch, context: StepContext[Settings]
    ) -> DiscriminatorOutput:
        """The output for real images; it depends on the generator only through an unrolled discriminator."""
        images, hparams = self.augmented(batch["real"], context), context.hparams
        with torch.set_grad_enabled(hparams.unroll_steps > 0):
            return self.discriminate(discriminator, images, batch.get("label"), hparams.feature_matching)

    def _unrolled_discriminator(
        self, networks: Networks, batch: Batch, fakes: Fakes, context: StepContext[Settings]
    ) -> nn.Module:
        """The discriminator after `unroll_steps` updates, through which gradients flow to the generator.

        Each of them uses this batch (as in 1611.02163) and the adversarial terms only.
        """
        hparams = context.hparams
        real = self.augmented(batch["real"], context), batch.get("label")
        fake = self.augmented(fakes.images, context), fakes.labels

        def loss(discriminator: nn.Module) -> Tensor:
            of_real, of_fake = self.discriminate_both(discriminator, real, fake)
            terms = self.loss(hparams).discriminator_terms(
                of_real.logits, of_fake.logits, hparams.label_smoothing, hparams.relativistic
            )
            return torch.stack(list(terms.values())).sum()

        optimizer = context.optimizer_of("discriminator")
        return unrolled(networks["discriminator"], optimizer, hparams.unroll_steps, loss, hparams.gradient_clip)

    # --- penalties ---------------------------------------------------------------------------------------------------

    def _penalty_terms(self, networks: Networks, batch: Batch, context: StepContext[Settings]) -> dict[str, Tensor]:
        real = self.augmented(batch["real"], context)
        if context.hparams.penalty not in NEED_FAKES:
            return {"penalty": self._penalty(networks, batch, real, real, None, context)}
        with torch.no_grad():
            fakes = self.generate(networks, batch, context)
        fake = self.augmented(fakes.images, context)
        return {"penalty": self._penalty(networks, batch, real, fake, fakes.labels, context)}

    def _penalty(
        self,
        networks: Networks,
        batch: Batch,
        real: Tensor,
        fake: Tensor,
        labels: Tensor | None,
        context: StepContext[Settings],
    ) -> Tensor:
        def critic(name: str) -> Critic:
            condition = labels if name == "r2" else batch.get("label")
            return lambda images: self.discriminate(networks["discriminator"], images, condition).logits

        return self.penalty_weight(context.hparams) * self.penalty_of(critic, real, fake, context)

    def penalty_of(
        self, critic: Callable[[str], Critic], real: Tensor, fake: Tensor, context: StepContext[Settings]
    ) -> Tensor:
        """The penalty that the settings choose, without its weight; `critic` is the discriminator for each of its
        parts, by name.
        """
        hparams = context.hparams
        forms = finite_differences if hparams.penalty_form == "finite_difference" else penalties
        names = COMBINED.get(hparams.penalty, (hparams.penalty,))
        return torch.stack([forms[name](critic(name), real, fake, context.generator) for name in names]).sum()

    # --- the discriminator -------------------------------------------------------------------------------------------

    def augmented(self, images: Tensor, context: StepContext[Settings]) -> Tensor:
        """The discriminator's input: images with instance noise, augmented."""
        hparams = context.hparams
        level = stabilisers.noise_level(hparams, context.steps_of("instance_noise"))
        images = stabilisers.instance_noise(images, level, context.generator)
        if hparams.augment == "none":
            return images
        random = uniform(context.generator, images.device)
        if hparams.augment == "diffaugment":
            return diffaugment(images, random)
        context.observe("augment_probability", self.strength.probability.reshape(1))
        return adaptive(images, random, self.strength.probability)

    def discriminate(
        self, discriminator: nn.Module, images: Tensor, labels: Tensor | None, features: bool = False
    ) -> DiscriminatorOutput:
        """Logits, with the features before the head if they are requested or the subclass needs them."""
        inputs = (images, labels) if self.conditional else (images,)
        if not (features or self.needs_features):
            return DiscriminatorOutput(discriminator(*inputs))
        with stabilisers.captured_input(discriminator) as found:
            return DiscriminatorOutput(discriminator(*inputs), found[-1])

    def discriminate_both(
        self, discriminator: nn.Module, real: tuple[Tensor, Tensor | None], fake: tuple[Tensor, Tensor | None]
    ) -> tuple[DiscriminatorOutput, DiscriminatorOutput]:
        """Outputs for real and for fake images with their labels."""
        if not self._together:
            return self.discriminate(discriminator, *real), self.discriminate(discriminator, *fake)
        labels = torch.cat([real[1], fake[1]]) if real[1] is not None and fake[1] is not None else None
        both = self.discriminate(discriminator, torch.cat([real[0], fake[0]]), labels)  # (2B, ...) -> (2B,)
        return both[: len(real[0])], both[len(real[0]) :]

    # --- after the step ----------------------------------------------------------------------------------------------

    def after_step(self, context: StepContext[Settings]) -> None:
        if self.history is not None:
            self.history.update(context.networks)
        if context.hparams.augment == "adaptive":
            self.adapt_augmentation(context)

    def _margins(self, context: StepContext[Settings]) -> Tensor:
        """How far the logits of training images are above the decision boundary, (B,)."""
        hparams, real = context.hparams, context.observed["real"]
        if hparams.relativistic != "none":
            return real - batch_mean(context.observed["fake_before"])
        return real - (self.loss(hparams).threshold or 0.0)

    def summarise(self, hparams: Settings, observed: dict[str, Tensor]) -> dict[str, Tensor]:
        """D(x) and D(G(z)), as probabilities if the loss defines them, else as scores; the accuracy of D.

        `separated` is the share of pairs of the batch whose real image has the higher score: 0.5 by chance. Unlike the
        accuracy it has a meaning for every loss.
        """
        loss = self.loss(hparams)
        probability = loss.probability and hparams.relativistic == "none"
        threshold = loss.threshold if hparams.relativistic == "none" else None
        logits = {name: values.flatten(1) for name, values in observed.items() if name in SCORES}
        scores = {name: values.sigmoid() if probability else values for name, values in logits.items()}
        metrics = {f"score/{name}": values.mean(1) for name, values in scores.items()}
        if threshold is not None and {"real", "fake_before"} <= logits.keys():
            right = (logits["real"] > threshold).float().mean(1)
            metrics["accuracy"] = (right + (logits["fake_before"] <= threshold).float().mean(1)) / 2
        if {"real", "fake_before"} <= logits.keys() and logits["real"].shape == logits["fake_before"].shape:
            metrics["separated"] = (logits["real"] > logits["fake_before"]).float().mean(1)
        others = {name: values for name, values in observed.items() if name not in SCORES}
        return metrics | {name: values.flatten(1).float().mean(1) for name, values in others.items()}

    def notes(self, hparams: Settings) -> list[str]:
        notes = []
        if hparams.penalty != "none":
            notes.append(N_NO_BATCH_NORM)
        if _unbounded(hparams):
            notes.append(N_UNBOUNDED)
        return notes

    def remedies(self, hparams: Settings) -> Sequence[str]:
        return ("weight_clipping", "gradient_penalty") if _unbounded(hparams) else ()


def _unbounded(hparams: AdversarialHParams) -> bool:
    return hparams.loss == "wasserstein" and hparams.penalty == "none" and not hparams.weight_clip


SCORES = ("real", "fake_before", "fake_after")
N_NO_BATCH_NORM = (
    "The discriminator has no batch normalisation here: the gradient penalty is computed per image, and batch "
    "normalisation would couple the images of a batch."
)
N_UNBOUNDED = "Without weight clipping or a gradient penalty, the scores of a Wasserstein critic diverge."


@torch.no_grad()
def clip_weights(network: nn.Module, bound: float) -> None:
    """Clips every weight to [-bound, bound] (1701.07875, algorithm 1)."""
    for weight in network.parameters():
        weight.clamp_(-bound, bound)

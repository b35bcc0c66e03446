"""Toy recipes, one for each hard case that the trainer must support. Tiny networks; nothing here is registered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import avg_pool2d, interpolate, l1_loss, softplus

from gan_core.data.base import DataSet, DataSpec
from gan_core.gans import recipes
from gan_core.gans.recipe import OptimizerSpec, Recipe
from gan_core.hparams import TrainingHParams, TwoPlayerHParams
from gan_core.layers.blocks import Dropout
from gan_core.objectives.base import Batch, Networks, Objective, Phase, StepContext
from tests.conftest import images


@dataclass(frozen=True)
class ToyHParams(TrainingHParams, TwoPlayerHParams):
    """Only the settings that the trainer reads."""


@dataclass(frozen=True)
class Toy:
    """A recipe with its settings and its data."""

    recipe: Recipe
    hparams: TrainingHParams
    data: DataSet


def random_images() -> DataSet:
    return DataSet("random", {"real": images()})


def settings(recipe: str, **changes: Any) -> Toy:
    """A real recipe at its tiny size with some knobs changed."""
    from gan_core.knobs import changed

    found = recipes.get(recipe)
    return Toy(found, changed(found.tiny, changes), random_images())


def critic_steps() -> Toy:
    """n-critic with a gradient penalty (WGAN-GP)."""
    return settings("dcgan", loss="wasserstein", penalty="gradient_penalty", discriminator_steps=3)


def lazy_penalty() -> Toy:
    """R1 every third step."""
    return settings("mlp_gan", penalty="r1", penalty_every=3, penalty_weight=1.0)


def convolution(inputs: int = 1, outputs: int = 1) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inputs, 4, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv2d(4, outputs, 3, padding=1))


class Discriminator(nn.Module):
    """(B, C, H, W) -> (B,)."""

    def __init__(self, inputs: int = 1) -> None:
        super().__init__()
        self.layers = convolution(inputs)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.layers(pictures).mean((1, 2, 3))


def optimizer(*networks: str) -> Any:
    return lambda hparams: OptimizerSpec(
        networks=networks, kind=hparams.optimizer, rate=hparams.generator_rate, betas=(0.5, 0.99)
    )


# --- two generators, two discriminators, a replay pool (CycleGAN) ----------------------------------------------------


class Cycle(Objective):
    """Least squares, cycle consistency, and a pool of 5 past fakes of each domain."""

    def setup(self, networks: Networks, spec: DataSpec) -> None:
        for domain in ("a", "b"):
            self.register_buffer(f"pool_{domain}", torch.zeros(5, *spec.fields[domain]))
        self.register_buffer("filled", torch.zeros((), dtype=torch.long))
        self._fresh: dict[str, Tensor] = {}

    def phases(self, hparams: TrainingHParams) -> Sequence[Phase]:
        return (
            Phase("generators", "generator", "generators", self._generators),
            Phase("discriminators", "discriminator", "discriminators", self._discriminators),
        )

    def _generators(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        fake_b, fake_a = networks["generator_ab"](batch["a"]), networks["generator_ba"](batch["b"])
        self._fresh = {"a": fake_a.detach(), "b": fake_b.detach()}
        return {
            "ab": (networks["discriminator_b"](fake_b) - 1).square().mean(),
            "ba": (networks["discriminator_a"](fake_a) - 1).square().mean(),
            "cycle": 10 * l1_loss(networks["generator_ba"](fake_b), batch["a"])
            + 10 * l1_loss(networks["generator_ab"](fake_a), batch["b"]),
        }

    def _discriminators(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        terms = {}
        for domain in ("a", "b"):
            fake = self._fresh[domain]
            if self.filled:
                old = torch.randint(int(self.filled), (len(fake),), generator=context.generator)
                use_old = torch.rand(len(fake), generator=context.generator) < 0.5
                fake = torch.where(use_old[:, None, None, None], getattr(self, f"pool_{domain}")[old], fake)
            discriminator = networks[f"discriminator_{domain}"]
            terms[domain] = (discriminator(batch[domain]) - 1).square().mean() + discriminator(fake).square().mean()
        return terms

    def after_step(self, context: StepContext) -> None:
        for domain, fake in self._fresh.items():
            pool = getattr(self, f"pool_{domain}")
            pool.copy_(torch.cat([fake, pool])[:5])
        self.filled.add_(len(self._fresh["a"])).clamp_(max=5)


def replay_pool() -> Toy:
    recipe = Recipe(
        name="toy_cycle", title="Toy cycle", task="unpaired", paper="1703.10593", year=2017,
        networks=lambda hparams, spec: {
            "generator_ab": convolution(), "generator_ba": convolution(),
            "discriminator_a": Discriminator(), "discriminator_b": Discriminator(),
        },
        objective=lambda hparams: Cycle(), hparams=ToyHParams(batch_size=4), tiny=ToyHParams(batch_size=4),
        data="", ema_networks=("generator_ab", "generator_ba"),
        optimizers={
            "generators": optimizer("generator_ab", "generator_ba"),
            "discriminators": optimizer("discriminator_a", "discriminator_b"),
        },
    )  # fmt: skip
    data = DataSet("domains", {"a": images(20), "b": images(15, seed=1)}, unpaired=True)
    return Toy(recipe, recipe.hparams, data)


# --- pairs (pix2pix) -------------------------------------------------------------------------------------------------


class Paired(Objective):
    """L1 to the target and a discriminator of (source, target) pairs; dropout is the generator's noise."""

    def phases(self, hparams: TrainingHParams) -> Sequence[Phase]:
        return (
            Phase("discriminator", "discriminator", "discriminator", self._discriminator),
            Phase("generator", "generator", "generator", self._generator),
        )

    def _discriminator(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        fake = context.share("fake", lambda: networks["generator"](batch["source"]), "generator").detach()
        discriminator = networks["discriminator"]
        return {
            "real": softplus(-discriminator(torch.cat([batch["source"], batch["target"]], 1))).mean(),
            "fake": softplus(discriminator(torch.cat([batch["source"], fake], 1))).mean(),
        }

    def _generator(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        fake = context.shared("fake", lambda: networks["generator"](batch["source"]))
        logits = networks["discriminator"](torch.cat([batch["source"], fake], 1))
        return {"adversarial": softplus(-logits).mean(), "l1": 100 * l1_loss(fake, batch["target"])}


def paired() -> Toy:
    recipe = Recipe(
        name="toy_paired", title="Toy pairs", task="paired", paper="1611.07004", year=2016,
        networks=lambda hparams, spec: {
            "generator": nn.Sequential(convolution(), Dropout(0.5), nn.Conv2d(1, 1, 1)),
            "discriminator": Discriminator(2),
        },
        objective=lambda hparams: Paired(), hparams=ToyHParams(batch_size=4), tiny=ToyHParams(batch_size=4),
        data="",
    )  # fmt: skip
    return Toy(recipe, recipe.hparams, DataSet("pairs", {"source": images(20), "target": images(20, seed=1)}))


# --- a generator that grows (progressive growing) --------------------------------------------------------------------


class Growing(nn.Module):
    """4 pixels, then 8 with a fade-in; both levels exist from the start, alpha is a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(4, 4 * 4 * 4)
        self.to_small, self.to_large = nn.Conv2d(4, 1, 1), nn.Conv2d(4, 1, 3, padding=1)
        self.register_buffer("alpha", torch.zeros(()))

    def forward(self, latents: Tensor) -> Tensor:
        features = self.stem(latents).reshape(-1, 4, 4, 4)  # (B, 64) -> (B, 4, 4, 4)
        small = interpolate(self.to_small(features), scale_factor=2)
        return torch.lerp(small, self.to_large(interpolate(features, scale_factor=2)), self.alpha)


class Grow(Objective):
    """Reals are blended with their own halved copies as alpha rises; the batch halves when fully grown."""

    def schedule(self, networks: Networks, hparams: TrainingHParams, images_seen: int) -> dict[str, float]:
        alpha = min(1.0, max(0.0, (images_seen - 16) / 16))
        networks["generator"].alpha.fill_(alpha)
        return {"alpha": alpha, "batch_size": 4 if alpha < 1 else 2}

    def phases(self, hparams: TrainingHParams) -> Sequence[Phase]:
        return (
            Phase("discriminator", "discriminator", "discriminator", self._discriminator),
            Phase("generator", "generator", "generator", self._generator),
        )

    def _discriminator(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        coarse = interpolate(avg_pool2d(batch["real"], 2), scale_factor=2)
        real = torch.lerp(coarse, batch["real"], networks["generator"].alpha)
        fake = networks["generator"](context.latents(len(real), 4)).detach()
        return {
            "real": softplus(-networks["discriminator"](real)).mean(),
            "fake": softplus(networks["discriminator"](fake)).mean(),
        }

    def _generator(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        fake = networks["generator"](context.latents(len(batch["real"]), 4))
        return {"adversarial": softplus(-networks["discriminator"](fake)).mean()}


def growing() -> Toy:
    recipe = Recipe(
        name="toy_growing", title="Toy growing", task="images", paper="1710.10196", year=2017,
        networks=lambda hparams, spec: {"generator": Growing(), "discriminator": Discriminator()},
        objective=lambda hparams: Grow(), hparams=ToyHParams(batch_size=4), tiny=ToyHParams(batch_size=4),
        data="",
    )  # fmt: skip
    return Toy(recipe, recipe.hparams, random_images())


# --- an unrolled discriminator ---------------------------------------------------------------------------------------


class Unrolled(Objective):
    """The generator looks k = 2 discriminator steps ahead, with gradients through them (1611.02163, equation 10)."""

    def phases(self, hparams: TrainingHParams) -> Sequence[Phase]:
        return (
            Phase("discriminator", "discriminator", "discriminator", self._discriminator),
            Phase("generator", "generator", "generator", self._generator),
        )

    def _loss(self, discriminator: Any, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(-discriminator(real)).mean() + softplus(discriminator(fake)).mean()

    def _discriminator(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        fake = networks["generator"](context.latents(len(batch["real"]), 4)).detach()
        return {"loss_sum": self._loss(networks["discriminator"], batch["real"], fake)}

    def _generator(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        discriminator = networks["discriminator"]
        fake = networks["generator"](context.latents(len(batch["real"]), 4))
        rate = context.optimizer_of("discriminator").param_groups[0]["lr"]
        weights = {name: weight.detach().requires_grad_() for name, weight in discriminator.named_parameters()}
        for _ in range(2):
            real = context.next_batch(len(fake))["real"]
            loss = self._loss(lambda x, now=weights: functional_call(discriminator, now, (x,)), real, fake)
            slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
            weights = {
                name: weight - rate * slope for (name, weight), slope in zip(weights.items(), slopes, strict=True)
            }
        return {"adversarial": -softplus(functional_call(discriminator, weights, (fake,))).mean()}


def unrolled() -> Toy:
    recipe = Recipe(
        name="toy_unrolled", title="Toy unrolled", task="images", paper="1611.02163", year=2016,
        networks=lambda hparams, spec: {"generator": Growing(), "discriminator": Discriminator()},
        objective=lambda hparams: Unrolled(), hparams=ToyHParams(batch_size=4), tiny=ToyHParams(batch_size=4),
        data="",
    )  # fmt: skip
    return Toy(recipe, recipe.hparams, random_images())


# --- a warm-up (SRGAN) -----------------------------------------------------------------------------------------------


class WarmUp(Objective):
    """Pixel loss alone for the first 20 images, then the adversarial phases as well; the small image is made here."""

    def phases(self, hparams: TrainingHParams) -> Sequence[Phase]:
        return (
            Phase("warm_up", "generator", "generator", self._pixels, stop=0.02),
            Phase("discriminator", "discriminator", "discriminator", self._discriminator, start=0.02),
            Phase("generator", "generator", "generator", self._generator, start=0.02),
        )

    def _pixels(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        return {"l1": l1_loss(networks["generator"](halved(batch)), batch["real"])}

    def _discriminator(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        fake = networks["generator"](halved(batch)).detach()
        discriminator = networks["discriminator"]
        return {"real": softplus(-discriminator(batch["real"])).mean(), "fake": softplus(discriminator(fake)).mean()}

    def _generator(self, networks: Networks, batch: Batch, context: StepContext) -> dict[str, Tensor]:
        fake = networks["generator"](halved(batch))
        return {
            "content": l1_loss(fake, batch["real"]),
            "adversarial": 1e-3 * softplus(-networks["discriminator"](fake)).mean(),
        }


def halved(batch: Batch) -> Tensor:
    return avg_pool2d(batch["real"], 2)  # (B, C, H, W) -> (B, C, H/2, W/2)


def warm_up() -> Toy:
    recipe = Recipe(
        name="toy_warm_up", title="Toy super-resolution", task="super_resolution", paper="1609.04802", year=2016,
        networks=lambda hparams, spec: {
            "generator": nn.Sequential(convolution(1, 4), nn.PixelShuffle(2)), "discriminator": Discriminator(),
        },
        objective=lambda hparams: WarmUp(), hparams=ToyHParams(batch_size=4), tiny=ToyHParams(batch_size=4),
        data="",
    )  # fmt: skip
    return Toy(recipe, recipe.hparams, DataSet("halved", {"real": images(20)}))


TOYS = {make.__name__: make for make in (critic_steps, lazy_penalty, replay_pool, paired, growing, unrolled, warm_up)}

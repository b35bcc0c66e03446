"""Shared by the image translation GANs: losses on logit maps, the replay pool, knobs, metrics.

A PatchGAN discriminator returns a map of logits (B, 1, h, w); losses are means over patches and images. The papers on
image translation halve the discriminator's loss, "which slows down the rate at which D learns relative to G"
(1611.07004, section 3.3; 1703.10593, section 4), but not the generator's:

    non-saturating   L_D = -E[log D(y)]/2 - E[log(1 - D(G(x)))]/2     L_G = -E[log D(G(x))]
    least squares    L_D = E[(D(y) - 1)^2]/2 + E[D(G(x))^2]/2         L_G = E[(D(G(x)) - 1)^2]
    hinge            L_D = E[max(0, 1 - D(y))]/2 + E[max(0, 1 + D(G(x)))]/2    L_G = -E[D(G(x))]
    wasserstein      L_D = -E[D(y)]/2 + E[D(G(x))]/2                           L_G = -E[D(G(x))]

The last one needs weights that are clipped, so that only recipes which clip offer it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus

from gan_core.hparams import TrainingHParams, TwoPlayerHParams
from gan_core.knobs import knob
from gan_core.objectives.base import Batch, Objective, StepContext
from gan_core.objectives.random_crop_flip import random_crop_flip
from gan_core.ranks import current

LOSSES = ("non_saturating", "least_squares", "hinge")
EQUATIONS = {
    "non_saturating": r"L_D=-\tfrac12\mathbb{E}[\log D(y)]-\tfrac12\mathbb{E}[\log(1-D(G(x)))]"
    r"\qquad L_G=-\mathbb{E}[\log D(G(x))]",
    "least_squares": r"L_D=\tfrac12\mathbb{E}[(D(y)-1)^2]+\tfrac12\mathbb{E}[D(G(x))^2]"
    r"\qquad L_G=\mathbb{E}[(D(G(x))-1)^2]",
    "hinge": r"L_D=\tfrac12\mathbb{E}[\max(0,1-D(y))]+\tfrac12\mathbb{E}[\max(0,1+D(G(x)))]"
    r"\qquad L_G=-\mathbb{E}[D(G(x))]",
    "wasserstein": r"L_D=\tfrac12\mathbb{E}[D(G(x))]-\tfrac12\mathbb{E}[D(y)]\qquad L_G=-\mathbb{E}[D(G(x))]",
}


@dataclass(frozen=True)
class TranslationHParams(TrainingHParams, TwoPlayerHParams):
    """The knobs of every image-to-image GAN."""

    batch_size: int = knob(
        4, 1, 1024, label="Batch size", unit="images",
        help="Images per step. Papers on image translation use 1, because one image already provides many patches.",
    )  # fmt: skip
    loss: str = knob(
        "least_squares", choices=LOSSES, label="Loss", group="objective",
        help="Adversarial loss of the discriminator and the generator.",
    )  # fmt: skip
    adversarial_weight: float = knob(
        1.0, 0.0, 100.0, label="Adversarial loss weight", group="objective",
        help="Weight of the adversarial term in the generator's loss; 0 trains the generator without a discriminator.",
    )  # fmt: skip
    mirror: bool = knob(
        False, label="Random horizontal flips",
        help="Flips half of the images left to right at random, both images of a pair together. Not suitable for "
        "images with a direction, such as text.",
    )  # fmt: skip
    channels: int = knob(
        32, 2, 256, label="Generator channels", change="rebuild", group="networks",
        help="Channels of the generator at full resolution; the papers use 64. The cost grows with the square.",
    )  # fmt: skip
    discriminator_channels: int = knob(
        32, 2, 256, label="Discriminator channels", change="rebuild", group="networks",
        help="Channels of the discriminator's first layer; the papers use 64.",
    )  # fmt: skip


@dataclass(frozen=True)
class PatchHParams(TranslationHParams):
    """The knobs of a PatchGAN discriminator."""

    jitter: float = knob(
        0.0, 0.0, 1.0, label="Random crop", unit="fraction of the size",
        help="Enlarges each image by this fraction and takes a random crop of the original size, the same one for "
        "both images of a pair; 0 turns it off. The papers enlarge 256 pixels to 286 (0.12). Useful for photos, "
        "harmful for aligned images such as portraits.",
    )  # fmt: skip
    patch_layers: int = knob(
        3, 1, 4, label="PatchGAN depth", unit="layers", change="rebuild", group="networks",
        help="Number of downsampling layers of the discriminator: 1, 2 or 3 give each logit a receptive field of 16, "
        "34 or 70 pixels. Small images allow fewer.",
    )  # fmt: skip


@dataclass(frozen=True)
class ScalesHParams(PatchHParams):
    """The knobs of PatchGAN discriminators of several scales."""

    scales: int = knob(
        2, 1, 4, label="Discriminator scales", unit="scales", change="rebuild", group="networks",
        help="Number of discriminators: one for the image, one for its half, and so on. Small images allow fewer. The "
        "papers use 3.",
    )  # fmt: skip


def discriminator_terms(loss: str, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """The two terms of L_D from logits of any shape."""
    if loss == "non_saturating":
        return {"real": 0.5 * softplus(-real).mean(), "fake": 0.5 * softplus(fake).mean()}
    if loss == "hinge":
        return {"real": 0.5 * relu(1 - real).mean(), "fake": 0.5 * relu(1 + fake).mean()}
    if loss == "wasserstein":
        return {"real": -0.5 * real.mean(), "fake": 0.5 * fake.mean()}
    return {"real": 0.5 * (real - 1).square().mean(), "fake": 0.5 * fake.square().mean()}


def generator_loss(loss: str, fake: Tensor) -> Tensor:
    """L_G from logits of any shape."""
    if loss == "non_saturating":
        return softplus(-fake).mean()
    return -fake.mean() if loss in ("hinge", "wasserstein") else (fake - 1).square().mean()


def logits_of(outputs: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    """The logits of each scale of a `MultiScaleDiscriminator`."""
    return [blocks[-1] for blocks in outputs]


def joined(logits: Sequence[Tensor]) -> Tensor:
    """The logits of all scales, (B, L), to be observed."""
    return torch.cat([one.flatten(1) for one in logits], 1)


def scale_terms(loss: str, real: Sequence[Tensor], fake: Sequence[Tensor]) -> dict[str, Tensor]:
    """The two terms of L_D, summed over the scales of a discriminator (1711.11585, equation 3)."""
    each = [discriminator_terms(loss, *both) for both in zip(real, fake, strict=True)]
    return {name: torch.stack([terms[name] for terms in each]).sum() for name in each[0]}


def scale_loss(loss: str, fake: Sequence[Tensor]) -> Tensor:
    """L_G, summed over the scales of a discriminator."""
    return torch.stack([generator_loss(loss, one) for one in fake]).sum()


Settings = TypeVar("Settings", bound=TranslationHParams)


class Translation(Objective[Settings]):
    """Base of the image translation objectives: augmentation and metrics."""

    def prepare(self, batch: Batch, context: StepContext[Settings]) -> Batch:
        """Random crops and flips, if the knobs ask for them."""
        hparams = context.hparams
        larger = hparams.jitter if isinstance(hparams, PatchHParams) else 0.0
        return random_crop_flip(batch, larger, hparams.mirror, context.generator)

    def summarise(self, hparams: Settings, observed: dict[str, Tensor]) -> dict[str, Tensor]:
        """Scores of D averaged over patches, its accuracy, and the means of everything else observed."""
        metrics = {}
        for name, values in observed.items():
            flat = values.flatten(1).float()  # (K, ...) -> (K, scores)
            if name in SCORES:
                scores = flat.sigmoid() if hparams.loss == "non_saturating" else flat
                metrics[f"score/{name}"] = scores.mean(1)
            else:
                metrics[name] = flat.mean(1)
        if {"real", "fake_before"} <= observed.keys() and hparams.loss != "wasserstein":
            threshold = 0.5 if hparams.loss == "least_squares" else 0.0
            right = (observed["real"].flatten(1) > threshold).float().mean(1)
            metrics["accuracy"] = (right + (observed["fake_before"].flatten(1) <= threshold).float().mean(1)) / 2
        return metrics


@contextmanager
def evaluated(network: nn.Module) -> Iterator[nn.Module]:
    """The network in evaluation mode: no dropout, fixed batch-norm statistics."""
    network.eval()
    try:
        yield network
    finally:
        network.train()


SCORES = ("real", "fake_before", "fake_after")
EVALUATE_EVERY = 50  # steps between evaluations on held-out items


class ReplayPool(nn.Module):
    """A buffer of past fakes, which replace half of the new ones for the discriminator (1612.07828, section 2.3).

    While the pool fills, all fakes are new. Then each fake is swapped with one of the pool with probability 1/2. `mix`
    returns the discriminator's input; the pool itself is updated by `settle`, after the step. All ranks hold the same
    pool, of the whole batch's fakes, so that a run can continue with another number of ranks.
    """

    images: Tensor
    made: Tensor  # the step at which each image was generated, (size,)
    filled: Tensor

    def __init__(self, size: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(size, *shape))
        self.register_buffer("made", torch.zeros(size, dtype=torch.long))
        self.register_buffer("filled", torch.zeros((), dtype=torch.long))
        self._moves: tuple[Tensor, Tensor, Tensor, int] | None = None

    def mix(self, fakes: Tensor, context: StepContext) -> Tensor:
        """Fakes (B, C, H, W), some replaced by past ones."""
        ranks = current()
        return ranks.own(self._mixed(ranks.whole(fakes.detach()), context))

    def _mixed(self, fakes: Tensor, context: StepContext) -> Tensor:
        size, count = len(self.images), min(len(self.images), len(fakes))
        if not count:
            return fakes
        new, device = fakes[:count], fakes.device
        places = torch.randperm(size, generator=context.generator)[:count].to(device)
        chosen = (torch.rand(count, generator=context.generator) < 0.5).to(device)
        full = self.filled >= size
        # decided on the device, without a transfer
        places = torch.where(full, places, (self.filled + torch.arange(count, device=device)) % size)
        old = (chosen & full)[:, None, None, None]
        self._moves = places, new, chosen | ~full, context.step
        return torch.cat([torch.where(old, self.images[places], new), fakes[count:]])

    def settle(self) -> None:
        """Stores the images that `mix` swapped in the pool."""
        if self._moves is None:
            return
        places, new, kept, step = self._moves
        self.images[places] = torch.where(kept[:, None, None, None], new, self.images[places])
        self.made[places] = torch.where(kept, step, self.made[places])
        self.filled.add_(len(new)).clamp_(max=len(self.images))
        self._moves = None

    def ages(self, step: int) -> Tensor:
        """Steps since each image was generated, (size,); 0 at empty places."""
        taken = torch.arange(len(self.made), device=self.made.device) < self.filled
        return torch.where(taken, step - self.made, 0)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
        # older checkpoints have no steps: their images count as generated at the start
        state_dict.setdefault(f"{prefix}made", torch.zeros_like(self.made))
        super()._load_from_state_dict(state_dict, prefix, *others)


def observe_pools(context: StepContext, pools: Mapping[str, ReplayPool]) -> None:
    """Observes how full the pools are and how old their images; nothing if a pool has no places."""
    if not all(len(pool.images) for pool in pools.values()):
        return
    filled = torch.stack([pool.filled for pool in pools.values()])
    ages = torch.stack([pool.ages(context.step) for pool in pools.values()])  # (pools, size)
    context.observe("pool_filled", filled)
    context.observe("pool_age", ages.sum(1) / filled.clamp(min=1))
    context.observe("pool_oldest", ages.amax(1))

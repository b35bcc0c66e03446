"""What the GANs that translate images share: losses on maps of logits, a pool of past fakes, knobs, marks.

A discriminator that judges patches gives a map of logits (B, 1, h, w); a loss is its mean over patches and images. The
papers on translation halve the discriminator's loss, "which slows down the rate at which D learns relative to G"
(1611.07004, section 3.3; 1703.10593, section 4), and not the generator's:

    non-saturating   L_D = -E[log D(y)]/2 - E[log(1 - D(G(x)))]/2     L_G = -E[log D(G(x))]
    least squares    L_D = E[(D(y) - 1)^2]/2 + E[D(G(x))^2]/2         L_G = E[(D(G(x)) - 1)^2]
    hinge            L_D = E[max(0, 1 - D(y))]/2 + E[max(0, 1 + D(G(x)))]/2    L_G = -E[D(G(x))]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus

from gan_core.hparams import PlayersHParams, TrainingHParams
from gan_core.knobs import knob
from gan_core.objectives.base import Batch, Objective, StepContext
from gan_core.objectives.jitter import jittered

LOSSES = ("non_saturating", "least_squares", "hinge")
EQUATIONS = {
    "non_saturating": r"L_D=-\tfrac12\mathbb{E}[\log D(y)]-\tfrac12\mathbb{E}[\log(1-D(G(x)))]"
    r"\qquad L_G=-\mathbb{E}[\log D(G(x))]",
    "least_squares": r"L_D=\tfrac12\mathbb{E}[(D(y)-1)^2]+\tfrac12\mathbb{E}[D(G(x))^2]"
    r"\qquad L_G=\mathbb{E}[(D(G(x))-1)^2]",
    "hinge": r"L_D=\tfrac12\mathbb{E}[\max(0,1-D(y))]+\tfrac12\mathbb{E}[\max(0,1+D(G(x)))]"
    r"\qquad L_G=-\mathbb{E}[D(G(x))]",
}


@dataclass(frozen=True)
class TranslationHParams(TrainingHParams, PlayersHParams):
    """The knobs of every GAN that makes images from images."""

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
    """With a discriminator that judges patches."""

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


def discriminator_terms(loss: str, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """The two halves of L_D from logits of any shape."""
    if loss == "non_saturating":
        return {"real": 0.5 * softplus(-real).mean(), "fake": 0.5 * softplus(fake).mean()}
    if loss == "hinge":
        return {"real": 0.5 * relu(1 - real).mean(), "fake": 0.5 * relu(1 + fake).mean()}
    return {"real": 0.5 * (real - 1).square().mean(), "fake": 0.5 * fake.square().mean()}


def deceive(loss: str, fake: Tensor) -> Tensor:
    """L_G from logits of any shape."""
    if loss == "non_saturating":
        return softplus(-fake).mean()
    return -fake.mean() if loss == "hinge" else (fake - 1).square().mean()


class Translation(Objective):
    """Base of the objectives of translation: what they observe becomes metrics in the same way."""

    def prepare(self, batch: Batch, context: StepContext) -> Batch:
        """Random pieces and mirror images, where they are asked for."""
        hparams = context.hparams
        assert isinstance(hparams, TranslationHParams)
        larger = hparams.jitter if isinstance(hparams, PatchHParams) else 0.0
        return jittered(batch, larger, hparams.mirror, context.generator)

    def summarise(self, hparams: TranslationHParams, observed: dict[str, Tensor]) -> dict[str, Tensor]:
        """Scores of D as means over patches, its accuracy, and whatever else was observed."""
        metrics = {}
        for name, values in observed.items():
            flat = values.flatten(1).float()  # (K, ...) -> (K, scores)
            if name in SCORES:
                shown = flat.sigmoid() if hparams.loss == "non_saturating" else flat
                metrics[f"score/{name}"] = shown.mean(1)
            else:
                metrics[name] = flat.mean(1)
        if {"real", "fake_before"} <= observed.keys():
            threshold = 0.5 if hparams.loss == "least_squares" else 0.0
            right = (observed["real"].flatten(1) > threshold).float().mean(1)
            metrics["accuracy"] = (right + (observed["fake_before"].flatten(1) <= threshold).float().mean(1)) / 2
        return metrics


@contextmanager
def evaluated(network: nn.Module) -> Iterator[nn.Module]:
    """The network in evaluation mode: no dropout, and no statistics that move."""
    network.eval()
    try:
        yield network
    finally:
        network.train()


SCORES = ("real", "fake_before", "fake_after")
MARK_EVERY = 50  # steps between marks on items that were held out


class ReplayPool(nn.Module):
    """Past fakes, half of which are shown to the discriminator instead of new ones (1612.07828, section 2.3).

    While it fills, all are new. Then each fake is, with probability 1/2, exchanged for one of the pool, whose place it
    takes. `mix` says what is shown; the pool itself moves in `settle`, after the step.
    """

    images: Tensor
    made: Tensor
    filled: Tensor

    def __init__(self, size: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(size, *shape))
        self.register_buffer("made", torch.zeros(size, dtype=torch.long))  # at which step, each of them
        self.register_buffer("filled", torch.zeros((), dtype=torch.long))
        self._moves: tuple[Tensor, Tensor, Tensor, int] | None = None

    def mix(self, fakes: Tensor, context: StepContext) -> Tensor:
        """Fakes (B, C, H, W), some exchanged for past ones."""
        size, count = len(self.images), min(len(self.images), len(fakes))
        if not count:
            return fakes
        new, device = fakes[:count].detach(), fakes.device
        places = torch.randperm(size, generator=context.generator)[:count].to(device)
        chosen = (torch.rand(count, generator=context.generator) < 0.5).to(device)
        full = self.filled >= size
        # no transfer from the device: what to do is decided there
        places = torch.where(full, places, (self.filled + torch.arange(count, device=device)) % size)
        old = (chosen & full)[:, None, None, None]
        self._moves = places, new, chosen | ~full, context.step
        return torch.cat([torch.where(old, self.images[places], new), fakes[count:]])

    def settle(self) -> None:
        """Puts what `mix` exchanged into the pool."""
        if self._moves is None:
            return
        places, new, kept, step = self._moves
        self.images[places] = torch.where(kept[:, None, None, None], new, self.images[places])
        self.made[places] = torch.where(kept, step, self.made[places])
        self.filled.add_(len(new)).clamp_(max=len(self.images))
        self._moves = None

    def ages(self, step: int) -> Tensor:
        """How many steps ago each image was made, (size,); 0 at places that are empty."""
        taken = torch.arange(len(self.made), device=self.made.device) < self.filled
        return torch.where(taken, step - self.made, 0)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
        # checkpoints of before the steps were kept: what lies there counts as made at the start
        state_dict.setdefault(f"{prefix}made", torch.zeros_like(self.made))
        super()._load_from_state_dict(state_dict, prefix, *others)


def observe_pools(context: StepContext, pools: Mapping[str, ReplayPool]) -> None:
    """How full they are and how old their images, for the curves; nothing where they have no places."""
    if not all(len(pool.images) for pool in pools.values()):
        return
    filled = torch.stack([pool.filled for pool in pools.values()])
    ages = torch.stack([pool.ages(context.step) for pool in pools.values()])  # (pools, size)
    context.observe("pool_filled", filled)
    context.observe("pool_age", ages.sum(1) / filled.clamp(min=1))
    context.observe("pool_oldest", ages.amax(1))

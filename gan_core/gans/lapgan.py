"""LAPGAN: a pyramid of GANs, each of which adds the details of one size (1506.05751).

    I~_K = G_K(z_K),      I~_k = u(I~_{k+1}) + G_k(z_k, u(I~_{k+1}))                                     (section 2)

A small GAN draws an image of 8 pixels (14 where the size is 28 or 56); each further level is given the enlarged image
so far, with a plane of noise, and draws what is missing: a residual (B, C, H, W) that is added. A level's discriminator
returns a logit (B,) for an image and the enlarged image that it is to refine. The latents (B, latent_size) are divided
among the levels (objectives/laplacian.py). Conditional generation in steps: what super-resolution and diffusion took
up.

Differs from the paper: all levels train at the same time, each on real images; batch normalisation in the generators'
hidden layers; means of 2 x 2 pixels and bilinear enlargement instead of a Gaussian blur; unconditional on classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.hparams import channels_knob
from gan_core.layers.blocks import initialise_normal
from gan_core.objectives.base import Batch
from gan_core.objectives.laplacian import Laplacian, LaplacianHParams, enlarged

SIZES = (16, 28, 32, 56, 64, 128)
SMALLEST = 16  # pixels below which a level is not divided further


@dataclass(frozen=True)
class LapganHParams(LaplacianHParams):
    """The knobs of LAPGAN."""

    channels: int = channels_knob(32, reference="Here the channels of all hidden layers.")


def sizes(size: int) -> list[int]:
    """The sizes of the levels in pixels, the smallest first, at most 14."""
    found = [size]
    while found[0] >= SMALLEST:
        found.insert(0, found[0] // 2)
    return found


def shares(latent_size: int, levels: int) -> list[int]:
    """The number of latents of each level, which add up to all of them."""
    return [(place + 1) * latent_size // levels - place * latent_size // levels for place in range(levels)]


class First(nn.Module):
    """(B, latents) -> (B, C, size, size) in [-1, 1]."""

    def __init__(self, latents: int, image_channels: int, size: int, channels: int) -> None:
        super().__init__()
        base, width = size // 2, 2 * channels
        self.layers = nn.Sequential(
            nn.Linear(latents, width * base * base, bias=False), nn.Unflatten(1, (width, base, base)),
            nn.BatchNorm2d(width), nn.ReLU(inplace=True),
            nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True), nn.Conv2d(channels, image_channels, 3, padding=1), nn.Tanh(),
        )  # fmt: skip

    def forward(self, latents: Tensor, coarse: Tensor | None) -> Tensor:
        images: Tensor = self.layers(latents)
        return images


class Refinement(nn.Module):
    """Latents (B, latents) and an enlarged image (B, C, H, W) -> that image with details, the same shape."""

    def __init__(self, latents: int, image_channels: int, size: int, channels: int) -> None:
        super().__init__()
        self.size = size
        self.plane = nn.Linear(latents, size * size)
        self.layers = nn.Sequential(
            nn.Conv2d(image_channels + 1, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True), nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True), nn.Conv2d(channels, image_channels, 3, padding=1),
        )  # fmt: skip

    def forward(self, latents: Tensor, coarse: Tensor) -> Tensor:
        noise = self.plane(latents).reshape(-1, 1, self.size, self.size)  # (B, H * W) -> (B, 1, H, W)
        images: Tensor = coarse + self.layers(torch.cat([coarse, noise], 1))
        return images


class LaplacianGenerator(nn.Module):
    """Latents (B, latent_size) -> images of all levels, the smallest first; see `forward`."""

    def __init__(self, image_channels: int, size: int, hparams: LapganHParams) -> None:
        super().__init__()
        sides = sizes(size)
        self.levels = len(sides)
        self.shares = shares(hparams.latent_size, self.levels)
        self.parts = nn.ModuleList(
            (Refinement if place else First)(self.shares[place], image_channels, side, hparams.channels)
            for place, side in enumerate(sides)
        )
        initialise_normal(self)

    def forward(self, latents: Tensor, coarse: Sequence[Tensor | None] | None = None) -> list[Tensor]:
        """`coarse` is the input of each level, None for the first; by default, each refines the one before."""
        found: list[Tensor] = []
        for place, own in enumerate(torch.split(latents, self.shares, 1)):
            given = coarse[place] if coarse is not None else enlarged(found[-1].clamp(-1, 1)) if found else None
            found.append(self.parts[place](own, given))
        return found


class Judge(nn.Module):
    """Images (B, C, H, W), with those that they refine -> logits (B,)."""

    def __init__(self, inputs: int, size: int, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        side, width = size, channels
        while side > 4:
            layers += [nn.Conv2d(inputs, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True)]
            inputs, width, side = width, 2 * width if len(layers) < 6 else width, side // 2
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(inputs * side * side, 1))

    def forward(self, images: Tensor, coarse: Tensor | None) -> Tensor:
        inputs = images if coarse is None else torch.cat([images - coarse, coarse], 1)
        logits: Tensor = self.layers(inputs)
        return logits.squeeze(1)  # (B, 1) -> (B,)


class LaplacianDiscriminator(nn.Module):
    """Images of all levels, and the input of each -> logits (B,) of each level."""

    def __init__(self, image_channels: int, size: int, hparams: LapganHParams) -> None:
        super().__init__()
        self.parts = nn.ModuleList(
            Judge(image_channels * (2 if place else 1), side, hparams.channels)
            for place, side in enumerate(sizes(size))
        )
        initialise_normal(self)

    def forward(self, images: Sequence[Tensor], coarse: Sequence[Tensor | None]) -> list[Tensor]:
        return [part(*given) for part, *given in zip(self.parts, images, coarse, strict=True)]


def networks(hparams: LapganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    return {
        "generator": LaplacianGenerator(spec.channels, spec.size, hparams),
        "discriminator": LaplacianDiscriminator(spec.channels, spec.size, hparams),
    }


def draw(networks: Mapping[str, nn.Module], hparams: Any, latents: Tensor, labels: Tensor | None) -> Tensor:
    images: Tensor = networks["generator"](latents)[-1]
    return images.clamp(-1, 1)


def compare(networks: Mapping[str, nn.Module], hparams: Any, batch: Batch) -> list[Tensor]:
    """The smallest and the largest image of the same latents, which are fixed."""
    count = len(batch["real"])
    latents = torch.randn(count, hparams.latent_size, generator=torch.Generator().manual_seed(1)).to(batch["real"])
    found = networks["generator"](latents)
    return [found[0], found[-1].clamp(-1, 1)]


def equation(hparams: LapganHParams) -> str:
    return r"\tilde I_K=G_K(z_K)\qquad\tilde I_k=u(\tilde I_{k+1})+G_k(z_k,u(\tilde I_{k+1}))"


DEFAULTS = LapganHParams()

register(
    Recipe(
        name="lapgan",
        title="LAPGAN",
        task="images",
        paper="1506.05751",
        year=2015,
        networks=networks,
        objective=lambda hparams: Laplacian(),
        hparams=DEFAULTS,
        tiny=replace(DEFAULTS, latent_size=5, channels=4, batch_size=4),
        data="digits",
        sizes=SIZES,
        draw=draw,
        compare=compare,
        compared=("coarse", "refined"),
        equation=equation,
        presets=(
            Preset(
                name="digits",
                title="Digits from coarse to fine",
                look_for="Below the samples, the image of 8 pixels and what it is refined to, for the same latents. "
                "Strokes become smooth within half a minute; which digit it is was decided at 8 pixels and doesn't "
                "change.",
                data="digits", size=16, steps=1_500, seconds=100,
                hparams={
                    "generator_rate": 1e-3, "discriminator_rate": 1e-3, "schedule": "linear", "decay_steps": 1_500,
                    "ema": 0.995, "loss": "least_squares",
                },
            ),
        ),
    )
)  # fmt: skip

"""Denoising diffusion: a network learns to see noise, and makes samples out of noise in many steps (2006.11239).

    x_t = sqrt(A_t) x + sqrt(1 - A_t) e        L = E[|e - e_theta(x_t, t)|^2]                       (equations 4 and 14)

A sample begins as noise of the data's own size. Each step estimates the noise, and from it the item, and goes to a
lower level with the same noise (2010.02502, equation 12, without new noise):

    x_s = sqrt(A_s) (x_t - sqrt(1 - A_t) e_theta) / sqrt(A_t) + sqrt(1 - A_s) e_theta

so that the same noise is always the same sample, as in a GAN. One step gives the mean of the data; more steps are
sharper.

Differs from the paper: a perceptron that is given the level as sines and cosines, instead of a U-Net; fewer levels; the
sampler without new noise. The recipe `diffusion_points` is the same for points in the plane.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.errors import BadValue
from gan_core.gans.recipe import Preset, Recipe, register, single_network
from gan_core.knobs import knob
from gan_core.objectives.denoising import (
    Denoiser,
    Denoising,
    DenoisingHParams,
    add_noise,
    as_items,
    denoised,
    kept,
    noise_of,
)

WAVES = 16  # sines, and as many cosines, that encode the level


@dataclass(frozen=True)
class DiffusionHParams(DenoisingHParams):
    """The knobs of the network and of sampling."""

    widths: tuple[int, ...] = knob(
        (256, 256, 256), 1, 8192, label="Layer widths", change="rebuild", group="networks",
        help="Width of each hidden layer, from the noisy item to the noise in it.",
    )  # fmt: skip
    sampling_steps: int = knob(
        50, 1, 1000, label="Sampling steps", unit="passes", change="rebuild", group="objective",
        help="Passes through the network for one sample, at most one for each noise level. One gives a blurred mean; "
        "more are sharper and slower.",
    )  # fmt: skip


class PerceptronDenoiser(Denoiser):
    """Items (B, ...) at levels (B,) -> their noise (B, ...); `forward` maps latents (B, latent_size) -> items."""

    shares: Tensor

    def __init__(self, shape: tuple[int, ...], hparams: DiffusionHParams) -> None:
        super().__init__()
        self.shape = shape
        self.steps = min(hparams.sampling_steps, hparams.levels)
        self.register_buffer("shares", kept(hparams.levels), persistent=False)  # A_t
        numbers = math.prod(shape)
        inputs = numbers + 2 * WAVES
        layers: list[nn.Module] = []
        for width in hparams.widths:
            layers += [nn.Linear(inputs, width), nn.SiLU()]
            inputs = width
        self.layers = nn.Sequential(*layers, nn.Linear(inputs, numbers))

    def noise_in(self, noisy: Tensor, level: Tensor) -> Tensor:
        inputs = torch.cat([noisy.flatten(1), waves(level / len(self.shares))], 1)  # (B, ...) -> (B, numbers + 2 W)
        noise: Tensor = self.layers(inputs)
        return noise.reshape(-1, *self.shape)  # (B, numbers) -> (B, ...)

    def forward(self, latents: Tensor) -> Tensor:
        """Images in [-1, 1], or points, generated from noise."""
        noisy = as_items(latents, self.shape)
        path = descent(len(self.shares), self.steps)
        for place, level in enumerate(path):
            levels = torch.full((noisy.shape[0],), level, device=noisy.device)
            noise = self.noise_in(noisy, levels)
            items = denoised(noisy, noise, self.shares[levels])
            if len(self.shape) > 1:  # pixels have a range: the noise is the remainder after clipping
                items = items.clamp(-1, 1)
                noise = noise_of(noisy, items, self.shares[levels])
            if place + 1 < len(path):
                noisy = add_noise(items, noise, self.shares[torch.full_like(levels, path[place + 1])])
        return items


def waves(time: Tensor) -> Tensor:
    """Times (B,) in [0, 1) as sines and cosines of 1 to 2^10 half turns, (B, 2 * WAVES)."""
    frequencies = torch.pi * torch.logspace(0, 10, WAVES, base=2, device=time.device)
    angles = time[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], 1)


def descent(levels: int, steps: int) -> list[int]:
    """The levels that sampling visits, from the last one down, evenly spread: `steps` of them."""
    return [(levels - 1) * (steps - place) // steps for place in range(steps)]


def networks(hparams: DiffusionHParams, spec: DataSpec) -> dict[str, nn.Module]:
    shape = spec.fields["real"]
    numbers = math.prod(shape)
    if hparams.latent_size < numbers:
        raise BadValue(N_NOISE, wanted=numbers, given=hparams.latent_size)
    return {"generator": PerceptronDenoiser(shape, hparams)}


N_NOISE = "Diffusion starts from noise of the data's own size. Set the latent size to at least {wanted}, not {given}."


def equation(hparams: Any) -> str:
    return r"L=\mathbb{E}[\lVert\epsilon-\epsilon_\theta(x_t,t)\rVert^2],\ x_t=\sqrt{A_t}\,x+\sqrt{1-A_t}\,\epsilon"


DEFAULTS = DiffusionHParams(rate=1e-3, beta1=0.9, batch_size=128, ema=0.995)
IMAGES = Recipe(
    name="diffusion",
    title="Diffusion model (DDPM)",
    task="images",
    paper="2006.11239",
    year=2020,
    networks=networks,
    objective=lambda hparams: Denoising(),
    hparams=DEFAULTS,
    tiny=replace(DEFAULTS, widths=(8,), levels=10, sampling_steps=3, batch_size=4),
    data="digits",
    sizes=(8,),
    optimizers=single_network("denoiser", "generator"),
    equation=equation,
    presets=(
        Preset(
            name="digits",
            title="Digits out of noise",
            look_for="Speckles become strokes, and after half a minute about a quarter of the samples are readable "
            "digits: slower than with a GAN or a VAE, and each sample takes 50 passes. The loss falls without any game "
            "and hardly changes later, while the samples still improve.",
            data="digits", size=8, steps=6_000, seconds=30,
            hparams={"rate": 2e-3, "schedule": "linear", "decay_steps": 6_000},
        ),
    ),
)  # fmt: skip

register(IMAGES)
register(
    replace(
        IMAGES,
        name="diffusion_points",
        title="Diffusion on points",
        task="points",
        hparams=replace(DEFAULTS, latent_size=2, widths=(128, 128, 128), batch_size=256, rate=2e-3),
        tiny=replace(DEFAULTS, latent_size=2, widths=(8,), levels=10, sampling_steps=3, batch_size=8),
        data="ring8",
        sizes=(2,),
        about="The diffusion model (`gan_core/gans/diffusion.py`) for points in the plane. No mode is lost, and "
        "fewer points lie between the modes than with a VAE, but each needs many passes through the network.",
        presets=(
            Preset(
                name="ring8",
                title="Diffusion on the ring",
                look_for="All eight modes are there within seconds, at first as a blurred ring. Nothing collapses and "
                "nothing oscillates; the modes only become sharper.",
                data="ring8", size=2, steps=5_000, seconds=25,
                hparams={"schedule": "linear", "decay_steps": 5_000},
            ),
        ),
    )
)  # fmt: skip

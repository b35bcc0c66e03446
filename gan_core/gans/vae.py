"""Variational autoencoder: an encoder and a decoder, without an opponent (1312.6114).

    L = E[|x - G(z)|^2] / (2 sigma^2) + KL(N(mu(x), s(x)^2) | N(0, 1)),   z = mu(x) + s(x) e        (equation 3)

The encoder maps an item to a normal distribution of latents, (B, latent_size) each for mu and log s^2; the decoder G
maps latents to an item. A sample is G(z) for standard normal z: one pass, as in a GAN. No item can be forgotten,
because each must be reconstructed; where several items share a latent, G gives their mean, which is blurred.

Differs from the paper: ReLU instead of tanh, Adam instead of Adagrad; samples are the decoder's means without its
noise. The recipe `vae_points` is the same for points in the plane.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Protocol

from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.gans.recipe import Preset, Recipe, register, together
from gan_core.knobs import knob
from gan_core.objectives.variational import Variational, VariationalHParams, as_pair


@dataclass(frozen=True)
class VaeHParams(VariationalHParams):
    """The knobs of both networks."""

    widths: tuple[int, ...] = knob(
        (256, 256), 1, 8192, label="Layer widths", change="rebuild", group="networks",
        help="Width of each hidden layer of the encoder, from the item to the latents; the decoder mirrors it.",
    )  # fmt: skip


def perceptron(inputs: int, widths: tuple[int, ...], outputs: int) -> nn.Sequential:
    """(B, inputs) -> (B, outputs)."""
    layers: list[nn.Module] = []
    for width in widths:
        layers += [nn.Linear(inputs, width), nn.ReLU(inplace=True)]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))


class Sized(Protocol):
    """The settings that the decoder needs."""

    @property
    def latent_size(self) -> int: ...
    @property
    def widths(self) -> tuple[int, ...]: ...


class VaeEncoder(nn.Module):
    """(B, ...) -> mean and log variance of the latents, (B, latent_size) each."""

    def __init__(self, shape: tuple[int, ...], hparams: VaeHParams) -> None:
        super().__init__()
        self.layers = perceptron(math.prod(shape), hparams.widths, 2 * hparams.latent_size)

    def forward(self, items: Tensor) -> tuple[Tensor, Tensor]:
        return as_pair(self.layers(items.flatten(1)))  # (B, ...) -> (B, numbers)


class VaeDecoder(nn.Module):
    """(B, latent_size) -> images (B, C, H, W) in [-1, 1], or points (B, 2)."""

    def __init__(self, shape: tuple[int, ...], hparams: Sized) -> None:
        super().__init__()
        self.shape = shape
        self.layers = perceptron(hparams.latent_size, hparams.widths[::-1], math.prod(shape))

    def forward(self, latents: Tensor) -> Tensor:
        items: Tensor = self.layers(latents)
        if len(self.shape) > 1:
            items = items.tanh()
        return items.reshape(-1, *self.shape)  # (B, numbers) -> (B, ...)


def networks(hparams: VaeHParams, spec: DataSpec) -> dict[str, nn.Module]:
    shape = spec.fields["real"]
    return {"encoder": VaeEncoder(shape, hparams), "generator": VaeDecoder(shape, hparams)}


def equation(hparams: Any) -> str:
    return (
        r"L=\tfrac{1}{2\sigma^2}\mathbb{E}[\lVert x-G(z)\rVert^2]+\beta\,\mathrm{KL}"
        r",\ z=\mu(x)+s(x)\,\epsilon"
    )


DEFAULTS = VaeHParams(rate=1e-3, beta1=0.9)
IMAGES = Recipe(
    name="vae",
    title="Variational autoencoder (VAE)",
    task="images",
    paper="1312.6114",
    year=2013,
    networks=networks,
    objective=lambda hparams: Variational(),
    hparams=DEFAULTS,
    tiny=replace(DEFAULTS, latent_size=4, widths=(8,), batch_size=4),
    data="digits",
    optimizers=together("vae", ("encoder", "generator")),
    equation=equation,
    presets=(
        Preset(
            name="digits",
            title="Digits without an opponent",
            look_for="Readable but soft digits within five seconds, and no digit is missing: each item must be "
            "reconstructed. Compare the edges with those of a GAN.",
            data="digits", size=8, steps=5_000, seconds=20,
            hparams={"batch_size": 128, "schedule": "linear", "decay_steps": 5_000},
        ),
    ),
)  # fmt: skip

register(IMAGES)
register(
    replace(
        IMAGES,
        name="vae_points",
        title="VAE on points",
        task="points",
        hparams=replace(DEFAULTS, latent_size=2, sigma=0.1, widths=(128, 128, 128), batch_size=256),
        tiny=replace(DEFAULTS, latent_size=2, widths=(8,), batch_size=8),
        data="ring8",
        sizes=(2,),
        about="The variational autoencoder (`gan_core/gans/vae.py`) for points in the plane: encoder and decoder are "
        "perceptrons. All modes are reached, and points lie between them.",
        presets=(
            Preset(
                name="ring8",
                title="A VAE on the ring",
                look_for="All eight modes are reached within seconds, but joined by threads: latents are spread over "
                "the whole plane, and each of them must become a point.",
                data="ring8", size=2, steps=4_000, seconds=20,
                hparams={"schedule": "linear", "decay_steps": 4_000, "ema": 0.995},
            ),
        ),
    )
)  # fmt: skip

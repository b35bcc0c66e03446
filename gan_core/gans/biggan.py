"""BigGAN: class-conditional batch normalisation in every block, projection, and truncation (1809.11096).

    D(x, y) = e_y^T phi(x) + psi(phi(x))                    the projection discriminator (1802.05637, section 3)
    R(W) = weight |W^T W off the diagonal|^2                orthogonal regularisation of the generator (equation 3)

The latents (B, latent_size) are split into chunks: one for the stem and one for each block. The scales and shifts of a
block's batch-norms are computed from its chunk, concatenated with a class embedding that all blocks share (appendix B).
With labels (B,), or blends of classes (B, classes), the generator returns images (B, C, H, W) in [-1, 1]; the
discriminator returns logits (B,). Both use SAGAN's attention in the form of its published code, spectral normalisation
and the hinge loss.

Truncation (section 3.1): latents beyond a threshold are resampled. With `psi` 1 the threshold is 2. Standing statistics
(appendices): batch-norm statistics are re-estimated for the averaged weights before the first sample is drawn from
them.

Published size, for 1,000 classes at 128 pixels: `channels=96, max_channels=1536, latent_size=120, embedding=128,
attention_size=64, generator_rate=5e-5, discriminator_rate=2e-4, discriminator_steps=2`. The generator then has 70.4 M
parameters, including stem, blocks, class embedding, attention and last layers.

Differs from the paper: one discriminator update per step unless `discriminator_steps` says otherwise; orthogonal
regularisation is applied to weights after spectral normalisation; a resampled latent is computed from the value that it
replaces, so that a seed still determines the image.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gan_core.data.base import DataSpec
from gan_core.errors import BadValue
from gan_core.gans.dcgan import SIZES, base_size
from gan_core.gans.recipe import Preset, Recipe, draw_from_latents, register
from gan_core.gans.sagan import SaganHParams
from gan_core.gans.sngan import discriminator_widths, halvings, widths
from gan_core.knobs import knob
from gan_core.layers.classes import ClassEmbedding
from gan_core.layers.residual import (
    ConditionalBatchNorm,
    ResidualDiscriminator,
    ResidualGenerator,
    SelfAttention,
    attention_maps,
    initialise_orthogonal,
)
from gan_core.objectives.adversarial import Adversarial
from gan_core.objectives.equations import adversarial_equation

MOST_TRUNCATION = 1.5
THRESHOLD = 2.0  # truncation threshold at a psi of 1
PASSES = 10  # batches for estimating standing statistics
Attention = partial(SelfAttention, value_share=2, pool=True)


@dataclass(frozen=True)
class BigganHParams(SaganHParams):
    """The knobs of class-conditional residual networks."""

    embedding: int = knob(
        64, 1, 512, label="Class embedding", unit="dimensions", change="rebuild", group="networks",
        help="Dimensions of the class embedding, which all blocks share.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.virtual_batch_norm:
            raise BadValue("Virtual batch normalisation cannot replace class-conditional batch normalisation.")


class BigganGenerator(nn.Module):
    """(B, latent_size) and labels (B,), or blends of classes (B, classes) -> (B, C, H, W) in [-1, 1]."""

    standing: Tensor

    def __init__(self, classes: int, image_channels: int, size: int, hparams: BigganHParams) -> None:
        super().__init__()
        channels = widths(size, hparams)
        chunk, rest = divmod(hparams.latent_size, len(channels))
        if not chunk:
            raise BadValue(
                "At {size} pixels, the latent size must be at least {count}.", size=size, count=len(channels)
            )
        # one chunk for the stem, which also takes the remainder, and one for each block
        self.chunks = [chunk + rest, *[chunk] * (len(channels) - 1)]
        self.embedding = ClassEmbedding(classes, hparams.embedding)
        inputs = chunk + hparams.embedding

        def norm(width: int) -> nn.Module:
            gain, bias = (nn.Linear(inputs, width, bias=False) for _ in range(2))
            return ConditionalBatchNorm(width, gain, bias)

        self.body = ResidualGenerator(
            self.chunks[0], image_channels, base_size(size), channels, norm, Attention, hparams.attention_size
        )
        # whether the batch-norms hold standing statistics; false during training
        self.register_buffer("standing", torch.zeros((), dtype=torch.bool))

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        embedded = self.embedding(labels)
        first, *others = torch.split(latents, self.chunks, 1)  # (B, latent_size) -> chunks (B, latent_size / n)
        images: Tensor = self.body(first, [torch.cat([chunk, embedded], 1) for chunk in others])
        return images

    def attention_maps(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Attention of each position of a sample, (B, H, W, h, w) by layer; see `layers.residual.attention_maps`."""
        return attention_maps(self, *inputs)


def networks(hparams: BigganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    size = spec.size
    made: dict[str, nn.Module] = {
        "generator": BigganGenerator(spec.classes, spec.channels, size, hparams),
        "discriminator": ResidualDiscriminator(
            spec.channels, size, discriminator_widths(size, hparams), halvings(size), hparams.minibatch, spec.classes,
            Attention, hparams.attention_size,
        ),
    }  # fmt: skip
    for network in made.values():
        initialise_orthogonal(network)
    return made


@torch.no_grad()
def standing_statistics(generator: BigganGenerator, batch_size: int, seed: int) -> None:
    """Re-estimates batch-norm means and variances over PASSES batches of random latents and classes.

    Computed on a copy: the generator stays in evaluation mode, so that it can be sampled meanwhile. The statistics
    depend on the weights and the seed only.
    """
    random = torch.Generator().manual_seed(seed)
    working = copy.deepcopy(generator)
    for layer in working.modules():
        if isinstance(layer, _BatchNorm):
            layer.reset_running_stats()
            layer.momentum = None  # a plain mean over all batches
            layer.train()
    classes, device = len(working.embedding.weight), working.standing.device
    for _ in range(PASSES):
        latents = torch.randn(batch_size, sum(working.chunks), generator=random)
        labels = torch.randint(classes, (batch_size,), generator=random)
        working(latents.to(device), labels.to(device))
    for kept, estimated in zip(generator.buffers(), working.buffers(), strict=True):
        kept.copy_(estimated)
    generator.standing.fill_(True)


def draw(networks: Mapping[str, nn.Module], hparams: Any, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Images from the averaged generator, with standing statistics.

    They are estimated in the first call after the averaged weights were refreshed or loaded: a refresh copies the live
    generator's buffers, which clears `standing`.
    """
    generator = networks["generator"]
    assert isinstance(generator, BigganGenerator)
    if not generator.training and not bool(generator.standing):
        standing_statistics(generator, hparams.batch_size, hparams.seed)
    return draw_from_latents(networks, hparams, latents, labels)


def truncated(latents: Tensor, psi: float) -> Tensor:
    """Latents (B, latent_size) with the values beyond +-2 psi resampled from within; the others are unchanged.

    A resampled value follows the normal distribution truncated at +-2 psi. It is computed from the value that it
    replaces, whose position in the tail is uniform, so that this is a pure function and a seed still determines the
    image. Raises BadValue if psi is not in [0, 1.5].
    """
    if not 0 <= psi <= MOST_TRUNCATION:
        raise BadValue("The truncation must be between 0 and {most}, got {psi}.", most=MOST_TRUNCATION, psi=psi)
    exact = latents.double()
    beyond = torch.special.ndtr(torch.tensor(-THRESHOLD * psi, dtype=torch.float64, device=latents.device))
    position = torch.special.ndtr(-exact.abs()) / beyond  # uniform in (0, 1) beyond the threshold
    chance = torch.where(exact > 0, (1 + position) / 2, position / 2)
    resampled = torch.special.ndtri(beyond + chance * (1 - 2 * beyond))
    return torch.where(exact.abs() > THRESHOLD * psi, resampled, exact).to(latents.dtype)


def truncate(
    networks: Mapping[str, nn.Module], hparams: Any, latents: Tensor, labels: Tensor | None, psi: float
) -> Tensor:
    """Images from truncated latents: `psi` 0 gives one image per class, 1.5 almost the full variety."""
    return draw(networks, hparams, truncated(latents, psi), labels)


def equation(hparams: Any) -> str:
    return adversarial_equation(hparams).replace("D(x)", "D(x,y)").replace("G(z)", "G(z,y)").replace("f(x)", "f(x,y)")


DEFAULTS = BigganHParams(
    latent_size=128, batch_size=32, loss="hinge", spectral_norm="both", orthogonal_weight=1e-4, beta1=0.0
)  # fmt: skip

register(
    Recipe(
        name="biggan",
        title="BigGAN",
        task="images",
        paper="1809.11096",
        year=2018,
        networks=networks,
        objective=lambda hparams: Adversarial(hparams, conditional=True),
        hparams=DEFAULTS,
        tiny=replace(DEFAULTS, latent_size=4, embedding=3, channels=8, max_channels=8, batch_size=4),
        data="digits",
        sizes=SIZES,
        capabilities=frozenset({"labels", "attention", "truncation"}),
        draw=draw,
        truncate=truncate,
        equation=equation,
        presets=(
            Preset(
                name="fashion",
                title="Clothes by class (Fashion-MNIST)",
                look_for="Each column is conditioned on one class. Trousers and dresses are recognisable after a "
                "minute, shoes and bags soon after. Then try truncation: at 0.5 the samples are cleaner and less "
                "varied, at 0 each class gives a single image.",
                data="fashion_mnist", size=28, steps=1_800, seconds=270,
                hparams={
                    "channels": 24, "max_channels": 96, "latent_size": 64, "embedding": 32,
                    "generator_rate": 5e-4, "discriminator_rate": 1e-3, "schedule": "linear", "decay_steps": 1_800,
                },
            ),
        ),
    )
)  # fmt: skip

"""CoGAN: two coupled GANs that draw the same content in two domains (1606.07536).

    min_{G_1,G_2} max_{D_1,D_2}  V(D_1, G_1) + V(D_2, G_2), with shared weights        (section 3)

Both generators map latents (B, latent_size) to images (B, C, H, W) in [-1, 1]; all their layers but the last block are
one and the same. Both discriminators return logits (B,); all their layers but the first convolution are shared. No pair
is ever seen: because high-level layers are shared, one z means the same in both domains, here digits and their
negatives or edges (objectives/coupled.py). `generator(latents, domains)` draws a chosen domain.

Differs from the paper: DCGAN's networks at any size; see also objectives/coupled.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.gans.dcgan import SIZES, DcganDiscriminator, DcganGenerator, DcganHParams
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.objectives.base import Batch
from gan_core.objectives.coupled import Coupled, CoupledHParams
from gan_core.objectives.equations import adversarial_equation


@dataclass(frozen=True)
class CoganHParams(CoupledHParams, DcganHParams):
    """The knobs of convolutional networks and of the domains."""


def _chosen(domains: Tensor | None, first: Tensor, second: Tensor) -> Tensor:
    """The items of each domain, (B, C, H, W); None: the first for all."""
    return first if domains is None else torch.where((domains == 1)[:, None, None, None], second, first)


class CoupledGenerator(nn.Module):
    """(B, latent_size) and domains (B,) -> (B, C, H, W) in [-1, 1]; each domain has its own last block."""

    def __init__(self, image_channels: int, size: int, hparams: DcganHParams) -> None:
        super().__init__()
        bodies = [DcganGenerator(hparams.latent_size, image_channels, size, hparams) for _ in range(2)]
        activations = [place for place, layer in enumerate(bodies[0].layers) if isinstance(layer, nn.ReLU)]
        cut = activations[-1] - hparams.batch_norm  # the last block begins with its normalisation
        self.ends = nn.ModuleList(body.layers[cut:] for body in bodies)
        bodies[0].layers = bodies[0].layers[:cut]
        self.shared = bodies[0]

    def forward(self, latents: Tensor, domains: Tensor | None = None) -> Tensor:
        features = self.shared(latents)
        first, second = (end(features) for end in self.ends)
        return _chosen(domains, first, second)


class CoupledDiscriminator(nn.Module):
    """(B, C, H, W) and domains (B,) -> logits (B,); each domain has its own first convolution."""

    def __init__(self, image_channels: int, size: int, hparams: DcganHParams) -> None:
        super().__init__()
        bodies = [DcganDiscriminator(image_channels, size, hparams) for _ in range(2)]
        self.starts = nn.ModuleList(body.layers[:2] for body in bodies)
        bodies[0].layers = bodies[0].layers[2:]
        self.shared = bodies[0]

    def forward(self, images: Tensor, domains: Tensor | None = None) -> Tensor:
        first, second = (start(images) for start in self.starts)
        logits: Tensor = self.shared(_chosen(domains, first, second))
        return logits


def networks(hparams: CoganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    return {
        "generator": CoupledGenerator(spec.channels, spec.size, hparams),
        "discriminator": CoupledDiscriminator(spec.channels, spec.size, hparams),
    }


def draw(networks: Mapping[str, nn.Module], hparams: Any, latents: Tensor, labels: Tensor | None) -> Tensor:
    second = hparams.drawn_domain == "second"
    images: Tensor = networks["generator"](latents, latents.new_full((latents.shape[0],), second, dtype=torch.int64))
    return images


def compare(networks: Mapping[str, nn.Module], hparams: Any, batch: Batch) -> list[Tensor]:
    """Both images of the same latents, which are fixed."""
    count = len(batch["real"])
    latents = torch.randn(count, hparams.latent_size, generator=torch.Generator().manual_seed(1)).to(batch["real"])
    domains = torch.zeros(count, dtype=torch.int64, device=latents.device)
    return [networks["generator"](latents, domains + domain) for domain in (0, 1)]


def equation(hparams: CoganHParams) -> str:
    return adversarial_equation(hparams).replace("D(", "D_i(").replace("G(z)", "G_i(z)").replace("(x)", "(x_i)") + (
        r"\qquad i\in\{1,2\}"
    )


register(
    Recipe(
        name="cogan",
        title="CoGAN",
        task="images",
        paper="1606.07536",
        year=2016,
        networks=networks,
        objective=Coupled,
        hparams=CoganHParams(),
        tiny=CoganHParams(latent_size=4, channels=4, max_channels=8, batch_size=4),
        data="digits",
        sizes=SIZES,
        draw=draw,
        compare=compare,
        compared=("first", "second"),
        equation=equation,
        presets=(
            Preset(
                name="digits",
                title="Digits and their negatives without pairs",
                look_for="Below the samples, both images of the same latent stand side by side: a digit and its "
                "negative. They agree from the first strokes on, after ten seconds, though no pair was ever seen: all "
                "layers but the last are shared. Set the second domain to edges to see a harder one.",
                data="digits", size=16, steps=2_000, seconds=80,
                hparams={
                    "channels": 32, "latent_size": 64, "stem": "linear", "beta1": 0.0,
                    "generator_rate": 2e-3, "discriminator_rate": 2e-3, "schedule": "linear", "decay_steps": 2_000,
                    "penalty": "r1", "penalty_weight": 0.3, "penalty_every": 8, "ema": 0.995,
                },
            ),
        ),
    )
)  # fmt: skip

"""BicycleGAN: paired translation with several outputs of one input (1711.11586).

    min_{G,E} max_D  L_GAN^VAE + l L_1^VAE(G, E) + L_GAN(G, D) + l_latent L_1^latent(G, E) + l_KL L_KL(E)   (equation 8)

The generator is pix2pix's U-Net with latents (B, L) as L constant channels beside the source (B, C, H, W); the encoder
maps a target image to a normal distribution of latents; two PatchGAN discriminators judge source and image together,
one for each way around (objectives/bicycle.py). pix2pix ignores its noise, so that an input has one output; here the
latent must be recoverable from the output.

The directions of a trained model are the output at the mean of the latents and at three others, which are fixed.

Differs from the paper: one PatchGAN for each way instead of two scales, a plain convolutional encoder, latents as input
channels only instead of in every layer, narrower networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.gans.pix2pix import MOST_DEPTH, SIZES
from gan_core.gans.recipe import Preset, Recipe, register, two_players
from gan_core.layers.translation import PatchDiscriminator, UnetGenerator, fitting_layers, fixed_latents, with_planes
from gan_core.objectives.base import Batch
from gan_core.objectives.bicycle import Bicycle, BicycleHParams
from gan_core.objectives.translation import EQUATIONS
from gan_core.objectives.variational import as_pair


class LatentUnet(nn.Module):
    """Source (B, C, H, W) and latents (B, L) -> (B, C, H, W) in [-1, 1]."""

    def __init__(self, image_channels: int, channels: int, depth: int, latents: int) -> None:
        super().__init__()
        self.unet = UnetGenerator(image_channels, channels, depth, "batch", 0.0, extra=latents)

    def forward(self, images: Tensor, latents: Tensor) -> Tensor:
        made: Tensor = self.unet(with_planes(images, latents))
        return made


class TargetEncoder(nn.Module):
    """(B, C, H, W) -> mean and log variance of the latents, (B, L) each."""

    def __init__(self, image_channels: int, channels: int, size: int, latents: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs, width = image_channels, channels
        while size > 4:
            layers += [nn.Conv2d(inputs, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2, inplace=True)]
            inputs, width, size = width, min(2 * width, 8 * channels), size // 2
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(inputs * size * size, 2 * latents))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return as_pair(self.layers(images))


def networks(hparams: BicycleHParams, spec: DataSpec) -> dict[str, nn.Module]:
    channels, size, latents = spec.channels, spec.size, hparams.latent_dimensions
    depth = min(MOST_DEPTH, size.bit_length() - 1)
    layers = fitting_layers(hparams.patch_layers, size)
    encoder = TargetEncoder(channels, hparams.channels, size, latents)
    discriminators = {
        f"discriminator_{way}": PatchDiscriminator(2 * channels, hparams.discriminator_channels, layers, "batch")
        for way in ("encoded", "random")
    }
    return {"generator": LatentUnet(channels, hparams.channels, depth, latents), "encoder": encoder, **discriminators}


def translate(place: int, networks: Mapping[str, nn.Module], hparams: Any, images: Tensor) -> Tensor:
    """The output at one of the fixed latents."""
    latents = fixed_latents(place, hparams.latent_dimensions, images)
    made: Tensor = networks["generator"](images, latents)
    return made


TRANSLATIONS = {
    "source_to_target": partial(translate, 0),
    **{f"variant_{place}": partial(translate, place) for place in (1, 2, 3)},
}


def compare(networks: Mapping[str, nn.Module], hparams: Any, batch: Batch) -> list[Tensor]:
    made = [translation(networks, hparams, batch["source"]) for translation in TRANSLATIONS.values()]
    return [batch["source"], *made, batch["target"]]


def equation(hparams: BicycleHParams) -> str:
    return EQUATIONS[hparams.loss].replace("D(y)", "D(x,y)").replace("D(G(x))", "D(x,G(x,z))") + (
        r"+\lambda\,\mathbb{E}[\lVert y-G(x,E(y))\rVert_1]+\lambda_z\mathbb{E}[\lVert z-E(G(x,z))\rVert_1]"
        r"+\lambda_{KL}\mathrm{KL}"
    )


DEFAULTS = BicycleHParams()

register(
    Recipe(
        name="bicyclegan",
        title="BicycleGAN",
        task="paired",
        paper="1711.11586",
        year=2017,
        networks=networks,
        objective=lambda hparams: Bicycle(),
        hparams=DEFAULTS,
        tiny=replace(DEFAULTS, channels=4, discriminator_channels=4, batch_size=4, latent_dimensions=3),
        data="edges2avatars",
        capabilities=frozenset({"translate"}),
        sizes=SIZES,
        optimizers=two_players(
            generator=("generator", "encoder"), discriminator=("discriminator_encoded", "discriminator_random")
        ),
        translations=TRANSLATIONS,
        compare=compare,
        compared=("source", "output", "variant 1", "variant 2", "variant 3", "target"),
        equation=equation,
        presets=(
            Preset(
                name="edges",
                title="Edges to faces, in several colours",
                look_for="Four outputs of the same edges stand between them and the true face. After half a minute "
                "they are blurred but differ in tone, and each column keeps its tone over all rows: the latent means "
                "the same for every face. Set the latent recovery weight to 0 to see them become alike.",
                data="edges2avatars", size=32, steps=1_500, seconds=180,
                hparams={
                    "batch_size": 8, "channels": 16, "discriminator_channels": 16, "patch_layers": 2,
                    "generator_rate": 1e-3, "discriminator_rate": 5e-4,
                },
            ),
        ),
    )
)  # fmt: skip

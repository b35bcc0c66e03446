"""StarGAN: one generator that gives an image any value of an attribute (1711.09020).

    L_D = L_adv + l_cls L_cls^r,     L_G = L_adv + l_cls L_cls^f + l_rec E[|x - G(G(x, c), c')|]     (equations 5 and 6)

The generator maps an image (B, C, H, W) and the wanted value, as K constant channels, to an image of the same shape in
[-1, 1]: CycleGAN's residual generator. The discriminator judges patches, (B, 1, h, w), and tells which of the K values
an image has, (B, K). Translating to the wanted value and back must give the image again (objectives/star.py). With K
values, CycleGAN would need K (K - 1) generators; this one learns from all images at once.

The attribute is a setting, such as the hair colour of the drawn faces; for data with classes it is the class. The four
directions of a trained model are four of its values, evenly spaced.

Differs from the paper: one attribute at a time, narrower networks, and wanted values are drawn uniformly instead of by
shuffling those of the batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from gan_core.data.base import DataSpec
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.knobs import knob
from gan_core.layers.blocks import initialise_normal
from gan_core.layers.translation import ResnetGenerator, with_planes
from gan_core.objectives.base import Batch
from gan_core.objectives.star import Star, StarHParams, question
from gan_core.objectives.translation import EQUATIONS

SIZES = (8, 16, 32, 64, 128)
SHOWN = 4  # values with a direction of their own


@dataclass(frozen=True)
class StarganHParams(StarHParams):
    """The knobs of StarGAN."""

    blocks: int = knob(
        4, 1, 12, label="Residual blocks", change="rebuild", group="networks",
        help="Residual blocks of the generator; the paper uses 6.",
    )  # fmt: skip


class AttributeGenerator(nn.Module):
    """Images (B, C, H, W) and wanted values int64 (B,) -> images of the same shape in [-1, 1]."""

    def __init__(self, image_channels: int, values: int, hparams: StarganHParams) -> None:
        super().__init__()
        self.values = values
        self.body = ResnetGenerator(image_channels, hparams.channels, hparams.blocks, "batch", extra=values)

    def forward(self, images: Tensor, wanted: Tensor) -> Tensor:
        made: Tensor = self.body(with_planes(images, one_hot(wanted, self.values).to(images.dtype)))
        return made


class AttributeDiscriminator(nn.Module):
    """(B, C, H, W) -> logits of patches (B, 1, h, w) and of the values (B, K)."""

    def __init__(self, image_channels: int, channels: int, values: int, size: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs, width = image_channels, channels
        while size > 4:
            layers += [nn.Conv2d(inputs, width, 4, stride=2, padding=1), nn.LeakyReLU(0.01, inplace=True)]
            inputs, width, size = width, min(2 * width, 8 * channels), size // 2
        self.layers = nn.Sequential(*layers)
        self.patches = nn.Conv2d(inputs, 1, 3, padding=1, bias=False)
        self.told = nn.Conv2d(inputs, values, size)
        initialise_normal(self)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.layers(images)
        return self.patches(features), self.told(features).flatten(1)  # (B, K, 1, 1) -> (B, K)


def networks(hparams: StarganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    _, values = question(hparams, spec)
    return {
        "generator": AttributeGenerator(spec.channels, values, hparams),
        "discriminator": AttributeDiscriminator(spec.channels, hparams.discriminator_channels, values, spec.size),
    }


def translate(place: int, networks: Mapping[str, nn.Module], hparams: Any, images: Tensor) -> Tensor:
    """The images with one of SHOWN values, evenly spaced among all."""
    generator: Any = networks["generator"]
    value = place * int(generator.values) // SHOWN
    made: Tensor = generator(images, torch.full((images.shape[0],), value, dtype=torch.int64, device=images.device))
    return made


TRANSLATIONS = {f"value_{place + 1}": partial(translate, place) for place in range(SHOWN)}


def compare(networks: Mapping[str, nn.Module], hparams: Any, batch: Batch) -> list[Tensor]:
    return [batch["real"], *(translation(networks, hparams, batch["real"]) for translation in TRANSLATIONS.values())]


def equation(hparams: StarganHParams) -> str:
    given = EQUATIONS[hparams.loss].replace("D(y)", "D(x)").replace("D(G(x))", "D(G(x,c))")
    return given + (r"-\lambda_c\mathbb{E}[\log D(c|G(x,c))]+\lambda_r\mathbb{E}[\lVert x-G(G(x,c),c')\rVert_1]")


DEFAULTS = StarganHParams(batch_size=16, generator_rate=1e-4, discriminator_rate=1e-4)

register(
    Recipe(
        name="stargan",
        title="StarGAN",
        task="attributes",
        paper="1711.09020",
        year=2017,
        networks=networks,
        objective=Star,
        hparams=DEFAULTS,
        tiny=replace(DEFAULTS, channels=4, discriminator_channels=4, blocks=1, batch_size=4, discriminator_steps=1),
        data="avatars",
        capabilities=frozenset({"translate"}),
        sizes=SIZES,
        translations=TRANSLATIONS,
        compare=compare,
        compared=("given", "value 1", "value 2", "value 3", "value 4"),
        equation=equation,
        presets=(
            Preset(
                name="hair",
                title="The hair colour of drawn faces",
                look_for="Each row: a face, then with black, chestnut, blonde and pink hair. Columns take their tones "
                "first, within half a minute, while the faces are still dissolved. Watch the cycle term: faces come "
                "back only as far as it falls.",
                data="avatars", size=32, steps=1_500, seconds=200,
                hparams={
                    "batch_size": 8, "channels": 8, "discriminator_channels": 16, "blocks": 2,
                    "generator_rate": 1e-3, "discriminator_rate": 1e-3, "discriminator_steps": 2,
                },
            ),
        ),
    )
)  # fmt: skip

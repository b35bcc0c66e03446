"""MUNIT: unpaired translation with several outputs, by content and style apart (1804.04732).

    c = E^c(x), s = E^s(x)        x_ab = G_b(c_a, s_b),  s_b ~ N(0, 1)

An image (B, C, H, W) in [-1, 1] has a content (B, 4 channels, H/4, W/4), which both domains share, and a style (B, S),
which belongs to its domain. A translation joins the content of an image with a style of the other domain: a random
one, for other outputs of the same input, or that of an example. Each domain has an autoencoder: a content encoder whose
instance normalisation removes the style, a style encoder without it that averages over the image, and a decoder whose
residual blocks are normalised with gains and shifts that a perceptron makes of the style (AdaIN, 1703.06868). PatchGANs
of several scales judge the translations (objectives/munit.py).

The directions of a trained model are both ways with the mean style, and three other fixed styles of b.

Differs from the paper: narrower networks, two scales by default, gains start at 1; no domain-invariant perceptual loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import instance_norm

from gan_core.data.base import DataSpec
from gan_core.gans.recipe import Preset, Recipe, register, two_players
from gan_core.knobs import knob
from gan_core.layers.translation import MultiScaleDiscriminator, ResidualBlock, fixed_latents
from gan_core.objectives.base import Batch
from gan_core.objectives.munit import Munit, MunitHParams
from gan_core.objectives.translation import EQUATIONS

SIZES = (8, 16, 32, 64, 128, 256)
SMALLEST = 4  # pixels to which the style encoder halves an image at most
MOST_HALVINGS = 4  # of the style encoder


@dataclass(frozen=True)
class MunitNetworksHParams(MunitHParams):
    """The knobs of MUNIT."""

    blocks: int = knob(
        3, 1, 12, label="Residual blocks", change="rebuild", group="networks",
        help="Residual blocks of each content encoder and of each decoder; the paper uses 4.",
    )  # fmt: skip
    halvings: int = knob(
        2, 1, 4, label="Content halvings", unit="halvings", change="rebuild", group="networks",
        help="How often the content is halved: its height and width are those of the image divided by 2, 4 and so on. "
        "The paper uses 2 at 256 pixels. More leave fewer places for details.",
    )  # fmt: skip
    style_width: int = knob(
        64, 2, 1024, label="Style network width", change="rebuild", group="networks",
        help="Hidden units of the perceptron that turns a style into gains and shifts; the paper uses 256.",
    )  # fmt: skip


class StyledBlock(nn.Module):
    """x + F(x), (B, C, H, W) -> the same, with gains and shifts of two normalisations, (B, 4, C)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        pad = nn.ReflectionPad2d(1)
        self.first = nn.Sequential(pad, nn.Conv2d(channels, channels, 3))
        self.second = nn.Sequential(pad, nn.Conv2d(channels, channels, 3))

    def forward(self, features: Tensor, given: Tensor) -> Tensor:
        gain, shift, other_gain, other_shift = given[..., None, None].unbind(1)  # (B, C, 1, 1) each
        changed = torch.relu(instance_norm(self.first(features)) * (1 + gain) + shift)
        changed = instance_norm(self.second(changed)) * (1 + other_gain) + other_shift
        return features + changed


class MunitAutoencoder(nn.Module):
    """The autoencoder of a domain: images (B, C, H, W) -> content and style -> images in [-1, 1]."""

    def __init__(self, image_channels: int, size: int, hparams: MunitNetworksHParams) -> None:
        super().__init__()
        width, styles = hparams.channels, hparams.style_dimensions
        halvings = min(hparams.halvings, size.bit_length() - 2)  # to no less than 2 pixels
        widths = [width * 2**level for level in range(halvings + 1)]
        inner = widths[-1]
        content = _layer(image_channels, width, 7, 1)
        for inputs in widths[:-1]:
            content += _layer(inputs, 2 * inputs, 4, 2)
        content += [ResidualBlock(inner, "instance", 0.0) for _ in range(hparams.blocks)]
        self.content_encoder = nn.Sequential(*content)
        style = _layer(image_channels, width, 7, 1, norm=False)
        inputs = width
        for _level in range(min(MOST_HALVINGS, (size // SMALLEST).bit_length() - 1)):
            outputs = min(2 * inputs, inner)
            style += _layer(inputs, outputs, 4, 2, norm=False)
            inputs = outputs
        self.style_encoder = nn.Sequential(*style, nn.AdaptiveAvgPool2d(1), nn.Conv2d(inputs, styles, 1), nn.Flatten())
        hidden = hparams.style_width
        self.styles = nn.Sequential(
            nn.Linear(styles, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, hidden), nn.ReLU(inplace=True),
            nn.Linear(hidden, hparams.blocks * 4 * inner), nn.Unflatten(1, (hparams.blocks, 4, inner)),
        )  # fmt: skip
        self.blocks = nn.ModuleList(StyledBlock(inner) for _ in range(hparams.blocks))
        doubled = [layer for outputs in widths[-2::-1] for layer in _doubled(2 * outputs, outputs)]
        self.up = nn.Sequential(
            *doubled,
            nn.ReflectionPad2d(3), nn.Conv2d(width, image_channels, 7), nn.Tanh(),
        )  # fmt: skip
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)

    def content(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, 4 channels, H/4, W/4), or of another number of halvings."""
        found: Tensor = self.content_encoder(images)
        return found

    def style(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, style dimensions)."""
        found: Tensor = self.style_encoder(images)
        return found

    def decode(self, content: Tensor, style: Tensor) -> Tensor:
        """The image (B, C, H, W) in [-1, 1] with that content and that style."""
        given = self.styles(style)  # (B, blocks, 4, inner)
        for place, block in enumerate(self.blocks):
            content = block(content, given[:, place])
        made: Tensor = self.up(content)
        return made

    def forward(self, images: Tensor) -> Tensor:
        return self.decode(self.content(images), self.style(images))


def _layer(inputs: int, outputs: int, kernel: int, stride: int, norm: bool = True) -> list[nn.Module]:
    """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride), padded by reflection."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride)
    norms = [nn.InstanceNorm2d(outputs)] if norm else []
    return [nn.ReflectionPad2d((kernel - stride + 1) // 2), convolution, *norms, nn.ReLU(inplace=True)]


def _doubled(inputs: int, outputs: int) -> list[nn.Module]:
    """(B, inputs, H, W) -> (B, outputs, 2H, 2W), normalised over the whole image (layer normalisation)."""
    convolution = nn.Conv2d(inputs, outputs, 5)
    return [
        nn.Upsample(scale_factor=2),
        nn.ReflectionPad2d(2),
        convolution,
        nn.GroupNorm(1, outputs),
        nn.ReLU(inplace=True),
    ]


def networks(hparams: MunitNetworksHParams, spec: DataSpec) -> dict[str, nn.Module]:
    channels, size = spec.channels, spec.size
    generators = {f"generator_{domain}": MunitAutoencoder(channels, size, hparams) for domain in ("a", "b")}
    discriminators = {
        f"discriminator_{domain}": MultiScaleDiscriminator(
            channels, hparams.discriminator_channels, hparams.patch_layers, size, hparams.scales, "none"
        )
        for domain in ("a", "b")
    }
    return {**generators, **discriminators}


def translate(
    forth: tuple[str, str], place: int, networks: Mapping[str, nn.Module], hparams: Any, images: Tensor
) -> Tensor:
    """From one domain to the other, with one of the fixed styles."""
    encoder, decoder = (networks[f"generator_{domain}"] for domain in forth)
    style = fixed_latents(place, hparams.style_dimensions, images)
    made: Tensor = decoder.decode(encoder.content(images), style)  # type: ignore[operator]
    return made


FORTH, BACK = ("a", "b"), ("b", "a")
TRANSLATIONS = {
    "a_to_b": partial(translate, FORTH, 0),
    **{f"variant_{place}": partial(translate, FORTH, place) for place in (1, 2, 3)},
    "b_to_a": partial(translate, BACK, 0),
}


def compare(networks: Mapping[str, nn.Module], hparams: Any, batch: Batch) -> list[Tensor]:
    first, second = (networks[f"generator_{domain}"] for domain in ("a", "b"))
    drawn = [TRANSLATIONS[f"variant_{place}"](networks, hparams, batch["a"]) for place in (1, 2, 3)]
    example = second.decode(first.content(batch["a"]), second.style(batch["b"]))  # type: ignore[operator]
    back = TRANSLATIONS["b_to_a"](networks, hparams, batch["b"])
    return [batch["a"], *drawn, batch["b"], example, back]


def equation(hparams: MunitHParams) -> str:
    return EQUATIONS[hparams.loss].replace("D(y)", "D_b(b)").replace("D(G(x))", "D_b(G_b(c_a,s_b))") + (
        r"+\lambda_x\mathbb{E}[\lVert G_a(c_a,s_a)-a\rVert_1]"
        r"+\lambda_c\mathbb{E}[\lVert E^c_b(G_b(c_a,s_b))-c_a\rVert_1]"
        r"+\lambda_s\mathbb{E}[\lVert E^s_b(G_b(c_a,s_b))-s_b\rVert_1]+\dots"
    )


DEFAULTS = MunitNetworksHParams(batch_size=2, generator_rate=1e-4, discriminator_rate=1e-4, channels=16)

register(
    Recipe(
        name="munit",
        title="MUNIT",
        task="unpaired",
        paper="1804.04732",
        year=2018,
        networks=networks,
        objective=lambda hparams: Munit(),
        hparams=DEFAULTS,
        tiny=replace(
            DEFAULTS, channels=2, discriminator_channels=2, blocks=1, batch_size=4, style_dimensions=2, style_width=4
        ),
        data="edges2avatars_unpaired",
        capabilities=frozenset({"translate"}),
        sizes=SIZES,
        optimizers=two_players(
            generator=("generator_a", "generator_b"), discriminator=("discriminator_a", "discriminator_b")
        ),
        ema_networks=("generator_a", "generator_b"),
        translations=TRANSLATIONS,
        compare=compare,
        compared=("a", "as b", "variant 2", "variant 3", "b", "a in the style of this b", "b as a"),
        equation=equation,
        presets=(
            Preset(
                name="digits",
                title="Digits in several colours, without pairs",
                look_for="Each row: a grey digit, coloured in three styles, each the same in all rows; a coloured "
                "digit, the grey one in its style, and the coloured one in grey. Stripes at first; by step 300 strokes "
                "appear, columns differ in colour, and the sixth picture takes the colours of the fifth.",
                data="digits_coloured_unpaired", size=16, steps=1_200, seconds=200,
                hparams={
                    "batch_size": 8, "channels": 12, "discriminator_channels": 16, "blocks": 2, "halvings": 1,
                    "patch_layers": 2, "generator_rate": 1e-3, "discriminator_rate": 5e-4, "cycle_weight": 10.0,
                },
            ),
        ),
    )
)  # fmt: skip

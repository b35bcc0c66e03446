"""DiscoGAN (1703.05192) and DualGAN (1704.02510): unpaired translation, found at the same time as CycleGAN.

    DiscoGAN:  L_G = L_GAN(G_ab) + L_GAN(G_ba) + |G_ba(G_ab(a)) - a|^2 + |G_ab(G_ba(b)) - b|^2      (section 2.3)
    DualGAN:   L_G = -E[D_b(G_ab(a))] - E[D_a(G_ba(b))] + l |G_ba(G_ab(a)) - a| + l |G_ab(G_ba(b)) - b|

Two generators map images (B, C, H, W) in [-1, 1] from a to b and back, two discriminators judge each domain.

`discogan`: the generators squeeze an image to 4 pixels and unfold it again, without skip connections, so that shapes
may change; each discriminator returns one logit for an image. The non-saturating loss, no identity loss, no replay
pool. `dualgan`: U-Nets, whose dropout is the noise, and PatchGAN critics with the Wasserstein loss and clipped weights,
RMSprop, two critic updates per step.

Differs from the papers: any size from 8 pixels, narrower networks; DiscoGAN's authors' code also matches features and
changes weights on a schedule, which the paper does not mention.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.gans.recipe import Preset, Recipe, register, two_players
from gan_core.knobs import knob
from gan_core.layers.translation import (
    BottleneckGenerator,
    PatchDiscriminator,
    UnetGenerator,
    WholeDiscriminator,
    fitting_layers,
)
from gan_core.objectives.base import Batch
from gan_core.objectives.cycle import CycleHParams
from gan_core.objectives.dual import Disco, Dual, DualHParams
from gan_core.objectives.translation import EQUATIONS

SIZES = (8, 16, 32, 64, 128)
LOWEST = 4  # pixels between DiscoGAN's encoder and decoder
MOST_DEPTH = 8


@dataclass(frozen=True)
class DiscoganHParams(CycleHParams):
    """The knobs of DiscoGAN."""

    depth: int = knob(
        4, 1, 5, label="Downsampling layers", unit="layers", change="rebuild", group="networks",
        help="Halvings of the generators and discriminators, at most down to 4 pixels; the paper uses 4 at 64 pixels.",
    )  # fmt: skip


@dataclass(frozen=True)
class DualganHParams(DualHParams):
    """The knobs of DualGAN."""

    dropout: float = knob(
        0.5, 0.0, 0.9, label="Dropout", change="rebuild", group="networks",
        help="Fraction of the generators' inner features dropped at random, also their only source of noise.",
    )  # fmt: skip


def disco_networks(hparams: DiscoganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    channels, size = spec.channels, spec.size
    depth = min(hparams.depth, (size // LOWEST).bit_length() - 1)
    return {
        "generator_ab": BottleneckGenerator(channels, hparams.channels, depth),
        "generator_ba": BottleneckGenerator(channels, hparams.channels, depth),
        "discriminator_a": WholeDiscriminator(channels, hparams.discriminator_channels, depth, size),
        "discriminator_b": WholeDiscriminator(channels, hparams.discriminator_channels, depth, size),
    }


def dual_networks(hparams: DualganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    channels = spec.channels
    depth = min(MOST_DEPTH, spec.size.bit_length() - 1)
    layers = fitting_layers(hparams.patch_layers, spec.size)
    generators = {
        name: UnetGenerator(channels, hparams.channels, depth, "instance", hparams.dropout)
        for name in ("generator_ab", "generator_ba")
    }
    critics = {
        name: PatchDiscriminator(channels, hparams.discriminator_channels, layers)
        for name in ("discriminator_a", "discriminator_b")
    }
    for critic in critics.values():
        critic.layers[-1].register_parameter("bias", None)  # a constant changes no difference of scores
    return {**generators, **critics}


def translate(name: str, networks: Mapping[str, nn.Module], hparams: Any, images: Tensor) -> Tensor:
    """What a generator makes of images, (B, C, H, W) in [-1, 1]."""
    made: Tensor = networks[name](images)
    return made


TRANSLATIONS = {"a_to_b": partial(translate, "generator_ab"), "b_to_a": partial(translate, "generator_ba")}


def compare(networks: Mapping[str, nn.Module], hparams: Any, batch: Batch) -> list[Tensor]:
    forth, back = (partial(TRANSLATIONS[direction], networks, hparams) for direction in TRANSLATIONS)
    to_b, to_a = forth(batch["a"]), back(batch["b"])
    return [batch["a"], to_b, back(to_b), batch["b"], to_a, forth(to_a)]


def equation(distance: str, hparams: CycleHParams) -> str:
    given = EQUATIONS[hparams.loss].replace("D(y)", "D_b(b)").replace("D(G(x))", "D_b(G(a))")
    ways = (distance.format(way) for way in ("F(G(a))-a", "G(F(b))-b"))
    return given + "".join(rf"+\lambda\,\mathbb{{E}}[{way}]" for way in ways)


SHARED = Recipe(
    name="discogan",
    title="DiscoGAN",
    task="unpaired",
    paper="1703.05192",
    year=2017,
    networks=disco_networks,
    objective=Disco,
    hparams=DiscoganHParams(
        batch_size=16, loss="non_saturating", cycle_weight=1.0, identity_weight=0.0, pool_size=0
    ),
    tiny=DiscoganHParams(
        batch_size=4, loss="non_saturating", cycle_weight=1.0, identity_weight=0.0, pool_size=0, channels=4,
        discriminator_channels=4,
    ),
    data="digits_coloured_unpaired",
    capabilities=frozenset({"translate"}),
    sizes=SIZES,
    optimizers=two_players(
        generator=("generator_ab", "generator_ba"), discriminator=("discriminator_a", "discriminator_b")
    ),
    ema_networks=("generator_ab", "generator_ba"),
    translations=TRANSLATIONS,
    compare=compare,
    compared=("a", "as b", "back again", "b", "as a", "back again"),
    equation=partial(equation, r"\lVert {}\rVert_2^2"),
    about="DiscoGAN: relations between two sets of images, found without pairs (1703.05192).\n\nTwo generators "
    "translate between the domains and back, in `gan_core/gans/dual.py`. They squeeze an image to a few pixels and "
    "unfold it again, without skip connections, so that shapes may change, and the squared error of the round trip "
    "keeps each image apart from the others. The loss is the ordinary one, a discriminator returns one logit for an "
    "image, and there is no identity loss and no replay pool. Differs from the paper: any size from 8 pixels, "
    "narrower networks; the authors' code also matches features and changes weights on a schedule, which the paper "
    "does not mention.",
    presets=(
        Preset(
            name="digits",
            title="Relations between two sets of digits",
            look_for="Each row: a grey digit, coloured, back to grey; a coloured digit, in grey, back to colour. After "
            "20 seconds grey versions are right and both ways back are close. Colours stay patchy and often differ "
            "from those of the class: only that they lead back is asked for.",
            data="digits_coloured_unpaired", size=16, steps=1_500, seconds=50,
            hparams={
                "channels": 16, "discriminator_channels": 16, "generator_rate": 1e-3, "discriminator_rate": 5e-4,
                "cycle_weight": 10.0,
            },
        ),
    ),
)  # fmt: skip

register(SHARED)
DUAL = DualganHParams(
    batch_size=4, optimizer="rmsprop", beta2=0.99, generator_rate=5e-5, discriminator_rate=5e-5, cycle_weight=100.0,
    identity_weight=0.0, pool_size=0,
)  # fmt: skip
register(
    replace(
        SHARED,
        name="dualgan",
        title="DualGAN",
        paper="1704.02510",
        networks=dual_networks,
        objective=Dual,
        hparams=DUAL,
        tiny=replace(DUAL, channels=4, discriminator_channels=4),
        equation=partial(equation, r"\lVert {}\rVert_1"),
        about="DualGAN: unpaired translation with Wasserstein critics (1704.02510).\n\nTwo U-Nets translate between "
        "the domains and back, in `gan_core/gans/dual.py`. The critics' weights are clipped and they are updated "
        "twice per step, as in WGAN; the error of the round trip has a large weight. Because U-Nets pass details "
        "through their skip connections, edges stay where they are.",
        presets=(
            Preset(
                name="digits",
                title="Dual learning on digits",
                look_for="Each row: a grey digit, coloured, back to grey; a coloured digit, in grey, back to colour. "
                "Strokes keep their places from the start, because U-Nets pass them on; watch whether a colour "
                "follows the digit. Critics with clipped weights change it slowly.",
                data="digits_coloured_unpaired", size=16, steps=1_500, seconds=90,
                hparams={
                    "batch_size": 8, "channels": 16, "discriminator_channels": 16, "patch_layers": 2,
                    "generator_rate": 5e-4, "discriminator_rate": 5e-4, "dropout": 0.0,
                },
            ),
        ),
    )
)  # fmt: skip

"""CycleGAN: unpaired image translation with cycle consistency (1703.10593).

    min_{G,F} max_{D_X,D_Y}  L_GAN(G, D_Y) + L_GAN(F, D_X) + lambda (E[|F(G(x)) - x|] + E[|G(F(y)) - y|])

Two generators map (B, C, H, W) to (B, C, H, W) in [-1, 1], a to b and b to a: strided convolutions, residual blocks
with instance normalisation, transposed convolutions. Two PatchGAN discriminators have a receptive field of up to 70
pixels. The loss is least squares; the discriminators also receive past images from a pool of 50; an identity loss of
half the cycle weight preserves colours. The paper keeps the learning rate constant for the first half of the run and
then decreases it linearly to 0 (`schedule`).

Differs from the paper: narrower networks and a batch size of 2 by default; samples are drawn with averaged weights;
`upsampling` can replace transposed convolutions; with `framing`, each generator learns one scale and one shift for all
images, applied before its first layer; with `second_weight`, two more discriminators judge images that were translated
there and back (CycleGAN-VC2, 1904.04631); `strength` interpolates between input and output, like alpha in 1703.06868.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.gans.recipe import Optimizers, Preset, Recipe, register, two_players
from gan_core.knobs import knob
from gan_core.layers.translation import PatchDiscriminator, ResnetGenerator, fitting_layers
from gan_core.objectives.base import Batch
from gan_core.objectives.cycle import TwoStep, TwoStepHParams
from gan_core.objectives.translation import EQUATIONS

SIZES = (8, 16, 28, 32, 64, 96, 128, 256)


@dataclass(frozen=True)
class CycleGanHParams(TwoStepHParams):
    """The knobs of CycleGAN."""

    blocks: int = knob(
        6, 1, 12, label="Residual blocks", change="rebuild", group="networks",
        help="Residual blocks of each generator; the paper uses 6 at 128 pixels and 9 at 256.",
    )  # fmt: skip
    upsampling: str = knob(
        "transposed", choices=("transposed", "bilinear"), label="Upsampling", change="rebuild", group="networks",
        help="Transposed convolution, as in the paper, or bilinear upsampling followed by a convolution, which avoids "
        "checkerboard artefacts and is slightly slower.",
    )  # fmt: skip
    strength: float = knob(
        1.0, 0.0, 1.0, label="Strength", group="objective",
        help="How much of the change is shown: 1 is the generator's output, 0 the input image in the other domain's "
        "framing. Does not affect training.",
    )  # fmt: skip
    framing: bool = knob(
        False, label="Learned framing", change="rebuild", group="networks",
        help="Each direction also learns one scale and one shift for all images. For domains that show the same "
        "content at a different size or position, which convolutions hardly learn.",
    )  # fmt: skip


def discriminators(hparams: CycleGanHParams) -> tuple[str, ...]:
    """The discriminators' names."""
    names = ("discriminator_a", "discriminator_b")
    return (*names, *(f"second_{name}" for name in names)) if hparams.second_weight else names


def _optimizers() -> Optimizers:
    groups = two_players(generator=("generator_ab", "generator_ba"))
    return {
        **groups,
        "discriminator": lambda hparams: replace(groups["discriminator"](hparams), networks=discriminators(hparams)),
    }


def networks(hparams: CycleGanHParams, spec: DataSpec) -> dict[str, nn.Module]:
    layers = fitting_layers(hparams.patch_layers, spec.size)
    bilinear = hparams.upsampling == "bilinear"
    generators = {
        name: ResnetGenerator(
            spec.channels, hparams.channels, hparams.blocks, bilinear=bilinear, framing=hparams.framing
        )
        for name in ("generator_ab", "generator_ba")
    }
    opponents = {
        name: PatchDiscriminator(spec.channels, hparams.discriminator_channels, layers)
        for name in discriminators(hparams)
    }
    return {**generators, **opponents}


def translate(name: str, networks: Mapping[str, nn.Module], hparams: Any, images: Tensor) -> Tensor:
    """What a generator makes of images, (B, C, H, W) in [-1, 1]; below a strength of 1 mixed with the images."""
    generator: Any = networks[name]
    made: Tensor = generator(images)
    return made if hparams.strength == 1 else torch.lerp(generator.framed(images), made, hparams.strength)


TRANSLATIONS = {"a_to_b": partial(translate, "generator_ab"), "b_to_a": partial(translate, "generator_ba")}


def compare(networks: Mapping[str, nn.Module], hparams: Any, batch: Batch) -> list[Tensor]:
    forth, back = (partial(TRANSLATIONS[direction], networks, hparams) for direction in TRANSLATIONS)
    to_b, to_a = forth(batch["a"]), back(batch["b"])
    return [batch["a"], to_b, back(to_b), batch["b"], to_a, forth(to_a)]


def equation(hparams: CycleGanHParams) -> str:
    return EQUATIONS[hparams.loss].replace("D(y)", "D_b(b)").replace("D(G(x))", "D_b(G(a))") + (
        r"+\lambda\,\mathbb{E}[\lVert F(G(a))-a\rVert_1]+\lambda\,\mathbb{E}[\lVert G(F(b))-b\rVert_1]+\dots"
    )


DEFAULTS = CycleGanHParams(batch_size=2)
DIGITS = {"batch_size": 8, "channels": 8, "discriminator_channels": 16, "blocks": 2, "patch_layers": 2,
          "generator_rate": 1e-3, "discriminator_rate": 5e-4}  # fmt: skip

register(
    Recipe(
        name="cyclegan",
        title="CycleGAN",
        task="unpaired",
        paper="1703.10593",
        year=2017,
        networks=networks,
        objective=TwoStep,
        hparams=DEFAULTS,
        tiny=replace(DEFAULTS, channels=4, discriminator_channels=4, blocks=1, batch_size=4, pool_size=6),
        data="avatars_pencil_unpaired",
        capabilities=frozenset({"translate"}),
        sizes=SIZES,
        optimizers=_optimizers(),
        ema_networks=("generator_ab", "generator_ba"),
        translations=TRANSLATIONS,
        compare=compare,
        compared=("a", "as b", "back again", "b", "as a", "back again"),
        equation=equation,
        presets=(
            Preset(
                name="pencil",
                title="Pencil and colour without pairs",
                look_for="Each row: a drawing, its colour version, back to a drawing; a face, its drawing, back to "
                "colour. The round trip becomes accurate long before the intermediate image does: the networks hide "
                "information in faint patterns.",
                data="avatars_pencil_unpaired", size=32, steps=6_000, seconds=900,
                hparams={
                    "batch_size": 4, "channels": 16, "discriminator_channels": 16, "blocks": 3, "patch_layers": 2,
                    "generator_rate": 1e-3, "discriminator_rate": 5e-4, "schedule": "linear", "decay_steps": 6_000,
                },
            ),
            Preset(
                name="digits_cycle",
                beginner=True,
                title="Colouring digits: with cycle consistency",
                look_for="Each row: a grey digit, coloured, back to grey; a coloured digit, in grey, back to colour. "
                "By step 200 strokes stay in place, and by 500 most colours match the class although no pairs were "
                "used: every digit must survive the round trip. Compare with the preset without cycle consistency.",
                data="digits_coloured_unpaired", size=16, steps=2_000, seconds=60,
                hparams=DIGITS,
            ),
            Preset(
                name="digits_no_cycle",
                title="Colouring digits: without cycle consistency",
                look_for="The weights of the cycle and identity losses are 0. All rows become alike: the same "
                "speckled image for every digit, and the same grey image back. It changes from step to step, and the "
                "input digit is lost, because no loss term preserves it.",
                data="digits_coloured_unpaired", size=16, steps=2_000, seconds=30,
                hparams={**DIGITS, "cycle_weight": 0.0},
            ),
            Preset(
                name="mnist_m",
                title="Plain digits in the look of digits on photos",
                look_for="Each row: a plain digit, on a photo, plain again; a digit on a photo, plain, on a photo.",
                data="mnist_m", size=28, steps=2_000, seconds=300,
                hparams={
                    "batch_size": 8, "channels": 16, "discriminator_channels": 32, "blocks": 2, "patch_layers": 2,
                    "generator_rate": 5e-4, "discriminator_rate": 5e-4, "identity_weight": 0.0,
                },
            ),
        ),
    )
)  # fmt: skip

"""CycleGAN: two kinds of images into each other, learnt without pairs (1703.10593).

    min_{G,F} max_{D_X,D_Y}  L_GAN(G, D_Y) + L_GAN(F, D_X) + lambda (E[|F(G(x)) - x|] + E[|G(F(y)) - y|])

Two generators map (B, C, H, W) to (B, C, H, W) in [-1, 1], a to b and b to a: convolutions of stride 2, residual blocks
with instance norm, transposed convolutions. Two discriminators judge patches of 70 pixels or fewer. The loss is least
squares; the discriminators see the generators' past images too, from a pool of 50; an identity term of half the cycle's
weight keeps colours. The rate is constant for the first half of the run and then falls to 0 (`schedule`).

Differences: narrower networks and a batch of 2 by default; samples come from averaged weights; `upsampling` can take
the place of transposed convolutions; with `framing` each generator scales and shifts all its images alike, as it learns
to, before its first layer; `strength` shows less of the change, as 1703.06868 does with its alpha.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.gans.recipe import OptimizerSpec, Preset, Recipe, register
from gan_core.knobs import knob
from gan_core.layers.translation import PatchDiscriminator, ResnetGenerator, fitting_layers
from gan_core.objectives.base import Batch
from gan_core.objectives.cycle import Cycle, CycleHParams
from gan_core.objectives.translation import EQUATIONS

SIZES = (8, 16, 32, 64, 96, 128, 256)


@dataclass(frozen=True)
class CycleGanHParams(CycleHParams):
    """The knobs of CycleGAN."""

    blocks: int = knob(
        6, 1, 12, label="Residual blocks", change="rebuild", group="networks",
        help="Of each generator: 6 for images of 128 pixels and 9 for 256 in the paper.",
    )  # fmt: skip
    upsampling: str = knob(
        "transposed", choices=("transposed", "bilinear"), label="Upsampling", change="rebuild", group="networks",
        help="Transposed convolution (the paper), or bilinear upsampling and a convolution, which leaves no "
        "checkerboard and takes a little more time.",
    )  # fmt: skip
    strength: float = knob(
        1.0, 0.0, 1.0, label="Strength", group="objective",
        help="How much of the change is shown: 1 is what the generators make, 0 the image as it came, in the other "
        "domain's framing. Learning goes on as if it were 1.",
    )  # fmt: skip
    framing: bool = knob(
        False, label="Learn the framing", change="rebuild", group="networks",
        help="Each direction also learns one scale and one shift for all of its images. For domains that show the same "
        "things at different sizes or places, which convolutions hardly find.",
    )  # fmt: skip


def networks(hparams: CycleGanHParams, spec: DataSpec) -> dict[str, nn.Module]:
    layers = fitting_layers(hparams.patch_layers, spec.size)
    bilinear = hparams.upsampling == "bilinear"
    generators = {
        name: ResnetGenerator(
            spec.channels, hparams.channels, hparams.blocks, bilinear=bilinear, framing=hparams.framing
        )
        for name in ("generator_ab", "generator_ba")
    }
    judges = {
        name: PatchDiscriminator(spec.channels, hparams.discriminator_channels, layers)
        for name in ("discriminator_a", "discriminator_b")
    }
    return {**generators, **judges}


def _group(names: tuple[str, ...], rate: str) -> Callable[[Any], OptimizerSpec]:
    def spec(hparams: CycleGanHParams) -> OptimizerSpec:
        ratio = hparams.rate_ratio if rate == "discriminator_rate" else 1.0
        return OptimizerSpec(names, hparams.optimizer, ratio * getattr(hparams, rate), (hparams.beta1, hparams.beta2))

    return spec


def _by(network: str) -> Callable[[Mapping[str, nn.Module], Any, Tensor], Tensor]:
    def translate(networks: Mapping[str, nn.Module], hparams: Any, images: Tensor) -> Tensor:
        generator: Any = networks[network]
        made: Tensor = generator(images)
        return made if hparams.strength == 1 else torch.lerp(generator.framed(images), made, hparams.strength)

    return translate


TRANSLATIONS = {"a_to_b": _by("generator_ab"), "b_to_a": _by("generator_ba")}


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
        objective=Cycle,
        hparams=DEFAULTS,
        tiny=replace(DEFAULTS, channels=4, discriminator_channels=4, blocks=1, batch_size=4, pool_size=6),
        data="avatars_pencil_unpaired",
        capabilities=frozenset({"translate"}),
        sizes=SIZES,
        optimizers={
            "generator": _group(("generator_ab", "generator_ba"), "generator_rate"),
            "discriminator": _group(("discriminator_a", "discriminator_b"), "discriminator_rate"),
        },
        averaged=("generator_ab", "generator_ba"),
        translations=TRANSLATIONS,
        compare=compare,
        compared=("a", "as b", "back again", "b", "as a", "back again"),
        equation=equation,
        presets=(
            Preset(
                "pencil",
                "Colour and pencil without pairs",
                "Each row: a drawing, its colours, back to a drawing; a face, its drawing, back in colour. Back again "
                "is right long before the middle is: the networks hide what they need in faint patterns.",
                "avatars_pencil_unpaired", 32, 6_000, 900,
                {
                    "batch_size": 4, "channels": 16, "discriminator_channels": 16, "blocks": 3, "patch_layers": 2,
                    "generator_rate": 1e-3, "discriminator_rate": 5e-4, "schedule": "linear", "decay_steps": 6_000,
                },
            ),
            Preset(
                "digits_cycle",
                "Digits get colour: with the cycle",
                "Each row: a grey digit, in colour, back again; a coloured digit, in grey, back again. By step 200 the "
                "strokes stay where they were, by 500 most colours are those of the class, though no pair was shown: "
                "every digit must find its way back. Compare with the preset without the cycle.",
                "digits_coloured_unpaired", 16, 2_000, 60, DIGITS,
            ),
            Preset(
                "digits_no_cycle",
                "Digits get colour: without the cycle",
                "The cycle's weight is 0, and the identity's with it. All rows become alike: one speckled picture for "
                "whatever digit is given, and one grey one back. It changes from step to step, and the digit that was "
                "given is lost: nothing asks for it.",
                "digits_coloured_unpaired", 16, 2_000, 30, {**DIGITS, "cycle_weight": 0.0},
            ),
        ),
    )
)  # fmt: skip

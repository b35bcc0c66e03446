"""CUT: contrastive unpaired translation with a single generator (2007.15651).

    L_G = E[(D(G(a)) - 1)^2] + lambda (L_NCE(a, G(a)) + L_NCE(b, G(b))) / 2
    L_NCE = -E_patches[log softmax_j(z . k_j / tau)_own]

Half of CycleGAN: one residual generator (B, C, H, W) -> (B, C, H, W) in [-1, 1], one PatchGAN discriminator. The first
half of the generator is also an encoder: for five of its layers, a two-layer head projects the features of 256
positions to unit vectors, and each output patch must be most similar to the input patch at the same position.
Appearance may change, positions may not.

Differs from the paper: narrower networks; strided and transposed convolutions, where the paper's code uses anti-aliased
resampling (the knob `blur`); samples are drawn with averaged weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import normalize

from gan_core.data.base import DataSpec
from gan_core.gans.recipe import Preset, Recipe, register, two_players
from gan_core.knobs import knob
from gan_core.layers.translation import BLURS, PatchDiscriminator, ResnetGenerator, fitting_layers
from gan_core.objectives.base import Batch
from gan_core.objectives.contrastive import Contrastive, ContrastiveHParams
from gan_core.objectives.translation import EQUATIONS

SIZES = (8, 16, 32, 64, 96, 128, 256)
PIXELS, HALVED, QUARTERED, BLOCK = 0, 4, 7, 10  # layers of the generator: the image, two convolutions, the first block


@dataclass(frozen=True)
class CutHParams(ContrastiveHParams):
    """The knobs of CUT."""

    blocks: int = knob(
        6, 1, 12, label="Residual blocks", change="rebuild", group="networks",
        help="Residual blocks of the generator; the paper uses 9.",
    )  # fmt: skip
    blur: str = knob(
        "none", choices=BLURS, label="Anti-aliased resampling", change="rebuild", group="networks",
        help="Whether the generator applies a low-pass filter where it downsamples (down), upsamples (up), or both. "
        "Prevents aliasing of fine patterns, but slows down each step. The paper's code does both.",
    )  # fmt: skip
    head_size: int = knob(
        64, 2, 1024, label="Projection head size", unit="dimensions", change="rebuild", group="networks",
        help="Dimensions of the vectors that represent patches in the contrastive loss; the paper uses 256.",
    )  # fmt: skip


class Heads(nn.Module):
    """Projection heads: (index of the layer, patches (B, S, C)) -> unit vectors (B, S, V)."""

    def __init__(self, widths: list[int], size: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(width, size), nn.ReLU(), nn.Linear(size, size)) for width in widths
        )

    def forward(self, layer: int, patches: Tensor) -> Tensor:
        return normalize(self.layers[layer](patches), dim=-1)


def places(hparams: CutHParams) -> tuple[int, ...]:
    """Indices of the compared layers: the image, the downsampling convolutions, the first and the fifth block."""
    quartered, block = _shifted(hparams)
    return tuple(sorted({PIXELS, HALVED, quartered, block, block + min(4, hparams.blocks - 1)}))


def _shifted(hparams: CutHParams) -> tuple[int, int]:
    """Indices of the second downsampling convolution and the first block; blur layers come before each of them."""
    return (QUARTERED + 1, BLOCK + 2) if hparams.blur in ("down", "both") else (QUARTERED, BLOCK)


def networks(hparams: CutHParams, spec: DataSpec) -> dict[str, nn.Module]:
    wide = hparams.channels
    widths = {PIXELS: spec.channels, HALVED: 2 * wide}
    layers = fitting_layers(hparams.patch_layers, spec.size)
    return {
        "generator": ResnetGenerator(spec.channels, wide, hparams.blocks, blur=hparams.blur),
        "discriminator": PatchDiscriminator(spec.channels, hparams.discriminator_channels, layers),
        "heads": Heads([widths.get(place, 4 * wide) for place in places(hparams)], hparams.head_size),
    }


def translate(networks: Mapping[str, nn.Module], hparams: Any, images: Tensor) -> Tensor:
    translated: Tensor = networks["generator"](images)
    return translated


def compare(networks: Mapping[str, nn.Module], hparams: Any, batch: Batch) -> list[Tensor]:
    generator = networks["generator"]
    return [batch["a"], generator(batch["a"]), batch["b"], generator(batch["b"])]


def equation(hparams: CutHParams) -> str:
    contrast = r"+\lambda\,L_{NCE}(a,G(a))"
    if hparams.contrast_identity:
        contrast = r"+\tfrac{\lambda}{2}L_{NCE}(a,G(a))+\tfrac{\lambda}{2}L_{NCE}(b,G(b))"
    return EQUATIONS[hparams.loss].replace("D(y)", "D(b)").replace("D(G(x))", "D(G(a))") + contrast


DEFAULTS = CutHParams(batch_size=2)

register(
    Recipe(
        name="cut",
        title="CUT",
        task="unpaired",
        paper="2007.15651",
        year=2020,
        networks=networks,
        objective=lambda hparams: Contrastive(places(hparams)),
        hparams=DEFAULTS,
        tiny=replace(
            DEFAULTS, channels=4, discriminator_channels=4, blocks=2, batch_size=4, head_size=4, patches=16
        ),
        data="avatars_pencil_unpaired",
        capabilities=frozenset({"translate"}),
        sizes=SIZES,
        optimizers=two_players(generator=("generator", "heads")),
        translations={"a_to_b": translate},
        compare=compare,
        compared=("a", "as b", "b", "b unchanged"),
        equation=equation,
        presets=(
            Preset(
                name="pencil",
                title="Colouring pencil drawings without pairs (CUT)",
                look_for="Four images per item: a drawing, its colour version, a face, and the generator's output for "
                "that face, which should soon equal its input. CUT has one generator instead of CycleGAN's two. "
                "Colours spread from patch to patch and may vary across a face.",
                data="avatars_pencil_unpaired", size=32, steps=5_000, seconds=700,
                hparams={
                    "batch_size": 4, "channels": 16, "discriminator_channels": 16, "blocks": 3, "patch_layers": 2,
                    "generator_rate": 1e-3, "discriminator_rate": 5e-4, "schedule": "linear", "decay_steps": 5_000,
                },
            ),
        ),
    )
)  # fmt: skip

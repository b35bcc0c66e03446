"""ProGAN: progressive growing of GANs (1710.10196).

    L_D = E[f(G(z))] - E[f(x)] + 10 E[(|grad f(u)| - 1)^2] + 0.001 E[f(x)^2]        L_G = -E[f(G(z))]

Training starts at 4 pixels; levels that double the resolution are faded in one after the other, in both networks (see
objectives/growing.py). All levels exist from the start, and the buffers `resolution` and `alpha` say how many are in
use, so that a model can be saved and sampled during a fade-in.

The generator normalises z (B, latent_size) and maps it by a dense layer to 4 x 4 pixels; each level is
nearest-neighbour upsampling and two 3 x 3 convolutions with pixel normalisation; a 1 x 1 convolution returns the image
(B, C, size, size), without tanh, as in the paper: `draw` clamps it to [-1, 1]. The discriminator mirrors it to a logit
(B,), with the minibatch standard deviation as a feature. All layers have an equalised learning rate.

Differs from the paper: smaller by default, a shorter growth schedule, and the batch size and the optimiser's moments
are kept when a level is added.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from gan_core.data.base import DataSpec
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.knobs import changed, knob
from gan_core.layers.blocks import LatentStem
from gan_core.layers.style import (
    HE,
    SIZES,
    Blur,
    Epilogue,
    EqualisedConv2d,
    Growable,
    PixelNorm,
    PyramidHParams,
    draw_clamped,
    faded_image,
    leaky,
    resized,
    to_rgb_layers,
    widths,
)
from gan_core.objectives.adversarial import DiscriminatorOutput, Fakes
from gan_core.objectives.base import Batch, Networks, StepContext
from gan_core.objectives.equations import adversarial_equation
from gan_core.objectives.growing import Growing, GrowthHParams


@dataclass(frozen=True)
class ProganHParams(GrowthHParams, PyramidHParams):
    """The knobs of growing convolutional networks."""

    drift: float = knob(
        0.001, 0.0, 1.0, label="Drift penalty weight", group="objective",
        help="Weight of the squared scores of real images, which keeps a Wasserstein critic's scores near 0.",
    )  # fmt: skip


class EqualisedStem(LatentStem):
    """Latents (B, inputs) -> (B, outputs, 4, 4), with an equalised learning rate."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4)
        self.scale = HE / 4 / math.sqrt(inputs)  # a quarter of He's constant, as in the authors' code
        nn.init.normal_(self.weight)
        assert self.bias is not None
        nn.init.zeros_(self.bias)

    def forward(self, latents: Tensor, output_size: list[int] | None = None) -> Tensor:
        # as `equalised` does with the weight, which is larger
        return super().forward(latents if is_parametrized(self, "weight") else latents * self.scale)


class ProganGenerator(Growable):
    """(B, latent_size) -> (B, C, size, size); below full resolution, pixels are repeated."""

    def __init__(self, image_channels: int, size: int, hparams: PyramidHParams) -> None:
        super().__init__(size)
        channels = widths(size, hparams)
        first = channels[0]
        self.stem = nn.Sequential(PixelNorm(), EqualisedStem(hparams.latent_size, first), leaky(), PixelNorm())
        self.levels = nn.ModuleList([nn.Sequential(EqualisedConv2d(first, first, 3), leaky(), PixelNorm())])
        for inputs, outputs in itertools.pairwise(channels):
            self.levels.append(
                nn.Sequential(
                    EqualisedConv2d(inputs, outputs, 3, resample="up"), leaky(), PixelNorm(),
                    EqualisedConv2d(outputs, outputs, 3), leaky(), PixelNorm(),
                )
            )  # fmt: skip
        self.to_rgb = to_rgb_layers(image_channels, size, hparams)

    def forward(self, latents: Tensor) -> Tensor:
        features = previous = self.stem(latents)
        for block in self.levels[: self.stage()[0] + 1]:
            previous, features = features, block(features)
        return faded_image(self, self.to_rgb, features, previous)


class GrowingDiscriminator(Growable):
    """(B, C, size, size)[, labels (B,)] -> logits (B,); images are first downsampled to the current resolution."""

    def __init__(
        self, image_channels: int, size: int, hparams: PyramidHParams, blur: bool = False, classes: int = 0
    ) -> None:
        super().__init__(size)
        channels = widths(size, hparams)
        self.from_rgb = nn.ModuleList(
            nn.Sequential(EqualisedConv2d(image_channels, width, 1), leaky()) for width in channels
        )
        self.levels = nn.ModuleList(
            nn.Sequential(
                EqualisedConv2d(inputs, inputs, 3), leaky(), *([Blur()] if blur else []),
                EqualisedConv2d(inputs, outputs, 3, resample="down"), leaky(),
            )
            for outputs, inputs in itertools.pairwise(channels)
        )  # fmt: skip
        self.epilogue = Epilogue(channels[0], hparams.minibatch, classes)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        level, alpha = self.stage()
        images = resized(images, 4 << level)
        features = self.from_rgb[level](images)
        for place in reversed(range(level)):
            features = self.levels[place](features)
            if place + 1 == level and alpha < 1:
                features = self.from_rgb[place](resized(images, 4 << place)).lerp(features, alpha)
        logits: Tensor = self.epilogue(features, labels)
        return logits


class DriftPenalised(Growing[ProganHParams]):
    """Growing, with a penalty that keeps the critic's scores near 0 (1710.10196, appendix A.1)."""

    def discriminator_extras(
        self,
        networks: Networks,
        real: DiscriminatorOutput,
        fake: DiscriminatorOutput,
        batch: Batch,
        fakes: Fakes,
        context: StepContext[ProganHParams],
    ) -> dict[str, Tensor]:
        hparams = context.hparams
        return {"drift": hparams.drift * real.logits.square().mean()} if hparams.drift else {}


def networks(hparams: ProganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    return {
        "generator": ProganGenerator(spec.channels, spec.size, hparams),
        "discriminator": GrowingDiscriminator(spec.channels, spec.size, hparams),
    }


DEFAULTS = ProganHParams(
    latent_size=128, channels=32, max_channels=128, batch_size=16, loss="wasserstein", penalty="gradient_penalty",
    minibatch="standard_deviation", beta1=0.0, beta2=0.99, generator_rate=1e-3, discriminator_rate=1e-3, ema=0.999,
)  # fmt: skip

register(
    Recipe(
        name="progan",
        title="ProGAN",
        task="images",
        paper="1710.10196",
        year=2017,
        networks=networks,
        objective=DriftPenalised,
        hparams=DEFAULTS,
        # grows at the second step and is half faded in at the third
        tiny=changed(
            DEFAULTS,
            {
                "latent_size": 4, "channels": 4, "max_channels": 8, "batch_size": 4,
                "hold_kimg": 0.004, "fade_kimg": 0.008,
            },
        ),
        data="avatars",
        sizes=SIZES,
        draw=draw_clamped,
        equation=adversarial_equation,
        presets=(
            Preset(
                name="fashion",
                title="Progressively grown clothes (Fashion-MNIST)",
                look_for="Watch resolution and alpha: 200 steps at 4 pixels, then each new level fades in and is "
                "trained for as long. Grey squares first, then blobs; at 32 pixels, outlines of shirts, trousers and "
                "shoes emerge from the noise within a few hundred steps, because the coarse shapes are already there.",
                data="fashion_mnist", size=32, steps=3_000, seconds=240,
                hparams={
                    "channels": 16, "max_channels": 64, "latent_size": 64, "hold_kimg": 3.0, "fade_kimg": 3.0,
                    "ema": 0.99,
                },
            ),
        ),
    )
)  # fmt: skip

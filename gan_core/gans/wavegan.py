"""WaveGAN: waveforms by transposed convolutions over time, conditional on what is said and by whom (1802.04208).

    min_G max_D  E_x[D(x, c)] - E_z[D(G(z, c), c)] - 10 E_u[(|grad D(u, c)| - 1)^2]          (1704.00028, equation 3)

The generator maps z (B, latent_size) to waves (B, L) in [-1, 1]: a linear layer to (B, 16 d, L / 4^5), then five
transposed convolutions of length 25 that make it 4 times as long each and halve the channels. The discriminator is its
mirror image. Phase shuffle moves each of its layers' features by up to n samples at random, with the ends mirrored,
so that it can't tell generated sounds by the phase of the artefacts that transposed convolutions leave (section 3.3).

Class and speaker are inputs of the generator's first layer, and the discriminator adds the mean product of an embedding
of them with its last features.

Differs from the paper: conditions, which it leaves to future work (as in 1802.05637, but with the mean of the products
instead of their sum); normal latents instead of uniform ones; defaults of a size for small computers. `PUBLISHED` are
the paper's settings (tables 3 and 4); without conditions and with 16,384 samples its networks have exactly the paper's
weights.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.errors import BadValue
from gan_core.gans.recipe import Recipe, register
from gan_core.hparams import AdversarialHParams, max_channels_knob
from gan_core.knobs import knob
from gan_core.layers.blocks import RandomLayer, logit_head
from gan_core.objectives.equations import adversarial_equation
from gan_core.objectives.spoken import Spoken, asked_for, weights_of, widths
from gan_core.ranks import integers

LAYERS, STRIDE, KERNEL = 5, 4, 25
UNIT = STRIDE**LAYERS  # samples that the length of a sound is a multiple of
PADDING = (KERNEL - STRIDE + 1) // 2
PUBLISHED = {
    "channels": 64, "max_channels": 1024, "latent_size": 100, "batch_norm": False, "phase_shuffle": 2,
    "loss": "wasserstein", "penalty": "gradient_penalty", "penalty_weight": 10.0, "penalty_every": 1,
    "discriminator_steps": 5, "generator_rate": 1e-4, "discriminator_rate": 1e-4, "beta1": 0.5, "beta2": 0.9,
    "batch_size": 64,
}  # fmt: skip


@dataclass(frozen=True)
class WaveganHParams(AdversarialHParams):
    """The knobs of WaveGAN."""

    takes_reference = False

    channels: int = knob(
        8, 4, 256, label="Channels", change="rebuild", group="networks",
        help="Channels of the longest features; doubled each time the length is divided by 4. WaveGAN has 64.",
    )  # fmt: skip
    max_channels: int = max_channels_knob(64, reference="WaveGAN has 1024.")
    phase_shuffle: int = knob(
        2, 0, 10, label="Phase shuffle", unit="samples", change="rebuild", group="stabilisers",
        help="The discriminator's features are moved by up to this many samples at random, so that it doesn't judge "
        "by the phase of artefacts; 0 turns it off.",
    )  # fmt: skip
    batch_norm: bool = knob(
        False, label="Batch normalisation", change="rebuild", group="networks",
        help="Normalises the generator's hidden layers over the batch.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.augment != "none":
            raise BadValue("Sounds can't be augmented like images. Set the augmentation to none.")

    @property
    def pyramid(self) -> list[int]:
        """Channels from the shortest features to the longest."""
        return [min(self.channels * 2**level, self.max_channels) for level in reversed(range(LAYERS))]


class PhaseShuffle(RandomLayer):
    """Moves each item's features (B, C, T) by -n to n samples, the same for all channels; the ends are mirrored."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def forward(self, features: Tensor) -> Tensor:
        if not self.training or not self.most:
            return features
        length = features.shape[2]
        moves = integers(2 * self.most + 1, len(features), self.generator, features.device) - self.most
        places = (torch.arange(length, device=features.device) + moves[:, None]).abs()  # (B, T)
        places = (length - 1 - (length - 1 - places).abs()).clamp(min=0)
        return features.gather(2, places[:, None].expand_as(features))

    def extra_repr(self) -> str:
        return f"most={self.most}"


class WaveGenerator(nn.Module):
    """Latents (B, latent_size) and conditions, see `spoken.weights_of` -> waves (B, L) in [-1, 1]."""

    def __init__(self, length: int, conditions: tuple[int, int], hparams: WaveganHParams) -> None:
        super().__init__()
        self.conditions = conditions
        pyramid = hparams.pyramid
        self.start = (pyramid[0], length // UNIT)
        self.stem = nn.Linear(hparams.latent_size + sum(conditions), pyramid[0] * self.start[1])
        layers: list[nn.Module] = []
        for inputs, outputs in zip(pyramid, [*pyramid[1:], 1], strict=True):
            layers += [nn.BatchNorm1d(inputs)] if hparams.batch_norm else []
            layers += [nn.ReLU(), nn.ConvTranspose1d(inputs, outputs, KERNEL, STRIDE, PADDING, output_padding=1)]
        self.layers = nn.Sequential(*layers, nn.Tanh())

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        said = weights_of(labels, latents.shape[0], self.conditions, latents)
        features = self.stem(torch.cat([latents, said], 1)).reshape(-1, *self.start)  # (B, C * T) -> (B, C, T)
        waves: Tensor = self.layers(features)
        return waves.squeeze(1)  # (B, 1, L) -> (B, L)


class WaveDiscriminator(nn.Module):
    """Waves (B, L) and conditions (B, classes + speakers) -> logits (B,)."""

    def __init__(self, length: int, conditions: tuple[int, int], hparams: WaveganHParams) -> None:
        super().__init__()
        self.conditions = conditions
        layers: list[nn.Module] = []
        inputs = 1
        for level, outputs in enumerate(reversed(hparams.pyramid)):
            last = level == LAYERS - 1
            layers += [nn.Conv1d(inputs, outputs, KERNEL, STRIDE, PADDING), nn.LeakyReLU(0.2)]
            layers += [] if last or not hparams.phase_shuffle else [PhaseShuffle(hparams.phase_shuffle)]
            inputs = outputs
        self.layers = nn.Sequential(*layers, nn.Flatten())
        features = inputs * (length // UNIT)
        self.head = logit_head(features, 0, hparams.minibatch)
        self.said = nn.Linear(sum(conditions), features, bias=False) if sum(conditions) else None

    def forward(self, waves: Tensor, labels: Tensor | None = None) -> Tensor:
        features = self.layers(waves[:, None])
        logits: Tensor = self.head(features).squeeze(1)  # (B, 1) -> (B,)
        if self.said is None:
            return logits
        agreed: Tensor = self.said(weights_of(labels, waves.shape[0], self.conditions, waves)) * features
        return logits + agreed.mean(1)


def networks(hparams: WaveganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    length = spec.size
    if length % UNIT:
        raise BadValue(
            "WaveGAN makes sounds whose length is a multiple of {unit} samples, not {length}.",
            unit=UNIT, length=length,
        )  # fmt: skip
    return {
        "generator": WaveGenerator(length, widths(spec), hparams),
        "discriminator": WaveDiscriminator(length, widths(spec), hparams),
    }


DEFAULTS = WaveganHParams(
    batch_size=32, loss="wasserstein", penalty="gradient_penalty", generator_rate=5e-4, discriminator_rate=5e-4,
    beta1=0.0, beta2=0.9, discriminator_steps=2, ema=0.995,
)  # fmt: skip

register(
    Recipe(
        name="wavegan",
        title="WaveGAN",
        task="audio",
        paper="1802.04208",
        year=2018,
        networks=networks,
        objective=lambda hparams: Spoken(hparams, as_spectrograms=False),
        hparams=DEFAULTS,
        # the bias of a critic's last layer cancels out of the Wasserstein loss
        tiny=replace(
            DEFAULTS, latent_size=4, channels=4, max_channels=4, batch_norm=True, batch_size=4, loss="non_saturating"
        ),
        data="spoken_digits",
        capabilities=frozenset({"labels"}),
        conditions=lambda spec, hparams, count, asked: asked_for(spec, count, asked),
        equation=adversarial_equation,
    )
)  # fmt: skip

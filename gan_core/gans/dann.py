"""DANN: a classifier for pictures of a kind that nobody has labelled (1505.07818).

    min_f,y max_d  E_a[-log y(f(x))] - lambda E_a,b[-log d(f(x))]                                     (equation 10)

Domain a has classes (digits, white on black), domain b has none (the same kind of digits on photos). f maps images (B,
C, H, W) to features (B, d) and y these to classes; d predicts from the features which domain an image comes from, and a
gradient reversal layer makes f learn what d can't use. It is a GAN without a generator: f plays against d. The preview
shows the features of both domains in the plane of their largest variance; where the clouds lie on each other, what was
learnt of a holds for b.

Differs from the paper: batch normalisation, which learns from both domains together; fewer channels; Adam instead of
SGD with momentum.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.gans.recipe import Preset, Recipe, register, together
from gan_core.hparams import channels_knob
from gan_core.knobs import knob
from gan_core.objectives.adaptation import Adaptation, AdaptationHParams


@dataclass(frozen=True)
class DannHParams(AdaptationHParams):
    """The knobs of the three networks."""

    channels: int = channels_knob(24)
    features: int = knob(
        64, 2, 1024, label="Feature size", unit="dimensions", change="rebuild", group="networks",
        help="Dimensions of the features that are made alike in both domains.",
    )  # fmt: skip
    domain_width: int = knob(
        100, 2, 4096, label="Domain classifier width", change="rebuild", group="networks",
        help="Hidden units of the network that tells the domains apart.",
    )  # fmt: skip


class DannClassifier(nn.Module):
    """(B, C, H, W) in [-1, 1] -> features (B, d) and logits (B, classes)."""

    def __init__(self, image_channels: int, size: int, classes: int, hparams: DannHParams) -> None:
        super().__init__()
        width = hparams.channels
        self.layers = nn.Sequential(
            nn.Conv2d(image_channels, width, 5, 2, 2, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True),
            nn.Conv2d(width, 2 * width, 5, 2, 2, bias=False), nn.BatchNorm2d(2 * width), nn.ReLU(inplace=True),
            nn.Flatten(),  # (B, C, H, W) -> (B, C * H * W)
            nn.Linear(2 * width * ((size + 3) // 4) ** 2, hparams.features, bias=False),
            nn.BatchNorm1d(hparams.features), nn.ReLU(inplace=True),
        )  # fmt: skip
        self.head = nn.Linear(hparams.features, classes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features: Tensor = self.layers(images)
        return features, self.head(features)


class DomainClassifier(nn.Module):
    """Features (B, d) -> logits (B,), positive for the first domain."""

    def __init__(self, hparams: DannHParams) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(hparams.features, hparams.domain_width), nn.ReLU(inplace=True), nn.Linear(hparams.domain_width, 1)
        )

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.layers(features)
        return logits.squeeze(1)  # (B, 1) -> (B,)


def networks(hparams: DannHParams, spec: DataSpec) -> dict[str, nn.Module]:
    return {
        "features": DannClassifier(spec.channels, spec.size, spec.classes, hparams),
        "domain": DomainClassifier(hparams),
    }


DEFAULTS = DannHParams(rate=1e-3, beta1=0.9, batch_size=64, adaptation=0.3)  # 1 loses classes within 1,000 steps

register(
    Recipe(
        name="dann",
        title="DANN (domain adaptation)",
        task="adaptation",
        paper="1505.07818",
        year=2015,
        networks=networks,
        objective=lambda hparams: Adaptation(),
        hparams=DEFAULTS,
        tiny=replace(DEFAULTS, channels=4, features=6, domain_width=4, batch_size=4, adaptation_steps=4),
        data="mnist_m",
        optimizers=together("adaptation", ("features", "domain")),
        ema_networks=("features",),
        equation=lambda hparams: (
            r"\min_{f,y}\max_d\ \mathbb{E}_a[-\log y(f(x))]-\lambda\,\mathbb{E}_{a,b}[-\log d(f(x))]"
        ),
        presets=(
            Preset(
                name="mnist_m",
                title="Digits on photos, without their labels",
                look_for="Two clouds of features, plain digits in grey and digits on photos in colour, that move onto "
                "each other while the accuracy of the domain classifier falls towards one half.",
                data="mnist_m", size=28, steps=1_000, seconds=120,
            ),
        ),
    )
)  # fmt: skip

"""InfoGAN: interpretable codes learned without labels (1606.03657).

    min_{G,Q} max_D V(D, G) - weight * L_I(G, Q)           (equation 6; objectives/information.py defines L_I)

The first latents are the codes: `categorical_codes` of them select one of K categories each, the next
`continuous_codes` become values in [-1, 1], the rest is noise. DCGAN's generator maps them to images (B, C, H, W) in
[-1, 1], and DCGAN's discriminator returns logits (B,). The `recogniser` predicts the codes from its last
features; it is trained together with the generator, which therefore has to make the codes visible.

`generator.codes(latents)` returns the codes of latents, and `information.with_codes` latents with given codes.

Differs from the paper: codes are quantiles of normal latents, so that all GANs here start from the same latents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.gans.acgan import feature_count
from gan_core.gans.dcgan import SIZES, DcganDiscriminator, DcganGenerator, DcganHParams
from gan_core.gans.recipe import Preset, Recipe, register, two_players
from gan_core.knobs import knob
from gan_core.layers.blocks import initialise_normal
from gan_core.objectives.equations import adversarial_equation
from gan_core.objectives.information import Codes, Information, InformationHParams, coded, codes_of


@dataclass(frozen=True)
class InfoganHParams(DcganHParams, InformationHParams):
    """The knobs of convolutional networks and of the codes."""

    latent_size: int = knob(
        65, 1, 1024, label="Latent size", unit="dimensions", change="rebuild", group="networks",
        help="Dimensions of the latent vector; the first ones are the codes.",
    )  # fmt: skip
    recogniser_width: int = knob(
        128, 1, 1024, label="Recognition network width", unit="units", change="rebuild", group="networks",
        help="Width of the hidden layer between the discriminator's features and the predicted codes.",
    )  # fmt: skip


class InfoganGenerator(nn.Module):
    """(B, latent_size) -> (B, C, H, W) in [-1, 1]; the first latents are codes."""

    def __init__(self, body: nn.Module, hparams: InfoganHParams) -> None:
        super().__init__()
        self.body = body
        self.hparams = hparams

    def codes(self, latents: Tensor) -> Codes:
        """The categories (B, categorical_codes) and values (B, continuous_codes) in latents."""
        return codes_of(latents, self.hparams)

    def forward(self, latents: Tensor) -> Tensor:
        images: Tensor = self.body(coded(latents, self.hparams))
        return images


def networks(hparams: InfoganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    body = DcganGenerator(hparams.code_inputs, spec.channels, spec.size, hparams)
    # features (B, C, H, W) or (B, C * H * W) -> (B, code_outputs)
    recogniser = nn.Sequential(
        nn.Flatten(),
        nn.Linear(feature_count(spec.size, hparams), hparams.recogniser_width),
        nn.LeakyReLU(0.1, inplace=True),
        nn.Linear(hparams.recogniser_width, hparams.code_outputs),
    )
    initialise_normal(recogniser)
    return {
        "generator": InfoganGenerator(body, hparams),
        "discriminator": DcganDiscriminator(spec.channels, spec.size, hparams),
        "recogniser": recogniser,
    }


def equation(hparams: Any) -> str:
    information = r"\qquad L_{G,Q}=L_G-\lambda\left(\mathbb{E}[\log Q(c|G(z,c))]+H(c)\right)"
    return adversarial_equation(hparams).replace("G(z)", "G(z,c)") + information


register(
    Recipe(
        name="infogan",
        title="InfoGAN",
        task="images",
        paper="1606.03657",
        year=2016,
        networks=networks,
        objective=Information,
        hparams=InfoganHParams(max_channels=128),
        tiny=InfoganHParams(
            latent_size=5, categories=3, recogniser_width=8, channels=4, max_channels=8, batch_size=4
        ),
        data="digits",
        sizes=SIZES,
        capabilities=frozenset({"codes"}),
        optimizers=two_players(generator=("generator", "recogniser")),
        equation=equation,
        presets=(
            Preset(
                name="digits",
                title="Unsupervised codes for digits",
                look_for="No labels are used. The category term falls to -2.3 (minus log 10): each of the ten codes "
                "then has its own look, and after a minute most of them match one digit. The value term follows "
                "slowly.",
                data="digits", size=16, steps=4_000, seconds=120,
                hparams={
                    "channels": 32, "stem": "linear", "beta1": 0.0,
                    "generator_rate": 2e-3, "discriminator_rate": 2e-3, "schedule": "linear", "decay_steps": 4_000,
                    "penalty": "r1", "penalty_weight": 0.3, "penalty_every": 8, "ema": 0.995,
                },
            ),
        ),
    )
)  # fmt: skip

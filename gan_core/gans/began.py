"""BEGAN: an autoencoder as the discriminator, held in equilibrium with the generator (1703.10717).

    L_D = E[L(x)] - k_t E[L(G(z))]        L_G = E[L(G(z))]
    k_{t+1} = k_t + lambda (gamma E[L(x)] - E[L(G(z))])              (section 3.4, see objectives/equilibrium.py)

L is the absolute error per pixel of the discriminator's reconstruction (B, C, H, W) -> code (B, code_size) ->
(B, C, H, W). The diversity ratio gamma is the wanted ratio of the errors of samples and of real images; the recorded
`convergence` M = E[L(x)] + |gamma E[L(x)] - E[L(G(z))]| falls as samples improve. Nearest-neighbour upsampling and no
batch normalisation, as in the paper; the decoder and the generator have the same architecture.

Differs from the paper: ReLU in the decoder and leaky ReLU in the encoder instead of ELU, strided convolutions instead
of subsampling, channels that double, tanh at the output; no skip connections, which the paper's largest models have.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import nn

from gan_core.data.base import DataSpec
from gan_core.gans.dcgan import SIZES, DcganGenerator, DcganHParams
from gan_core.gans.ebgan import AutoencoderDiscriminator, code_knob
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.objectives.equations import adversarial_equation
from gan_core.objectives.equilibrium import EQUATION, Equilibrium, EquilibriumHParams


@dataclass(frozen=True)
class BeganHParams(EquilibriumHParams, DcganHParams):
    """The knobs of convolutional networks and of the autoencoder."""

    code_size: int = code_knob(64)


def networks(hparams: BeganHParams, spec: DataSpec) -> dict[str, nn.Module]:
    return {
        "generator": DcganGenerator(hparams.latent_size, spec.channels, spec.size, hparams),
        "discriminator": AutoencoderDiscriminator(spec.channels, spec.size, hparams.code_size, hparams, power=1),
    }


def equation(hparams: BeganHParams) -> str:
    if hparams.loss != "equilibrium":
        return adversarial_equation(hparams)
    return EQUATION + r"\qquad k_{t+1}=k_t+\lambda(\gamma\,\mathbb{E}[L(x)]-\mathbb{E}[L(G(z))])"


DEFAULTS = BeganHParams(latent_size=64, batch_norm=False, upsampling="nearest", stem="linear")

register(
    Recipe(
        name="began",
        title="BEGAN",
        task="images",
        paper="1703.10717",
        year=2017,
        networks=networks,
        objective=Equilibrium,
        hparams=DEFAULTS,
        tiny=replace(DEFAULTS, latent_size=4, channels=4, max_channels=8, batch_size=4, code_size=4),
        data="avatars",
        sizes=SIZES,
        equation=equation,
        presets=(
            Preset(
                name="avatars",
                title="Boundary equilibrium on drawn faces",
                look_for="Clean, even faces without speckles: after 20 seconds skin and hair, after a minute eyes and "
                "clothes. The convergence measure falls with them, as no other loss here does. Backgrounds and hats "
                "are missing: at a diversity ratio of 0.7 samples keep to what is easily redrawn, and lower ratios "
                "keep to less.",
                data="avatars", size=32, steps=1_500, seconds=75,
                hparams={
                    "channels": 16, "max_channels": 64, "batch_size": 16, "generator_rate": 1e-3,
                    "discriminator_rate": 1e-3, "schedule": "linear",
                    "decay_steps": 1_500, "ema": 0.995, "balance_rate": 0.05, "gamma": 0.7,
                },
            ),
        ),
    )
)  # fmt: skip

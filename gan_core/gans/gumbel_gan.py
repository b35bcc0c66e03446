"""A GAN for text whose tokens are relaxed to probabilities, so that gradients pass through them (1611.04051).

    y_t = softmax((log p_t + g_t) / temperature),  g_t ~ Gumbel(0, 1)        L_D, L_G: the loss of a usual GAN

During training, G returns probabilities of tokens (B, T, V), which become one-hot as the temperature falls, and D reads
them beside real one-hot texts. Samples are drawn from the same p_t, token by token (`text_mle`).

G is an LSTM whose next input is the mean embedding of what it wrote; D is SeqGAN's convolutional network.

Differs from the paper: D is convolutional instead of an LSTM, which is quicker; a gradient penalty; the end of a text
is a token like others, after which the probability of the end token can only grow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import nn

from gan_core.data.base import DataSpec
from gan_core.gans.recipe import Preset, Recipe, register
from gan_core.gans.seqgan import ReaderHParams, reader
from gan_core.gans.text_mle import WriterHParams, draw_text, writer
from gan_core.objectives.equations import adversarial_equation
from gan_core.objectives.relaxing import Relaxed, RelaxedHParams


@dataclass(frozen=True)
class GumbelGanHParams(RelaxedHParams, WriterHParams, ReaderHParams):
    """The knobs of the recipe."""


def networks(hparams: GumbelGanHParams, spec: DataSpec) -> dict[str, nn.Module]:
    return {"generator": writer(hparams, spec), "discriminator": reader(hparams, spec, hparams.minibatch)}


DEFAULTS = GumbelGanHParams(
    batch_size=64, beta1=0.5, beta2=0.9, ema=0.99, generator_rate=1e-3, discriminator_rate=1e-3,
    discriminator_dropout=0.0, widest=8, loss="wasserstein", penalty="gradient_penalty", discriminator_steps=2,
    first_temperature=1.0, last_temperature=0.5, temperature_steps=2_000,
)  # fmt: skip

register(
    Recipe(
        name="gumbel_gan",
        title="Gumbel-softmax GAN",
        task="sequence",
        paper="1611.04051",
        year=2016,
        networks=networks,
        objective=Relaxed,
        hparams=DEFAULTS,
        tiny=replace(
            DEFAULTS, embedding=4, hidden=6, latent_size=8, discriminator_embedding=4, discriminator_channels=3,
            widest=2, batch_size=4, pretraining=0.004, loss="non_saturating", penalty="none", discriminator_steps=1,
        ),
        data="arithmetic",
        draw=draw_text,
        equation=adversarial_equation,
        presets=(
            Preset(
                name="arithmetic",
                title="Equations by a GAN from scratch",
                look_for="After half a minute most texts look like equations; after two minutes 19 in 20 are "
                "well-formed, but only some 4 in 100 are right. The discriminator tells what an equation looks like, "
                "not how to calculate. Compare with maximum likelihood, which takes a tenth of the time.",
                data="arithmetic", size=8, steps=900, seconds=150,
            ),
        ),
    )
)  # fmt: skip

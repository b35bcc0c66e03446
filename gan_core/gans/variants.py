"""GANs that have a name of their own and are another setting of DCGAN's networks (dcgan.py).

    wgan                   f with |w| <= 0.01;  min_G max_f  E[f(x)] - E[f(G(z))]                         (1701.07875)
    wgan_gp                the same f, kept smooth by  10 E[(|grad f(u)| - 1)^2]                          (1704.00028)
    lsgan                  labels as targets of least squares                                            (1611.04076)
    rsgan, ragan           x shall look more real than G(z), or than the average G(z)                     (1807.00734)
    dragan                 slopes of 1 around real images                                                (1705.07215)
    unrolled_gan           G looks k updates of D ahead                                                  (1611.02163)
    gan_feature_matching   G matches D's mean features                                    (1606.03498, section 3.1)
    gan_minibatch          D sees how alike the samples of a batch are                    (1606.03498, section 3.2)

Each is `dcgan` with other defaults, those of its paper where they are settings of the objective or the optimiser; the
networks stay DCGAN's, whatever the paper used. The presets are set for small computers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from gan_core.gans.recipe import Preset, Recipe, recipes, register
from gan_core.knobs import changed
from gan_core.objectives.losses import losses

# what DCGAN's preset for digits found to learn soon on a small computer
QUICK: Mapping[str, Any] = {
    "channels": 32, "latent_size": 64, "stem": "linear", "beta1": 0.0, "generator_rate": 1e-3,
    "discriminator_rate": 1e-3, "ema": 0.995, "schedule": "linear",
}  # fmt: skip


def digits(title: str, look_for: str, steps: int, seconds: float, changes: Mapping[str, Any]) -> Preset:
    """A preset on digits of 16 pixels."""
    settings = {**QUICK, "decay_steps": steps, **changes}
    return Preset("digits", title, look_for, "digits", 16, steps, seconds, settings)


def formula(addition: str = "") -> Callable[[Any], str]:
    """The equation of the loss as the knobs have it, and what the variant adds to it."""
    return lambda hparams: losses[hparams.loss].formula(hparams.relativistic) + addition


def own_generator(latex: str) -> Callable[[Any], str]:
    """The equation of the discriminator's loss as the knobs have it, with another generator's."""
    return lambda hparams: (
        losses[hparams.loss].formula(hparams.relativistic).partition(r"\qquad")[0] + r"\qquad " + latex
    )


def variant(
    name: str,
    title: str,
    paper: str,
    year: int,
    changes: Mapping[str, Any],
    preset: Preset,
    equation: Callable[[Any], str],
) -> Recipe:
    """Registers DCGAN under another name, with other defaults at every size."""
    dcgan = recipes.get("dcgan")
    return register(
        replace(
            dcgan,
            name=name, title=title, paper=paper, year=year, presets=(preset,), equation=equation,
            hparams=changed(dcgan.hparams, changes),
            tiny=changed(dcgan.tiny, changes),
        )
    )  # fmt: skip


WASSERSTEIN = {"loss": "wasserstein", "discriminator_steps": 5}
CLIPPED = {**WASSERSTEIN, "weight_clip": 0.01, "optimizer": "rmsprop", "beta2": 0.99}
PENALISED = {**WASSERSTEIN, "penalty": "gradient_penalty", "penalty_weight": 10.0, "beta1": 0.0, "beta2": 0.9}

variant(
    "wgan",
    "WGAN",
    "1701.07875",
    2017,
    {**CLIPPED, "generator_rate": 5e-5, "discriminator_rate": 5e-5},
    digits(
        "Wasserstein GAN on digits",
        "Watch the critic's loss: with its sign changed it is an estimate of a distance between real and generated "
        "images, and it shrinks as the samples improve. Clipping makes the critic crude; compare with WGAN-GP.",
        1_500, 90, {"beta2": 0.99, "generator_rate": 5e-4, "discriminator_rate": 5e-4},
    ),
    formula(r"\qquad w\leftarrow\mathrm{clip}(w,-c,c)"),
)  # fmt: skip
variant(
    "wgan_gp",
    "WGAN-GP",
    "1704.00028",
    2017,
    {**PENALISED, "generator_rate": 1e-4, "discriminator_rate": 1e-4},
    digits(
        "Gradient penalty on digits",
        "The critic's loss falls steadily towards 0 while strokes close to digits: a curve that can be read. The "
        "choice where other losses collapse and time is no matter; each step has five critic updates.",
        1_500, 180, {"beta2": 0.9},
    ),
    formula(r"\qquad L_f\mathrel{+}=\lambda\,\mathbb{E}[(\lVert\nabla f(u)\rVert-1)^2]"),
)  # fmt: skip
variant(
    "lsgan",
    "LSGAN",
    "1611.04076",
    2016,
    {"loss": "least_squares"},
    digits(
        "Least squares on digits",
        "Samples that fool the discriminator and are far from the data are pulled back as well. Scores should stay "
        "around a half. A quick first choice where the classic loss goes to and fro.",
        3_000, 60, {"penalty": "r1", "penalty_weight": 0.1, "penalty_every": 8},
    ),
    formula(),
)  # fmt: skip
variant(
    "rsgan",
    "Relativistic GAN",
    "1807.00734",
    2018,
    {"relativistic": "standard"},
    digits(
        "Relativistic pairs on digits",
        "The discriminator says which of two images looks more real; so the generator's gradient does not die when "
        "fakes are told easily. Scores drift together, for only their difference counts.",
        3_000, 60, {"penalty": "r1", "penalty_weight": 0.1, "penalty_every": 8},
    ),
    formula(),
)  # fmt: skip
variant(
    "ragan",
    "Relativistic average GAN",
    "1807.00734",
    2018,
    {"relativistic": "average"},
    digits(
        "Relativistic average on digits",
        "Each image is compared with the average of the other kind: steadier than pairs, and the form that "
        "super-resolution uses. Look for even strokes early on.",
        3_000, 60, {"penalty": "r1", "penalty_weight": 0.1, "penalty_every": 8},
    ),
    formula(),
)  # fmt: skip
variant(
    "dragan",
    "DRAGAN",
    "1705.07215",
    2017,
    {"penalty": "dragan", "penalty_weight": 10.0},
    digits(
        "DRAGAN on digits",
        "The classic loss with a discriminator that is gentle around real images alone: the collapses of a plain GAN "
        "become rare at one discriminator update a step. Look for all ten digits.",
        2_500, 90, {"penalty_weight": 1.0},
    ),
    formula(r"\qquad L_D\mathrel{+}=\lambda\,\mathbb{E}[(\lVert\nabla D(x+\delta)\rVert-1)^2]"),
)  # fmt: skip
variant(
    "unrolled_gan",
    "Unrolled GAN",
    "1611.02163",
    2016,
    {"unroll_steps": 5},
    digits(
        "Unrolled GAN on digits",
        "The generator foresees how the discriminator will answer, so hopping between few digits does not pay. Slow: "
        "each step holds the looked-ahead updates with their second derivatives. Set unrolled steps to 0 to compare.",
        2_000, 200, {"channels": 16, "unroll_steps": 3, "generator_rate": 2e-3},
    ),
    own_generator(
        r"L_G=l_G(\theta_G,\theta_D^{k}),\ \theta_D^{i+1}=\theta_D^{i}-\eta\nabla L_D(\theta_G,\theta_D^{i})"
    ),
)  # fmt: skip
variant(
    "gan_feature_matching",
    "GAN with feature matching",
    "1606.03498",
    2016,
    {"feature_matching": True},
    digits(
        "Feature matching on digits",
        "The generator's loss is a distance between mean features and goes down, as in ordinary learning. Samples are "
        "varied and a little soft. Made for semi-supervised learning, and useful where the game oscillates.",
        3_000, 60, {},
    ),
    own_generator(r"L_G=\lVert\mathbb{E}f(x)-\mathbb{E}f(G(z))\rVert^2"),
)  # fmt: skip
variant(
    "gan_minibatch",
    "GAN with minibatch discrimination",
    "1606.03498",
    2016,
    {"minibatch": "discrimination"},
    digits(
        "Minibatch discrimination on digits",
        "A batch of look-alikes is found out at once, so the samples stay different from each other from the first "
        "seconds on. Choose it against collapse where samples shall stay sharp.",
        3_000, 90, {"penalty": "r1", "penalty_weight": 0.1, "penalty_every": 8},
    ),
    formula(r"\qquad o(x_i)_b=\sum_j e^{-\lVert M_{ib}-M_{jb}\rVert_1}"),
)  # fmt: skip

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
from gan_core.objectives.equations import adversarial_equation

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
    return lambda hparams: adversarial_equation(hparams) + addition


def own_generator(latex: str) -> Callable[[Any], str]:
    """The equation of the discriminator's loss as the knobs have it, with another generator's."""
    return lambda hparams: adversarial_equation(hparams).partition(r"\qquad")[0] + r"\qquad " + latex


def variant(
    name: str,
    title: str,
    paper: str,
    year: int,
    changes: Mapping[str, Any],
    preset: Preset,
    equation: Callable[[Any], str],
    about: str,
) -> Recipe:
    """Registers DCGAN under another name, with other defaults at every size."""
    dcgan = recipes.get("dcgan")
    return register(
        replace(
            dcgan,
            name=name, title=title, paper=paper, year=year, presets=(preset,), equation=equation, about=about,
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
        "Blurred digits by step 100, and little changes after 300: clipping makes the critic crude. Compare with "
        "WGAN-GP. Watch the critic's loss: with its sign changed it is an estimate of a distance between real and "
        "generated images, and it shrinks as the samples improve.",
        1_500, 90, {"beta2": 0.99, "generator_rate": 5e-4, "discriminator_rate": 5e-4},
    ),
    formula(r"\qquad w\leftarrow\mathrm{clip}(w,-c,c)"),
    "WGAN: a critic that estimates a distance instead of giving a verdict (1701.07875).\n\n"
    "The Wasserstein distance has a slope even where real and generated images don't overlap, and the "
    "critic's loss, with its sign changed, estimates it: a curve that falls as samples improve. After each of "
    "five critic updates the weights are cut to [-0.01, 0.01], which keeps f Lipschitz; RMSprop, because "
    "momentum made the critic unstable.",
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
    formula(),
    "WGAN-GP: the Wasserstein critic, kept smooth by a penalty on its slope (1704.00028).\n\n"
    "Cutting weights makes a critic crude. Here its slope is pulled to 1 at points between real and generated "
    "images, where the best critic has it. No batch-norm in the critic, because the penalty is about single "
    "images; five critic updates a step.",
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
    "LSGAN: labels as targets of least squares (1611.04076).\n\n"
    "A sigmoid's loss is flat for fakes on the right side of the verdict, however far from the data they are. "
    "A squared distance to the label pulls them on, and gives steadier gradients.",
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
    "Relativistic GAN: which of two images looks more real (1807.00734).\n\n"
    "As fakes become more real, real images should become less so: the discriminator judges the difference "
    "C(x) - C(G(z)) of a pair. The generator's gradient then depends on real images as well, and does not die "
    "when fakes are told easily.",
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
    "Relativistic average GAN: more real than the average of the other kind (1807.00734).\n\n"
    "Each image is compared with the mean score of the opposite kind instead of with a single partner, which "
    "is steadier than pairs. ESRGAN uses this form.",
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
    formula(),
    "DRAGAN: a discriminator that is gentle around real images (1705.07215).\n\n"
    "Collapse goes along with sharp slopes of the discriminator around real images. The penalty pulls the "
    "slope to 1 at noisy copies of real images alone, with the classic loss and one discriminator update a "
    "step.",
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
    "Unrolled GAN: the generator looks some discriminator updates ahead (1611.02163).\n\n"
    "A generator that moves all its samples to one digit wins only until the discriminator answers. Here it "
    "minimises the loss against the discriminator as it will be after k updates, with the gradient flowing "
    "through them, so that hopping does not pay. Made for small networks: each looked-ahead update costs "
    "second derivatives.",
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
    "Feature matching: the generator matches mean features instead of deceiving (1606.03498, section 3.1).\n\n"
    "The discriminator learns as always; the generator minimises the distance between the mean features of "
    "real and generated images before the discriminator's last layer. Its loss falls as in ordinary learning, "
    "its samples are varied and a little soft.",
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
    "Minibatch discrimination: the discriminator sees how alike samples are (1606.03498, section 3.2).\n\n"
    "Learnt distances between the samples of a batch are features of the discriminator's last layer, so that "
    "a generator that always makes the same is found out at once. Real and generated batches are judged "
    "apart.",
)  # fmt: skip

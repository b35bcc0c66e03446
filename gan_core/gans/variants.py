"""GANs that have their own name but share DCGAN's networks (dcgan.py).

    wgan                   f with |w| <= 0.01;  min_G max_f  E[f(x)] - E[f(G(z))]                         (1701.07875)
    wgan_gp                f regularised by  10 E[(|grad f(u)| - 1)^2]                                    (1704.00028)
    lsgan                  labels as least-squares targets                                                (1611.04076)
    rsgan, ragan           x more realistic than G(z), or than the average G(z)                           (1807.00734)
    wgan_div               f regularised by  2 E[|grad f(u)|^6]                                           (1712.01026)
    dragan                 gradients of norm 1 around real images                                         (1705.07215)
    softmax_gan            a softmax over the whole batch, real and generated                             (1704.06191)
    bgan                   G seeks the decision boundary                                                  (1702.08431)
    unrolled_gan           G looks k updates of D ahead                                                   (1611.02163)
    gan_feature_matching   G matches D's mean features                                       (1606.03498, section 3.1)
    gan_minibatch          D sees how similar the samples of a batch are                     (1606.03498, section 3.2)

Each is `dcgan` with other defaults: those of its paper for the objective and the optimiser, with DCGAN's networks
whatever the paper used. The presets are tuned for small computers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from gan_core.gans.recipe import Preset, Recipe, recipes, register
from gan_core.knobs import changed
from gan_core.objectives.equations import adversarial_equation

# the settings of DCGAN's preset for digits, which train quickly on a small computer
QUICK: Mapping[str, Any] = {
    "channels": 32, "latent_size": 64, "stem": "linear", "beta1": 0.0, "generator_rate": 1e-3,
    "discriminator_rate": 1e-3, "ema": 0.995, "schedule": "linear",
}  # fmt: skip


def digits(title: str, look_for: str, steps: int, seconds: float, changes: Mapping[str, Any]) -> Preset:
    """A preset for digits of 16 pixels."""
    settings = {**QUICK, "decay_steps": steps, **changes}
    return Preset(
        name="digits",
        title=title,
        look_for=look_for,
        data="digits",
        size=16,
        steps=steps,
        seconds=seconds,
        hparams=settings,
    )


def formula(addition: str = "") -> Callable[[Any], str]:
    """The equation of the chosen loss, followed by the variant's additions."""
    return lambda hparams: adversarial_equation(hparams) + addition


def with_generator_loss(latex: str) -> Callable[[Any], str]:
    """The equation of the chosen discriminator loss, with a different generator loss."""
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
    """Registers DCGAN under another name with other defaults, also at the tiny size."""
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
    name="wgan",
    title="WGAN",
    paper="1701.07875",
    year=2017,
    changes={**CLIPPED, "generator_rate": 5e-5, "discriminator_rate": 5e-5},
    preset=digits(
        title="Wasserstein GAN on digits",
        look_for="Blurred digits by step 100, with little change after 300: weight clipping limits what the critic "
        "can represent. Compare with WGAN-GP. The negative critic loss estimates a distance between real and "
        "generated images and falls as samples improve.",
        steps=1_500, seconds=90, changes={"beta2": 0.99, "generator_rate": 5e-4, "discriminator_rate": 5e-4},
    ),
    equation=formula(r"\qquad w\leftarrow\mathrm{clip}(w,-c,c)"),
    about="WGAN: a critic that estimates a distance instead of a probability (1701.07875).\n\nThe Wasserstein "
    "distance has a useful gradient even where the real and generated distributions do not overlap. The negative "
    "critic loss estimates it: a curve that falls as samples improve. After each of the five critic updates per step, "
    "the weights are clipped to [-0.01, 0.01], which keeps f Lipschitz. RMSprop is used because momentum made the "
    "critic unstable.",
)  # fmt: skip
variant(
    name="wgan_gp",
    title="WGAN-GP",
    paper="1704.00028",
    year=2017,
    changes={**PENALISED, "generator_rate": 1e-4, "discriminator_rate": 1e-4},
    preset=digits(
        title="Gradient penalty on digits",
        look_for="The critic loss approaches 0 steadily while strokes close into digits, so the curve is meaningful. "
        "A robust choice if other losses collapse and time does not matter: each step takes five critic updates.",
        steps=1_500, seconds=180, changes={"beta2": 0.9},
    ),
    equation=formula(),
    about="WGAN-GP: a Wasserstein critic with a gradient penalty (1704.00028).\n\nWeight clipping limits what a "
    "critic can represent. Here its gradient norm is pulled towards 1 at points between real and generated images, "
    "where that of the optimal critic is 1. The critic has no batch normalisation, because the penalty is computed "
    "per image. Five critic updates per step.",
)  # fmt: skip
variant(
    name="wgan_div",
    title="WGAN-div",
    paper="1712.01026",
    year=2017,
    changes={**PENALISED, "penalty": "divergence", "penalty_weight": 2.0, "generator_rate": 2e-4,
             "discriminator_rate": 2e-4},
    preset=digits(
        title="Wasserstein divergence on digits",
        look_for="No norm of the gradient is asked for, only large ones are expensive. Compare with WGAN-GP under the "
        "same seed: the critic's loss without its penalty estimates a divergence here, a distance there.",
        steps=1_500, seconds=180, changes={"beta2": 0.9},
    ),
    equation=formula(),
    about="WGAN-div: a Wasserstein critic whose large gradients cost much (1712.01026).\n\nThe gradient penalty of "
    "WGAN-GP asks for a norm of 1 at every point between real and generated images. Here the critic is not asked to be "
    "1-Lipschitz: the penalty 2 E[|grad f(u)|^6] hardly acts on norms well below 1 and grows steeply beyond, and what "
    "the critic estimates is a divergence between the distributions. Differs from the paper: DCGAN's networks, and "
    "five critic updates per step.",
)  # fmt: skip
variant(
    name="lsgan",
    title="LSGAN",
    paper="1611.04076",
    year=2016,
    changes={"loss": "least_squares"},
    preset=digits(
        title="Least squares on digits",
        look_for="Samples that fool the discriminator but lie far from the data are still pulled towards it. Scores "
        "should stay around 0.5. A good first alternative if the standard loss oscillates.",
        steps=3_000, seconds=60, changes={"penalty": "r1", "penalty_weight": 0.1, "penalty_every": 8},
    ),
    equation=formula(),
    about="LSGAN: labels as least-squares targets (1611.04076).\n\nThe sigmoid cross-entropy is flat for fakes on the "
    "correct side of the decision boundary, however far from the data they are. A squared error to the label keeps "
    "pulling them and gives steadier gradients.",
)  # fmt: skip
variant(
    name="rsgan",
    title="Relativistic GAN",
    paper="1807.00734",
    year=2018,
    changes={"relativistic": "standard"},
    preset=digits(
        title="Relativistic GAN on digits",
        look_for="The discriminator estimates which of two images is more realistic, so the generator's gradient does "
        "not vanish when fakes are easy to recognise. Scores drift together, because only their difference matters.",
        steps=3_000, seconds=60, changes={"penalty": "r1", "penalty_weight": 0.1, "penalty_every": 8},
    ),
    equation=formula(),
    about="Relativistic GAN: which of two images is more realistic (1807.00734).\n\nAs fakes become more realistic, "
    "real images should appear less so: the discriminator judges the difference C(x) - C(G(z)) of a pair. The "
    "generator's gradient then also depends on real images and does not vanish when fakes are easy to recognise.",
)  # fmt: skip
variant(
    name="ragan",
    title="Relativistic average GAN",
    paper="1807.00734",
    year=2018,
    changes={"relativistic": "average"},
    preset=digits(
        title="Relativistic average GAN on digits",
        look_for="Each image is compared with the average of the other kind, which is more stable than pairs and is "
        "the form used in super-resolution. Look for even strokes early on.",
        steps=3_000, seconds=60, changes={"penalty": "r1", "penalty_weight": 0.1, "penalty_every": 8},
    ),
    equation=formula(),
    about="Relativistic average GAN: more realistic than the average of the other kind (1807.00734).\n\nEach image is "
    "compared with the mean score of the opposite kind instead of with a single partner, which is more stable. ESRGAN "
    "uses this form.",
)  # fmt: skip
variant(
    name="dragan",
    title="DRAGAN",
    paper="1705.07215",
    year=2017,
    changes={"penalty": "dragan", "penalty_weight": 10.0},
    preset=digits(
        title="DRAGAN on digits",
        look_for="The standard loss with a discriminator that is smooth around real images: mode collapse becomes "
        "rare with only one discriminator update per step. Check that all ten digits appear.",
        steps=2_500, seconds=90, changes={"penalty_weight": 1.0},
    ),
    equation=formula(),
    about="DRAGAN: a discriminator that is smooth around real images (1705.07215).\n\nMode collapse coincides with "
    "sharp gradients of the discriminator around real images. The penalty pulls the gradient norm towards 1 at noisy "
    "copies of real images, with the standard loss and one discriminator update per step.",
)  # fmt: skip
variant(
    name="softmax_gan",
    title="Softmax GAN",
    paper="1704.06191",
    year=2017,
    changes={"loss": "softmax"},
    preset=digits(
        title="Softmax GAN on digits",
        look_for="The discriminator's terms compare all images of a batch: with equal scores their sum is the "
        "logarithm of the number of images, 4.9 for 64 real and 64 generated. Scores have no scale of their own; only "
        "differences matter.",
        steps=3_000, seconds=60, changes={"penalty": "r1", "penalty_weight": 0.1, "penalty_every": 8},
    ),
    equation=formula(),
    about="Softmax GAN: one softmax over the whole batch instead of a verdict on each image (1704.06191).\n\nThe "
    "discriminator's scores of all images of a batch, real and generated, pass through a softmax. The discriminator "
    "puts all probability on the real ones, the generator wants it spread evenly over all. The generator's gradient "
    "therefore vanishes only where real and generated images have the same scores.",
)  # fmt: skip
variant(
    name="bgan",
    title="BGAN",
    paper="1702.08431",
    year=2017,
    changes={"loss": "boundary_seeking"},
    preset=digits(
        title="Boundary-seeking GAN on digits",
        look_for="Scores of samples gather around one half, also from above: a sample that is judged too real is "
        "pulled back. Set the loss to non-saturating to compare.",
        steps=3_000, seconds=60, changes={"penalty": "r1", "penalty_weight": 0.1, "penalty_every": 8},
    ),
    equation=formula(),
    about="BGAN: samples seek the discriminator's decision boundary (1702.08431).\n\nWith the standard discriminator, "
    "whose logit estimates the log-ratio of the two densities, the generator minimises the square of that logit: where "
    "D = 1/2, real and generated are equally likely. A sample that is judged too real is pulled back, too, which the "
    "usual losses never do. Differs from the paper: this is its form for continuous data; images of discrete levels, "
    "for which the paper weights samples by importance, are not drawn here.",
)  # fmt: skip
variant(
    name="unrolled_gan",
    title="Unrolled GAN",
    paper="1611.02163",
    year=2016,
    changes={"unroll_steps": 5},
    preset=digits(
        title="Unrolled GAN on digits",
        look_for="The generator anticipates the discriminator's response, so that jumping between a few digits does "
        "not pay off. Slow: each step keeps the unrolled updates with their second derivatives. Set the unrolled "
        "steps to 0 to compare.",
        steps=2_000, seconds=200, changes={"channels": 16, "unroll_steps": 3, "generator_rate": 2e-3},
    ),
    equation=with_generator_loss(
        r"L_G=l_G(\theta_G,\theta_D^{k}),\ \theta_D^{i+1}=\theta_D^{i}-\eta\nabla L_D(\theta_G,\theta_D^{i})"
    ),
    about="Unrolled GAN: the generator looks several discriminator updates ahead (1611.02163).\n\nA generator that "
    "maps all its samples to one digit wins only until the discriminator responds. Here it minimises the loss against "
    "the discriminator as it will be after k updates, with gradients flowing through them, so that jumping between "
    "modes does not pay off. Made for small networks: each unrolled update needs second derivatives.",
)  # fmt: skip
variant(
    name="gan_feature_matching",
    title="GAN with feature matching",
    paper="1606.03498",
    year=2016,
    changes={"feature_matching": True},
    preset=digits(
        title="Feature matching on digits",
        look_for="The generator's loss is a distance between mean features and decreases as in ordinary training. "
        "Samples are varied and slightly soft. Proposed for semi-supervised learning, and useful if training "
        "oscillates.",
        steps=3_000, seconds=60, changes={},
    ),
    equation=with_generator_loss(r"L_G=\lVert\mathbb{E}f(x)-\mathbb{E}f(G(z))\rVert^2"),
    about="Feature matching: the generator matches mean features instead of fooling the discriminator (1606.03498, "
    "section 3.1).\n\nThe discriminator trains as usual; the generator minimises the distance between the mean "
    "features of real and generated images before the discriminator's last layer. Its loss decreases as in ordinary "
    "training; its samples are varied and slightly soft.",
)  # fmt: skip
variant(
    name="gan_minibatch",
    title="GAN with minibatch discrimination",
    paper="1606.03498",
    year=2016,
    changes={"minibatch": "discrimination"},
    preset=digits(
        title="Minibatch discrimination on digits",
        look_for="A batch of near-identical samples is detected at once, so the samples are varied from the first "
        "seconds on. Use it against mode collapse if samples should stay sharp.",
        steps=3_000, seconds=90, changes={"penalty": "r1", "penalty_weight": 0.1, "penalty_every": 8},
    ),
    equation=formula(r"\qquad o(x_i)_b=\sum_j e^{-\lVert M_{ib}-M_{jb}\rVert_1}"),
    about="Minibatch discrimination: the discriminator sees how similar the samples of a batch are (1606.03498, "
    "section 3.2).\n\nLearned distances between the samples of a batch are added to the features of the "
    "discriminator's last layer, so that a generator whose samples are all alike is detected at once. Real and "
    "generated batches are passed through the discriminator separately.",
)  # fmt: skip

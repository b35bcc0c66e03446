"""What tutorials say about training GANs, each claim as settings that can be trained with and without it.

`benchmarks/folklore.py` trains them and writes `measured.json`; the page shows both. No torch in here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ui.languages import N_

Settings = Mapping[str, Any]
SEEDS = (0, 1, 2, 3, 4)


@dataclass(frozen=True)
class Bed:
    """A test bed for claims: a recipe, data, the settings of tutorials, and the length of an unchanged run."""

    title: str
    recipe: str
    data: str
    size: int
    steps: int
    settings: Settings
    distance: str  # how the distance to the data is measured


@dataclass(frozen=True)
class Figure:
    """A number that judges a run."""

    title: str
    ratio: bool  # compared as a ratio, else as a difference
    lower_is_better: bool


@dataclass(frozen=True, eq=False)
class Arm:
    """One side of a comparison: what differs from the bed's settings."""

    points: Settings = field(default_factory=dict)
    digits: Settings = field(default_factory=dict)

    @classmethod
    def both(cls, **settings: Any) -> Arm:
        return cls(settings, settings)

    def on(self, bed: str) -> Settings:
        found: Settings = getattr(self, bed)
        return found


@dataclass(frozen=True, eq=False)
class Claim:
    """One claim, how it is tested, and the figure that decides."""

    name: str
    said: str
    why: str  # the argument for or against it
    with_it: Arm
    without: Arm = field(default_factory=Arm)
    figure: str = "distance"
    expected: Literal["helps", "hurts"] = "helps"  # what the claim predicts for the figure
    stopped: bool = False  # the run with it ends where D is closest to 1/2


BEDS: Mapping[str, Bed] = {
    "points": Bed(
        title=N_("Points: a ring of eight modes"),
        recipe="points",
        data="ring8",
        size=2,
        steps=2_000,
        settings={
            "latent_size": 16, "batch_size": 128, "generator_rate": 1e-3, "discriminator_rate": 1e-3, "beta1": 0.5,
            "activation": "leaky_relu", "ema": 0.0,
        },
        distance=N_("Jensen-Shannon divergence from the known density, in bits"),
    ),
    "digits": Bed(
        title=N_("Digits of 8 pixels"),
        recipe="mlp_gan",
        data="digits",
        size=8,
        steps=2_500,
        settings={
            "latent_size": 32, "batch_size": 64, "generator_widths": (128, 256), "discriminator_widths": (256, 128),
            "generator_rate": 1e-3, "discriminator_rate": 1e-3, "beta1": 0.5, "ema": 0.0,
        },
        distance=N_("Fréchet distance in the features of a digit classifier"),
    ),
}  # fmt: skip

FIGURES: Mapping[str, Figure] = {
    "distance": Figure(N_("distance to the data"), ratio=True, lower_is_better=True),
    "variety": Figure(N_("share of the data that is reached"), ratio=False, lower_is_better=False),
    "unrest": Figure(N_("fluctuation of the distance"), ratio=True, lower_is_better=True),
    "tracking": Figure(N_("rank correlation of the loss with the distance"), ratio=False, lower_is_better=False),
}

# settings under which modes are lost: ReLU, and a discriminator that learns several times as fast as the generator
COLLAPSING = Arm(
    {"latent_size": 256, "activation": "relu", "rate_ratio": 3.0},
    {"activation": "relu", "rate_ratio": 4.0, "generator_rate": 2e-3, "discriminator_rate": 2e-3, "beta1": 0.9},
)
UNROLLED = Arm(
    {**COLLAPSING.points, "unroll_steps": 5},
    {**COLLAPSING.digits, "unroll_steps": 5},
)

CLAIMS: tuple[Claim, ...] = (
    Claim(
        name="label_smoothing",
        said=N_("Label real samples .9 instead of 1 (one-sided label smoothing)."),
        why=N_("It keeps D from becoming overconfident, so that G's gradient stays useful."),
        with_it=Arm.both(label_smoothing=0.1),
    ),
    Claim(
        name="label_flipping",
        said=N_("Swap the labels of 5 % of the samples that D learns from."),
        why=N_("Noisy labels weaken D. They also tell it something false in every batch."),
        with_it=Arm.both(label_flipping=0.05),
    ),
    Claim(
        name="beta1",
        said=N_("Set Adam's beta 1 to .5 instead of .9."),
        why=N_("Momentum keeps the direction of old gradients, although the opponent has moved since."),
        with_it=Arm(),
        without=Arm.both(beta1=0.9),
    ),
    Claim(
        name="leaky_relu",
        said=N_("Use leaky ReLU in both networks instead of ReLU."),
        why=N_("ReLU passes no gradient for negative inputs, and G learns through all of D's layers."),
        with_it=Arm(),
        without=Arm.both(activation="relu"),
    ),
    Claim(
        name="batch_norm_in_d",
        said=N_("Put batch normalisation into D."),
        why=N_("It keeps activations at the same scale. But D then sees whole batches, real or generated, and can "
               "tell them apart by their statistics."),
        with_it=Arm.both(discriminator_batch_norm=True),
    ),
    Claim(
        name="batch_norm_in_g",
        said=N_("Put batch normalisation into G."),
        why=N_("It keeps the activations of different latents apart from the first step on."),
        with_it=Arm.both(batch_norm=True),
    ),
    Claim(
        name="steadier_batches",
        said=N_("Batches four times as large make training steadier."),
        why=N_("The gradient of a larger batch is less noisy. At equal cost there are fewer steps."),
        with_it=Arm({"batch_size": 512}, {"batch_size": 256}),
        figure="unrest",
    ),
    Claim(
        name="uniform_batches",
        said=N_("Batches four times as large give less variety."),
        why=N_("A noisy gradient pushes G out of a collapse, it is said; a smooth one lets it rest there."),
        with_it=Arm({"batch_size": 512}, {"batch_size": 256}),
        figure="variety",
        expected="hurts",
    ),
    Claim(
        name="tanh",
        said=N_("Scale the data to [-1, 1] and end G with tanh, instead of [0, 1] and a sigmoid."),
        why=N_("Inputs around 0 suit the first layer of D, and tanh is steeper than the sigmoid."),
        with_it=Arm({"output": "tanh"}, {}),
        without=Arm.both(output="sigmoid"),
    ),
    Claim(
        name="instance_noise",
        said=N_("Add noise to D's inputs and let it fade."),
        why=N_("Under noise, real and generated samples overlap, so D has a slope everywhere."),
        with_it=Arm(
            {"instance_noise": 0.5, "instance_noise_steps": 1_600},
            {"instance_noise": 0.3, "instance_noise_steps": 2_000},
        ),
    ),
    Claim(
        name="d_twice",
        said=N_("Train D twice for each step of G."),
        why=N_("A better D gives a better gradient. At equal cost G takes fewer steps."),
        with_it=Arm.both(discriminator_steps=2),
    ),
    Claim(
        name="d_faster",
        said=N_("Give D twice the learning rate of G (two time-scales)."),
        why=N_("D then follows G more closely, at no extra cost."),
        with_it=Arm.both(rate_ratio=2.0),
    ),
    Claim(
        name="d_slower",
        said=N_("Give D half the learning rate of G, so that it doesn't win."),
        why=N_("A slow D stays uncertain. But G then learns from a judge that lags behind."),
        with_it=Arm.both(rate_ratio=0.5),
    ),
    Claim(
        name="stop_at_half",
        said=N_("Stop when D is at .5: G has won."),
        why=N_("At the optimum D is .5 everywhere. But D is .5 as well when it has learnt nothing, or has just lost "
               "track."),
        with_it=Arm(),
        stopped=True,
    ),
    Claim(
        name="dropout_in_g",
        said=N_("Use dropout of .5 in G."),
        why=N_("Dropout is another source of noise for G. It also removes half of a small network."),
        with_it=Arm.both(generator_dropout=0.5),
    ),
    Claim(
        name="wasserstein_tracks",
        said=N_("The loss of a WGAN tracks quality, that of an ordinary GAN doesn't."),
        why=N_("A critic under a gradient penalty estimates the Wasserstein distance. D's ordinary loss estimates the "
               "JS divergence, which saturates."),
        with_it=Arm(
            {"loss": "wasserstein", "penalty": "gradient_penalty", "penalty_weight": 0.1, "discriminator_steps": 5},
            {"loss": "wasserstein", "penalty": "gradient_penalty", "penalty_weight": 10.0, "discriminator_steps": 5},
        ),
        figure="tracking",
    ),
    Claim(
        name="unrolling",
        said=N_("Unrolling cures mode collapse."),
        why=N_("G looks five updates of D ahead and avoids the spot that D is about to lower. Each step costs several "
               "times as much. Tried where D learns three or four times as fast as G and modes are lost."),
        with_it=UNROLLED,
        without=COLLAPSING,
        figure="variety",
    ),
    Claim(
        name="averaging",
        said=N_("Draw samples with an average of G's weights (EMA)."),
        why=N_("G circles around a good place; the average of its positions lies nearer to the middle."),
        with_it=Arm.both(ema=0.995),
    ),
    Claim(
        name="r1",
        said=N_("Penalise D's gradient at real samples (R1)."),
        why=N_("The game then has friction, and converges near a solution where the plain one circles."),
        with_it=Arm(
            {"penalty": "r1", "penalty_weight": 0.1, "penalty_every": 4},
            {"penalty": "r1", "penalty_weight": 0.1, "penalty_every": 4},
        ),
    ),
)  # fmt: skip


def find(name: str) -> Claim:
    """Returns the claim of this name; raises KeyError."""
    return {claim.name: claim for claim in CLAIMS}[name]


def arms(bed: str) -> dict[str, Settings]:
    """All settings that are trained on a bed, by their names; claims that compare with the same share a run."""
    found: dict[str, Settings] = {}
    for claim in CLAIMS:
        for arm in (claim.without, claim.with_it):
            found.setdefault(arm_name(arm.on(bed)), arm.on(bed))
    return found


def arm_name(settings: Settings) -> str:
    """Such as `beta1=0.9`; "usual" for the bed's own settings."""
    return ",".join(f"{name}={value}" for name, value in sorted(settings.items())) or "usual"


def link(bed: str, settings: Settings, steps: int) -> tuple[str, dict[str, str]]:
    """The page on which such a run is set up, and the query of its link: points on the playground, digits on Train."""
    tried = BEDS[bed]
    values = {**tried.settings, **settings}
    query = {"data": tried.data, "steps": str(steps)} | {name: _text(value) for name, value in values.items()}
    if tried.recipe == "points":
        return "playground", query
    return "train", {"recipe": tried.recipe, "size": str(tried.size), **query}


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)

"""The knobs of every recipe, and those of every GAN that generates from latents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gan_core.errors import BadValue
from gan_core.knobs import ActsWhen, HParams, Named, differences, knob, knobs, unless, when

RATES, WARM_UP = "rates", "warm_up"  # the clocks of the learning rate schedules


def channels_knob(default: int, high: int = 256, *, reference: str = "", acts_when: ActsWhen | None = None) -> Any:
    """The knob `channels` of networks whose channels double as the resolution halves.

    `reference` is a sentence about what the papers use.
    """
    return knob(
        default, 4, high, label="Channels", change="rebuild", group="networks", acts_when=acts_when,
        help=f"Channels at full resolution; doubled each time the resolution is halved. {reference}".rstrip(),
    )  # fmt: skip


def max_channels_knob(default: int, high: int = 1024, *, reference: str = "", acts_when: ActsWhen | None = None) -> Any:
    """The knob `max_channels` of such networks."""
    return knob(
        default, 4, high, label="Maximum channels", change="rebuild", group="networks", acts_when=acts_when,
        help=f"Upper limit on the channels of any layer. {reference}".rstrip(),
    )  # fmt: skip


@dataclass(frozen=True)
class TwoPlayerHParams(HParams):
    """The learning rates of generator and discriminator, for recipes that have both; combine with `TrainingHParams`."""

    generator_rate: float = knob(
        2e-4, 1e-6, 0.1, label="Learning rate of the generator", group="optimiser", logarithmic=True,
        help="Step size of the generator's optimiser. Too high: samples flicker from step to step. Too low: training "
        "stalls.",
    )  # fmt: skip
    discriminator_rate: float = knob(
        2e-4, 1e-6, 0.1, label="Learning rate of the discriminator", group="optimiser", logarithmic=True,
        help="Step size of the discriminator's optimiser. A faster discriminator gives a better training signal until "
        "it becomes so confident that the generator's gradient vanishes.",
    )  # fmt: skip
    rate_ratio: float = knob(
        1.0, 0.05, 20.0, label="Discriminator rate multiplier", unit="times", group="optimiser", logarithmic=True,
        help="Multiplies the discriminator's learning rate, so that one number sets the relative speed of the two "
        "networks (two time-scale update rule, 1706.08500). Try 2 to 4 if the discriminator lags behind.",
    )  # fmt: skip


@dataclass(frozen=True)
class TrainingHParams(HParams):
    """The trainer's settings, common to all recipes: seed, batch size, optimiser, schedule, EMA."""

    batch_size: int = knob(
        64, 2, 1024, label="Batch size", unit="images",
        help="Images per step. Larger batches give smoother gradients and slower steps.",
    )  # fmt: skip
    optimizer: str = knob(
        "adam", choices=("adam", "rmsprop", "sgd"), label="Optimiser", group="optimiser",
        help="Adam is the usual choice. Use RMSprop with weight clipping. SGD uses beta 1 as its momentum. Changing "
        "the optimiser during a run resets its moment estimates.",
    )  # fmt: skip
    beta1: float = knob(
        0.5, 0.0, 0.99, label="Beta 1", group="optimiser",
        acts_when=unless(optimizer="rmsprop"),
        help="Decay rate of the first-moment estimate (Adam), or momentum (SGD). GANs usually train best with 0 to "
        "0.5, because their loss keeps changing.",
    )  # fmt: skip
    beta2: float = knob(
        0.999, 0.5, 0.9999, label="Beta 2", group="optimiser",
        acts_when=unless(optimizer="sgd"),
        help="Decay rate of the second-moment estimate (Adam), or smoothing constant (RMSprop).",
    )  # fmt: skip
    schedule: str = knob(
        "constant", choices=("constant", "linear", "exponential", "cosine"), label="Learning rate schedule",
        group="optimiser", clock=RATES,
        help="Linear: constant for the first half of the decay steps, then falls linearly to 0. Cosine: falls to 0 "
        "along half a cosine. Exponential: multiplied by the decay rate once every decay steps.",
    )  # fmt: skip
    decay_steps: int = knob(
        10_000, 1, 10_000_000, label="Decay steps", unit="steps", group="optimiser", logarithmic=True, clock=RATES,
        acts_when=unless(schedule="constant"),
        help="Length of the schedule. For the exponential schedule, steps per multiplication by the decay rate.",
    )  # fmt: skip
    decay_rate: float = knob(
        0.5, 0.01, 1.0, label="Decay rate", group="optimiser", clock=RATES,
        acts_when=when(schedule=("exponential",)),
        help="Factor of the exponential schedule.",
    )  # fmt: skip
    warmup_steps: int = knob(
        0, 0, 1_000_000, label="Learning rate warm-up", unit="steps", group="optimiser", clock=WARM_UP,
        help="Increases the learning rates linearly from 0 over this many steps; 0 turns the warm-up off.",
    )  # fmt: skip
    gradient_clip: float = knob(
        0.0, 0.0, 1000.0, label="Gradient clipping", group="optimiser",
        help="Rescales a network's gradient if its norm exceeds this value; 0 turns clipping off. Guards against "
        "sudden jumps, but does not cure unstable training.",
    )  # fmt: skip
    ema: float = knob(
        0.99, 0.0, 0.9999, label="EMA decay", group="optimiser",
        help="Samples are drawn from an exponential moving average (EMA) of the weights with this decay per step, "
        "which smooths out flicker between steps; 0 turns averaging off.",
    )  # fmt: skip
    seed: int = knob(
        0, 0, 2**31 - 1, label="Seed", change="rebuild",
        help="Sets the initial weights, the data order and the latents. On a CPU, the same seed gives exactly the "
        "same run.",
    )  # fmt: skip


@dataclass(frozen=True)
class SingleNetworkHParams(TrainingHParams):
    """The additional knob of recipes with a single network."""

    rate: float = knob(
        2e-3, 1e-6, 0.1, label="Learning rate", group="optimiser", logarithmic=True,
        help="Step size of the optimiser.",
    )  # fmt: skip


def rebuilt(old: TrainingHParams, new: TrainingHParams) -> list[str]:
    """The changed settings that need new networks, another objective or another data order."""
    different = differences(old, new)
    names = [name for name in different if knobs(new)[name].change == "rebuild"]
    # a penalty removes batch-norm from some discriminators; others do not change
    if "penalty" in different and isinstance(old, AdversarialHParams) and isinstance(new, AdversarialHParams):
        return names + ["penalty"] * (old.normalised != new.normalised)
    return names


def check_edit(old: TrainingHParams, new: TrainingHParams) -> None:
    """Raises BadValue if an edit would rebuild the networks and therefore needs a fork."""
    if names := rebuilt(old, new):
        raise BadValue(
            "{names} cannot be changed during a run, because the networks would have to be rebuilt. Fork the run "
            "instead.",
            names=Named.of(new, names),
        )


LOSSES = (
    "non_saturating", "minimax", "logistic", "least_squares", "wasserstein", "hinge", "boundary_seeking", "softmax",
)  # fmt: skip
LOSS_HELP = (
    "Objective of the two networks. Non-saturating is the standard choice, and logistic is another name for it. Use "
    "hinge with spectral normalisation, and Wasserstein with weight clipping or a gradient penalty."
)
ZERO_CENTRED = ("r1", "r2", "r1_r2")  # penalties on the norm of the gradient itself


@dataclass(frozen=True)
class AdversarialHParams(TrainingHParams, TwoPlayerHParams):
    """Settings of the adversarial objective, for any generator that maps latents to samples."""

    latent_size: int = knob(
        100, 1, 1024, label="Latent size", unit="dimensions", change="rebuild", group="networks",
        help="Dimensions of the latent vector z that a sample is generated from.",
    )  # fmt: skip
    loss: str = knob(
        "non_saturating",
        choices=LOSSES, label="Loss", group="objective", help=LOSS_HELP,
    )  # fmt: skip
    relativistic: str = knob(
        "none", choices=("none", "standard", "average"), label="Relativistic discriminator", group="objective",
        help="The discriminator estimates how much more realistic real images are than generated ones: pair by pair "
        "(standard), or compared with the average of the other kind (average). Helps if an ordinary discriminator "
        "quickly becomes too confident.",
    )  # fmt: skip
    penalty: str = knob(
        "none",
        choices=("none", "gradient_penalty", "one_sided_gradient_penalty", "divergence", "r1", "r2", "r1_r2", "dragan"),
        label="Penalty", group="objective",
        help="Regularises the discriminator's gradient. Gradient penalty: norm 1 between real and generated images "
        "(WGAN-GP); one-sided: at most 1; divergence: the sixth power of the norm (WGAN-div). R1 and R2: norm 0 at "
        "real or at generated images; R1 + R2: at both. DRAGAN: norm 1 around real images.",
    )  # fmt: skip
    penalty_weight: float = knob(
        10.0, 0.0, 1000.0, label="Penalty weight", group="objective",
        acts_when=unless(penalty="none"),
        help="Weight of the penalty in the discriminator's loss: 10 for the gradient penalty, 2 for the divergence, "
        "0.1 to 10 for R1.",
    )  # fmt: skip
    penalty_every: int = knob(
        1, 1, 64, label="Penalty interval", unit="steps", group="objective",
        acts_when=unless(penalty="none"),
        help="Lazy regularisation: computes the penalty once every this many steps and multiplies its weight "
        "accordingly. Larger is faster.",
    )  # fmt: skip
    penalty_form: str = knob(
        "exact", choices=("exact", "finite_difference"), label="Form of the penalty", group="objective",
        acts_when=when(penalty=ZERO_CENTRED),
        help="Exact: by second derivatives. Finite difference: how much the output changes over a small random step, "
        "which is cheaper and noisier. For R1, R2 and their sum.",
    )  # fmt: skip
    weight_clip: float = knob(
        0.0, 0.0, 1.0, label="Weight clipping", group="objective",
        help="Clips the critic's weights to plus or minus this value after each update (WGAN: 0.01); 0 turns clipping "
        "off.",
    )  # fmt: skip
    label_smoothing: float = knob(
        0.0, 0.0, 0.5, label="Label smoothing", group="objective",
        help="One-sided label smoothing: real images are labelled 1 minus this value, which keeps the discriminator "
        "from becoming overconfident.",
    )  # fmt: skip
    label_flipping: float = knob(
        0.0, 0.0, 0.5, label="Label flipping", group="objective",
        help="Fraction of the images whose real and fake labels are swapped when the discriminator trains. Slows down "
        "a discriminator that wins too early.",
    )  # fmt: skip
    spectral_norm: str = knob(
        "none", choices=("none", "discriminator", "both"), label="Spectral normalisation", change="rebuild",
        group="stabilisers",
        help="Divides each layer's weights by their largest singular value, which bounds the network's Lipschitz "
        "constant. Works well with the hinge loss.",
    )  # fmt: skip
    orthogonal_weight: float = knob(
        0.0, 0.0, 1.0, label="Orthogonal regularisation", group="stabilisers",
        help="Weight of a term that keeps the generator's filters orthogonal (BigGAN: 0.0001), so that its latents "
        "can be truncated.",
    )  # fmt: skip
    instance_noise: float = knob(
        0.0, 0.0, 2.0, label="Instance noise", group="stabilisers", clock="instance_noise",
        help="Standard deviation of the Gaussian noise added to the discriminator's inputs, real and generated. Makes "
        "the two distributions overlap early in training.",
    )  # fmt: skip
    instance_noise_steps: int = knob(
        0, 0, 10_000_000, label="Instance noise decay", unit="steps", group="stabilisers", clock="instance_noise",
        acts_when=unless(instance_noise=0.0),
        help="The noise decreases linearly to 0 over this many steps; 0 keeps it constant.",
    )  # fmt: skip
    feature_matching: bool = knob(
        False, label="Feature matching", group="stabilisers",
        help="The generator matches the mean discriminator features of real images instead of fooling the "
        "discriminator. Gives more variety and less sharpness.",
    )  # fmt: skip
    historical_averaging: float = knob(
        0.0, 0.0, 100.0, label="Historical averaging", change="rebuild", group="stabilisers",
        help="Weight of a term that pulls both networks towards the mean of their past weights, which damps "
        "oscillation. Try 0.001.",
    )  # fmt: skip
    minibatch: str = knob(
        "none", choices=("none", "discrimination", "standard_deviation"), label="Minibatch layer", change="rebuild",
        group="stabilisers",
        help="Lets the discriminator compare the samples of a batch, so that it notices if they are all alike. "
        "Discrimination: learned distances between samples. Standard deviation: a single statistic, almost free.",
    )  # fmt: skip
    virtual_batch_norm: bool = knob(
        False, label="Virtual batch normalisation", change="rebuild", group="stabilisers",
        help="The generator's batch normalisation uses the statistics of a fixed reference batch, so that a sample "
        "does not depend on the rest of its batch. Doubles the generator's time.",
    )  # fmt: skip
    unroll_steps: int = knob(
        0, 0, 20, label="Unrolled steps", unit="updates", group="stabilisers",
        help="Trains the generator against the discriminator as it will be after this many updates. Prevents mode "
        "collapse in small networks, but is slow.",
    )  # fmt: skip
    top_k: float = knob(
        1.0, 0.05, 1.0, label="Top-k", unit="fraction of the batch", group="stabilisers", clock="top_k",
        help="Final fraction of the samples, those that the discriminator scores highest, that the generator learns "
        "from.",
    )  # fmt: skip
    top_k_steps: int = knob(
        2000, 0, 10_000_000, label="Top-k decay", unit="steps", group="stabilisers", logarithmic=True,
        clock="top_k",
        acts_when=unless(top_k=1.0),
        help="The fraction decreases linearly from 1 to its final value over this many steps.",
    )  # fmt: skip
    augment: str = knob(
        "none", choices=("none", "diffaugment", "adaptive"), label="Augmentation", group="stabilisers",
        help="Augments everything that the discriminator sees, real and generated, so that it cannot memorise a small "
        "data set. DiffAugment: always. Adaptive (ADA): with a probability that rises while the discriminator "
        "overfits.",
    )  # fmt: skip
    augment_target: float = knob(
        0.6, 0.0, 1.0, label="ADA target", group="stabilisers",
        acts_when=when(augment=("adaptive",)),
        help="Adaptive augmentation grows stronger while the mean sign of D(x) on real images is above this value, "
        "and weaker while it is below.",
    )  # fmt: skip
    discriminator_steps: int = knob(
        1, 1, 20, label="Discriminator updates", unit="per step", group="objective",
        help="Discriminator updates per step, each on a new batch (n_critic; WGAN: 5).",
    )  # fmt: skip
    generator_steps: int = knob(
        1, 1, 20, label="Generator updates", unit="per step", group="objective",
        help="Generator updates per step, each with new latents.",
    )  # fmt: skip
    measure_every: int = knob(
        500, 0, 10_000_000, label="Steps between measurements", unit="steps", logarithmic=True,
        help="How often the distance of the averaged generator's samples to real images is measured and drawn with "
        "its interval; 0 turns it off. Measuring takes at most 5 % of the training time: where it would take more, it "
        "is done less often. It has no effect on points.",
    )  # fmt: skip

    @property
    def normalised(self) -> bool:
        """Whether the discriminator has batch-norm, which is removed by penalties on single images."""
        return False

    def __post_init__(self) -> None:
        super().__post_init__()
        for refused, reason in (
            (self.label_smoothing and self.loss in UNLABELLED, N_SMOOTHING),
            (self.label_flipping and self.loss in UNLABELLED, N_FLIPPING),
            (self.relativistic != "none" and self.loss not in RELATIVE, N_RELATIVISTIC),
            (self.unroll_steps and self.penalty != "none", N_UNROLLED_PENALTY),
            (self.unroll_steps and self.weight_clip, N_UNROLLED_CLIP),
            (self.feature_matching and self.top_k < 1, N_TOP_FEATURES),
            (self.augment == "adaptive" and self.loss in UNBOUNDED, N_ADAPTIVE_SCORE),
            (self.penalty_form == "finite_difference" and self.penalty not in ("none", *ZERO_CENTRED), N_FINITE),
        ):
            if refused:
                raise BadValue(reason, loss=self.loss)


RELATIVE = ("non_saturating", "logistic", "least_squares", "hinge")  # losses that have a relativistic form
UNBOUNDED = ("wasserstein", "softmax", "energy", "equilibrium")  # losses whose scores have no decision boundary
UNLABELLED = (*UNBOUNDED, "hinge")
N_FINITE = "Only R1, R2 and R1 + R2 can be computed by finite differences."
N_SMOOTHING = "Label smoothing cannot be used with the {loss} loss, which has no labels."
N_FLIPPING = "Label flipping cannot be used with the {loss} loss, which has no labels."
N_RELATIVISTIC = "The {loss} loss has no relativistic form. Valid: non_saturating, logistic, least_squares, hinge."
N_UNROLLED_PENALTY = "Unrolling cannot be combined with a gradient penalty, which would need third derivatives."
N_UNROLLED_CLIP = "Unrolling cannot be combined with weight clipping, through which no gradient flows."
N_TOP_FEATURES = "Top-k selects samples by their score, which feature matching does not use. Choose one of the two."
N_ADAPTIVE_SCORE = (
    "Adaptive augmentation needs to know how often the discriminator is right, which the score of the {loss} loss "
    "does not say. Use diffaugment, or another loss."
)

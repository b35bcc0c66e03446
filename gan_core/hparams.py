"""The knobs that every recipe has, and those of every noise-to-data GAN."""

from __future__ import annotations

from dataclasses import dataclass

from gan_core.errors import BadValue
from gan_core.knobs import HParams, Named, differences, knob, knobs

RATES, WARM_UP = "rates", "warm_up"  # the clocks of the schedules that the learning rates follow


@dataclass(frozen=True)
class PlayersHParams(HParams):
    """How fast two players learn; it goes beside `TrainingHParams` where there are two."""

    generator_rate: float = knob(
        2e-4, 1e-6, 0.1, label="Generator's learning rate", group="optimiser", logarithmic=True,
        help="How far one step moves the generator. Too high: samples flicker. Too low: nothing happens.",
    )  # fmt: skip
    discriminator_rate: float = knob(
        2e-4, 1e-6, 0.1, label="Discriminator's learning rate", group="optimiser", logarithmic=True,
        help="A discriminator that learns faster than the generator judges better, until it leaves no gradient.",
    )  # fmt: skip
    rate_ratio: float = knob(
        1.0, 0.05, 20.0, label="Two time-scales", unit="times", group="optimiser", logarithmic=True,
        help="The discriminator's rate is multiplied by this, so that one number sets the players' speeds against each "
        "other (TTUR, 1706.08500). Try 2 to 4 where the discriminator lags behind.",
    )  # fmt: skip


@dataclass(frozen=True)
class TrainingHParams(HParams):
    """What the one trainer reads of every recipe: seed, batches, optimisers, schedules, averaging."""

    batch_size: int = knob(
        64, 2, 1024, label="Batch size", unit="images",
        help="Images in one step. Larger batches are steadier and slower.",
    )  # fmt: skip
    optimizer: str = knob(
        "adam", choices=("adam", "rmsprop", "sgd"), label="Optimiser", group="optimiser",
        help="Adam is the usual choice; RMSprop goes with weight clipping; SGD takes beta 1 as its momentum. "
        "A change while running starts with fresh moments.",
    )  # fmt: skip
    beta1: float = knob(
        0.5, 0.0, 0.99, label="Beta 1", group="optimiser",
        help="Memory of the gradient's mean (Adam) or momentum (SGD). GANs like 0 to 0.5: the opponent moves.",
    )  # fmt: skip
    beta2: float = knob(
        0.999, 0.5, 0.9999, label="Beta 2", group="optimiser",
        help="Memory of the gradient's square (Adam), or RMSprop's smoothing.",
    )  # fmt: skip
    schedule: str = knob(
        "constant", choices=("constant", "linear", "exponential", "cosine"), label="Rate schedule", group="optimiser",
        clock=RATES,
        help="Linear: constant for the first half of the decay steps, then down to 0. Cosine: down to 0 along a "
        "half cosine. Exponential: multiplied by the decay rate once in every decay steps.",
    )  # fmt: skip
    decay_steps: int = knob(
        10_000, 1, 10_000_000, label="Decay steps", unit="steps", group="optimiser", logarithmic=True, clock=RATES,
        help="The length of the schedule.",
    )  # fmt: skip
    decay_rate: float = knob(
        0.5, 0.01, 1.0, label="Decay rate", group="optimiser", clock=RATES,
        help="The factor of the exponential schedule.",
    )  # fmt: skip
    warmup_steps: int = knob(
        0, 0, 1_000_000, label="Warm-up", unit="steps", group="optimiser", clock=WARM_UP,
        help="Both rates rise from 0 to their values in so many steps; 0 is off.",
    )  # fmt: skip
    gradient_clip: float = knob(
        0.0, 0.0, 1000.0, label="Gradient clipping", group="optimiser",
        help="Scales a player's gradient down to this norm where it is longer; 0 is off. A seat belt against "
        "sudden jumps, not a cure.",
    )  # fmt: skip
    ema: float = knob(
        0.99, 0.0, 0.9999, label="Weight averaging (EMA)", group="optimiser",
        help="Samples come from a moving average of the generator's weights with this memory for each step; 0 turns "
        "it off. Averaging hides the flicker of single steps.",
    )  # fmt: skip
    seed: int = knob(
        0, 0, 2**31 - 1, label="Seed", change="rebuild",
        help="Fixes initial weights, data order and latents: the same seed gives the same run on a CPU.",
    )  # fmt: skip


@dataclass(frozen=True)
class AloneHParams(TrainingHParams):
    """What networks add that learn without an opponent."""

    rate: float = knob(
        2e-3, 1e-6, 0.1, label="Learning rate", group="optimiser", logarithmic=True,
        help="How far one step moves the network.",
    )  # fmt: skip


def rebuilt(old: TrainingHParams, new: TrainingHParams) -> list[str]:
    """The settings that can't change without another network, objective or order of the data."""
    different = differences(old, new)
    names = [name for name in different if knobs(new)[name].change == "rebuild"]
    # most discriminators are the same with and without a penalty; others lose their batch-norm to it
    if "penalty" in different and isinstance(old, AdversarialHParams) and isinstance(new, AdversarialHParams):
        return names + ["penalty"] * (old.normalised != new.normalised)
    return names


def check_edit(old: TrainingHParams, new: TrainingHParams) -> None:
    """Raises BadValue where an edit needs a fork, because it would rebuild the networks."""
    if names := rebuilt(old, new):
        raise BadValue(
            "{names} can't change in a running run, because the networks would be built anew. Fork the run instead.",
            names=Named.of(new, names),
        )


@dataclass(frozen=True)
class AdversarialHParams(TrainingHParams, PlayersHParams):
    """What the adversarial objective reads, for any generator that starts from noise."""

    latent_size: int = knob(
        100, 1, 1024, label="Latent size", unit="numbers", change="rebuild", group="networks",
        help="How many random numbers one sample is made from.",
    )  # fmt: skip
    loss: str = knob(
        "non_saturating",
        choices=("non_saturating", "minimax", "logistic", "least_squares", "wasserstein", "hinge"),
        label="Loss", group="objective",
        help="What the two players minimise. Non-saturating is the classic choice, and logistic is its other name; "
        "hinge goes with spectral norm; a Wasserstein critic needs weight clipping or a gradient penalty.",
    )  # fmt: skip
    relativistic: str = knob(
        "none", choices=("none", "standard", "average"), label="Relativistic", group="objective",
        help="The discriminator judges whether real images look more real than fake ones: in pairs (standard) or than "
        "the average of the others (average). Steadier where a plain discriminator soon is sure.",
    )  # fmt: skip
    penalty: str = knob(
        "none",
        choices=("none", "gradient_penalty", "one_sided_gradient_penalty", "r1", "r2", "dragan"),
        label="Penalty", group="objective",
        help="Keeps the discriminator smooth. Gradient penalty: slope 1 between real and fake (WGAN-GP); one-sided: at "
        "most 1. R1, R2: slope 0 at real or at fake images. DRAGAN: slope 1 around real images.",
    )  # fmt: skip
    penalty_weight: float = knob(
        10.0, 0.0, 1000.0, label="Penalty weight", group="objective",
        help="How much the penalty counts: 10 for the gradient penalty, 0.1 to 10 for R1.",
    )  # fmt: skip
    penalty_every: int = knob(
        1, 1, 64, label="Penalty every", unit="steps", group="objective",
        help="A lazy penalty is computed once in so many steps, and weighs as many times more.",
    )  # fmt: skip
    weight_clip: float = knob(
        0.0, 0.0, 1.0, label="Weight clipping", group="objective",
        help="After each update the critic's weights are cut to this range either side of 0 (WGAN: 0.01); 0 is off.",
    )  # fmt: skip
    label_smoothing: float = knob(
        0.0, 0.0, 0.5, label="Label smoothing", group="objective",
        help="Real images get the label 1 minus this (one-sided): the discriminator is never quite sure.",
    )  # fmt: skip
    label_flipping: float = knob(
        0.0, 0.0, 0.5, label="Label flipping", group="objective",
        help="Share of the images that the discriminator is shown with the wrong label. Slows one that wins too early.",
    )  # fmt: skip
    spectral_norm: str = knob(
        "none", choices=("none", "discriminator", "both"), label="Spectral norm", change="rebuild", group="stabilisers",
        help="Divides each layer's weights by their largest singular value, so that no layer stretches. Goes well with "
        "the hinge loss.",
    )  # fmt: skip
    orthogonal_weight: float = knob(
        0.0, 0.0, 1.0, label="Orthogonal regularisation", group="stabilisers",
        help="Keeps the generator's filters different from each other (BigGAN: 0.0001), so that it can be truncated.",
    )  # fmt: skip
    instance_noise: float = knob(
        0.0, 0.0, 2.0, label="Instance noise", group="stabilisers", clock="instance_noise",
        help="Standard deviation of noise on real and fake images, as the discriminator sees them. Lets them "
        "overlap early in training.",
    )  # fmt: skip
    instance_noise_steps: int = knob(
        0, 0, 10_000_000, label="Instance noise fades over", unit="steps", group="stabilisers", clock="instance_noise",
        help="The noise falls linearly to 0 in so many steps; 0 keeps it constant.",
    )  # fmt: skip
    feature_matching: bool = knob(
        False, label="Feature matching", group="stabilisers",
        help="The generator matches the mean features of real images instead of deceiving the discriminator: more "
        "variety, less sharpness.",
    )  # fmt: skip
    historical_averaging: float = knob(
        0.0, 0.0, 100.0, label="Historical averaging", change="rebuild", group="stabilisers",
        help="Pulls both networks towards the mean of their past weights, so that they don't circle each other. Try "
        "0.001.",
    )  # fmt: skip
    minibatch: str = knob(
        "none", choices=("none", "discrimination", "standard_deviation"), label="Sees the batch", change="rebuild",
        group="stabilisers",
        help="The discriminator compares samples with each other, so that a generator that always makes the same is "
        "found out. Discrimination: by learnt distances. Standard deviation: by one number, almost free.",
    )  # fmt: skip
    virtual_batch_norm: bool = knob(
        False, label="Virtual batch-norm", change="rebuild", group="stabilisers",
        help="The generator's batch-norm takes its statistics from a fixed reference batch: samples no longer depend "
        "on their neighbours. Twice the generator's time.",
    )  # fmt: skip
    unroll_steps: int = knob(
        0, 0, 20, label="Unrolled steps", unit="updates", group="stabilisers",
        help="The generator looks so many discriminator updates ahead. Mends collapse in small networks, and is slow.",
    )  # fmt: skip
    top_k: float = knob(
        1.0, 0.05, 1.0, label="Top-k", unit="of the batch", group="stabilisers", clock="top_k",
        help="In the end the generator learns only from this share of its samples, the ones judged best.",
    )  # fmt: skip
    top_k_steps: int = knob(
        2000, 0, 10_000_000, label="Top-k reached in", unit="steps", group="stabilisers", logarithmic=True,
        clock="top_k",
        help="The share falls linearly from all samples to the top-k in so many steps.",
    )  # fmt: skip
    augment: str = knob(
        "none", choices=("none", "diffaugment", "adaptive"), label="Augmentation", group="stabilisers",
        help="Changes what the discriminator sees, real and fake, so that it can't learn a small data set by heart. "
        "DiffAugment: always. Adaptive (ADA): as often as needed, shown as the augmentation's probability.",
    )  # fmt: skip
    augment_target: float = knob(
        0.6, 0.0, 1.0, label="Adaptive target", group="stabilisers",
        help="How sure of real images the discriminator may become before adaptive augmentation grows stronger.",
    )  # fmt: skip
    discriminator_steps: int = knob(
        1, 1, 20, label="Discriminator updates", unit="in a step", group="objective",
        help="Discriminator updates in one step, each on new images (n-critic; WGAN: 5).",
    )  # fmt: skip
    generator_steps: int = knob(
        1, 1, 20, label="Generator updates", unit="in a step", group="objective",
        help="Generator updates in one step, each on new latents.",
    )  # fmt: skip

    @property
    def normalised(self) -> bool:
        """Whether the discriminator has batch-norm, which is left out where a penalty acts on single images."""
        return False

    def __post_init__(self) -> None:
        super().__post_init__()
        for refused, reason in (
            (self.label_smoothing and self.loss in UNLABELLED, N_SMOOTHING),
            (self.label_flipping and self.loss in UNLABELLED, N_FLIPPING),
            (self.relativistic != "none" and self.loss in ("minimax", "wasserstein"), N_RELATIVISTIC),
            (self.unroll_steps and self.penalty != "none", N_UNROLLED_PENALTY),
            (self.unroll_steps and self.weight_clip, N_UNROLLED_CLIP),
            (self.feature_matching and self.top_k < 1, N_TOP_FEATURES),
            (self.augment == "adaptive" and self.loss == "wasserstein", N_ADAPTIVE_SCORE),
        ):
            if refused:
                raise BadValue(reason, loss=self.loss)


UNLABELLED = ("wasserstein", "hinge")
N_SMOOTHING = "Label smoothing has no meaning with the {loss} loss: it has no labels."
N_FLIPPING = "Label flipping has no meaning with the {loss} loss: it has no labels."
N_RELATIVISTIC = "The {loss} loss has no relativistic form. Valid: non_saturating, logistic, least_squares, hinge."
N_UNROLLED_PENALTY = "An unrolled discriminator can't have a penalty: its updates would need third derivatives."
N_UNROLLED_CLIP = "An unrolled discriminator can't have its weights clipped: no gradient passes a cut."
N_TOP_FEATURES = "Top-k picks samples by their verdict, and feature matching doesn't use it. Choose one of them."
N_ADAPTIVE_SCORE = (
    "Adaptive augmentation follows how often the discriminator is sure, and a critic of the {loss} loss never says so. "
    "Choose diffaugment, or another loss."
)

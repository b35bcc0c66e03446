"""The knobs that every recipe has, and those of every noise-to-data GAN."""

from __future__ import annotations

from dataclasses import dataclass

from gan_core.errors import BadValue
from gan_core.knobs import HParams, knob


@dataclass(frozen=True)
class TrainingHParams(HParams):
    """What the one trainer reads: seed, batches, optimisers, schedules, averaging."""

    batch_size: int = knob(
        64, 2, 1024, label="Batch size", unit="images",
        help="Images in one step. Larger batches are steadier and slower.",
    )  # fmt: skip
    optimizer: str = knob(
        "adam", choices=("adam", "rmsprop", "sgd"), label="Optimiser", group="optimiser",
        help="Adam is the usual choice; RMSprop goes with weight clipping; SGD takes beta 1 as its momentum. "
        "A change while running starts with fresh moments.",
    )  # fmt: skip
    generator_rate: float = knob(
        2e-4, 1e-6, 0.1, label="Generator's learning rate", group="optimiser", logarithmic=True,
        help="How far one step moves the generator. Too high: samples flicker. Too low: nothing happens.",
    )  # fmt: skip
    discriminator_rate: float = knob(
        2e-4, 1e-6, 0.1, label="Discriminator's learning rate", group="optimiser", logarithmic=True,
        help="A discriminator that learns faster than the generator judges better, until it leaves no gradient.",
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
        help="Linear: constant for the first half of the decay steps, then down to 0. Cosine: down to 0 along a "
        "half cosine. Exponential: multiplied by the decay rate once in every decay steps.",
    )  # fmt: skip
    decay_steps: int = knob(
        10_000, 1, 10_000_000, label="Decay steps", unit="steps", group="optimiser", logarithmic=True,
        help="The length of the schedule.",
    )  # fmt: skip
    decay_rate: float = knob(
        0.5, 0.01, 1.0, label="Decay rate", group="optimiser", help="The factor of the exponential schedule."
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
class AdversarialHParams(TrainingHParams):
    """What the adversarial objective reads, for any generator that starts from noise."""

    latent_size: int = knob(
        100, 1, 1024, label="Latent size", unit="numbers", change="rebuild", group="networks",
        help="How many random numbers one sample is made from.",
    )  # fmt: skip
    loss: str = knob(
        "non_saturating",
        choices=("non_saturating", "minimax", "least_squares", "wasserstein", "hinge"),
        label="Loss", group="objective",
        help="What the two players minimise. Non-saturating is the classic choice; a Wasserstein critic needs "
        "weight clipping or a gradient penalty.",
    )  # fmt: skip
    penalty: str = knob(
        "none", choices=("none", "gradient_penalty", "r1"), label="Penalty", change="rebuild", group="objective",
        help="Keeps the discriminator smooth. Gradient penalty: slope 1 between real and fake (WGAN-GP). "
        "R1: slope 0 at real images.",
    )  # fmt: skip
    penalty_weight: float = knob(
        10.0, 0.0, 1000.0, label="Penalty weight", group="objective",
        help="How much the penalty counts: 10 for the gradient penalty, 0.1 to 10 for R1.",
    )  # fmt: skip
    penalty_every: int = knob(
        1, 1, 64, label="Penalty every", unit="steps", group="objective", change="rebuild",
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
    discriminator_steps: int = knob(
        1, 1, 20, label="Discriminator updates", unit="in a step", group="objective",
        help="Discriminator updates in one step, each on new images (n-critic; WGAN: 5).",
    )  # fmt: skip
    generator_steps: int = knob(
        1, 1, 20, label="Generator updates", unit="in a step", group="objective",
        help="Generator updates in one step, each on new latents.",
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.label_smoothing and self.loss in ("wasserstein", "hinge"):
            raise BadValue("Label smoothing has no meaning with the {loss} loss: it has no labels.", loss=self.loss)

"""The table of the shelf's models: recipe, data, settings, and what they took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gan_core.errors import UnknownName


@dataclass(frozen=True)
class Plan:
    """How one model is made. Hours are what it took: on 2 CPU cores, and on one GPU (0: not made there).

    `start` names the model of the same networks whose weights it begins from; "" begins anew.
    """

    recipe: str
    data: str
    size: int
    steps: int
    hours_cpu: float
    hours_gpu: float
    title: str
    limits: str
    hparams: Mapping[str, Any] = field(default_factory=dict)
    half: bool = False
    start: str = ""


_DCGAN = {
    "channels": 32, "latent_size": 64, "stem": "linear", "beta1": 0.0, "schedule": "linear", "penalty": "r1",
    "penalty_every": 8,
}  # fmt: skip

plans: dict[str, Plan] = {
    "dcgan.digits": Plan(
        "dcgan", "digits", 16, 10_000, 0.1, 0.0, "Digits",
        "Small and grey; one digit in five is hard to read.",
        _DCGAN | {"generator_rate": 1e-3, "discriminator_rate": 1e-3, "decay_steps": 10_000, "penalty_weight": 0.3,
                  "ema": 0.999},
    ),
    "dcgan.fashion_mnist": Plan(
        "dcgan", "fashion_mnist", 28, 15_000, 1.0, 0.0, "Clothes",
        "Patterns and prints blur; sandals lack straps.",
        _DCGAN | {"max_channels": 128, "generator_rate": 1e-3, "discriminator_rate": 1e-3, "decay_steps": 15_000,
                  "penalty_weight": 0.3, "ema": 0.999},
    ),
    "cgan.mnist": Plan(
        "cgan", "mnist", 28, 4_000, 0.3, 0.0, "Digits on demand",
        "Strokes break now and then; the seven's crossbar is a matter of luck.",
        _DCGAN | {"body": "dcgan", "batch_norm": True, "channels": 48, "max_channels": 128, "generator_rate": 1e-3,
                  "discriminator_rate": 1e-3, "decay_steps": 4_000, "penalty_weight": 0.3, "ema": 0.999},
        half=True,
    ),
    "infogan.mnist": Plan(
        "infogan", "mnist", 28, 8_000, 0.3, 0.0, "Digits with sliders nobody labelled",
        "A category is a way of writing, not always a digit: two of them may share one.",
        _DCGAN | {"latent_size": 65, "channels": 48, "max_channels": 128, "generator_rate": 1e-3,
                  "discriminator_rate": 1e-3, "decay_steps": 8_000, "penalty_weight": 0.3, "ema": 0.999},
        half=True,
    ),
    "wgan_gp.mnist": Plan(
        "wgan_gp", "mnist", 28, 4_000, 0.5, 0.0, "Digits of a Wasserstein critic",
        "Strokes break now and then.",
        {"channels": 32, "max_channels": 128, "latent_size": 64, "stem": "linear", "discriminator_steps": 2,
         "generator_rate": 1e-3, "discriminator_rate": 1e-3, "schedule": "linear", "decay_steps": 4_000,
         "ema": 0.999},
        half=True,
    ),
    "stylegan2.avatars": Plan(
        "stylegan2", "avatars", 64, 15_000, 2.0, 0.0, "Drawn faces",
        "An early model: pale halos around the hair, mouths that seldom smile, few of the rare hats and glasses.",
        {"channels": 16, "max_channels": 128, "latent_size": 64, "w_size": 96, "penalty_weight": 0.3, "path_every": 16,
         "generator_rate": 2.5e-3, "discriminator_rate": 2.5e-3, "ema": 0.999, "schedule": "linear",
         "decay_steps": 15_000},
        half=True,
    ),
    "features.mnist": Plan(
        "feature_net", "mnist", 28, 3_000, 0.1, 0.0, "A judge of digits",
        "Takes everything for a digit, white on black; it can't say that something is none.",
        {"schedule": "cosine", "decay_steps": 3_000},
    ),
    "features.fashion_mnist": Plan(
        "feature_net", "fashion_mnist", 28, 3_000, 0.3, 0.0, "A judge of clothes",
        "Takes everything for one of ten kinds of clothes; shirts, T-shirts, pullovers and coats are mistaken for each "
        "other.",
        {"channels": 24, "augment": 0.2, "schedule": "cosine", "decay_steps": 3_000},
    ),
    "features.digits": Plan(
        "feature_net", "train:digits", 16, 1_500, 0.1, 0.0, "A judge of small digits",
        "Takes everything for a digit, white on black; one in ten of the 1,797 was kept from it for measuring.",
        {"schedule": "cosine", "decay_steps": 1_500},
    ),
    "features.emoji": Plan(
        "feature_net", "train:emoji", 64, 1_500, 0.1, 0.0, "A judge of emoji",
        "Made for distances between sets of emoji: the group of one it hasn't seen is often a guess. One emoji in ten "
        "was kept from it, and no skin tones were shown.",
        {"channels": 12, "augment": 0.7, "batch_size": 64, "schedule": "cosine", "decay_steps": 1_500},
        half=True,
    ),
    "features.avatars": Plan(
        "feature_net", "avatars", 64, 4_000, 0.3, 0.0, "A judge of drawn faces",
        "Knows faces of this drawing style alone. What a hat, sunglasses or long hair hide, it guesses.",
        {"channels": 12, "augment": 0.2, "batch_size": 64, "features": 96, "dropout": 0.1, "schedule": "cosine",
         "decay_steps": 4_000},
        half=True,
    ),
}  # fmt: skip


def plan(name: str) -> Plan:
    """The plan of a model; raises UnknownName."""
    if name not in plans:
        raise UnknownName("plan of a model", name, plans)
    return plans[name]

"""Remedies for findings, as changes of knobs: findings name remedies, and pages apply them.

    remedies.get("r1").changes(hparams)        {"penalty": "r1", "penalty_weight": 0.1}
    offered(finding.remedies, hparams)         the named ones that are valid for the run, with their values

A finding or a preset lists its remedies by name, so that every listed one can be applied. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gan_core.errors import GanscopeError
from gan_core.hparams import TrainingHParams
from gan_core.knobs import changed, differences, knobs, to_dict
from gan_core.registry import Registry


@dataclass(frozen=True)
class Remedy:
    """A change of knobs. `words` is the label of its button, a template filled with the values."""

    name: str
    words: str
    values: Mapping[str, Any] = field(default_factory=dict)  # by knob
    factors: Mapping[str, float] = field(default_factory=dict)  # factors of knobs' values
    equal: Mapping[str, str] = field(default_factory=dict)  # a knob, and the one whose value it gets
    back: bool = False  # whether to go back to the last good checkpoint first

    def changes(self, hparams: TrainingHParams) -> dict[str, Any]:
        """The values that it sets in a run with these settings; {} if the run lacks one of its knobs."""
        described = knobs(hparams)
        if not self.values.keys() <= described.keys():
            return {}
        scaled = {name: _scaled(hparams, name, factor) for name, factor in self.factors.items() if name in described}
        copied = {name: getattr(hparams, other) for name, other in self.equal.items() if name in described}
        return {**self.values, **scaled, **copied}


def _scaled(hparams: TrainingHParams, name: str, factor: float) -> int | float:
    """The knob's value times the factor, limited to its range."""
    value, knob = getattr(hparams, name), knobs(hparams)[name]
    scaled = min(knob.high or value * factor, max(knob.low or 0.0, value * factor))
    return round(scaled) if isinstance(value, int) else float(f"{scaled:.6g}")


def offered(names: Iterable[str], hparams: TrainingHParams) -> dict[str, dict[str, Any]]:
    """The changes of the named remedies that are valid with these settings and have an effect, by name."""
    found = {}
    for name in names:
        changes = remedies.get(name).changes(hparams)
        try:
            new = changed(hparams, changes)
        except GanscopeError:  # incompatible with other settings of this run
            continue
        described, values = knobs(new), to_dict(new)
        if any(described[knob].acts(values) for knob in differences(hparams, new)):
            found[name] = changes
    return found


remedies: Registry[Remedy] = Registry("remedy")

PLAYERS = ("generator_rate", "discriminator_rate", "rate")
MUCH = 100.0
HALVED = dict.fromkeys(PLAYERS, 0.5)
R1 = {"penalty": "r1", "penalty_weight": 0.1}
for remedy in (
    Remedy(
        "instance_noise",
        "Add instance noise of {instance_noise:g}, decaying over {instance_noise_steps:,} steps",
        {"instance_noise": 0.7, "instance_noise_steps": 2500},
    ),
    Remedy(
        "gradient_penalty",
        "Add a gradient penalty of weight {penalty_weight:g}",
        {"penalty": "gradient_penalty", "penalty_weight": 10.0},
    ),
    Remedy(
        "mild_gradient_penalty",
        "Add a gradient penalty of weight {penalty_weight:g}",
        {"penalty": "gradient_penalty", "penalty_weight": 1.0},
    ),
    Remedy("r1", "Add an R1 penalty of weight {penalty_weight:g}", R1),
    Remedy("label_smoothing", "Smooth the labels by {label_smoothing:g}", {"label_smoothing": 0.1}),
    Remedy("weight_clipping", "Clip the critic's weights to {weight_clip:g}", {"weight_clip": 0.01}),
    Remedy("gradient_clipping", "Clip gradients to a norm of {gradient_clip:g}", {"gradient_clip": 1.0}),
    Remedy(
        "slower_discriminator",
        "Halve the discriminator's learning rate, to {discriminator_rate:g}",
        factors={"discriminator_rate": 0.5},
    ),
    Remedy(
        "faster_discriminator",
        "Double the discriminator's learning rate, to {discriminator_rate:g}",
        factors={"discriminator_rate": 2.0},
    ),
    Remedy(
        "slower_generator",
        "Halve the generator's learning rate, to {generator_rate:g}",
        factors={"generator_rate": 0.5},
    ),
    Remedy(  # R1 (1801.04406) with the optimiser of StyleGAN (1812.04948): no momentum, equal rates
        "steady",
        "Add an R1 penalty of weight {penalty_weight:g}, set beta 1 to {beta1:g} and the generator's learning rate to "
        "the discriminator's, {generator_rate:g}",
        {**R1, "beta1": 0.0},
        equal={"generator_rate": "discriminator_rate"},
    ),
    Remedy(  # 1704.00028, algorithm 1
        "steady_critic",
        "Use a gradient penalty of weight {penalty_weight:g} instead of clipping, and set beta 1 to {beta1:g}",
        {"penalty": "gradient_penalty", "penalty_weight": 10.0, "weight_clip": 0.0, "beta1": 0.0},
    ),
    Remedy("slower", "Halve the learning rates", factors=HALVED),
    Remedy(
        "more_generator_steps",
        "Update the generator {generator_steps} times per step and the discriminator once",
        {"generator_steps": 2, "discriminator_steps": 1},
    ),
    Remedy(
        "more_discriminator_steps",
        "Update the discriminator {discriminator_steps} times per step",
        factors={"discriminator_steps": 2},
    ),
    Remedy("constant_rate", "Keep the learning rates constant", {"schedule": "constant"}),
    Remedy(
        "longer_schedule",
        "Restart the learning-rate schedule over {decay_steps:,} steps",
        factors={"decay_steps": 2.0},
    ),
    Remedy(
        "minibatch_deviation",
        "Give the discriminator the minibatch standard deviation",
        {"minibatch": "standard_deviation"},
    ),
    Remedy("non_saturating", "Use the non-saturating loss", {"loss": "non_saturating"}),
    Remedy(
        "wasserstein",
        "Use the Wasserstein loss with a gradient penalty of weight {penalty_weight:g}",
        {
            "loss": "wasserstein", "penalty": "gradient_penalty", "penalty_weight": 10.0, "weight_clip": 0.0,
            "relativistic": "none", "label_smoothing": 0.0, "label_flipping": 0.0,
        },
    ),
    Remedy(
        "much_faster_discriminator",
        "Raise the discriminator's learning rate to {discriminator_rate:g}",
        factors={"discriminator_rate": 100.0},
    ),
    Remedy("more_critic_steps", "Update the critic {discriminator_steps} times per step", {"discriminator_steps": 5}),
    Remedy("much_faster", "Multiply the learning rates by 100", factors=dict.fromkeys(PLAYERS, MUCH)),
    Remedy(
        "smaller_penalty", "Lower the penalty weight to {penalty_weight:g}", factors={"penalty_weight": 0.1}
    ),
    Remedy(
        "much_smaller_penalty", "Lower the penalty weight to {penalty_weight:g}", factors={"penalty_weight": 0.001}
    ),
    Remedy("larger_penalty", "Raise the penalty weight to {penalty_weight:g}", factors={"penalty_weight": 4.0}),
    Remedy(
        "much_larger_penalty", "Raise the penalty weight to {penalty_weight:g}", factors={"penalty_weight": 100.0}
    ),
    Remedy("no_label_flipping", "Turn label flipping off", {"label_flipping": 0.0}),
    Remedy("less_noise", "Halve the instance noise, to {instance_noise:g}", factors={"instance_noise": 0.5}),
    Remedy(
        "weak_noise",
        "Add instance noise of {instance_noise:g}, decaying over {instance_noise_steps:,} steps",
        {"instance_noise": 0.2, "instance_noise_steps": 2500},
    ),
    Remedy("diffaugment", "Augment everything that the discriminator sees (DiffAugment)", {"augment": "diffaugment"}),
    Remedy("identity_loss", "Add an identity loss of weight {identity_weight:g}", {"identity_weight": 0.5}),
    Remedy("no_momentum", "Set beta 1 to {beta1:g}", {"beta1": 0.0}),
    Remedy("longer_average", "Average the weights over a longer time (EMA decay {ema:g})", {"ema": 0.999}),
    Remedy(
        "back_and_slower", "Go back to the last good checkpoint and halve the learning rates", factors=HALVED, back=True
    ),
    Remedy(
        "back_and_r1", "Go back to the last good checkpoint and add an R1 penalty of weight {penalty_weight:g}", R1,
        back=True,
    ),
):  # fmt: skip
    remedies.register(remedy.name, remedy)

"""Knobs that have no effect with the current settings. The setup page hides them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Values = Mapping[str, Any]


def _is(name: str, *values: Any) -> Callable[[Values], bool]:
    return lambda given: given.get(name) in values


IDLE: dict[str, Callable[[Values], bool]] = {  # knob name -> whether it has no effect
    "penalty_weight": _is("penalty", "none"),
    "penalty_every": _is("penalty", "none"),
    "decay_steps": _is("schedule", "constant"),
    "decay_rate": _is("schedule", "constant", "linear", "cosine"),
    "beta1": _is("optimizer", "rmsprop"),
    "beta2": _is("optimizer", "sgd"),
    "instance_noise_steps": _is("instance_noise", 0.0),
    "top_k_steps": _is("top_k", 1.0),
    "augment_target": _is("augment", "none", "diffaugment"),
    "slope": _is("activation", "relu", "tanh"),
    "batch_norm_momentum": _is("batch_norm", False),
    "start_size": _is("growing", False),
    "hold_kimg": _is("growing", False),
    "fade_kimg": _is("growing", False),
    "path_every": _is("path_weight", 0.0),
    "path_shrink": _is("path_weight", 0.0),
    "categories": _is("categorical_codes", 0),
    "category_weight": _is("categorical_codes", 0),
    "continuous_weight": _is("continuous_codes", 0),
}
BODIES = {  # for recipes with a choice of network types: the type that a knob belongs to
    "generator_widths": "mlp", "discriminator_widths": "mlp", "activation": "mlp", "slope": "mlp",
    "batch_norm_momentum": "mlp",
    "channels": "dcgan", "max_channels": "dcgan", "stem": "dcgan", "upsampling": "dcgan",
    "dense": "dcgan",
}  # fmt: skip


def idle(name: str, values: Values) -> bool:
    """Whether a knob has no effect with these settings."""
    if "body" in values and BODIES.get(name, values["body"]) != values["body"]:
        return True
    test = IDLE.get(name)
    return test is not None and test(values)

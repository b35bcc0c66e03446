"""The knobs that a search varies, and their ranges. Needs neither torch nor Optuna.

learning_rate:1e-5:1e-2:log      from low to high, evenly in the logarithm
batch_size:16:128                from low to high
loss:hinge|wasserstein           one of these
pixels                           both values of a switch, all choices of a choice
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gan_core.errors import BadValue, UnknownName
from gan_core.hparams import TrainingHParams
from gan_core.knobs import Knob, knob_type, knobs, read

if TYPE_CHECKING:
    import numpy as np

LOGARITHMIC = "log"
SEED = "seed"


@dataclass(frozen=True)
class Range:
    """One knob of a search: a range of numbers, or choices."""

    knob: str
    low: float = 0.0
    high: float = 0.0
    logarithmic: bool = False
    whole: bool = False
    choices: tuple[bool | str, ...] = ()

    @property
    def words(self) -> str:
        """The range as text, in the syntax above."""
        if self.choices:
            return f"{self.knob}:{'|'.join(str(choice).lower() for choice in self.choices)}"
        number = "{:.0f}" if self.whole else "{:g}"
        ends = ":".join(number.format(end) for end in (self.low, self.high))
        return f"{self.knob}:{ends}{':log' if self.logarithmic else ''}"

    def holds(self, value: Any) -> bool:
        """Whether a search over this range can try the value."""
        return value in self.choices if self.choices else self.low <= value <= self.high

    def near(self, value: Any, spread: float, random: np.random.Generator) -> Any:
        """A value of the range, normal about `value` with `spread` of the range as deviation; a choice stays as it is.

        A logarithmic range is taken in its logarithm.
        """
        if self.choices:
            return value
        middle, low, high = (math.log(one) if self.logarithmic else one for one in (value, self.low, self.high))
        found = random.normal(middle, spread * (high - low))
        while not low <= found <= high:
            found = random.normal(middle, spread * (high - low))
        number = math.exp(found) if self.logarithmic else float(found)
        number = min(max(number, self.low), self.high)  # the logarithm of an end needn't lead back to it
        return round(number) if self.whole else number


def parse(hparams: TrainingHParams, text: str) -> Range:
    """Parses a range of one of the recipe's settings; raises UnknownName or BadValue."""
    name, *rest = text.split(":")
    name = name.strip()
    described = knobs(hparams)
    if name not in described:
        raise UnknownName("knob", name, described)
    if name == SEED:
        raise BadValue("A search varies settings; all trials use the search's own seed.")
    kind = knob_type(type(hparams), name)
    if kind in (int, float):
        return _numbers(type(hparams), name, described[name], kind, rest, text)
    if kind is bool or described[name].choices:
        return _choices(type(hparams), name, described[name], kind, rest)
    raise BadValue("{name} can't be searched: it is neither a number nor a choice.", name=name)


def _numbers(
    settings: type[TrainingHParams], name: str, described: Knob, kind: type, rest: list[str], text: str
) -> Range:
    logarithmic = described.logarithmic
    if len(rest) == 3 and rest[2].strip() == LOGARITHMIC:
        logarithmic, rest = True, rest[:2]
    if len(rest) != 2:
        raise BadValue(
            "'{text}' must have the form {name}:LOW:HIGH or {name}:LOW:HIGH:log.", text=text, name=name
        )  # fmt: skip
    low, high = (read(settings, name, end.strip()) for end in rest)
    if low >= high:
        raise BadValue("The range of {name} must rise: {low} is not below {high}.", name=name, low=low, high=high)
    if logarithmic and low <= 0:
        raise BadValue("A logarithmic range must be above 0, got {low} for {name}.", low=low, name=name)
    return Range(name, low, high, logarithmic, whole=kind is int)


def _choices(settings: type[TrainingHParams], name: str, described: Knob, kind: type, rest: list[str]) -> Range:
    every: Sequence[Any] = (False, True) if kind is bool else described.choices
    words = [word.strip() for part in rest for word in part.split("|")]
    chosen = tuple(dict.fromkeys(read(settings, name, word) for word in words)) if words else tuple(every)
    if len(chosen) < 2:
        raise BadValue("{name} needs at least two values to choose from. Valid: {valid}.", name=name,
                       valid=", ".join(str(one).lower() for one in every))  # fmt: skip
    return Range(name, choices=chosen)

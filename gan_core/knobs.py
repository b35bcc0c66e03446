"""Hyperparameters as frozen dataclasses whose every field is a knob.

A knob carries what a front end needs to display it and what the library needs to validate it: label, help, range,
unit, whether it may change during a run (`"live"`) or requires new networks (`"rebuild"`), and when it has an effect.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, TypeVar

from gan_core.errors import BadValue, UnknownName

Change = Literal["live", "rebuild"]
ActsWhen = Callable[[Mapping[str, Any]], bool]  # values of all knobs by name -> whether this one has an effect
Params = TypeVar("Params", bound="HParams")


@dataclass(frozen=True)
class Knob:
    """How a setting is displayed, and which values are valid."""

    label: str
    help: str
    low: float | None = None
    high: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    change: Change = "live"
    group: str = "training"
    logarithmic: bool = False
    clock: str = ""  # the schedule that restarts when this knob is edited in a running run
    acts_when: ActsWhen | None = None  # None: always

    def acts(self, values: Mapping[str, Any]) -> bool:
        """Whether the knob has an effect under these values of all knobs, by name."""
        return self.acts_when is None or self.acts_when(values)


def when(**conditions: tuple[Any, ...]) -> ActsWhen:
    """For `acts_when`: each of these knobs has one of the given values. A recipe without such a knob meets it.

    `when(schedule=("exponential",))`
    """
    return lambda values: all(name not in values or values[name] in valid for name, valid in conditions.items())


def unless(**conditions: Any) -> ActsWhen:
    """For `acts_when`: none of these knobs has the given value.

    `unless(penalty="none")`
    """
    return lambda values: all(name not in values or values[name] != value for name, value in conditions.items())


def knob(
    default: Any,
    low: float | None = None,
    high: float | None = None,
    *,
    label: str,
    help: str,
    unit: str = "",
    choices: tuple[str, ...] = (),
    change: Change = "live",
    group: str = "training",
    logarithmic: bool = False,
    clock: str = "",
    acts_when: ActsWhen | None = None,
) -> Any:
    """A dataclass field that is a knob; its annotation is int, float, bool, str or tuple[int, ...].

    `low` and `high` are the range of a number, both included; `acts_when` is made by `when` or `unless`.
    """
    described = Knob(label, help, low, high, unit, choices, change, group, logarithmic, clock, acts_when)
    return dataclasses.field(default=default, metadata={"knob": described})


@dataclass(frozen=True)
class HParams:
    """Base of all hyperparameter sets; validates every field against its knob on construction. Raises BadValue."""

    def __post_init__(self) -> None:
        for name, described in knobs(self).items():
            check(
                Named.made(name, [(described.label, None)]), described, knob_type(type(self), name), getattr(self, name)
            )


def knobs(hparams: HParams | type[HParams]) -> dict[str, Knob]:
    """The knobs of a hyperparameter set by field name, in order of definition."""
    return {field.name: field.metadata["knob"] for field in dataclasses.fields(hparams) if "knob" in field.metadata}


def knob_type(kind: type[HParams], name: str) -> Any:
    """The annotated type of one field."""
    return _types(typing.cast(Any, kind))[name]  # mypy confuses a class with its unhashable instances


@functools.cache
def _types(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)  # evaluates every annotation, 0.7 ms


class Named(str):
    """Names of settings in an error, as typed in commands; front ends show their labels, with values if given.

    Named.of(hparams, ["batch_size"])      "batch_size", labelled "Batch size"
    """

    parts: tuple[tuple[str, Any], ...]  # label and value, None: no value

    @classmethod
    def of(cls, hparams: HParams | type[HParams], names: Iterable[str]) -> Named:
        described = knobs(hparams)
        return cls.made(", ".join(names := list(names)), [(described[name].label, None) for name in names])

    @classmethod
    def with_values(cls, hparams: HParams | type[HParams], values: Mapping[str, Any]) -> Named:
        described = knobs(hparams)
        text = ", ".join(f"{name}={value}" for name, value in values.items())
        return cls.made(text, [(described[name].label, value) for name, value in values.items()])

    @classmethod
    def made(cls, text: str, parts: Iterable[tuple[str, Any]]) -> Named:
        made = cls(text)
        made.parts = tuple(parts)
        return made


def check(name: str, described: Knob, kind: Any, value: Any) -> None:
    """Raises BadValue if `value` is not of type `kind` or is outside the knob's range."""
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, tuple) or not value:
            raise BadValue("{name} must be a list of whole numbers such as 256,512.", name=name)
        for item in value:
            check(name, described, int, item)
        return
    accepted = (int, float) if kind is float else (kind,)
    if not isinstance(value, accepted) or (kind is not bool and isinstance(value, bool)):
        raise BadValue("{name} must be {kind}, got {value!r}.", name=name, kind=_TYPE_WORDS[kind], value=value)
    if described.choices and value not in described.choices:
        raise BadValue(
            "{name} can't be '{value}'. Valid: {valid}.",
            name=name, value=_cut(value), valid=", ".join(described.choices),
        )  # fmt: skip
    if kind in (int, float) and not _inside(value, described):
        raise BadValue(
            "{name} must be between {low} and {high}, got {value}.",
            name=name,
            low=described.low,
            high=described.high,
            value=value,
        )


_TYPE_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}


def _inside(value: float, described: Knob) -> bool:
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return (described.low is None or value >= described.low) and (described.high is None or value <= described.high)


LONGEST = 100  # longest value that is parsed, in characters
SHOWN = 40  # characters of an invalid value that an error repeats
_LIST = re.compile(r"\s*\d+\s*(?:[,，、-]\s*\d+\s*)*[,，、]?\s*")  # 256, 512 or 256-512; no sign, no fraction
_BOOLS = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}


def parse(name: str, kind: Any, text: str) -> Any:
    """Parses a value typed by a user or taken from a link; raises BadValue."""
    try:
        if len(text) > LONGEST:
            raise ValueError
        if typing.get_origin(kind) is tuple:
            return _list(text)
        if kind is bool:
            return _BOOLS[text.strip().lower()]
        return _whole(text) if kind is int else kind(text)
    except (ValueError, KeyError, InvalidOperation):
        words = "a list such as 256,512" if typing.get_origin(kind) is tuple else _TYPE_WORDS[kind]
        raise BadValue("{name} must be {kind}, got {value!r}.", name=name, kind=words, value=_cut(text)) from None


def _cut(value: Any) -> str:
    text = str(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def _whole(text: str) -> int:
    """A whole number in any spelling: 64, 64.0, 6.4e1."""
    try:
        return int(text)
    except ValueError:
        number = Decimal(text.strip())
        if not number.is_finite() or number.adjusted() > LONGEST or number != number.to_integral_value():
            raise
        return int(number)


def _list(text: str) -> tuple[int, ...]:
    if not _LIST.fullmatch(text):
        raise ValueError
    return tuple(int(number) for number in re.findall(r"\d+", text))


def read(kind: type[HParams], name: str, value: Any) -> Any:
    """The value of one knob from text or plain values; raises UnknownName or BadValue."""
    if name not in (described := knobs(kind)):
        raise UnknownName("knob", name, described)
    return read_as(name, described[name], knob_type(kind, name), value)


def read_as(name: str, described: Knob, wanted: Any, value: Any) -> Any:
    """Like `read`, for a value that is described by a knob but is not a setting, such as the steps of a run."""
    name = Named.made(name, [(described.label, None)])
    if isinstance(value, str) and wanted is not str:
        value = parse(name, wanted, value)
    elif isinstance(value, list):
        value = tuple(value)
    elif wanted is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    check(name, described, wanted, value)
    return value


def changed(hparams: Params, changes: Mapping[str, Any]) -> Params:
    """A copy with some fields changed; strings are parsed. Raises UnknownName or BadValue."""
    return dataclasses.replace(hparams, **{name: read(type(hparams), name, value) for name, value in changes.items()})


def faults(hparams: HParams, values: Mapping[str, Any]) -> dict[str, BadValue]:
    """The error of each invalid value, by the name of its knob."""
    found = {}
    for name, value in values.items():
        try:
            read(type(hparams), name, value)
        except BadValue as error:
            found[name] = error
    return found


def clocks(hparams: HParams | type[HParams], names: Iterable[str]) -> set[str]:
    """The schedules that restart when these knobs are edited in a running run."""
    described = knobs(hparams)
    return {described[name].clock for name in names if name in described} - {""}


def differences(old: HParams, new: HParams) -> dict[str, Any]:
    """The fields of `new` that differ from `old`."""
    return {name: getattr(new, name) for name in knobs(new) if getattr(new, name) != getattr(old, name, None)}


def to_dict(hparams: HParams) -> dict[str, Any]:
    """Plain values for JSON; `changed(defaults, to_dict(x))` gives `x` back."""
    return {
        name: list(value) if isinstance(value := getattr(hparams, name), tuple) else value for name in knobs(hparams)
    }

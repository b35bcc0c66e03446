"""Hyperparameters as frozen dataclasses whose every field is a knob.

A knob carries what a front end needs to draw it and what the library needs to check it: label, help, range,
unit, and whether it may change while a run is going (`"live"`) or alters the networks (`"rebuild"`).
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from gan_core.errors import BadValue, UnknownName

Change = Literal["live", "rebuild"]
Params = TypeVar("Params", bound="HParams")


@dataclass(frozen=True)
class Knob:
    """How one setting is shown and what it may be."""

    label: str
    help: str
    low: float | None = None
    high: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    change: Change = "live"
    group: str = "training"
    logarithmic: bool = False
    clock: str = ""  # the schedule that begins anew where this knob is set in a running run


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
) -> Any:
    """A dataclass field that is a knob; its annotation is int, float, bool, str or tuple[int, ...]."""
    described = Knob(label, help, low, high, unit, choices, change, group, logarithmic, clock)
    return dataclasses.field(default=default, metadata={"knob": described})


@dataclass(frozen=True)
class HParams:
    """Base of all hyperparameter sets: checks every field against its knob when it is made."""

    def __post_init__(self) -> None:
        for name, described in knobs(self).items():
            check(name, described, knob_type(type(self), name), getattr(self, name))


def knobs(hparams: HParams | type[HParams]) -> dict[str, Knob]:
    """The knobs of a hyperparameter set by field name, in the order of definition."""
    return {field.name: field.metadata["knob"] for field in dataclasses.fields(hparams) if "knob" in field.metadata}


def knob_type(kind: type[HParams], name: str) -> Any:
    """The annotated type of one field."""
    return typing.get_type_hints(kind)[name]


def check(name: str, described: Knob, kind: Any, value: Any) -> None:
    """Raises BadValue where `value` is of another type than `kind` or outside the knob's range."""
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, tuple) or not value:
            raise BadValue("{name} must be a list of whole numbers such as 256,512.", name=name)
        for item in value:
            check(name, described, int, item)
        return
    accepted = (int, float) if kind is float else (kind,)
    if not isinstance(value, accepted) or (kind is not bool and isinstance(value, bool)):
        raise BadValue("{name} must be {kind}, not {value!r}.", name=name, kind=_TYPE_WORDS[kind], value=value)
    if described.choices and value not in described.choices:
        raise BadValue(
            "{name} can't be '{value}'. Valid: {valid}.", name=name, value=value, valid=", ".join(described.choices)
        )
    if kind in (int, float) and not _inside(value, described):
        raise BadValue(
            "{name} must lie between {low} and {high}, not at {value}.",
            name=name,
            low=described.low,
            high=described.high,
            value=value,
        )


_TYPE_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}


def _inside(value: float, described: Knob) -> bool:
    if not math.isfinite(value):
        return False
    return (described.low is None or value >= described.low) and (described.high is None or value <= described.high)


def parse(name: str, kind: Any, text: str) -> Any:
    """Reads a value typed by a user or taken from a link; raises BadValue where it can't be read."""
    try:
        if typing.get_origin(kind) is tuple:
            return tuple(int(part) for part in text.replace("-", ",").split(",") if part.strip())
        if kind is bool:
            return {
                "true": True,
                "1": True,
                "yes": True,
                "on": True,
                "false": False,
                "0": False,
                "no": False,
                "off": False,
            }[text.strip().lower()]
        return kind(text)
    except (ValueError, KeyError):
        words = "a list such as 256,512" if typing.get_origin(kind) is tuple else _TYPE_WORDS[kind]
        raise BadValue("{name} must be {kind}, not {value!r}.", name=name, kind=words, value=text) from None


def changed(hparams: Params, changes: Mapping[str, Any]) -> Params:
    """A copy with some fields changed; strings are parsed. Raises UnknownName or BadValue, and changes nothing then."""
    kind = type(hparams)
    values: dict[str, Any] = {}
    for name, value in changes.items():
        if name not in knobs(kind):
            raise UnknownName("knob", name, knobs(kind))
        wanted = knob_type(kind, name)
        if isinstance(value, str) and wanted is not str:
            value = parse(name, wanted, value)
        elif isinstance(value, list):
            value = tuple(value)
        elif wanted is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        values[name] = value
    return dataclasses.replace(hparams, **values)


def clocks(hparams: HParams | type[HParams], names: Iterable[str]) -> set[str]:
    """The schedules that begin anew where these knobs are set in a running run."""
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

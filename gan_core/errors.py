"""Errors that a user can act on.

A message is a constant English template and its values are kept apart, so that a front end can show it in
another language. It names what is wrong and what would be valid.
"""

from __future__ import annotations

import difflib
import math
import re
import string
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

LISTED = 20  # names in a message
LARGE = 1e7  # numbers from here on are powers of ten
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
FINEST = 2  # decimals of a percentage that would otherwise round to 0 % or 100 %
ROUNDING = 1e-6  # what sums of float32 shares miss 1 by
_DOUBLED_STOP = re.compile(r"(?<![.\s/\\])(?:[.。](?=。)|\.(?=\.(?:\s|$)))")  # of a value, before the template's own


def listed(names: Sequence[str]) -> str:
    """Names for a message; a long list is cut, and its length given."""
    return ", ".join(names[:LISTED]) + (f", … ({len(names)})" if len(names) > LISTED else "")


class _Sentences(string.Formatter):
    """`str.format`, except that a percentage is written by `percent`, and that large numbers are powers of ten
    (3.2 × 10¹⁸).
    """

    def format_field(self, value: Any, format_spec: str) -> Any:
        if format_spec.endswith("%"):
            return percent(value, int(format_spec[1:-1]))
        words = super().format_field(value, format_spec)
        scientific = format_spec.endswith("e") or (format_spec.endswith("f") and abs(value) >= LARGE)
        if scientific and math.isfinite(value):
            return _power_of_ten(value, 0 if format_spec.endswith("0e") else 1)
        return words


def _power_of_ten(value: float, digits: int) -> str:
    factor, exponent = f"{value:.{digits}e}".split("e")
    return f"{factor} × 10{str(int(exponent)).translate(RAISED)}" if value else "0"


_sentences = _Sentences()


def filled(template: str, values: Mapping[str, object]) -> str:
    """Fills a template with its values; raises what `str.format` raises. Of two stops, such as a reason's own and the
    template's, one is left.
    """
    return _DOUBLED_STOP.sub("", _sentences.vformat(template, (), values))


def percent(share: float, digits: int = 0) -> str:
    """Formats a share: 98.6 %. Only 0 is 0 % and only 1 is 100 %; a share that would round to either has up to two
    decimals (99.98 %), and then a sign (< 100 %).
    """
    end = 1 if share > 0.5 else 0
    if abs(share - end) <= (ROUNDING if end else 0):
        return f"{100 * end:.{digits}f} %"
    for decimals in range(digits, max(digits, FINEST) + 1):
        words = f"{100 * share:.{decimals}f}"
        if float(words) != 100 * end:
            return f"{words} %"
    return f"{'>' if share > end else '<'} {100 * end} %"


class GanscopeError(Exception):
    """Base of all errors that are shown to a user as a sentence, never as a traceback."""

    def __init__(self, message: str, **values: object) -> None:
        super().__init__(message, values)
        self.message = message
        self.values = values

    def __reduce__(self) -> tuple[Any, ...]:
        """For copies and other processes: by default an exception is made anew from `args`, as no subclass can be."""
        return _same, (type(self), self.args), self.__dict__

    def __str__(self) -> str:
        return filled(self.message, self.values)


def _same(kind: type[GanscopeError], args: tuple[Any, ...]) -> GanscopeError:
    return kind.__new__(kind, *args)


def plain_values(values: Mapping[str, object]) -> dict[str, Any]:
    """A template's values as JSON holds them. An error among them stays a template with values, for any language."""
    return {
        name: {"message": value.message, "values": plain_values(value.values)} if isinstance(value, GanscopeError)
        else value if isinstance(value, int | float) else str(value)
        for name, value in values.items()
    }  # fmt: skip


def values_of(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Values from what `plain_values` made of them."""
    return {
        name: GanscopeError(value["message"], **values_of(value["values"])) if isinstance(value, dict) else value
        for name, value in stored.items()
    }


class BadValue(GanscopeError):
    """A setting, size or argument is out of its range."""


class BadData(GanscopeError):
    """A data set can't be read or is unsuitable for the request."""


class BadCheckpoint(GanscopeError):
    """A checkpoint or weight file is corrupt, foreign or of another architecture."""


class StoreError(GanscopeError):
    """The run store can't be read or written."""


class RunConflict(GanscopeError):
    """A command isn't possible in the run's present state."""


class HubError(GanscopeError):
    """The Hugging Face Hub can't be reached, lacks the requested item, or refuses."""


class ExportError(GanscopeError):
    """A model can't be written in another format, or a file of that format can't be run."""


class UnknownName(GanscopeError):
    """An unregistered name; lists the valid ones, the nearest first. `nearest`: those that are spelt alike."""

    nearest: Sequence[str] = ()

    def __init__(self, kind: str, name: str, valid: Iterable[str]) -> None:
        names = sorted(valid)
        if not names:
            super().__init__("There is no {kind} named '{name}'; none exists yet.", kind=kind, name=name)
            return
        self.nearest = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        ordered = [*self.nearest, *(other for other in names if other not in self.nearest)]
        super().__init__(
            "There is no {kind} named '{name}'. Valid: {valid}.", kind=kind, name=name, valid=", ".join(ordered)
        )


class DeletedRun(UnknownName):
    """A run that existed and has been deleted."""

    def __init__(self, message: str, **values: object) -> None:
        GanscopeError.__init__(self, message, **values)

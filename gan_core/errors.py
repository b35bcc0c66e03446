"""Errors that a user can act on.

A message is a constant English template and its values are kept apart, so that a front end can show it in
another language. It names what is wrong and what would be valid.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

LISTED = 20  # names in a message


def listed(names: Sequence[str]) -> str:
    """Names for a message; a long list is cut, and its length given."""
    return ", ".join(names[:LISTED]) + (f", … ({len(names)})" if len(names) > LISTED else "")


class GanscopeError(Exception):
    """Base of all errors that are shown to a user as a sentence, never as a traceback."""

    def __init__(self, message: str, **values: object) -> None:
        super().__init__(message, values)
        self.message = message
        self.values = values

    def __str__(self) -> str:
        return self.message.format(**self.values)


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

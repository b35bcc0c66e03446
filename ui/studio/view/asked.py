"""The request of the tab From words, as a part of a link: sentence, model, seed, variety and guide.

The names of its parts begin with the tab's, so that they stay in the link while other tabs write theirs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import parse_qs

from gan_core.data.avatars import sentences
from gan_core.errors import BadValue, GanscopeError, UnknownName
from ui.studio.models import word_models
from ui.studio.view.view import LONGEST, checked_seed

PREFIX = "words-"
MOST_VARIETY = 1.5


@dataclass(frozen=True)
class Asked:
    """`variety` in [0, 1.5] is how much the pictures of a sentence differ."""

    text: str
    model: str
    seed: int
    variety: float
    guide: str | None


def parsed(query: str, usual: Asked) -> tuple[Asked | None, list[GanscopeError]]:
    """Returns the request in a link, and its problems; None without any part of this tab.

    Invalid parts fall back to the usual ones, so that a link always shows something.
    """
    given = {name: values[-1] for name, values in parse_qs(query.lstrip("?"), keep_blank_values=True).items()}
    given = {name.removeprefix(PREFIX): value for name, value in given.items() if name.startswith(PREFIX)}
    if not given:
        return None, []
    if len(query) > LONGEST:
        return usual, [BadValue("The link is longer than {most} characters.", most=LONGEST)]
    problems: list[GanscopeError] = []
    asked = usual
    for part, read in _READERS.items():
        if part in given:
            try:
                asked = read(asked, given[part])
            except GanscopeError as error:
                problems.append(error)
    return asked, problems


def checked_variety(value: object) -> float:
    """Returns a valid variety; raises BadValue."""
    try:
        number = float(str(value))
    except ValueError:
        number = math.nan
    if not 0 <= number <= MOST_VARIETY:
        raise BadValue("The variety must be between 0 and {most}, got {value}.", most=MOST_VARIETY,
                       value=str(value)[:20])  # fmt: skip
    return number


def _model(asked: Asked, text: str) -> Asked:
    valid = {**word_models.drawing(), **word_models.searchable()}
    if text not in valid:
        raise UnknownName("model", text[:60], valid)
    return replace(asked, model=text)


def _guide(asked: Asked, text: str) -> Asked:
    valid = word_models.guides()
    if text not in valid:
        raise BadValue("Unknown guide '{name}'. Valid: {valid}.", name=text[:20], valid=", ".join(valid) or "–")
    return replace(asked, guide=text)


def _text(asked: Asked, text: str) -> Asked:
    sentences.tokens(text, word_models.vocabulary_of(asked.model))
    return replace(asked, text=text)


def _seed(asked: Asked, text: str) -> Asked:
    return replace(asked, seed=checked_seed(text))


def _variety(asked: Asked, text: str) -> Asked:
    return replace(asked, variety=checked_variety(text))


# the model first: it determines which words are known
_READERS: dict[str, Callable[[Asked, str], Asked]] = {
    "model": _model, "guide": _guide, "text": _text, "seed": _seed, "variety": _variety,
}  # fmt: skip

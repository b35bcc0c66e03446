"""A visitor's own direction, made from samples marked yes or no.

Its name contains all it is made from, the samples' seed and a letter per mark, so that it fits into a link: `own 7
yynn.y` and so on; a dot means unmarked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gan_core.latent.directions import Direction
    from gan_core.latent.explorer import Explorer
    from gan_core.latent.points import Points

COUNT = 24  # number of samples to mark
PSI = 0.8  # their truncation: varied, but of good quality
OPEN, YES, NO = ".", "y", "n"
_NAME = re.compile(rf"own (?P<seed>\d{{1,10}}) (?P<marks>[{YES}{NO}{OPEN}]{{{COUNT}}})")


def name_of(seed: int, marks: Sequence[str]) -> str:
    return f"own {seed} {''.join(marks)}"


def is_custom(name: str) -> bool:
    """Whether a direction's name says that it was made from marks."""
    return _NAME.fullmatch(name) is not None


def samples(explorer: Explorer, seed: int) -> Points:
    """Returns the COUNT points to be marked."""
    from gan_core.latent.truncation import Truncation, truncated

    points = explorer.sample(COUNT, seed)
    return truncated(explorer, points, Truncation(PSI)) if explorer.sampler.recipe.truncate else points


def made(explorer: Explorer, name: str) -> Direction:
    """Returns the direction of a custom name; raises BadValue if there are too few marks, or only of one kind."""
    from gan_core.latent.interfacegan import from_labels

    found = _NAME.fullmatch(name)
    assert found is not None
    marked = [place for place, mark in enumerate(found["marks"]) if mark != OPEN]
    points = samples(explorer, int(found["seed"])).mapped(lambda values: values[marked])
    return from_labels(explorer, name, points, [found["marks"][place] == YES for place in marked])

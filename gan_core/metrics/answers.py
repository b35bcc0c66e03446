"""Confidence of a classifier on samples and on real images, and the coverage of classes and attributes.

Shares of classes are multiples of the uniform share, so that 1 is average: `rarest_class` and `commonest_class`. For
attributes `reached` is the share of values that occur at least half as often as among real images. Names that end in
`_real` are the same figures for real images.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gan_core.metrics.classes import ClassCounts

ENOUGH = 0.5  # of the share among real images

Answers = Mapping[str, ClassCounts]  # question -> answers


def sureness(answers: Answers) -> float:
    """The share of images for which the net is sure; for attributes the mean over all of them."""
    return float(np.mean([counts.sure for counts in answers.values()]))


def class_spread(made: ClassCounts, real: ClassCounts, end: str) -> dict[str, float]:
    """The shares of the rarest and the commonest class, as multiples of the uniform share; names end in `end`."""
    found: dict[str, float] = {}
    for counts, of in ((made, ""), (real, "_real")):
        times = counts.histogram * len(counts.wins)
        found |= {f"rarest_class{end}{of}": float(times.min()), f"commonest_class{end}{of}": float(times.max())}
    return found


def reached(made: Answers, real: Answers, end: str) -> dict[str, float]:
    """The share of values that are reached, over all attributes and for each."""
    found = {name: made[name].histogram >= ENOUGH * real[name].histogram for name in made}  # (values,)
    each = {f"reached{end}_{name}": float(values.mean()) for name, values in found.items()}
    return {f"reached{end}": float(np.concatenate(list(found.values())).mean())} | each

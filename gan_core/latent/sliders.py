"""The directions of a model that are shown first. Needs no torch."""

from __future__ import annotations

from collections.abc import Collection

SLOTS = 6  # number of sliders

# a slider for each, in this order; of several directions, the first that the model has. Selected by eye and with the
# feature network of tests/studio/test_first_sliders.py on 12 seeds: hats, hair, skin tones and sunglasses rarely appear
WANTED = (
    ("mouth: laugh", "mouth: smile"),
    ("glasses: square", "glasses: round", "glasses: sun"),
    ("eye_colour: blue", "eye_colour: green"),
    ("cheeks: rosy", "cheeks: freckles"),
    ("beard: full", "beard: moustache", "beard: goatee"),
    ("gaze: left", "gaze: right"),
)


def first(names: Collection[str]) -> tuple[str, ...]:
    """At most SLOTS of the directions' names: the preferred ones, then the others in order."""
    chosen = [next((name for name in group if name in names), "") for group in WANTED]
    wanted = [name for name in chosen if name]
    return tuple([*wanted, *(name for name in names if name not in wanted)][:SLOTS])

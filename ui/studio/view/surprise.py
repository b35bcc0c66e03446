"""A surprise: a random picture with a few of the sliders moved, the clearest of several."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from ui.studio.models.opened import Opened, opened
from ui.studio.view.pictures import picture
from ui.studio.view.view import Change, View

CANDIDATES = 16
SEEDS = 100_000
MOVED = 2  # sliders
STRENGTHS = (1.0, 2.5)  # how far; either way, unless a direction is named after a value: "mouth: smile"
PSI = (0.6, 0.8)  # truncation


def surprise(name: str, slots: Sequence[str], chance: random.Random | None = None) -> View:
    """Returns the candidate of which the model's feature network is surest, or any if there is no such network.

    `slots` are the directions that have sliders. Raises what `opened` raises.
    """
    model = opened(name)
    chance = chance or random.SystemRandom()
    views = [_candidate(model, name, slots, chance) for _ in range(CANDIDATES if model.reader else 1)]
    return views[int(np.argmax(clearness(model, views)))]


def _candidate(model: Opened, name: str, slots: Sequence[str], chance: random.Random) -> View:
    moved = sorted(chance.sample(range(len(slots)), min(MOVED, len(slots))))
    changes = tuple(_moved(slots[one], chance) for one in moved)
    classes = model.explorer.sampler.spec.classes if model.explorer.sampler.recipe.conditional else 0
    return View(
        name,
        chance.randrange(1, SEEDS),
        round(chance.uniform(*PSI), 2) if model.truncates else 1.0,
        chance.randrange(classes) if classes else None,
        changes,
    )


def _moved(direction: str, chance: random.Random) -> Change:
    way = 1 if ": " in direction else chance.choice((-1, 1))
    return Change(direction, round(way * chance.uniform(*STRENGTHS), 1))


def clearness(model: Opened, views: Sequence[View]) -> np.ndarray:
    """Returns the network's mean confidence in what it recognises of each view, (N,) in 0..1; zeros without one."""
    if model.reader is None:
        return np.zeros(len(views))
    images = np.stack([_channels_first(np.asarray(picture(view))) for view in views])
    answers = np.concatenate([answer for _features, answer in model.reader.predict(images)])
    questions = list(model.reader.split(answers).values()) or [answers]
    surest = np.stack([probabilities.max(1) for probabilities in questions])  # (questions, N)
    clear: np.ndarray = surest.mean(0)
    return clear


def _channels_first(image: np.ndarray) -> np.ndarray:
    return image[None] if image.ndim == 2 else image.transpose(2, 0, 1)  # (H, W[, C]) -> (C, H, W)

"""Moving digits: films of one handwritten digit that bounces off the picture's edges or goes in a circle.

Content (scikit-learn's 8x8 digits, enlarged) and motion are drawn independently, as MoCoGAN assumes (1707.04993). The
test part has digits from other forms, and so presumably of other writers. `NAME` alone is the part for training.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from gan_core.data.base import DataSet, Progress, Source, register
from gan_core.data.sets.digits import CLASSES, DIGITS
from gan_core.data.sets.digits import LICENCE as DIGITS_LICENCE

LICENCE = f"made by GANscope of digits: {DIGITS_LICENCE}"
FRAMES, SIZE, RATE = 16, 32, 12  # frames of a film, pixels, frames a second
DIGIT = 16  # pixels of the digit within the picture
TRAIN, FILMS, TEST_FILMS = 1500, 2400, 300  # digits for training films; numbers of films
TEST = 1545  # where the first form begins of which no digit is in the training films
MOTIONS = ("bounce", "circle")
CHUNK = 200  # films drawn at once
SPEED, RADIUS, TURN = (1.0, 2.5), (5.0, 7.5), (0.22, 0.45)  # pixels a frame; pixels; radians a frame


def paths(random: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions (count, FRAMES, 2) of the digit's corner in pixels, x first, and the index into `MOTIONS` of each."""
    room, steps = float(SIZE - DIGIT), np.arange(FRAMES)[None, :, None]
    angle = random.uniform(0, 2 * np.pi, count)
    ahead = random.uniform(*SPEED, count)[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
    run = random.uniform(0, room, (count, 1, 2)) + steps * ahead[:, None]
    bounced = room - np.abs(run % (2 * room) - room)  # a straight line, folded at the edges
    turn = random.uniform(*TURN, count) * random.choice([-1, 1], count)
    phase = random.uniform(0, 2 * np.pi, count)[:, None] + steps[:, :, 0] * turn[:, None]
    circle = np.stack([np.cos(phase), np.sin(phase)], -1) * random.uniform(*RADIUS, count)[:, None, None]
    motion = random.integers(len(MOTIONS), size=count)
    return np.where(motion[:, None, None] == 0, bounced, room / 2 + circle), motion


def films(digits: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Films uint8 (N, 1, FRAMES, SIZE, SIZE) of digits (N, DIGIT, DIGIT) at places (N, FRAMES, 2)."""
    made = np.empty((*places.shape[:2], SIZE, SIZE), np.uint8)
    for start in range(0, len(places), CHUNK):
        part = slice(start, start + CHUNK)
        across, down = (_shares(places[part, :, axis]) for axis in (0, 1))  # (N, T, SIZE, DIGIT)
        made[part] = np.rint(down @ digits[part, None] @ across.swapaxes(2, 3))
    return made[:, None]


def _shares(places: np.ndarray) -> np.ndarray:
    """The share of each pixel of a digit that begins at `places` (N, T) in each pixel of a line."""
    apart = np.arange(SIZE)[:, None] - np.arange(DIGIT) - places[..., None, None]
    weights: np.ndarray = np.maximum(0, 1 - np.abs(apart))
    return weights.astype(np.float32)


def _load(part: str, size: int | None, progress: Progress) -> DataSet:
    known = DIGITS.load(DIGIT, progress)
    chosen = slice(TEST, None) if part == "test" else slice(TRAIN)
    digits, labels = known.arrays["real"][chosen, 0].astype(np.float32), known.arrays["label"][chosen]
    random = np.random.default_rng(part == "test")
    count = TEST_FILMS if part == "test" else FILMS
    which = random.permutation(count) % len(digits)
    places, motion = paths(random, count)
    arrays = {
        "frames": films(digits[which], places), "label": labels[which], "attributes": motion[:, None].astype(np.int64),
    }  # fmt: skip
    progress(1.0, "Preparing films")
    name = "test:moving_digits" if part == "test" else "moving_digits"
    return DataSet(name, arrays, CLASSES, LICENCE, attributes={"motion": MOTIONS}, rate=RATE)


register(
    Source(
        name="moving_digits",
        title="Moving digits",
        about="2,400 films of 16 frames: a handwritten digit bounces off the edges or goes in a circle. Made by code, "
        "so that the true motion is known.",
        licence=LICENCE,
        size=SIZE,
        channels=1,
        items=FILMS,
        class_names=CLASSES,
        load=partial(_load, "train"),
        test=partial(_load, "test"),
        available=DIGITS.available,
        needs=DIGITS.needs,
        task="video",
        attributes={"motion": MOTIONS},
        shapes={"frames": (1, FRAMES, SIZE, SIZE)},
        rate=RATE,
    )
)

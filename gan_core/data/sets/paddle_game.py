"""The paddle game (`gan_core/data/games.py`) as films with the player's actions, for models that simulate it."""

from __future__ import annotations

from functools import partial

import numpy as np

from gan_core.data import games
from gan_core.data.base import DataSet, Progress, Source, register

LICENCE = "made by GANscope; free to use"
FRAMES, RATE = 16, 12  # frames of a film, and per second
FILMS, TEST_FILMS = 1200, 150
HELD = 0.25  # probability that a random player changes the key


def play(random: np.random.Generator, count: int, frames: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Films uint8 (count, 3, frames, size, size) and actions (count, frames): action t leads to frame t + 1.

    Half of the players follow the ball most of the time, the others press random keys.
    """
    game = games.begin(random, count)
    pressed = random.integers(3, size=count)
    skilled = random.random(count) < 0.5
    films, actions = [], []
    for _ in range(frames):
        pressed = np.where(random.random(count) < HELD, random.integers(3, size=count), pressed)
        chosen = np.where(skilled & (random.random(count) < 0.8), games.follow(game), pressed)
        films.append(game.pictures(size))
        actions.append(chosen)
        game = game.step(chosen)
    return np.stack(films, 2), np.stack(actions, 1).astype(np.int64)


def _load(part: str, size: int | None, progress: Progress) -> DataSet:
    count = TEST_FILMS if part == "test" else FILMS
    frames, actions = play(np.random.default_rng(part == "test"), count, FRAMES, games.SIZE)
    progress(1.0, "Preparing films")
    name = "test:paddle_game" if part == "test" else "paddle_game"
    return DataSet(name, {"frames": frames, "action": actions}, (), LICENCE, vocabulary=games.ACTIONS, rate=RATE)


register(
    Source(
        name="paddle_game",
        title="Paddle game",
        about="1,200 films of 16 frames of a small game of our own, with the key that was pressed at each frame. A "
        "ball bounces off walls, paddle and floor.",
        licence=LICENCE,
        size=games.SIZE,
        channels=3,
        items=FILMS,
        class_names=(),
        load=partial(_load, "train"),
        test=partial(_load, "test"),
        available=lambda: True,
        task="video",
        shapes={"frames": (3, FRAMES, games.SIZE, games.SIZE), "action": (FRAMES,)},
        vocabulary=games.ACTIONS,
        rate=RATE,
    )
)

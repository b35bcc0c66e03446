"""The drift of a model of the paddle game from the true game, when both are played with the same keys.

From a true start the model generates every frame from its own two previous ones; the game continues by its rules.
Positions of ball and paddle are read from the model's pictures by colour (`games.seen`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch

from gan_core.data import games
from gan_core.data.games import Game
from gan_core.gans.worldgan import World
from gan_core.models.sampler import Sampler

HELD = 0.25  # probability of another key at each frame
LOST = 6.0  # error in pixels from which the ball counts as lost


@dataclass(frozen=True)
class Dream:
    """N games in the model, and the true ones. `given`: the last two frames, (N, 2 * 3, S, S)."""

    given: torch.Tensor
    truth: Game
    frame: int = 0

    @property
    def picture(self) -> np.ndarray:
        """The model's frames, uint8 (N, 3, S, S)."""
        last = self.given[:, self.given.shape[1] // 2 :]
        return ((last.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).numpy()

    def off(self) -> tuple[np.ndarray, np.ndarray]:
        """Distances of ball and paddle from the true ones, pixels of the game (N,) each; NaN if they aren't visible."""
        ball, paddle = games.seen(self.picture)
        true_ball, true_paddle = self.truth.ball + games.BALL / 2, self.truth.paddle + games.WIDE / 2
        return np.linalg.norm(ball - true_ball, axis=1), np.abs(paddle - true_paddle)


def begin(sampler: Sampler, count: int, seed: int) -> Dream:
    """Begins games at random positions, after their first two frames."""
    size = sampler.spec.size
    game = games.begin(np.random.default_rng(seed), count)
    later = game.step(np.ones(count))
    frames = np.concatenate([game.pictures(size), later.pictures(size)], 1)
    return Dream(torch.from_numpy(frames.astype(np.float32) / 127.5 - 1), later)


@torch.no_grad()
def step(sampler: Sampler, dream: Dream, actions: np.ndarray) -> Dream:
    """Advances the model and the true game by one frame."""
    world = cast(World, sampler.networks["generator"])
    frame = world(dream.given, torch.from_numpy(np.asarray(actions)))
    given = torch.cat([dream.given[:, frame.shape[1] :], frame], 1)
    return replace(dream, given=given, truth=dream.truth.step(actions), frame=dream.frame + 1)


@dataclass(frozen=True)
class Drift:
    """The drift of N games after `frame` frames: median distances in pixels, and the share of lost balls."""

    frame: int
    ball: float
    paddle: float
    lost: float


def measure(
    sampler: Sampler, frames: Sequence[int] = (1, 10, 25, 50, 100), count: int = 64, seed: int = 0
) -> list[Drift]:
    """The drift after given numbers of frames, played with random keys."""
    random = np.random.default_rng(seed)
    dream, pressed = begin(sampler, count, seed), random.integers(3, size=count)
    found = []
    for _ in range(max(frames)):
        pressed = np.where(random.random(count) < HELD, random.integers(3, size=count), pressed)
        dream = step(sampler, dream, pressed)
        if dream.frame in frames:
            ball, paddle = dream.off()
            lost = ~(np.nan_to_num(ball, nan=np.inf) <= LOST)
            found.append(Drift(dream.frame, _median(ball), _median(paddle), float(lost.mean())))
    return found


def _median(values: np.ndarray) -> float:
    """The median of known values; infinite if there are none."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("inf")

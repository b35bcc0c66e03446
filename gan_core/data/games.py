"""A small custom game, for models that learn to simulate it: a paddle under a ball. Needs no torch.

The ball moves on straight lines and bounces off the walls and the paddle; if the paddle misses it, it bounces off the
floor below. Every frame follows from the two before it and the player's action, so that a model's frames can be
compared with the true ones for any length of time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ACTIONS = ("left", "none", "right")
SIZE = 32  # pixels, the unit of positions; pictures of other sizes are scaled
SPEED = 2.0  # pixels that the paddle moves by
BALL, WIDE, THICK = 4.0, 9.0, 2.0  # sides of the ball; the paddle's width and height
LINE, FLOOR = 26.0, 32.0  # heights of the paddle's upper edge and of the floor
BALL_COLOUR, PADDLE_COLOUR, GROUND = (255, 176, 64), (150, 110, 255), (14, 12, 32)
FASTEST = 2.0


@dataclass(frozen=True)
class Game:
    """N games at once: the ball's corner and velocity (N, 2), and the paddle's left end (N,), in pixels."""

    ball: np.ndarray
    velocity: np.ndarray
    paddle: np.ndarray

    def step(self, actions: np.ndarray) -> Game:
        """Advances by one frame; `actions` (N,) are indices into `ACTIONS`."""
        paddle = np.clip(self.paddle + SPEED * (np.asarray(actions) - 1), 0, SIZE - WIDE)
        ball, velocity = self.ball + self.velocity, self.velocity.copy()
        before = self.ball[:, 1] + BALL
        over = (ball[:, 0] + BALL > paddle) & (ball[:, 0] < paddle + WIDE)
        hit = over & (velocity[:, 1] > 0) & (before <= LINE) & (ball[:, 1] + BALL > LINE)
        lowest = np.where(hit, LINE, FLOOR) - BALL
        for axis, high in ((0, np.full(len(ball), SIZE - BALL)), (1, lowest)):
            place = ball[:, axis]
            beyond, under = place > high, place < 0
            ball[:, axis] = np.where(beyond, 2 * high - place, np.abs(place))
            velocity[:, axis] = np.where(beyond | under, -velocity[:, axis], velocity[:, axis])
        return Game(ball, velocity, paddle)

    def hits(self, later: Game) -> np.ndarray:
        """Whether the paddle hit the ball between this frame and the next, (N,)."""
        turned = (self.velocity[:, 1] > 0) & (later.velocity[:, 1] < 0)
        return np.asarray(turned & (later.ball[:, 1] + BALL <= LINE))

    def pictures(self, size: int = SIZE) -> np.ndarray:
        """uint8 (N, 3, size, size); edges are antialiased by the covered share of pixels."""
        made = np.empty((len(self.ball), 3, size, size), np.float32)
        made[:] = np.array(GROUND, np.float32)[:, None, None]
        box = np.stack([self.paddle, np.full_like(self.paddle, LINE)], 1)
        for corner, sides, colour in ((box, (WIDE, THICK), PADDLE_COLOUR), (self.ball, (BALL, BALL), BALL_COLOUR)):
            across, down = (_covered(corner[:, axis], sides[axis], size) for axis in (0, 1))
            share = (down[:, :, None] * across[:, None, :])[:, None]  # (N, 1, size, size)
            made += share * (np.array(colour, np.float32)[:, None, None] - made)
        return np.rint(made).astype(np.uint8)


def _covered(start: np.ndarray, length: float, size: int) -> np.ndarray:
    """The share of each of `size` pixels that a bar from `start` (N,) covers, (N, size)."""
    scale = size / SIZE
    edges = np.arange(size)
    begin, end = start[:, None] * scale, (start[:, None] + length) * scale
    covered: np.ndarray = np.clip(np.minimum(end, edges + 1) - np.maximum(begin, edges), 0, 1)
    return covered.astype(np.float32)


def begin(random: np.random.Generator, count: int) -> Game:
    """Begins games at random positions; the ball is above the paddle."""
    angle = random.uniform(0.35, 1.1, count) * random.choice([-1, 1], count)  # of the direction, from the vertical
    speed = random.uniform(1.5, FASTEST, count)
    velocity = speed[:, None] * np.stack([np.sin(angle), np.cos(angle) * random.choice([-1, 1], count)], 1)
    ball = np.stack([random.uniform(0, SIZE - BALL, count), random.uniform(0, LINE - BALL - 1, count)], 1)
    return Game(ball, velocity, random.uniform(0, SIZE - WIDE, count))


def follow(game: Game) -> np.ndarray:
    """The actions (N,) that keep the paddle below the ball."""
    ahead = game.ball[:, 0] + BALL / 2 - (game.paddle + WIDE / 2)
    return np.where(ahead > SPEED, 2, np.where(ahead < -SPEED, 0, 1))


def seen(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Locates ball and paddle in pictures (N, 3, S, S), uint8: the ball's centre (N, 2) and the paddle's (N,).

    In pixels of the game, by the mean position of pixels of their colour; NaN if there are none.
    """
    colours = pictures.astype(np.float32)
    size = pictures.shape[-1]
    warm = np.clip(colours[:, 0] - colours[:, 2], 0, None)  # the ball has more red than blue, the paddle less
    cold = np.clip(colours[:, 2] - colours[:, 0] - (GROUND[2] - GROUND[0]), 0, None)
    centres = (np.arange(size) + 0.5) * SIZE / size

    def middle(weight: np.ndarray, axis: int) -> np.ndarray:
        weight = np.where(weight > 40, weight, 0)
        total = weight.sum((1, 2))
        along = weight.sum(axis) @ centres
        return np.where(total > 0, along / np.maximum(total, 1e-6), np.nan)

    return np.stack([middle(warm, 1), middle(warm, 2)], 1), middle(cold, 1)

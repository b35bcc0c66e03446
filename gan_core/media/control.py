"""Episodes of control: observations (T, O), the last one repeated after the end. Their pictures are drawn here."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from gan_core.data.base import DataSpec
from gan_core.data.environments import Environment, environment_of
from gan_core.disk import replacing
from gan_core.media.base import Medium, Piece, register
from gan_core.media.video import GAP, film_as_webp, side_by_side, write_film

SIDE, FINE = 64, 4  # pixels of a picture, and how many times larger it is drawn
STRIP = 6  # pictures of an episode
FRAMES = 100  # of a film, at most
SHOWN = 4  # episodes in a film file
INK, POLE, WHEEL, PAPER, LINE = (60, 50, 90), (150, 110, 255), (255, 150, 60), (250, 249, 255), (200, 196, 215)


def length_of(episode: np.ndarray) -> int:
    """Steps of an episode (T, O), up to the last change."""
    moving = np.flatnonzero((episode[1:] != episode[:-1]).any(1))
    length = int(moving[-1]) + 1 if len(moving) else 0
    return len(episode) if length == len(episode) - 1 else length


def drawn(seen: np.ndarray, environment: Environment) -> np.ndarray:
    """Draws an observation (O,), uint8 (SIDE, SIDE, 3)."""
    big = SIDE * FINE
    page = Image.new("RGB", (big, big), PAPER)
    (_cart if environment.survive else _links)(ImageDraw.Draw(page), np.nan_to_num(seen), big)
    return np.asarray(page.resize((SIDE, SIDE), Image.Resampling.BOX))


def _cart(draw: ImageDraw.ImageDraw, seen: np.ndarray, big: int) -> None:
    """A cart on a rail of 4.8 units, and its pole."""
    x, y, angle = big * (0.5 + float(np.clip(seen[0], -3, 3)) / 5.2), big * 0.72, float(seen[2])
    width, height, length = big * 0.1, big * 0.05, big * 0.5
    draw.line((0, y + height, big, y + height), LINE, FINE * 2)
    draw.rectangle((x - width, y - height, x + width, y + height), INK)
    tip = (x + length * np.sin(angle), y - height - length * np.cos(angle))
    draw.line((x, y - height, *tip), POLE, FINE * 4)
    draw.ellipse(_around((x, y - height), big * 0.025), WHEEL)


def _links(draw: ImageDraw.ImageDraw, seen: np.ndarray, big: int) -> None:
    """Two links that hang from the middle, and the line that the tip must pass."""
    middle, unit = big / 2, big / 4.6
    one = np.arctan2(seen[1], seen[0])
    both = one + np.arctan2(seen[3], seen[2])
    elbow = (middle + unit * np.sin(one), middle + unit * np.cos(one))
    tip = (elbow[0] + unit * np.sin(both), elbow[1] + unit * np.cos(both))
    draw.line((0, middle - unit, big, middle - unit), LINE, FINE * 2)
    draw.line((middle, middle, *elbow), INK, FINE * 5)
    draw.line((*elbow, *tip), POLE, FINE * 5)
    for place in ((middle, middle), elbow):
        draw.ellipse(_around(place, big * 0.035), WHEEL)


def _around(place: tuple[float, float], radius: float) -> tuple[float, float, float, float]:
    return place[0] - radius, place[1] - radius, place[0] + radius, place[1] + radius


def film(episode: np.ndarray, environment: Environment, frames: int = 0) -> np.ndarray:
    """An episode (T, O) as uint8 (frames, SIDE, SIDE, 3), evenly spread up to its end; 0: at most FRAMES."""
    last = max(1, length_of(episode))
    places = np.linspace(0, min(last, len(episode) - 1), frames or min(FRAMES, last + 1))
    return np.stack([drawn(episode[place], environment) for place in np.rint(places).astype(int)])


def pictures(samples: np.ndarray, spec: DataSpec) -> np.ndarray:
    """Each episode as a strip of STRIP pictures from its start to its end, uint8 (N, SIDE, width, 3)."""
    environment = environment_of(spec)
    strips = np.full((len(samples), SIDE, STRIP * (SIDE + GAP) - GAP, 3), 255, np.uint8)
    for strip, episode in zip(strips, samples, strict=True):
        for place, picture in enumerate(film(episode, environment, STRIP)):
            strip[:, place * (SIDE + GAP) : place * (SIDE + GAP) + SIDE] = picture
    return strips


def describe(samples: np.ndarray, spec: DataSpec) -> np.ndarray:
    """Mean and spread of each number of the observations, scaled to its usual range, and the length: (N, 2 O + 1)."""
    scaled = np.nan_to_num(samples) / np.array(environment_of(spec).scale, np.float32)
    lengths = np.array([length_of(episode) / len(episode) for episode in samples])
    return np.concatenate([scaled.mean(1), scaled.std(1), lengths[:, None]], 1)


def write(samples: np.ndarray, spec: DataSpec, path: Path) -> None:
    """Writes the first SHOWN episodes side by side as a GIF, or every step of all of them as CSV."""
    environment = environment_of(spec)
    if path.suffix.lower() == ".csv":
        with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["episode", "step", *environment.observed])
            for number, episode in enumerate(samples):
                for step, seen in enumerate(episode[: length_of(episode) + 1]):
                    rows.writerow([number, step, *(f"{value:.6g}" for value in seen)])
        return
    chosen = samples[:SHOWN]
    lengths = [length_of(episode) for episode in chosen]
    stride = max(1, math.ceil(max(lengths) / FRAMES))  # steps from frame to frame, the same for all
    frames = max(lengths) // stride + 1
    films = np.stack([
        np.stack([drawn(episode[min(stride * frame, length)], environment) for frame in range(max(2, frames))])
        for episode, length in zip(chosen, (min(length, len(chosen[0]) - 1) for length in lengths), strict=True)
    ])  # fmt: skip
    write_film(side_by_side(films), max(5, min(25, round(environment.rate / stride))), path)


def pieces(samples: np.ndarray, spec: DataSpec) -> list[Piece]:
    """Films with the environment's return below each."""
    environment = environment_of(spec)
    found = []
    for episode in samples:
        worth = int(environment.returns(np.array(length_of(episode))))
        shown = film(episode, environment)
        rate = environment.rate * len(shown) / max(1, length_of(episode))
        found.append(Piece("film", film_as_webp(shown, max(5, min(25, rate))), f"{worth:+d}"))
    return found


CONTROL = register(
    Medium(
        task="control", words="episodes", types={".gif": "image/gif", ".csv": "text/csv"}, pictures=pictures,
        write=write, pieces=pieces, describe=describe, columns=2, shown=8,
    )
)  # fmt: skip

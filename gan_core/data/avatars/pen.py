"""Shapes, built once and kept with their pixel coordinates, and the pen that fills them.

Shapes live in units: x in [-32, 32] from the middle of the picture, y in [0, 64] from its top. All marks go through
the `Pen`: another rendering style is another pen or palette.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Colour = tuple[int, ...]  # RGB, or RGBA with 255 = opaque


@dataclass(eq=False)
class Shape:
    """A filled outline, (P, 2) points in units."""

    points: NDArray[np.float64]
    _pixels: dict[float, list[int]] = field(default_factory=dict)

    def pixels(self, scale: float) -> list[int]:
        """Flat x, y, x, y, ... on a canvas of 64 * scale pixels; half a pixel off, so that mirrored shapes match."""
        if scale not in self._pixels:
            canvas = np.add(self.points, (32, 0)) * scale - 0.5
            self._pixels[scale] = np.rint(canvas).astype(int).ravel().tolist()
        return self._pixels[scale]


def points(path: str) -> NDArray[np.float64]:
    """(P, 2) from "x,y x,y ..."; "x,y!" is a corner, which a spline makes of a point given twice."""
    words = [word.rstrip("!") for word in path.split() for _ in range(1 + word.endswith("!"))]
    return np.array([[float(number) for number in word.split(",")] for word in words])


def spline(control: NDArray[np.float64], closed: bool) -> NDArray[np.float64]:
    """Catmull-Rom curve through the control points."""
    first, last = (control[-1:], control[:2]) if closed else (control[:1], control[-1:])
    padded = np.concatenate([first, control, last])
    before, start, stop, after = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = np.linspace(0, 1, 7)[:-1, None, None]
    curve = start + 0.5 * t * (
        (stop - before)
        + (2 * before - 5 * start + 4 * stop - after) * t
        + (3 * start - before - 3 * stop + after) * t**2
    )
    curve = curve.transpose(1, 0, 2).reshape(-1, 2)  # (t, segment, 2) -> (segment * t, 2)
    return curve if closed else np.concatenate([curve, control[-1:]])


@cache
def blob(path: str) -> Shape:
    """A smooth closed outline."""
    return Shape(spline(points(path), closed=True))


@cache
def whole(path: str) -> Shape:
    """A smooth symmetric outline from its right half, top middle to bottom middle."""
    half = points(path)
    return Shape(spline(np.concatenate([half, half[half[:, 0] > 0][::-1] * (-1, 1)]), closed=True))


@cache
def oval(x: float, y: float, width: float, height: float, start: float = 0, stop: float = 360) -> Shape:
    """Ellipse by its half axes, or the segment of it between two angles (degrees, clockwise from the right)."""
    angle = np.radians(np.linspace(start, stop, 33))
    return Shape(np.stack([x + width * np.cos(angle), y + height * np.sin(angle)], axis=1))


@cache
def cloud(x: float, y: float, width: float, height: float, bumps: int, depth: float) -> Shape:
    """Ellipse with a scalloped rim: curls, petals."""
    angle = np.linspace(0, 2 * np.pi, bumps * 9 + 1)
    radius = 1 + depth * (np.abs(np.sin(angle * bumps / 2)) - 1)
    return Shape(np.stack([x + width * radius * np.cos(angle), y + height * radius * np.sin(angle)], axis=1))


@cache
def ring(x: float, y: float, width: float, height: float, thickness: float, roundness: float = 1) -> Shape:
    """The rim of an ellipse; a roundness below 1 squares it."""
    angle = np.linspace(0, 2 * np.pi, 49)
    unit = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    unit = np.sign(unit) * np.abs(unit) ** roundness
    inner = unit[::-1] * (width - thickness, height - thickness)
    return Shape(np.add(np.concatenate([unit * (width, height), inner]), (x, y)))


@cache
def stroke(path: str, width: float, end_width: float | None = None) -> Shape:
    """A round-ended line along a smooth curve, tapering to end_width."""
    curve = spline(points(path), closed=False)
    tangent = np.gradient(curve, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    radius = np.linspace(width, width if end_width is None else end_width, len(curve))[:, None] / 2
    turn = np.radians(np.linspace(0, 180, 7))[1:-1, None]
    end_cap = curve[-1] + radius[-1] * (np.cos(turn) * normal[-1] + np.sin(turn) * tangent[-1])
    start_cap = curve[0] - radius[0] * (np.cos(turn) * normal[0] + np.sin(turn) * tangent[0])
    return Shape(np.concatenate([curve + radius * normal, end_cap, (curve - radius * normal)[::-1], start_cap]))


@cache
def moved(shape: Shape, x: float, y: float) -> Shape:
    return Shape(np.add(shape.points, (x, y)))


@cache
def mirrored(shape: Shape) -> Shape:
    return Shape(shape.points * (-1, 1))


@cache
def cast_shadow(shape: Shape) -> Shape:
    """The shadow that hair throws on the forehead: a little lower, and kept inside the face."""
    return Shape(np.clip(np.add(shape.points, (0, 1.4)), (-12.6, 17), (12.6, 29)))


@cache
def under_hat(shape: Shape) -> Shape:
    """Hair pressed down by a hat: nothing above the brim, a little narrower."""
    return Shape(np.maximum(shape.points * (0.93, 1), (-32, 20)))


class Pen:
    """Draws shapes on a canvas several times too large, reduced at the end for smooth edges."""

    def __init__(self, size: int) -> None:
        self.factor = max(4, 384 // size)
        self.scale = size * self.factor / 64
        self.image = Image.new("RGB", (size * self.factor, size * self.factor))
        self.opaque = ImageDraw.Draw(self.image)
        self.translucent = ImageDraw.Draw(self.image, "RGBA")  # blends, but is slower

    def fill(self, shape: Shape, colour: Colour) -> None:
        draw = self.opaque if len(colour) == 3 else self.translucent
        draw.polygon(shape.pixels(self.scale), fill=colour)

    def fill_both(self, shape: Shape, colour: Colour) -> None:
        """The shape and its mirror image on the other side of the face."""
        self.fill(shape, colour)
        self.fill(mirrored(shape), colour)

    def finish(self) -> NDArray[np.uint8]:
        return np.asarray(self.image.reduce(self.factor)).transpose(2, 0, 1)  # (H, W, C) -> (C, H, W)

"""Rays against spheres, ellipsoids, boxes and cones, in closed form; matt surfaces under one light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from gan_core.data.solids.camera import BACKGROUND, Floats, camera

LIGHT = np.array([0.45, 0.8, 0.4]) / np.linalg.norm([0.45, 0.8, 0.4])  # the direction that light comes from
AMBIENT = 0.45  # of the full brightness, where no light falls
FINER = 2  # rays per pixel along each side


@dataclass(frozen=True)
class Solid:
    """A solid: its middle, half its size along x, y and z, and its colour, RGB in [0, 1].

    A sphere has the radius `half[0]`; a cone stands upright, with the radius `half[0]` at its foot.
    """

    kind: Literal["sphere", "ellipsoid", "box", "cone"]
    middle: tuple[float, float, float]
    half: tuple[float, float, float]
    colour: tuple[float, float, float]


def render(scene: list[Solid], yaw: float, pitch: float, size: int) -> tuple[np.ndarray, Floats]:
    """The picture, uint8 (3, size, size), and the distance of what it shows from the camera, inf for the background."""
    place, directions = camera(yaw, pitch, size * FINER)
    rays = directions.reshape(-1, 3)
    depth, colours = trace(scene, place, rays)
    blocks = colours.reshape(size, FINER, size, FINER, 3).mean((1, 3))  # (H, f, W, f, 3) -> (H, W, 3)
    picture = np.rint(255 * blocks).astype(np.uint8).transpose(2, 0, 1)
    return picture, depth.reshape(size, FINER, size, FINER).min((1, 3))


def trace(scene: list[Solid], place: Floats, rays: Floats) -> tuple[Floats, Floats]:
    """Distances (R,) along unit rays (R, 3) to the nearest surface, and the colours there, (R, 3) in [0, 1]."""
    nearest = np.full(len(rays), np.inf)
    colours = np.full((len(rays), 3), BACKGROUND / 255)
    for solid in scene:
        distance, normals = HITS[solid.kind](solid, place - np.array(solid.middle), rays)
        here = distance < nearest
        nearest[here] = distance[here]
        bright = AMBIENT + (1 - AMBIENT) * np.maximum(normals[here] @ LIGHT, 0)
        colours[here] = bright[:, None] * solid.colour
    return nearest, colours


def _sphere(solid: Solid, place: Floats, rays: Floats) -> tuple[Floats, Floats]:
    radius = solid.half[0]
    along = rays @ place
    under = along**2 - (place @ place - radius**2)
    distance = np.where(under > 0, -along - np.sqrt(np.maximum(under, 0)), np.inf)
    return distance, (place + _finite(distance)[:, None] * rays) / radius


def _ellipsoid(solid: Solid, place: Floats, rays: Floats) -> tuple[Floats, Floats]:
    half = np.array(solid.half)
    from_middle, along = place / half, rays / half  # where the ellipsoid is the unit ball
    a, b, c = (along**2).sum(1), along @ from_middle, from_middle @ from_middle - 1
    under = b**2 - a * c
    found = (-b - np.sqrt(np.maximum(under, 0))) / a
    distance = np.where((under > 0) & (found > 0), found, np.inf)
    normals = (from_middle + _finite(distance)[:, None] * along) / half  # the gradient of |x / half|^2
    return distance, normals / np.linalg.norm(normals, axis=1, keepdims=True)


def _box(solid: Solid, place: Floats, rays: Floats) -> tuple[Floats, Floats]:
    with np.errstate(divide="ignore"):
        inverse = 1 / rays
    half = np.array(solid.half)
    enter = -place * inverse - half * np.abs(inverse)  # of the three pairs of faces
    leave = -place * inverse + half * np.abs(inverse)
    axis = enter.argmax(1)
    distance = enter.max(1)
    distance = np.where((distance < leave.min(1)) & (distance > 0), distance, np.inf)
    normals = np.zeros_like(rays)
    rows = np.arange(len(rays))
    normals[rows, axis] = -np.sign(rays[rows, axis])
    return distance, normals


def _cone(solid: Solid, place: Floats, rays: Floats) -> tuple[Floats, Floats]:
    radius, height = solid.half[0], 2 * solid.half[1]
    slope = radius / height
    from_tip = place - (0, height / 2, 0)
    signs = np.array([1, -(slope**2), 1])  # x^2 + z^2 = slope^2 (tip - y)^2
    a, b, c = rays**2 @ signs, (rays * from_tip) @ signs, from_tip**2 @ signs
    under = b**2 - a * c
    root = np.sqrt(np.maximum(under, 0))
    distance = np.full(len(rays), np.inf)
    for sign in (-1, 1):
        with np.errstate(divide="ignore", invalid="ignore"):
            found = (-b + sign * root) / a
        depth = from_tip[1] + found * rays[:, 1]  # below the tip is negative
        good = (under > 0) & (found > 0) & (depth <= 0) & (depth >= -height)
        distance = np.where(good & (found < distance), found, distance)
    hits = from_tip + _finite(distance)[:, None] * rays
    outwards = np.hypot(hits[:, 0], hits[:, 2])
    normals = np.stack([hits[:, 0], slope * outwards, hits[:, 2]], 1)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    with np.errstate(divide="ignore", invalid="ignore"):
        foot = (-height - from_tip[1]) / rays[:, 1]
    at = from_tip + _finite(foot)[:, None] * rays
    below = (foot > 0) & (np.hypot(at[:, 0], at[:, 2]) <= radius) & (foot < distance)
    normals[below] = (0, -1, 0)
    return np.where(below, foot, distance), normals


def _finite(distance: Floats) -> Floats:
    return np.where(np.isfinite(distance), distance, 0)


HITS = {"sphere": _sphere, "ellipsoid": _ellipsoid, "box": _box, "cone": _cone}

"""Interpolation between points: linear, spherical, or a smooth curve through all of them.

    lerp:  (1 - t) a + t b
    slerp: sin((1 - t) theta) / sin(theta) a + sin(t theta) / sin(theta) b      (Shoemake 1985; 1609.04468, section 2.1)

Normal latents of many dimensions lie near a sphere, whose inside is rare in training: slerp keeps their length. It
applies to z; shares of classes and w are always interpolated linearly. "smooth" is a cubic spline through all
keyframes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from gan_core.errors import BadValue
from gan_core.latent.explorer import Explorer
from gan_core.latent.points import Points

MOST_KEYFRAMES, MOST_FRAMES = 64, 3_000
WAYS = ("linear", "spherical", "smooth")
Between = Callable[[Tensor, Tensor, Tensor], Tensor]


def lerp(one: Tensor, other: Tensor, share: Tensor) -> Tensor:
    """Linear interpolation of (N, ...) and (N, ...), `share` (N,) in [0, 1] of the other."""
    return one.lerp(other, share.to(one).reshape(-1, *[1] * (one.ndim - 1)))  # (N,) -> (N, 1, ...)


def slerp(one: Tensor, other: Tensor, share: Tensor) -> Tensor:
    """Spherical interpolation of (N, d) and (N, d), linear for parallel ones; lengths change linearly."""
    lengths = one.norm(dim=1, keepdim=True), other.norm(dim=1, keepdim=True)
    units = one / lengths[0].clamp(min=1e-12), other / lengths[1].clamp(min=1e-12)
    angle = (units[0] * units[1]).sum(1, keepdim=True).clamp(-1, 1).acos()  # (N, 1)
    t = share.to(one)[:, None]
    turned = (torch.sin((1 - t) * angle) * units[0] + torch.sin(t * angle) * units[1]) / angle.sin()
    return torch.where(angle.sin() < 1e-4, one.lerp(other, t), turned * lengths[0].lerp(lengths[1], t))


def interpolate(
    explorer: Explorer, keyframes: Points, frames: int, closed: bool = False, kind: str = "linear"
) -> Points:
    """`frames` points through all keyframes, evenly spaced in time; `closed` returns to the first one.

    A closed path doesn't repeat the first keyframe, so that it can be looped. Spherical paths are in z: what truncation
    and edits have changed of the keyframes' w is interpolated linearly. All others are in w if there is one, and also
    the spherical ones of generators with binary latents, where pictures would jump: they are linear. Raises BadValue
    for too few or many keyframes or frames, an unknown kind, or keyframes without a z.
    """
    count = len(keyframes)
    if kind not in WAYS:
        raise BadValue("Unknown interpolation '{kind}'. Valid: {valid}.", kind=kind, valid=", ".join(WAYS))
    if not 2 <= count <= MOST_KEYFRAMES:
        raise BadValue("An interpolation needs 2 to {most} keyframes, got {count}.", most=MOST_KEYFRAMES, count=count)
    if not count <= frames <= MOST_FRAMES:
        raise BadValue(
            "The number of frames must be between {least} and {most}, got {count}.",
            least=count,
            most=MOST_FRAMES,
            count=frames,
        )
    times = torch.linspace(0, count if closed else count - 1, frames + closed, dtype=torch.float64)[:frames]
    spherical = kind == "spherical" and not (explorer.styled and explorer.styled.mapping.binary)
    space = "z" if spherical else explorer.home
    values = explorer.read(keyframes, space)
    moved = _spline(values, times, closed) if kind == "smooth" else _at(values, times, slerp if spherical else lerp)
    if space == "w+":
        return Points(ws=moved)
    classes = None if keyframes.classes is None else _at(keyframes.classes, times, lerp)
    path = explorer.placed(Points(moved, classes))
    if path.ws is None:
        return path
    changes = explorer.read(keyframes, "w+") - explorer.read(explorer.placed(keyframes), "w+")
    return replace(path, ws=path.ws + _at(changes, times, lerp))


def _at(values: Tensor, times: Tensor, between: Between) -> Tensor:
    """Interpolates keyframes (K, ...) at times (F,), counted in keyframes; K is the first one again."""
    first = times.floor().long().to(values.device)
    return between(values[first % len(values)], values[(first + 1) % len(values)], times.frac())


def _spline(values: Tensor, times: Tensor, closed: bool) -> Tensor:
    from scipy.interpolate import CubicSpline

    flat = values.flatten(1).double().cpu().numpy()
    knots = np.concatenate([flat, flat[:1]]) if closed else flat
    curve = CubicSpline(np.arange(len(knots)), knots, bc_type="periodic" if closed else "natural")
    return torch.from_numpy(curve(times.numpy())).to(values).reshape(-1, *values.shape[1:])

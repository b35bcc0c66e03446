"""Volume rendering: rays from a camera, and the colours along them (2003.08934, equation 3).

    C = sum_i T_i a_i c_i,   a_i = 1 - exp(-sigma_i delta),   T_i = prod_j<i (1 - a_j)

The camera is on a sphere around the origin and points at it; a pose is (yaw, pitch) in degrees, as in
`data/solids/camera.py`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Lens(NamedTuple):
    """The settings of all views: the camera's distance from the origin, the field of view in degrees, the range of a
    scene's distances, and the grey background, in [-1, 1]."""

    distance: float
    field_of_view: float
    near: float
    far: float
    background: float


class Rendered(NamedTuple):
    """The result of rendering: pictures (B, C, H, W) in [-1, 1], depth (B, H, W), the distance from the camera, `far`
    for the background, and opacity (B, H, W) in [0, 1]."""

    images: Tensor
    depth: Tensor
    opacity: Tensor


def cameras(poses: Tensor, size: int, lens: Lens) -> tuple[Tensor, Tensor]:
    """Poses (B, 2) -> the cameras' positions (B, 3), and unit rays through all pixels, (B, size * size, 3)."""
    yaw, pitch = (poses * (math.pi / 180)).unbind(1)
    outwards = torch.stack([pitch.cos() * yaw.sin(), pitch.sin(), pitch.cos() * yaw.cos()], 1)
    right = torch.stack([yaw.cos(), torch.zeros_like(yaw), -yaw.sin()], 1)
    up = torch.stack([-pitch.sin() * yaw.sin(), pitch.cos(), -pitch.sin() * yaw.cos()], 1)
    line = ((torch.arange(size, device=poses.device) + 0.5) / size * 2 - 1) * math.tan(
        math.radians(lens.field_of_view / 2)
    )
    down, across = torch.meshgrid(line, line, indexing="ij")
    rays = (
        across.reshape(1, -1, 1) * right[:, None] - down.reshape(1, -1, 1) * up[:, None] - outwards[:, None]
    )  # (B, size * size, 3)
    return lens.distance * outwards, rays / rays.norm(dim=2, keepdim=True)


def distances(count: int, jitter: Tensor, lens: Lens) -> Tensor:
    """Distances of samples on a ray: one in each of `count` equal parts, moved within it by `jitter` (B, R) in [0, 1)
    -> (B, R, count)."""
    part = (lens.far - lens.near) / count
    return lens.near + part * (torch.arange(count, device=jitter.device) + jitter[..., None])


def composite(values: Tensor, density: Tensor, along: Tensor, size: int, lens: Lens) -> Rendered:
    """Colours (B, R, S, C) in [-1, 1] and densities (B, R, S) at distances `along` (B, R, S), over the grey."""
    part = (lens.far - lens.near) / density.shape[2]
    absorbed = density * part
    weights = (1 - torch.exp(-absorbed)) * torch.exp(absorbed - torch.cumsum(absorbed, 2))
    total = weights.sum(2)
    colours = (weights[..., None] * values).sum(2) + (1 - total)[..., None] * lens.background  # (B, R, C)
    depth = (weights * along).sum(2) + (1 - total) * lens.far
    count, channels = values.shape[0], values.shape[3]
    return Rendered(
        # (B, R, C) -> (B, C, H, W)
        colours.transpose(1, 2).reshape(count, channels, size, size),
        depth.reshape(count, size, size),
        total.reshape(count, size, size),
    )

"""Dragging: handle points of a picture are pulled onto target points (DragGAN, 2305.10973).

Motion supervision moves what stands around each handle p_i a step d_i = (t_i - p_i) / |t_i - p_i| towards its target:

    L = sum_i sum_{q within r1 of p_i} |F(q) held - F(q + d_i)|_1  +  lambda |(F - F_0) (1 - M)|_1         (equation 1)

and point tracking then finds where the handle went, by the features that it had at first:

    p_i = argmin_{q within r2 of p_i} |F(q) - F_0(p_i)|_1                                                  (equation 2)

F are the maps of a middle layer, half as large as the picture and enlarged to it; M is 1 where things may move. What is
optimised is w in the coarse half of the layers (z for models without w), so that colours stay.

Differs from the paper: w is optimised in white coordinates, so that the rate is in deviations; the radii are shares of
the picture's side, as small pictures need; the second term is a mean over what is kept, not a sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

from gan_core.errors import BadValue
from gan_core.latent.directions import cloud
from gan_core.latent.explorer import Explorer
from gan_core.latent.inside import Shape, layer_names, watched
from gan_core.latent.points import Points

Place = tuple[float, float]  # x to the right, y downwards, in pixels from the upper left corner

MOST_PAIRS, MOST_STEPS = 16, 1_000
NEAR, FAR = 0.03, 0.06  # r1 and r2, shares of the picture's side
ARRIVED = 1.0  # pixels
KEEP = 20.0  # lambda, as in the paper


@dataclass(frozen=True)
class DragSettings:
    steps: int = 200
    rate: float = 0.01  # in deviations of w a step; 0.05 wandered off to other faces
    layers: int | None = None  # how many of the first layers of w may change; None: half of them


@dataclass(frozen=True)
class Dragged:
    """Where it stands: the point, its picture, and where the handles are now."""

    step: int
    points: Points
    picture: Tensor  # (1, C, H, W) in [-1, 1]
    handles: tuple[Place, ...]
    left: float  # mean distance of the handles from their targets, pixels
    done: bool  # all have arrived, or the steps are used up


def drag(
    explorer: Explorer, points: Points, handles: Sequence[Place], targets: Sequence[Place],
    mask: Tensor | None = None, settings: DragSettings = DragSettings(),
) -> Iterator[Dragged]:  # fmt: skip
    """Pulls the picture of one point; yields each step. `mask` (H, W) is True where things may move (None: everywhere).

    Stops when all handles have arrived, the steps are used up, or the caller stops asking. Raises BadValue for places
    outside the picture, as many handles as targets not given, or a mask of another shape.
    """
    _check(explorer, points, handles, targets, mask, settings)
    around, device = cloud(explorer), explorer.device
    mean, root = around.mean.float().to(device), around.root.float().to(device)
    origin = explorer.read(points, explorer.home).detach()
    white = ((origin - mean) @ around.whitening.float().to(device)).clone().requires_grad_()
    free = _free(explorer, settings).to(device)
    layer, side = feature_layer(explorer), explorer.image_shape[-1]
    now, ends = (torch.tensor(places, dtype=torch.float32, device=device) for places in (handles, targets))
    optimizer = torch.optim.Adam([white], settings.rate)
    first: Tensor | None = None
    marks = torch.zeros(())
    for step in range(settings.steps + 1):
        moved = explorer.write(points, explorer.home, torch.where(free, white @ root + mean, origin))
        with explorer.lock:
            picture, maps = watched(explorer, moved, layer)
        features = interpolate(maps, size=(side, side), mode="bilinear", align_corners=False)
        if first is None:
            first = features.detach()
            marks = sampled(first, now)
        else:
            now = tracked(features.detach(), now, marks, max(2, round(FAR * side)))
        left = (ends - now).norm(dim=1)  # (N,)
        done = bool((left <= ARRIVED).all()) or step == settings.steps
        yield _dragged(step, moved, picture, now, float(left.mean()), done)
        if done:
            return
        loss = motion(features, now, ends, max(1, round(NEAR * side)))
        if mask is not None:
            loss = loss + KEEP * ((features - first).abs() * ~mask.to(device)).mean()
        (white.grad,) = torch.autograd.grad(loss, [white])
        optimizer.step()


def sampled(features: Tensor, places: Tensor) -> Tensor:
    """Features (1, C, H, W) at places (N, 2), x and y in pixels: (N, C), bilinear."""
    height, width = features.shape[2:]
    scale = torch.tensor([width, height], device=features.device)
    grid = (places + 0.5) / scale * 2 - 1  # pixel centres -> [-1, 1]
    taken = grid_sample(features, grid[None, :, None], align_corners=False, padding_mode="border")  # (1, C, N, 1)
    return taken[0, :, :, 0].T


def around_places(radius: int, device: torch.device) -> Tensor:
    """Steps (K, 2) to all pixels within a radius."""
    line = torch.arange(-radius, radius + 1, device=device, dtype=torch.float32)
    steps = torch.cartesian_prod(line, line)
    return steps[steps.norm(dim=1) <= radius]


def motion(features: Tensor, handles: Tensor, targets: Tensor, radius: int) -> Tensor:
    """The first term of equation 1, as a mean: what stands around each handle shall come a pixel nearer its target."""
    away = targets - handles
    step = away / away.norm(dim=1, keepdim=True).clamp(min=1.0)  # at most a pixel
    patch = handles[:, None] + around_places(radius, features.device)  # (N, K, 2)
    held = sampled(features.detach(), patch.flatten(0, 1))
    ahead = sampled(features, (patch + step[:, None]).flatten(0, 1))
    return (held - ahead).abs().mean()


def tracked(features: Tensor, handles: Tensor, marks: Tensor, radius: int) -> Tensor:
    """Equation 2: for each handle (N, 2) the place within a radius whose features are nearest to its mark (N, C)."""
    nearby = handles[:, None] + around_places(radius, features.device)  # (N, K, 2)
    last = torch.tensor([features.shape[3] - 1, features.shape[2] - 1], device=features.device)
    nearby = nearby.clamp(min=0).minimum(last)
    seen = sampled(features, nearby.flatten(0, 1)).reshape(*nearby.shape[:2], -1)  # (N * K, C) -> (N, K, C)
    nearest = (seen - marks[:, None]).abs().sum(2).argmin(1)  # (N,)
    return nearby[torch.arange(len(nearby), device=features.device), nearest]


def feature_layer(explorer: Explorer) -> str:
    """The last layer whose maps are half as large as the picture; raises BadValue where there is none."""
    half = explorer.image_shape[-1] // 2
    fitting = [name for name, shape in layer_names(explorer).items() if _fits(shape, half)]
    if not fitting:
        raise BadValue("{recipe} has no maps that points can be followed in.", recipe=explorer.sampler.recipe.title)
    return fitting[-1]


def _fits(shape: Shape, side: int) -> bool:
    return len(shape) == 3 and shape[2] == side and shape[0] > 3  # three maps are a level's colours


def _free(explorer: Explorer, settings: DragSettings) -> Tensor:
    """Which values of the home space may change: (layers, 1), or (1,)."""
    if explorer.styled is None:
        return torch.ones(1, dtype=torch.bool)
    count = settings.layers if settings.layers is not None else (explorer.layers + 1) // 2
    return (torch.arange(explorer.layers) < count)[:, None]


def _dragged(step: int, points: Points, picture: Tensor, handles: Tensor, left: float, done: bool) -> Dragged:
    places = tuple((float(x), float(y)) for x, y in handles.cpu())
    kept = points.mapped(Tensor.detach)
    return Dragged(step, kept, picture.detach().clamp(-1, 1).cpu(), places, left, done)


def _check(
    explorer: Explorer, points: Points, handles: Sequence[Place], targets: Sequence[Place], mask: Tensor | None,
    settings: DragSettings,
) -> None:  # fmt: skip
    _, height, width = explorer.image_shape
    if len(points) != 1:
        raise BadValue("One picture is dragged at a time, not {count}.", count=len(points))
    if len(handles) != len(targets) or not 1 <= len(handles) <= MOST_PAIRS:
        raise BadValue(
            "Dragging needs 1 to {most} handles, and a target for each; there are {handles} and {targets}.",
            most=MOST_PAIRS, handles=len(handles), targets=len(targets),
        )  # fmt: skip
    for x, y in (*handles, *targets):
        if not (0 <= x <= width - 1 and 0 <= y <= height - 1):
            raise BadValue(
                "The point {x}, {y} lies outside the picture of {width} x {height} pixels.",
                x=x, y=y, width=width, height=height,
            )  # fmt: skip
    if mask is not None and (tuple(mask.shape) != (height, width) or mask.dtype != torch.bool):
        raise BadValue("The mask must have the picture's {width} x {height} pixels.", width=width, height=height)
    if not 1 <= settings.steps <= MOST_STEPS:
        raise BadValue("There can be 1 to {most} steps, not {count}.", most=MOST_STEPS, count=settings.steps)
    if not 0 < settings.rate <= 1:
        raise BadValue("{name} must lie between {low} and {high}, not at {value}.",
                       name="rate", low=0, high=1, value=settings.rate)  # fmt: skip
    if settings.layers is not None and not (explorer.styled and 1 <= settings.layers <= explorer.layers):
        raise BadValue("There are {layers} layers of w, not {count}.", layers=explorer.layers, count=settings.layers)

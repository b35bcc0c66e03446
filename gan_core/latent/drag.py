"""DragGAN: pulls handle points of an image to target points (2305.10973).

Motion supervision moves the surroundings of each handle p_i a step d_i = (t_i - p_i) / |t_i - p_i| towards its target:

    L = sum_i sum_{q within r1 of p_i} |F(q) held - F(q + d_i)|_1  +  lambda |(F - F_0) (1 - M)|_1         (equation 1)

and point tracking then finds the new position of the handle by its initial features:

    p_i = argmin_{q within r2 of p_i} |F(q) - F_0(p_i)|_1                                                  (equation 2)

F are the maps of a middle layer, half as large as the picture and enlarged to it; M is 1 where motion is allowed. The
optimised variable is w in the coarse half of the layers (z for models without w), so that colours stay unchanged.

Differs from the paper, whose second term doesn't keep small generators from changing skin and clothes:

- The region outside M is kept by construction: every map of at least KEPT_FROM pixels, and the picture, is

      B + M (G(w) - G(w_0))

  with B the initial maps. M is a soft disc around the path of each handle, of radius `reach`, unless a mask is given. A
  drag of a dragged picture continues in the same way, with that picture's maps as B.
- Inside, tones and w are held near their initial values: A |pool(x - x_0)|_1 + B |w - w_0|^2, in white coordinates. If
  no handle comes nearer for PATIENCE steps, both weights are reduced.
- w is optimised in white coordinates, so that the rate is in deviations; the radii are shares of the picture's side,
  which suits small pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample, interpolate

from gan_core.compiler import load_compiler_late
from gan_core.errors import BadValue
from gan_core.latent.directions import gaussian
from gan_core.latent.explorer import Explorer
from gan_core.latent.inside import Shape, layer_names, watched
from gan_core.latent.points import Points

Place = tuple[float, float]  # x to the right, y downwards, in pixels from the upper left corner

MOST_PAIRS, MOST_STEPS = 16, 1_000
NEAR, FAR = 0.03, 0.045  # r1 and r2, shares of the picture's side
ARRIVED = 1.0  # pixels
KEPT_FROM = 16  # pixels: smaller maps are too coarse to keep one part of a picture
SOFT, WIDER = 0.5, 1.25  # of the reach: where a disc for maps starts to fade, and the size of one for the picture
TONES, HOME = 1.5, 0.2  # A and B
POOL = 0.1875  # of the side: size of the squares whose tones are held
PATIENCE, EASED = 6, 0.6  # steps, and the factor of both weights after them


@dataclass(frozen=True)
class DragSettings:
    steps: int = 200
    rate: float = 0.03  # in deviations of w per step
    layers: int | None = None  # how many of the first layers of w may change; None: half of them
    reach: float | None = 0.16  # of the side: where motion is allowed around a handle's path; None: everywhere


@dataclass(frozen=True)
class Kept:
    """The state from which the next drag continues: its maps by layer, (1, C, h, w), and its picture."""

    maps: Mapping[str, Tensor]
    picture: Tensor  # (1, C, H, W)


@dataclass(frozen=True)
class Dragged:
    """A step of a drag: the point, the image, and the current handle positions.

    The picture is the point's only within reach of the handles; elsewhere it is the previous one.
    """

    step: int
    points: Points
    kept: Kept
    picture: Tensor  # (1, C, H, W) in [-1, 1]
    handles: tuple[Place, ...]
    left: float  # mean distance of the handles from their targets, pixels
    done: bool  # all have arrived, or the steps are used up


def drag(
    explorer: Explorer, points: Points, handles: Sequence[Place], targets: Sequence[Place],
    mask: Tensor | None = None, settings: DragSettings = DragSettings(), before: Kept | None = None,
) -> Iterator[Dragged]:  # fmt: skip
    """Pulls the picture of one point; yields each step. `mask` (H, W) is True where motion is allowed (None: see
    `DragSettings.reach`). `before` is the final state of an earlier drag of these points, to continue from.

    Stops when all handles have arrived, the steps are used up, or the caller stops iterating. Raises BadValue for
    places outside the picture, different numbers of handles and targets, or a mask of another shape.
    """
    _check(explorer, points, handles, targets, mask, settings)
    around, device = gaussian(explorer), explorer.device
    mean, root = around.mean.float().to(device), around.root.float().to(device)
    origin = explorer.read(points, explorer.home).detach()
    start = (origin - mean) @ around.whitening.float().to(device)
    white = start.clone().requires_grad_()
    free = _free(explorer, settings).to(device)
    layer, side = feature_layer(explorer), explorer.image_shape[-1]
    now, ends = (torch.tensor(places, dtype=torch.float32, device=device) for places in (handles, targets))
    keeper = Keeper(explorer, _movable(now, ends, side, mask, settings), before)
    load_compiler_late()
    optimizer = torch.optim.Adam([white], settings.rate)
    marks, hold, best, waited = torch.zeros(()), 1.0, float("inf"), 0
    for step in range(settings.steps + 1):
        moved = explorer.write(points, explorer.home, torch.where(free, white @ root + mean, origin))
        with explorer.lock, keeper.hooked():
            picture, maps = watched(explorer, moved, layer)
        picture = keeper.kept("", picture)
        features = interpolate(maps, size=(side, side), mode="bilinear", align_corners=False)
        if step:
            now = tracked(features.detach(), now, marks, max(2, round(FAR * side)))
        else:
            marks = sampled(features.detach(), now)
        left = (ends - now).norm(dim=1)  # (N,)
        done = bool((left <= ARRIVED).all()) or step == settings.steps
        yield _dragged(step, moved, keeper.now(), now, float(left.mean()), done)
        if done:
            return
        waited = 0 if float(left.mean()) < best else waited + 1
        best = min(best, float(left.mean()))
        if waited >= PATIENCE:
            hold, waited = EASED * hold, 0
        near = TONES * keeper.tones(picture) + HOME * (white - start).square().mean()
        (white.grad,) = torch.autograd.grad(
            motion(features, now, ends, max(1, round(NEAR * side))) + hold * near, [white]
        )
        optimizer.step()


class Keeper:
    """Holds the maps of a generator, and its picture (""), at their initial values where motion isn't allowed.

    `movable` maps sides in pixels to masks (1, 1, side, side) in [0, 1].
    """

    def __init__(self, explorer: Explorer, movable: Callable[[int], Tensor], before: Kept | None) -> None:
        self.explorer = explorer
        self.masks = {
            name: movable(shape[1])
            for name, shape in layer_names(explorer).items()
            if len(shape) == 3 and shape[1] >= KEPT_FROM
        }
        side = explorer.image_shape[-1]
        self.masks[""] = movable(-side)
        self.before = {} if before is None else {**before.maps, "": before.picture}
        self.first: dict[str, Tensor] = {}  # initial values
        self.latest: dict[str, Tensor] = {}

    def kept(self, name: str, maps: Tensor) -> Tensor:
        """Equation B + M (G(w) - G(w_0)) for a layer's maps."""
        first = self.first.setdefault(name, maps.detach())
        kept = self.before.setdefault(name, first)
        blended: Tensor = kept + self.masks[name] * (maps - first)
        self.latest[name] = blended
        return blended

    @contextmanager
    def hooked(self) -> Iterator[None]:
        """Context in which the generator's layers return the kept maps."""
        layers = dict(self.explorer.generator.named_modules())
        hooks = [
            layers[name].register_forward_hook(lambda layer, inputs, output, name=name: self.kept(name, output))
            for name in self.masks
            if name
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def tones(self, picture: Tensor) -> Tensor:
        """Mean change of the tones of squares from the start, over the region that may move."""
        window = max(1, round(POOL * picture.shape[-1]))
        change = avg_pool2d(picture - self.before[""], window, max(1, window // 3))
        return change.abs().mean() / self.masks[""].mean().clamp(min=1e-3)

    def now(self) -> Kept:
        maps = {name: value.detach() for name, value in self.latest.items()}
        return Kept(maps, maps.pop(""))


def _movable(
    handles: Tensor, targets: Tensor, side: int, mask: Tensor | None, settings: DragSettings
) -> Callable[[int], Tensor]:
    """Masks (1, 1, s, s) of the region that may move, for maps of s pixels; -s: for the picture itself."""
    if mask is None and settings.reach is None:
        return lambda size: torch.ones(1, 1, abs(size), abs(size), device=handles.device)
    line = torch.arange(side, device=handles.device, dtype=torch.float32)
    places = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1)  # (H, W, 2), x and y

    def fading(reach: float) -> Tensor:
        away = torch.stack([_distance(places, *pair) for pair in zip(handles, targets, strict=True)]).amin(0)
        share = ((reach - away) / (SOFT * reach)).clamp(0, 1)
        return share**2 * (3 - 2 * share)  # smooth at both ends

    def of(size: int) -> Tensor:
        if mask is not None:
            allowed = mask.to(handles.device).float()
        else:
            assert settings.reach is not None
            allowed = fading(settings.reach * side * (WIDER if size < 0 else 1.0))
        return interpolate(allowed[None, None], size=(abs(size), abs(size)), mode="area")

    return of


def _distance(places: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Distances of places (H, W, 2) from the line between two points, in pixels: (H, W)."""
    way = end - start
    share = (((places - start) @ way) / way.square().sum().clamp(min=1e-6)).clamp(0, 1)
    away: Tensor = (places - start - share[..., None] * way).norm(dim=-1)
    return away


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
    """The first term of equation 1, as a mean: moves the surroundings of each handle one pixel nearer to its target."""
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
    """A layer whose maps are half as large as the picture: the first of style-based generators, the last of others.

    In them, points are found again most reliably. Raises BadValue if there is none.
    """
    half = explorer.image_shape[-1] // 2
    fitting = [name for name, shape in layer_names(explorer).items() if _fits(name, shape, half)]
    if not fitting:
        raise BadValue(
            "{recipe} has no feature maps in which points can be tracked.", recipe=explorer.sampler.recipe.title
        )
    return fitting[0 if explorer.styled else -1]


def _fits(name: str, shape: Shape, side: int) -> bool:
    coloured = "to_rgb" in name or shape[0] <= 3  # the image of a level, or its logits of a palette
    unfinished = name.endswith(".noise")  # before bias and activation
    return len(shape) == 3 and shape[2] == side and not coloured and not unfinished


def _free(explorer: Explorer, settings: DragSettings) -> Tensor:
    """A mask of the values of the home space that may change: (layers, 1), or (1,)."""
    if explorer.styled is None:
        return torch.ones(1, dtype=torch.bool)
    count = settings.layers if settings.layers is not None else (explorer.layers + 1) // 2
    return (torch.arange(explorer.layers) < count)[:, None]


def _dragged(step: int, points: Points, kept: Kept, handles: Tensor, left: float, done: bool) -> Dragged:
    places = tuple((float(x), float(y)) for x, y in handles.cpu())
    picture = kept.picture.clamp(-1, 1).cpu()
    return Dragged(step, points.mapped(Tensor.detach), kept, picture, places, left, done)


def _check(
    explorer: Explorer, points: Points, handles: Sequence[Place], targets: Sequence[Place], mask: Tensor | None,
    settings: DragSettings,
) -> None:  # fmt: skip
    _, height, width = explorer.image_shape
    if len(points) != 1:
        raise BadValue("Drag one image at a time, not {count}.", count=len(points))
    if len(handles) != len(targets) or not 1 <= len(handles) <= MOST_PAIRS:
        raise BadValue(
            "Dragging needs 1 to {most} handle points and as many target points, got {handles} and {targets}.",
            most=MOST_PAIRS, handles=len(handles), targets=len(targets),
        )  # fmt: skip
    for x, y in (*handles, *targets):
        if not (0 <= x <= width - 1 and 0 <= y <= height - 1):
            raise BadValue(
                "The point ({x}, {y}) is outside the image of {width} x {height} pixels.",
                x=x, y=y, width=width, height=height,
            )  # fmt: skip
    if mask is not None and (tuple(mask.shape) != (height, width) or mask.dtype != torch.bool):
        raise BadValue("The mask must have the image's size of {width} x {height} pixels.", width=width, height=height)
    if not 1 <= settings.steps <= MOST_STEPS:
        raise BadValue(
            "The number of steps must be between 1 and {most}, got {count}.", most=MOST_STEPS, count=settings.steps
        )
    if not 0 < settings.rate <= 1:
        raise BadValue("{name} must be between {low} and {high}, got {value}.",
                       name="rate", low=0, high=1, value=settings.rate)  # fmt: skip
    if settings.reach is not None and not 0 < settings.reach <= 2:
        raise BadValue("{name} must be between {low} and {high}, got {value}.",
                       name="reach", low=0, high=2, value=settings.reach)  # fmt: skip
    if settings.layers is not None and not (explorer.styled and 1 <= settings.layers <= explorer.layers):
        raise BadValue(
            "The model has {layers} layers of w, so {count} can't be used.",
            layers=explorer.layers,
            count=settings.layers,
        )

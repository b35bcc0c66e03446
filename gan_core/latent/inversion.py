"""Inversion: finds the latent point whose image is nearest to a given one, so that real images can be edited.

    w+* = argmin  pixel |G(w+) - x|^2  +  feature |F(G(w+)) - F(x)|^2  +  prior E_layers |white(w+)|^2 / d

Image2StyleGAN (1904.03189) optimises a w for each layer, as StyleGAN2's projector does one for all (1912.04958, section
5), with a learning rate that rises and falls. The pixel term compares the picture at three resolutions, so that large
shapes are found first. F is any net that describes pictures. The prior keeps w within the generator's training
distribution (white coordinates: deviations from the mean of w), so that the found picture can still be edited. Models
without w are inverted in z, which has the same prior. The number of steps depends on the start: the mean, the nearest
of many samples, or an encoder's output (encoding.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, mse_loss

from gan_core.compiler import load_compiler_late
from gan_core.errors import BadValue
from gan_core.latent.directions import gaussian
from gan_core.latent.explorer import Explorer
from gan_core.latent.points import Points
from gan_core.pictures.decoding import Unusable, plain, square

Describe = Callable[[Tensor], Tensor]  # pictures (B, C, H, W) in [-1, 1] -> features (B, d)
Encode = Callable[[Tensor], Tensor]  # pictures (B, C, H, W) -> values of the home space, (B, *shape)

LIMIT = 254 / 255  # level from which a pixel is the brightest of 256
SCALES = 3  # resolutions: the picture, and each half the one before
MOST_STEPS = 5_000
MOST_WEIGHT = 100.0
STARTS = ("mean", "nearest", "encoder")
LEAST_SIDE = 8  # pixels
RISE, FALL = 0.05, 0.25  # shares of the steps in which the rate rises and falls (1912.04958, appendix D)
NEAR_MEAN = 0.1  # deviations
CANDIDATES = 512  # samples among which the nearest is the start


@dataclass(frozen=True)
class Settings:
    """`start`: "mean", "nearest" of many samples, or "encoder"."""

    steps: int = 300
    rate: float = 0.1  # in deviations of w per step
    pixel: float = 1.0
    feature: float = 0.1
    prior: float = 0.002
    start: str = "nearest"
    seed: int = 0


@dataclass(frozen=True)
class InversionStep:
    """The state of the search after a step."""

    step: int
    points: Points  # one point
    picture: Tensor  # (1, C, H, W) in [-1, 1]
    psnr: float  # decibel
    distance: float  # root mean square of the features' difference; NaN without a net
    share: float  # share of finished steps


def prepared(picture: Image.Image, explorer: Explorer, box: tuple[int, int, int, int] | None = None) -> Tensor:
    """The middle square of a picture, or of its part `box` (left, top, right, bottom) in pixels, at the model's size.

    (1, C, H, W) in [-1, 1]. Raises BadValue for fewer than 8 pixels, or a box outside the picture.
    """
    channels, side, _ = explorer.image_shape
    if box is not None:
        left, top, right, bottom = box
        if not (0 <= left < right <= picture.width and 0 <= top < bottom <= picture.height):
            raise BadValue(
                "The crop must be within the image of {width} x {height} pixels.",
                width=picture.width, height=picture.height,
            )  # fmt: skip
        picture = picture.crop(box)
    if min(picture.size) < LEAST_SIDE:
        raise BadValue("The image is smaller than {least} pixels.", least=LEAST_SIDE)
    try:
        pixels = square(plain(picture).convert("L" if channels == 1 else "RGB"), side)
    except Unusable as error:
        raise BadValue("The image can't be used: {reason}.", reason=error) from error
    return torch.tensor(pixels, device=explorer.device)[None].float() / 127.5 - 1


def invert(
    explorer: Explorer, target: Tensor, settings: Settings = Settings(), describe: Describe | None = None,
    encode: Encode | None = None, every: int = 10,
) -> Iterator[InversionStep]:  # fmt: skip
    """Searches for the point of a picture (1, C, H, W); yields its state every few steps, and at the end.

    Stops when the caller stops iterating. Raises BadValue for settings out of range or a picture of another shape.
    """
    _check(explorer, target, settings, encode)
    around, template = gaussian(explorer), explorer.sample(1, settings.seed) if not explorer.styled else explorer.mean()
    mean, root = around.mean.to(target), around.root.to(target)
    begin = _start(explorer, target, settings, describe, encode)
    template = begin if begin.classes is not None else template
    values = explorer.read(begin, explorer.home) - mean
    white = (values @ around.whitening.to(target)).clone().requires_grad_()  # (1, layers, w_size) or (1, latent_size)
    wanted = None if describe is None else describe(target).detach()
    load_compiler_late()
    optimizer = torch.optim.Adam([white], settings.rate, betas=(0.9, 0.99))
    for step in range(settings.steps + 1):
        points = explorer.write(template, explorer.home, white @ root + mean)
        picture = explorer.images(points)
        features = None if describe is None else describe(picture)
        if step % every == 0 or step == settings.steps:
            yield _found(step, points, picture, target, features, wanted, settings.steps)
        if step == settings.steps:
            return
        loss = (
            settings.pixel * pixel_distance(picture, reachable(picture, target))
            + settings.prior * white.square().mean()
        )
        if features is not None and wanted is not None:
            loss = loss + settings.feature * mse_loss(features, wanted)
        optimizer.param_groups[0]["lr"] = settings.rate * _ramp(step / settings.steps)
        (white.grad,) = torch.autograd.grad(loss, [white])
        optimizer.step()


def pixel_distance(picture: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference, averaged over SCALES resolutions, each half the one before."""
    total = mse_loss(picture, target)
    for _ in range(SCALES - 1):
        picture, target = avg_pool2d(picture, 2), avg_pool2d(target, 2)
        total = total + mse_loss(picture, target)
    return total / SCALES


def reachable(picture: Tensor, target: Tensor) -> Tensor:
    """The target, but the picture itself where it exceeds a black or white target: there it will be clipped."""
    beyond = ((target >= LIMIT) & (picture > target)) | ((target <= -LIMIT) & (picture < target))
    return torch.where(beyond, picture.detach(), target)


def psnr(picture: Tensor, target: Tensor) -> float:
    """10 log10(peak^2 / mean squared error) in decibel, the peak being 2: pictures lie in [-1, 1]."""
    error = float(mse_loss(picture.clamp(-1, 1), target))
    return 10 * math.log10(4 / max(error, 1e-10))


def _found(
    step: int, points: Points, picture: Tensor, target: Tensor, features: Tensor | None, wanted: Tensor | None,
    steps: int,
) -> InversionStep:  # fmt: skip
    distance = math.nan
    if features is not None and wanted is not None:
        distance = float(mse_loss(features.detach(), wanted).sqrt())
    shown = picture.detach().clamp(-1, 1).cpu()
    return InversionStep(
        step, points.mapped(Tensor.detach), shown, psnr(picture.detach(), target), distance, step / steps
    )


def _ramp(share: float) -> float:
    """The rate's factor: a short linear rise, and a cosine fall at the end."""
    falling = min(1.0, (1 - share) / FALL)
    return min(1.0, (share + 1e-3) / RISE) * (0.5 - 0.5 * math.cos(math.pi * falling))


@torch.no_grad()
def _start(
    explorer: Explorer, target: Tensor, settings: Settings, describe: Describe | None, encode: Encode | None
) -> Points:
    if settings.start == "mean" and explorer.styled is None:
        # at latents of 0 a network without biases has zero gradient
        random = explorer.sample(1, settings.seed)
        return explorer.write(random, "z", NEAR_MEAN * explorer.read(random, "z"))
    if settings.start == "mean":
        return explorer.mean()
    if settings.start == "encoder":
        assert encode is not None
        return explorer.write(explorer.mean(), explorer.home, encode(target))
    candidates = explorer.sample(CANDIDATES, settings.seed)
    drawn = explorer.draw(candidates).to(target)
    # without a net, small pictures replace features
    seen, wanted = (small(pictures) if describe is None else describe(pictures) for pictures in (drawn, target))
    return candidates.at(int((seen - wanted).square().mean(1).argmin()))


def small(pictures: Tensor) -> Tensor:
    """Pictures of 8 x 8 pixels, as vectors."""
    return adaptive_avg_pool2d(pictures, 8).flatten(1)  # (B, C, H, W) -> (B, C * 8 * 8)


def _check(explorer: Explorer, target: Tensor, settings: Settings, encode: Encode | None) -> None:
    if tuple(target.shape) != (1, *explorer.image_shape):
        raise BadValue(
            "The image has shape {given}, but the model generates {wanted}.",
            given=tuple(target.shape[1:]), wanted=explorer.image_shape,
        )  # fmt: skip
    if not 1 <= settings.steps <= MOST_STEPS:
        raise BadValue(
            "The number of steps must be between 1 and {most}, got {count}.", most=MOST_STEPS, count=settings.steps
        )
    if settings.start not in STARTS or (settings.start == "encoder" and encode is None):
        valid = [start for start in STARTS if start != "encoder" or encode is not None]
        raise BadValue(
            "Unknown starting point '{start}'. Valid: {valid}.", start=settings.start, valid=", ".join(valid)
        )
    for name in ("rate", "pixel", "feature", "prior"):
        value = getattr(settings, name)
        if not 0 <= value <= MOST_WEIGHT:
            raise BadValue(
                "{name} must be between 0 and {most}, got {value}.", name=name, most=MOST_WEIGHT, value=value
            )

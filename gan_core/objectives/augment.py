"""Differentiable augmentation of the discriminator's inputs, real and fake.

`diffaugment` (2006.10738): colour, translation and cutout for every image. `adaptive` (2006.06676): each operation with
probability p, which depends on how much the discriminator overfits (`AdaptiveStrength`). Gradients flow through the
augmentations to the generator; they do not leak into its samples while p stays below about 0.8.

When to use it: data sets below a few thousand images, which the discriminator would memorise.

Differs from the papers: ADA's geometric operations are one affine warp with bilinear interpolation, without its
wavelet filters, and its colour operations are brightness, contrast and saturation.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample

from gan_core import ranks

MOST = 0.125  # largest translation, as a share of the side
CUT = 0.5  # side of the cutout square, as a share of the image's
FULL = 500_000  # images over which p can rise from 0 to 1 (2006.06676, section 3)
EVERY = 4  # steps between changes of p

Random = Callable[..., Tensor]  # shape -> uniform numbers in [0, 1)


def uniform(generator: torch.Generator, device: torch.device) -> Random:
    """Uniform numbers from a CPU generator, so that they are the same on every device."""

    def draw(*shape: int) -> Tensor:
        return ranks.uniform(shape, generator).to(device)

    return draw


def colour(images: Tensor, random: Random, on: Tensor) -> Tensor:
    """Brightness +-0.5, saturation 0 to 2, contrast 0.5 to 1.5 (2006.10738, appendix); `on` (B, 1, 1, 1) in {0, 1}."""
    count = len(images)
    images = images + on * (random(count, 1, 1, 1) - 0.5)
    if images.shape[1] > 1:
        grey = images.mean(1, keepdim=True)
        images = grey + (images - grey) * torch.lerp(torch.ones_like(on), 2 * random(count, 1, 1, 1), on)
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + (images - mean) * torch.lerp(torch.ones_like(on), 0.5 + random(count, 1, 1, 1), on)


def translation(images: Tensor, random: Random, on: Tensor) -> Tensor:
    """Shifts by up to an eighth of the side in whole pixels, padded with zeros."""
    count, _, height, width = images.shape
    down = _shift(random(count), height, on)
    right = _shift(random(count), width, on)
    rows = torch.arange(height, device=images.device) + down[:, None]  # (B, H): where each row comes from
    columns = torch.arange(width, device=images.device) + right[:, None]  # (B, W)
    inside = ((rows >= 0) & (rows < height))[:, None, :, None] & ((columns >= 0) & (columns < width))[:, None, None, :]
    place = torch.arange(count, device=images.device)[:, None, None]
    moved = images.permute(0, 2, 3, 1)[  # (B, C, H, W) -> (B, H, W, C)
        place, rows.clamp(0, height - 1)[:, :, None], columns.clamp(0, width - 1)[:, None, :]
    ].permute(0, 3, 1, 2)  # -> (B, C, H, W)
    return moved * inside


def _shift(share: Tensor, side: int, on: Tensor) -> Tensor:
    most = max(1, round(side * MOST))
    return ((share * (2 * most + 1)).floor() - most).mul(on.flatten()).long()


def cutout(images: Tensor, random: Random, on: Tensor) -> Tensor:
    """Sets a random square of half the side to 0."""
    count, _, height, width = images.shape
    top, left = random(count, 1) * height, random(count, 1) * width
    rows = (torch.arange(height, device=images.device) + 0.5 - top).abs() < height * CUT / 2  # (B, H)
    columns = (torch.arange(width, device=images.device) + 0.5 - left).abs() < width * CUT / 2  # (B, W)
    cut = rows[:, None, :, None] & columns[:, None, None, :]
    return images * (1 - on * cut)


def warp(images: Tensor, random: Random, on: Tensor) -> Tensor:
    """Flips, rotates by any angle, scales by 0.8 to 1.25; the border is repeated."""
    count, _, height, width = images.shape
    mirrored = torch.where(random(count) < 0.5, -1.0, 1.0)
    angle = (2 * random(count) - 1) * math.pi
    scale = torch.exp((2 * random(count) - 1) * math.log(1.25))
    active = on.flatten() > 0
    mirrored = torch.where(active, mirrored, torch.ones_like(mirrored))
    angle = torch.where(active, angle, torch.zeros_like(angle))
    scale = torch.where(active, scale, torch.ones_like(scale))
    zero = torch.zeros_like(angle)
    first = torch.stack([mirrored * scale * angle.cos(), -scale * angle.sin(), zero], 1)
    second = torch.stack([mirrored * scale * angle.sin(), scale * angle.cos(), zero], 1)
    grid = affine_grid(torch.stack([first, second], 1), [count, 1, height, width], align_corners=False)
    return grid_sample(images, grid, padding_mode="border", align_corners=False)


def diffaugment(images: Tensor, random: Random) -> Tensor:
    """Colour, translation and cutout for every image (B, C, H, W)."""
    on = torch.ones(len(images), 1, 1, 1, device=images.device)
    for operation in (colour, translation, cutout):
        images = operation(images, random, on)
    return images


def adaptive(images: Tensor, random: Random, probability: Tensor) -> Tensor:
    """Each operation for each image (B, C, H, W) with this probability."""
    for operation in (translation, warp, colour, cutout):
        on = (random(len(images), 1, 1, 1) < probability).to(images.dtype)
        images = operation(images, random, on)
    return images


class AdaptiveStrength(nn.Module):
    """ADA's probability p: rises while r = E[sign(D(x))] is above the target, else falls (2006.06676, equation 1)."""

    probability: Tensor
    signs: Tensor
    steps: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("probability", "signs", "steps"):
            self.register_buffer(name, torch.zeros(()))

    @torch.no_grad()
    def update(self, real_logits: Tensor, target: float) -> None:
        """Takes the logits of one step's augmented training images, relative to the decision boundary."""
        self.signs += ranks.batch_mean(real_logits.sign())
        self.steps += 1
        if int(self.steps) < EVERY:
            return
        change = len(real_logits) * ranks.current().size * EVERY / FULL
        self.probability += change * (self.signs / self.steps - target).sign()
        self.probability.clamp_(0, 1)
        self.signs.zero_()
        self.steps.zero_()

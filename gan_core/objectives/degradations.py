"""Random blur, noise and JPEG compression of the low-resolution inputs of super-resolution training.

Real-ESRGAN's first-order degradation (2107.10833, section 3.1), applied after downscaling:

    x = JPEG_q((y reduced) * gaussian_b + n),    n ~ N(0, s^2),  b ~ U(0, blur),  s ~ U(0, noise),  q ~ U(quality, 95)

Strengths are drawn for each image, and a share of the images stays clean, so that clean photos are not altered.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import conv2d, pad

from gan_core.ranks import normal, uniform

LEVELS = 127.5  # 8-bit levels per unit of [-1, 1]
BEST_QUALITY = 95  # of JPEG; above it no damage is visible


def degraded(
    images: Tensor, generator: torch.Generator, share: float, blur: float, noise: float, quality: int
) -> Tensor:
    """Images (B, C, H, W) in [-1, 1], of which a share (0..1) is degraded.

    `blur` is the largest standard deviation of the Gaussian blur in pixels, `noise` that of the noise in levels of 255,
    `quality` the lowest JPEG quality (1..100; 100: no JPEG). `generator` is a CPU generator, so that a resumed run
    degrades the same images in the same way.
    """
    count = len(images)
    damaged = uniform((count,), generator) < share
    strengths = uniform((3, count), generator, axis=1) * damaged  # 0: not at all
    grains = normal(images.shape, generator).to(images.device)
    result = blurred(images, blur * strengths[0]) if blur else images
    if noise:
        result = result + grains * (noise / LEVELS * strengths[1]).to(images.device)[:, None, None, None]
    result = result.clamp(-1, 1)
    if quality >= 100:
        return result
    qualities = (BEST_QUALITY - strengths[2] * (BEST_QUALITY - min(quality, BEST_QUALITY))).round().int()
    packed = [
        compressed(image, int(level)) if touched else image
        for image, level, touched in zip(result, qualities, damaged, strict=True)
    ]
    return torch.stack(packed).contiguous(memory_format=torch.channels_last)


def blurred(images: Tensor, deviations: Tensor) -> Tensor:
    """Images (B, C, H, W), each under a Gaussian blur; `deviations` (B,) in pixels, 0 leaves an image unchanged."""
    batch, channels, height, width = images.shape
    radius = max(1, min(int(torch.ceil(3 * deviations.max())), height - 1, width - 1))
    places = torch.arange(-radius, radius + 1.0)
    lines = torch.exp(-(places**2) / (2 * deviations.clamp(min=1e-3)[:, None] ** 2))
    lines = (lines / lines.sum(1, keepdim=True)).to(images.device)
    kernels = lines[:, :, None] * lines[:, None, :]  # (B, k, k)
    kernels = kernels.repeat_interleave(channels, 0)[:, None]  # (B * C, 1, k, k)
    # (B, C, H, W) -> (1, B * C, H, W): one group for each plane
    planes = pad(images, [radius] * 4, mode="reflect").reshape(1, batch * channels, height + 2 * radius, -1)
    return conv2d(planes, kernels, groups=batch * channels).reshape(images.shape)


def compressed(image: Tensor, quality: int) -> Tensor:
    """An image (C, H, W) in [-1, 1], grey or in colour, after JPEG at `quality` (1..95)."""
    levels = ((image.detach().cpu() + 1) * LEVELS).round().to(torch.uint8)
    picture = Image.fromarray(np.ascontiguousarray(levels.permute(1, 2, 0).squeeze(2).numpy()))  # (H, W, C), or (H, W)
    file = BytesIO()
    picture.save(file, "JPEG", quality=quality)
    read = torch.from_numpy(np.array(Image.open(file)))
    read = read[:, :, None] if read.ndim == 2 else read
    return (read.permute(2, 0, 1).to(image) / LEVELS - 1).contiguous()  # (H, W, C) -> (C, H, W)

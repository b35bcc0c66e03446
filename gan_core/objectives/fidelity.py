"""How near images are to the true ones: PSNR and SSIM, as pure functions of images in [-1, 1]."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d

RANGE = 2.0  # of the values
WINDOW, SPREAD = 11, 1.5  # pixels, of SSIM's Gaussian window


def luma(images: Tensor) -> Tensor:
    """Brightness (B, 1, H, W) of images (B, C, H, W), as ITU-R BT.601 has it for video: of black 16, of white 235.

    That range, scaled to [-1, 1], is what the literature on super-resolution measures in. Grey stays as it is.
    """
    if images.shape[1] == 1:
        return images
    weights = torch.tensor([65.481, 128.553, 24.966], device=images.device)
    levels = 16 + ((images + 1) / RANGE * weights[:, None, None]).sum(1, keepdim=True)  # 0..255
    return levels / 127.5 - 1


def psnr(images: Tensor, truth: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each image (B, C, H, W), over all its channels, in decibel, (B,)."""
    error = (images - truth).square().flatten(1).mean(1).clamp(min=1e-10)
    return 10 * torch.log10(RANGE**2 / error)


def ssim(images: Tensor, truth: Tensor) -> Tensor:
    """Structural similarity of each image (B, C, H, W), the mean over channels and places, at most 1, (B,).

    Wang et al., "Image quality assessment", 2004, with its window of 11 pixels, or as many as the image has.
    """
    # levels in [0, 1]; (B, C, H, W) -> (B * C, 1, H, W)
    x, y = ((levels.flatten(0, 1)[:, None] + 1) / RANGE for levels in (images, truth))
    width = min(WINDOW, x.shape[2], x.shape[3])
    places = torch.arange(width, device=x.device) - (width - 1) / 2
    line = torch.exp(-places.square() / (2 * SPREAD**2))
    window = (line[:, None] * line / line.sum() ** 2)[None, None]

    def mean(values: Tensor) -> Tensor:
        return conv2d(values, window)

    mean_x, mean_y = mean(x), mean(y)
    variance_x, variance_y = mean(x * x) - mean_x**2, mean(y * y) - mean_y**2
    covariance = mean(x * y) - mean_x * mean_y
    first, second = 0.01**2, 0.03**2
    similarity = ((2 * mean_x * mean_y + first) * (2 * covariance + second)) / (
        (mean_x**2 + mean_y**2 + first) * (variance_x + variance_y + second)
    )
    return similarity.reshape(len(images), -1).mean(1)  # (B * C, 1, h, w) -> (B,)

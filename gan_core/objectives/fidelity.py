"""PSNR and SSIM of images against the ground truth, as pure functions of images in [-1, 1].

    PSNR = 10 log10(2^2 / mean (x - y)^2)
    SSIM = mean of (2 mx my + c1)(2 cxy + c2) / ((mx^2 + my^2 + c1)(vx + vy + c2)),   c1 = .01^2, c2 = .03^2

SSIM follows Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004: means m,
variances v and covariances c are weighted by a Gaussian window of 11 pixels with sigma 1.5 on values in [0, 1], without
Bessel's correction, only at positions where the window lies inside the image, and averaged over channels. It equals
scikit-image 0.26's `structural_similarity(data_range=1, gaussian_weights=True, sigma=1.5,
use_sample_covariance=False)`; torchmetrics pads the borders by reflection and differs by .01 to .05. Images with a side
below 11 pixels use a window of that side.

`luma` is the Y of ITU-R BT.601 in studio range (16 to 235), on which the literature on super-resolution evaluates; its
PSNR is 20 log10(255 / 219) = 1.32 dB above that of full-range luma. Training runs evaluate all channels of images that
are not rounded to 8 bits; model cards use 8 bits, see benchmarks/translation_quality.py.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d

RANGE = 2.0  # of the values
WINDOW, SPREAD = 11, 1.5  # pixels, of SSIM's Gaussian window


def luma(images: Tensor) -> Tensor:
    """Luma (B, 1, H, W) of images (B, C, H, W) by ITU-R BT.601 in studio range: black is 16, white 235, of 255.

    Scaled to [-1, 1]. Greyscale images are returned unchanged.
    """
    if images.shape[1] == 1:
        return images
    weights = torch.tensor([65.481, 128.553, 24.966], device=images.device)
    levels = 16 + ((images + 1) / RANGE * weights[:, None, None]).sum(1, keepdim=True)  # 0..255
    return levels / 127.5 - 1


def psnr(images: Tensor, truth: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each image (B, C, H, W) over all channels, in dB, (B,)."""
    error = (images - truth).square().flatten(1).mean(1).clamp(min=1e-10)
    return 10 * torch.log10(RANGE**2 / error)


def ssim(images: Tensor, truth: Tensor) -> Tensor:
    """Structural similarity of each image (B, C, H, W), mean over channels and positions, at most 1, (B,)."""
    return similarity(images, truth)[0]


def similarity(images: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """SSIM of each image (B, C, H, W), and its part of contrast and structure alone (without the means), (B,) each."""
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
    contrast = (2 * covariance + second) / (variance_x + variance_y + second)
    whole = (2 * mean_x * mean_y + first) / (mean_x**2 + mean_y**2 + first) * contrast
    # (B * C, 1, h, w) -> (B,)
    return whole.reshape(len(images), -1).mean(1), contrast.reshape(len(images), -1).mean(1)

"""From tensors in [-1, 1] to images: grids and PNG."""

from __future__ import annotations

import io
import math

import numpy as np
import torch
from PIL import Image
from torch import Tensor

BACKGROUND = 255  # grey level between the images of a grid


def to_uint8(images: Tensor) -> np.ndarray:
    """(B, C, H, W) in [-1, 1] -> (B, H, W, C) uint8 0..255."""
    levels = images.detach().float().add(1).mul(127.5).round_().clamp_(0, 255).to(torch.uint8)
    return levels.permute(0, 2, 3, 1).cpu().numpy()  # (B, C, H, W) -> (B, H, W, C)


def grid(images: np.ndarray, columns: int, gap: int = 1) -> Image.Image:
    """Lays out (B, H, W, C) uint8, row by row, with `gap` pixels between them."""
    count, height, width, channels = images.shape
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    canvas = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), BACKGROUND, np.uint8)
    for place, image in enumerate(images):
        top, left = (place // columns) * (height + gap), (place % columns) * (width + gap)
        canvas[top : top + height, left : left + width] = image
    return Image.fromarray(canvas[:, :, 0] if channels == 1 else canvas)


def stacked(upper: Image.Image, lower: Image.Image, gap: int = 4) -> Image.Image:
    """One picture above another of the same mode, from the left edge, with `gap` pixels between them."""
    size = max(upper.width, lower.width), upper.height + gap + lower.height
    canvas = Image.new(upper.mode, size, "white")
    canvas.paste(upper, (0, 0))
    canvas.paste(lower, (0, upper.height + gap))
    return canvas


def scatter(points: np.ndarray, real: np.ndarray, side: int = 320) -> Image.Image:
    """Points (N, 2) as dots over the real points in grey, which set the range of the axes."""
    reach = 1.3 * float(np.abs(real).max())
    canvas = np.full((side, side, 3), BACKGROUND, np.uint8)
    for cloud, colour in ((real, (200, 200, 205)), (points, (109, 60, 220))):
        places = np.round((cloud * (1, -1) / reach + 1) / 2 * (side - 1))  # (N, 2): x to the right, y upwards
        inside = places[np.isfinite(places).all(1) & (places >= 1).all(1) & (places < side - 1).all(1)].astype(int)
        for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
            canvas[inside[:, 1] + down, inside[:, 0] + right] = colour
    return Image.fromarray(canvas)


def enlarge(image: Image.Image, at_least: int) -> Image.Image:
    """Enlarges by an integer factor with nearest-neighbour interpolation, to a width of at least `at_least` pixels."""
    factor = max(1, math.ceil(at_least / image.width))
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)


def png(image: Image.Image) -> bytes:
    """The image as a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()

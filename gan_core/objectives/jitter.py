"""A little of everything that an image shows: random pieces and mirror images, drawn anew for each batch.

"Random jitter was applied by resizing the 256 x 256 input images to 286 x 286 and then randomly cropping back to size
256 x 256", and mirroring (1611.07004, section 6.2; 1703.10593 does the same). Here the enlarged image is never made:
its piece is read, bicubic, from the image itself.

When to use it: photos taken from any side. Where all things lie in one place, as in drawn faces, it made pix2pix worse
even with 48 pairs (docs/benchmarks.md). Never mirror what reads one way, such as letters.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from gan_core.data.base import FIELDS
from gan_core.objectives.base import Batch


def jittered(batch: Batch, larger: float, mirror: bool, generator: torch.Generator) -> Mapping[str, Tensor]:
    """The batch with its images (B, C, H, W) in [-1, 1] moved: enlarged by 1 + `larger`, a random piece of their size
    cut from each, and half of them mirrored, at random.

    Partners are moved together; images of two domains have nothing to do with each other. All else stays as it is.
    """
    if not larger and not mirror:
        return batch
    moved = dict(batch)
    for together in (FIELDS["paired"], *((name,) for name in ("a", "b", "real"))):
        if together[0] in batch:
            draws = torch.rand(3, len(batch[together[0]]), generator=generator)
            for name in together:
                moved[name] = piece(batch[name], larger, mirror, draws.to(batch[name].device))
    return moved


def piece(images: Tensor, larger: float, mirror: bool, draws: Tensor) -> Tensor:
    """Images (B, C, H, W) by three uniform numbers each, (3, B): how far down, how far right, whether mirrored."""
    if mirror:
        images = torch.where((draws[2] < 0.5)[:, None, None, None], images.flip(3), images)
    if not larger:
        return images
    _, _, height, width = images.shape
    share = 1 / (1 + larger)  # of the image that is seen, along each side
    rows = share * _centres(height, images) + (1 - share) * (2 * draws[0, :, None] - 1)  # (B, H), from -1 to 1
    columns = share * _centres(width, images) + (1 - share) * (2 * draws[1, :, None] - 1)  # (B, W)
    grid = torch.stack(  # (B, H, W, 2): x and y of each pixel
        [columns[:, None].expand(-1, height, -1), rows[:, :, None].expand(-1, -1, width)], 3
    )
    read = grid_sample(images, grid, mode="bicubic", padding_mode="border", align_corners=False)
    return read.clamp(-1, 1).contiguous(memory_format=torch.channels_last)


def _centres(count: int, like: Tensor) -> Tensor:
    """Where the middles of pixels lie between -1 and 1, (count,)."""
    return (2 * torch.arange(count, device=like.device, dtype=like.dtype) + 1) / count - 1

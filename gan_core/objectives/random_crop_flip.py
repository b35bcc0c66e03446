"""Random crops and horizontal flips, drawn for each batch.

"Random jitter was applied by resizing the 256 x 256 input images to 286 x 286 and then randomly cropping back to size
256 x 256", and mirroring (1611.07004, section 6.2; 1703.10593 does the same). Here both steps are one bicubic sampling
of the original image.

When to use it: photos with varying composition. For aligned images such as drawn faces it made pix2pix worse even with
48 pairs (docs/benchmarks.md). Do not flip images with a direction, such as text.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from gan_core.data.base import FIELDS
from gan_core.objectives.base import Batch
from gan_core.ranks import uniform


def random_crop_flip(batch: Batch, larger: float, mirror: bool, generator: torch.Generator) -> Mapping[str, Tensor]:
    """The batch with its images (B, C, H, W) in [-1, 1] enlarged by 1 + `larger` and cropped back at random, and half
    of them flipped left to right if `mirror`.

    The images of a pair get the same crop; those of two unpaired domains are independent. Other arrays are unchanged.
    """
    if not larger and not mirror:
        return batch
    changed = dict(batch)
    for together in (FIELDS["paired"], *((name,) for name in ("a", "b", "real"))):
        if together[0] in batch:
            draws = uniform((3, len(batch[together[0]])), generator, axis=1)
            for name in together:
                changed[name] = crop_and_flip(batch[name], larger, mirror, draws.to(batch[name].device))
    return changed


def crop_and_flip(images: Tensor, larger: float, mirror: bool, draws: Tensor) -> Tensor:
    """Images (B, C, H, W) cropped and flipped by `draws` (3, B), uniform in [0, 1): row, column, flip."""
    if mirror:
        images = torch.where((draws[2] < 0.5)[:, None, None, None], images.flip(3), images)
    if not larger:
        return images
    _, _, height, width = images.shape
    share = 1 / (1 + larger)  # of the image that the crop covers, along each side
    rows = share * _centres(height, images) + (1 - share) * (2 * draws[0, :, None] - 1)  # (B, H), from -1 to 1
    columns = share * _centres(width, images) + (1 - share) * (2 * draws[1, :, None] - 1)  # (B, W)
    grid = torch.stack(  # (B, H, W, 2): x and y of each pixel
        [columns[:, None].expand(-1, height, -1), rows[:, :, None].expand(-1, -1, width)], 3
    )
    read = grid_sample(images, grid, mode="bicubic", padding_mode="border", align_corners=False)
    return read.clamp(-1, 1).contiguous(memory_format=torch.channels_last)


def _centres(count: int, like: Tensor) -> Tensor:
    """Centres of pixels in [-1, 1], (count,)."""
    return (2 * torch.arange(count, device=like.device, dtype=like.dtype) + 1) / count - 1

"""Any number of pictures with masks: a generator draws, and an ensemble labels its features (2104.06490, section 3).

The features of a pixel are those of all synthesis levels, upsampled to the picture's size, (d,): a generator that draws
eyes represents where they are. Where the members of the ensemble disagree most, a label is doubtful; the most doubtful
tenth of the pictures is left out, as in the paper.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from gan_core.errors import BadValue
from gan_core.layers.style_generator import StyleGenerator
from gan_core.models.sampler import Sampler
from gan_core.pictures.grids import to_uint8
from gan_core.segmentation.learning import PixelEnsemble
from gan_core.segmentation.masks import Labelled

AT_ONCE = 10  # pictures whose features are in memory at once
DOUBTFUL = 0.1  # share of the pictures that is left out


def drawn(sampler: Sampler, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures uint8 (count, 3, H, W) and the features of their pixels, float32 (count, d, H, W).

    Raises BadValue for a generator without synthesis levels.
    """
    latents, labels = sampler.latents(count, seed)
    return _drawn(sampler, latents, labels)


@torch.no_grad()
def _drawn(sampler: Sampler, latents: Tensor, labels: Tensor | None) -> tuple[np.ndarray, np.ndarray]:
    generator = sampler.networks["generator"]
    if not isinstance(generator, StyleGenerator):
        raise BadValue(
            "{recipe} has no synthesis levels to label pixels by. Choose a style-based generator.",
            recipe=sampler.recipe.title,
        )
    kept: list[Tensor] = []
    levels = list(generator.levels)[1:]  # type: ignore[arg-type]  # the first has 4 x 4 places
    handles = [level.register_forward_hook(lambda _level, _inputs, made: kept.append(made[0])) for level in levels]
    try:
        images = sampler.draw(latents, labels)
    finally:
        for handle in handles:
            handle.remove()
    wide = [interpolate(features, size=images.shape[2:], mode="bilinear", align_corners=False) for features in kept]
    return to_uint8(images).transpose(0, 3, 1, 2), torch.cat(wide, 1).numpy()


def pixels_of(features: np.ndarray) -> np.ndarray:
    """(N, d, H, W) -> (N * H * W, d)."""
    return np.ascontiguousarray(features.transpose(0, 2, 3, 1)).reshape(-1, features.shape[1])


@torch.no_grad()
def made(sampler: Sampler, ensemble: PixelEnsemble, count: int, seed: int) -> Labelled:
    """`count` pictures with the ensemble's masks, after the most doubtful were left out."""
    more = round(count / (1 - DOUBTFUL))
    latents, labels = sampler.latents(more, seed)
    pictures, masks, doubts = [], [], []
    for start in range(0, more, AT_ONCE):
        some = slice(start, start + AT_ONCE)
        found, features = _drawn(sampler, latents[some], None if labels is None else labels[some])
        shares = ensemble(torch.from_numpy(pixels_of(features))).softmax(2)  # (members, N * H * W, parts)
        mean = shares.mean(0)
        entropy = -(mean * (mean + 1e-9).log()).sum(1)
        doubt = entropy + (shares * (shares + 1e-9).log()).sum(2).mean(0)  # Jensen-Shannon divergence of the members
        shape = (len(found), *found.shape[2:])
        pictures.append(found)
        masks.append(mean.argmax(1).to(torch.uint8).numpy().reshape(shape))
        doubts.append(doubt.numpy().reshape(len(found), -1).mean(1))
    sure = np.sort(np.argsort(np.concatenate(doubts), kind="stable")[:count])
    return Labelled(np.concatenate(pictures)[sure], np.concatenate(masks)[sure])

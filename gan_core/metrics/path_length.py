"""Perceptual path length in w: the change of the picture for small steps (1812.04948, section 4.1).

    l = E[ d(g(lerp(w1, w2; t)), g(lerp(w1, w2; t + e))) / e^2 ],   e = 1e-4,  t uniform in [0, 1]

w1 and w2 are mapped from two latents, for a conditional model of the same class; d is the perceptual distance of a
feature net (metrics/perception.py), so figures for different nets can't be compared, nor with those of the paper (VGG).
As there, values outside of the 1st to 99th percentile are left out. The noise is constant. A short path length
indicates smooth, disentangled factors; the figure is useful for comparing models of the same data.
"""

from __future__ import annotations

import numpy as np
import torch

from gan_core.layers.style_generator import StyleGenerator
from gan_core.metrics.perception import Perception
from gan_core.models.sampler import Sampler

STEP = 1e-4
BATCH = 16
KEPT = (1.0, 99.0)  # percentiles


def has_w(sampler: Sampler) -> bool:
    """Whether a model draws through an intermediate latent."""
    return isinstance(sampler.networks.get("generator"), StyleGenerator)


@torch.no_grad()
def path_lengths(sampler: Sampler, perceive: Perception, count: int, seed: int) -> np.ndarray:
    """The scaled distances of `count` steps, without the percentiles at either end."""
    generator = sampler.networks["generator"]
    assert isinstance(generator, StyleGenerator)
    device = next(generator.parameters()).device
    latents, labels = sampler.latents(count, seed)
    others = sampler.latents(count, seed + 1)[0]
    shares = torch.rand(count, 1, generator=torch.Generator().manual_seed(seed))
    found = []
    for start in range(0, count, BATCH):
        rows = slice(start, start + BATCH)
        own = None if labels is None else labels[rows].to(device)
        one, other = (generator.mapping(ends[rows].to(device), own) for ends in (latents, others))
        share = shares[rows].to(device)
        steps = torch.cat([one.lerp(other, share), one.lerp(other, share + STEP)])
        images = generator.synthesis(generator.repeated(steps), noise="constant").clamp(-1, 1).cpu()
        before, after = images.chunk(2)
        found.append(perceive(before, after).numpy() / STEP**2)
    values = np.concatenate(found)
    # of few values the interpolated percentiles would leave out all
    low, high = np.percentile(values, KEPT[0], method="lower"), np.percentile(values, KEPT[1], method="higher")
    kept: np.ndarray = values[(values >= low) & (values <= high)]
    return kept

"""The figure by which trials are compared: the sliced Wasserstein distance of samples to real items, with its interval.

Images are compared in the features that `training/measuring.py` uses during training, points in the plane. 0 is best.
Values recorded during training (from fewer samples) decide which trials are ended early; the final figure is computed
from the number of samples in the plan.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from gan_core.errors import BadData
from gan_core.metrics.bootstrap import SEED, around
from gan_core.metrics.figures import count_text
from gan_core.metrics.sliced import sliced_wasserstein
from gan_core.models.sampler import Sampler
from gan_core.runs.store import Metrics
from gan_core.training.measuring import PREFIX, sight
from gan_core.training.trainer import Trainer
from gan_core.training.variety import as_bytes

POINTS = "sliced_wasserstein"  # recorded by runs of points
BATCH = 250


@dataclass(frozen=True)
class Judged:
    """A distance with its 95 % interval, by its name: `sliced2k_mnistnet`."""

    name: str
    value: float
    low: float
    high: float
    samples: int


def recorded(metrics: Metrics) -> list[tuple[int, float]]:
    """The distances that a run has recorded, by step."""
    found = []
    for name, values in metrics.columns.items():
        last = name.rpartition("_")[2]
        if name == POINTS or (name.startswith(f"{PREFIX}sliced") and last not in ("low", "high", "floor")):
            finite = np.isfinite(values)
            found += [
                (int(step), float(value)) for step, value in zip(metrics.steps[finite], values[finite], strict=True)
            ]
    return sorted(found)


@torch.no_grad()
def judge(trainer: Trainer, reference: str, samples: int) -> Judged:
    """The distance of `samples` of the averaged networks to as many real items; raises BadData if not finite."""
    trainer.ema.refresh()
    sampler = Sampler(trainer.recipe, trainer.hparams, trainer.spec, trainer.ema.networks)
    return distance(sampler, trainer.batches.spread(samples)["real"], reference)


@torch.no_grad()
def distance(sampler: Sampler, real: Tensor, reference: str) -> Judged:
    """The distance of as many samples to real items (N, C, H, W) in [-1, 1], or points (N, 2); raises BadData."""
    count = len(real)
    drawn = torch.cat(
        [
            sampler.draw(*sampler.latents(min(BATCH, count - start), SEED + start)).cpu()
            for start in range(0, count, BATCH)
        ]
    )
    if not torch.isfinite(drawn).all():
        raise BadData("The samples aren't finite.")
    if sampler.recipe.task == "points":
        net, sides = "plane", (real.cpu().numpy(), drawn.numpy())
    else:
        seen = sight(reference, sampler.spec.fields["real"])
        net, sides = seen.net, (seen.describe(as_bytes(real)), seen.describe(as_bytes(drawn)))
    found = sliced_wasserstein(*sides, np.random.default_rng(SEED))
    low, high = around(found.value, found.replicates, low=0)
    return Judged(f"sliced{count_text(count)}_{net}", found.value, low, high, count)

"""The distance of a run's samples to real images, measured while it trains: every k steps, on the averaged networks.

    quality/sliced1k_mnistnet          the sliced Wasserstein distance of 1,000 samples (metrics/sliced.py; MIND,
                                       2605.06797, finds it to rank generators with few samples, at a hundredth of FID's
                                       cost)
    ..._low, ..._high                  its 95 % interval
    ..._floor                          what as many other real images score

Features are those of the shelf's net for the data set; else of ImageNet, where that is installed and the images have
colours; else the images are shrunk to 16 pixels. The name gives the features and the number of samples. A measurement
has latents and random generators of its own and runs between two steps, so that it never changes the training.

It takes at most BUDGET of the time: the first waits until the run has lasted long enough for its cost as estimated from
a few samples, each later one until the cost of the last is within that share of the time since.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from gan_core.metrics.bootstrap import SEED, around
from gan_core.metrics.figures import PIXELS, Figure
from gan_core.metrics.general_nets import general_net, installed
from gan_core.metrics.sliced import sliced_wasserstein
from gan_core.models.sampler import Sampler
from gan_core.training.trainer import Trainer
from gan_core.training.variety import Describe, as_bytes, describer, shelved_net

SAMPLES = 1000
LEAST = 50  # real images, below which no distance is measured
BUDGET = 0.04  # share of the time, below the promised 5 %, as a measurement may take longer than the last
PROBE = 16  # samples from which the first measurement's cost is estimated
PREFIX = "quality/"


def measurer(trainer: Trainer, reference: str, clock: Callable[[], float] = time.monotonic) -> Measurer | None:
    """The measurer of a run that learns from `reference`; None if it generates no images, or has too few real ones."""
    recipe = trainer.recipe
    if not recipe.draws or recipe.learns_from != "images" or recipe.task == "points":
        return None
    if len(trainer.batches.spread(LEAST)["real"]) < LEAST:
        return None
    return Measurer(trainer, reference, clock)


class Measurer:
    """Measures at intervals; loads what it needs before the first measurement."""

    def __init__(self, trainer: Trainer, reference: str, clock: Callable[[], float]) -> None:
        self._trainer = trainer
        self._reference = reference
        self._clock = clock
        self._sampler = Sampler(trainer.recipe, trainer.hparams, trainer.spec, trainer.ema.networks)
        self._sight: Sight | None = None
        self._ended = clock()
        self._cost = 0.0  # seconds of the last measurement, or expected for the first
        self.rewind()

    def rewind(self) -> None:
        """Called when the trainer was set to another step."""
        self._last = self._trainer.step

    @property
    def due(self) -> bool:
        """Whether a measurement is due: a multiple of the steps was passed since the last, and the budget allows it."""
        every = int(getattr(self._trainer.hparams, "measure_every", 0))
        if not every or self._trainer.step // every <= self._last // every:
            return False
        if not self._cost:
            self._cost = self._expected()
        return self._clock() - self._ended >= self._cost / BUDGET

    def measure(self) -> dict[str, float]:
        """The figure by its name, with interval and floor; empty if samples aren't finite."""
        began = self._clock()
        self._trainer.ema.refresh()
        found = self._distance()
        self._ended = self._clock()
        self._cost = self._ended - began
        self._last = self._trainer.step
        return found

    def _seen(self) -> Sight:
        if self._sight is None:
            self._sight = sight(self._reference, self._trainer.spec.fields["real"])
        return self._sight

    def _expected(self) -> float:
        """Expected seconds of the first measurement, from a few samples; it includes the features of real images."""
        see = self._seen().describe
        began = self._clock()
        see(as_bytes(self._trainer.batches.spread(PROBE)["real"]))
        see(as_bytes(self._sampler.draw(*self._sampler.latents(PROBE, SEED))))
        return (self._clock() - began) * SAMPLES / PROBE * 1.5

    @cached_property
    def _real(self) -> tuple[np.ndarray, np.ndarray, Tensor | None]:
        """Features of real images, those of as many others, and the labels of the first."""
        batch = self._trainer.batches.spread(2 * SAMPLES)
        features = self._seen().describe(as_bytes(batch["real"]))
        # every other one: both are spread over the set in the same way
        labels = batch["label"][::2].cpu() if self._trainer.recipe.conditional else None
        half = len(features) // 2
        return features[::2][:half], features[1::2][:half], labels if labels is None else labels[:half]

    def _distance(self) -> dict[str, float]:
        real, others, labels = self._real
        latents = self._sampler.latents(len(real), SEED)[0]
        drawn = self._sampler.draw(latents, labels)
        if not torch.isfinite(drawn).all():
            return {}
        found = sliced_wasserstein(real, self._seen().describe(as_bytes(drawn)), np.random.default_rng(SEED))
        low, high = around(found.value, found.replicates, low=0)
        figure = Figure("sliced", len(real), self._seen().net, found.value, pixels=self._trainer.spec.size)
        return {
            f"{PREFIX}{figure.name}": found.value,
            f"{PREFIX}{figure.name}_low": low,
            f"{PREFIX}{figure.name}_high": high,
            f"{PREFIX}{figure.name}_floor": sliced_wasserstein(real, others).value,
        }


@dataclass(frozen=True)
class Sight:
    """How images are compared: the net's name, and features (N, d) of uint8 images (N, C, H, W)."""

    net: str
    describe: Describe


def sight(reference: str, shape: tuple[int, ...]) -> Sight:
    """The shelf's net for these data, else ImageNet's for colour images if it is installed, else pixels."""
    net = shelved_net(reference, shape)
    if net is None and shape[0] == 3 and installed("imagenet"):
        net = general_net("imagenet", shape[-1])
    if net is None:
        return Sight(PIXELS, describer(reference, shape))
    chosen = net
    return Sight(net.name, lambda images: np.concatenate([features for features, _ in chosen.predict(images)]))

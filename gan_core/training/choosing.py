"""The precision of `--precision auto`, by a few steps of the run itself.

Convolutions are faster in bfloat16 on some processors, but small networks spend their time elsewhere, and casting their
weights costs more than it brings. The run's own networks, batches and objective decide.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from statistics import median

import torch

from gan_core.data.base import DataSet
from gan_core.gans import Recipe
from gan_core.hparams import TrainingHParams
from gan_core.training.computation import USUAL, Computation
from gan_core.training.threads import cpu_threads
from gan_core.training.trainer import Trainer

SECONDS = 0.5  # of the steps in one precision, after the first two
MOST = 8  # steps


def speedup(
    recipe: Recipe, hparams: TrainingHParams, data: DataSet, device: str, computation: Computation = USUAL
) -> float:
    """The time of a step in fp32 over that in bf16; 2.0 means that bf16 is twice as fast.

    Steps are those of `computation`, because a whole batch may not fit into memory, but not compiled, which takes
    minutes. Of data with a stream, the first items are used.
    """
    if data.stream is not None:
        data = replace(data, stream=None)

    def seconds(precision: str) -> float:
        return _seconds(recipe, hparams, data, device, replace(computation, precision=precision, compiled=False))

    with torch.random.fork_rng(devices=[]):
        return seconds("fp32") / seconds("bf16")


def _seconds(recipe: Recipe, hparams: TrainingHParams, data: DataSet, device: str, computation: Computation) -> float:
    """The median time of a step of a new trainer, of at most MOST steps or about SECONDS after the first two."""
    trainer = Trainer(recipe, hparams, data, device, computation)
    values = max(math.prod(shape) for shape in trainer.spec.fields.values())
    torch.set_num_threads(cpu_threads(trainer.networks, values))

    def step() -> float:
        began = time.perf_counter()
        trainer.train_step()
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)
        return time.perf_counter() - began

    for _ in range(2):  # which also choose kernels
        step()
    times = [step()]
    while len(times) < MOST and sum(times) < SECONDS:
        times.append(step())
    return median(times)

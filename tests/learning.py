"""Trainings that end as soon as they have learnt enough; the number of steps is a maximum."""

from __future__ import annotations

from collections.abc import Iterator

from gan_core.training.trainer import Trainer


def stages(trainer: Trainer, steps: int, every: int) -> Iterator[int]:
    """Trains up to `steps`, and yields after each `every` of them, with the averaged networks refreshed."""
    for step in range(1, steps + 1):
        trainer.train_step()
        if step % every == 0 or step == steps:
            trainer.ema.refresh()
            yield step

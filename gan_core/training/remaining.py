"""The remaining time of a run, from its recent speed. Needs no torch."""

from __future__ import annotations

import numpy as np

from gan_core.runs.records import Metrics, Run, RunState

SPEED = "images_per_second"


def seconds_left(run: Run, recent: Metrics, batch_size: int, since: int = 0) -> float | None:
    """Seconds to the planned end at the speed of the recent steps; None if it isn't known.

    `recent`: the last few hundred steps, whose speed was measured while they trained: neither pauses nor the steps of
    a run that this one was forked from count. `since`: the step of the last edit, which may have changed the speed.
    """
    if not run.spec.steps or run.state is not RunState.RUNNING:
        return None
    measured = recent.columns.get(SPEED, np.empty(0))
    edited = measured[recent.steps[: len(measured)] > since]
    speeds = edited if len(edited) else measured
    speeds = speeds[speeds > 0]
    if not len(speeds):
        return None
    images = recent.last("schedule/batch_size") or batch_size
    return float((images / speeds).mean() * max(0, run.spec.steps - run.step))

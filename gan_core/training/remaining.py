"""How long a run still takes, from how fast it has been in its last steps. Needs no torch."""

from __future__ import annotations

from gan_core.runs.records import Metrics, Run, RunState


def seconds_left(run: Run, recent: Metrics, batch_size: int, since: int = 0) -> float | None:
    """Seconds to the planned end at the speed of the recent steps; None where it isn't known.

    `recent`: the last few hundred steps, whose speed was measured while they trained: neither pauses nor the steps of
    a run that this one was forked from count. `since`: the step of the last edit, which may have changed the speed.
    """
    if not run.spec.steps or run.state is not RunState.RUNNING:
        return None
    speeds = recent.rows(recent.steps > since).columns.get("images_per_second", [])
    speeds = [speed for speed in (speeds if len(speeds) else recent.columns.get("images_per_second", [])) if speed > 0]
    if not speeds:
        return None
    images = recent.last("schedule/batch_size") or batch_size
    each = sum(images / speed for speed in speeds) / len(speeds)
    return float(each * max(0, run.spec.steps - run.step))

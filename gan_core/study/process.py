"""A study in a separate process: started, watched and stopped from a page. Needs no torch.

The process is `ganscope augment-study`, so that a study begun on a page can be continued from the command line and vice
versa.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from gan_core.errors import BadValue
from gan_core.runs import background
from gan_core.runs.liveness import Owner, exists
from gan_core.study.plan import StudyPlan
from gan_core.study.results import studies

_starting = threading.Lock()


@dataclass(frozen=True)
class Started:
    """A study's process. `plan` is the requested plan; `since` is in seconds since the epoch."""

    plan: StudyPlan
    process: Owner
    since: float

    @property
    def runs(self) -> bool:
        return exists(self.process)


def start(plan: StudyPlan) -> Started:
    """Begins or continues a study; raises BadValue if another is running, StoreError if it can't be started."""
    with _starting:
        now = last()
        if now and now.runs:
            raise BadValue("A study is already running. Wait for it to finish, or stop it first.")
        started = background.start(studies(), arguments(plan), plan.to_state())
        return Started(plan, started.process, started.since)


def arguments(plan: StudyPlan) -> list[str]:
    """The command that runs the study, after `ganscope`."""
    return [
        "augment-study", "--data", plan.data, "--size", str(plan.size), "--k", ",".join(map(str, plan.k)),
        "--unbalanced", str(plan.unbalanced), "--seeds", str(plan.seeds), "--steps", str(plan.steps),
        "--gan-steps", str(plan.gan_steps), "--arms", ",".join(plan.arms),
    ]  # fmt: skip


def last() -> Started | None:
    """The study that was started last, whether or not it still runs; None if there is none."""
    found = background.last(studies())
    if found is None:
        return None
    try:
        return Started(StudyPlan.from_state(found.asked), found.process, found.since)
    except (ValueError, KeyError, TypeError):
        return None


def stop() -> None:
    """Ends the running study; its measurements are kept. Returns once it has ended."""
    background.stop(studies())


def last_line() -> str:
    """The last line of the process's log, e.g. the reason why it ended."""
    return background.last_line(studies())

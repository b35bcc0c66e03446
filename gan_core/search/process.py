"""A search as a process of its own: started, watched and stopped from a page. Needs no torch.

The process is `ganscope search --name NAME`, which goes on with what is there.
"""

from __future__ import annotations

import signal

from gan_core.errors import BadValue
from gan_core.runs import background
from gan_core.runs.background import Background
from gan_core.search.plan import SearchPlan, names, searches

GRACE = 60.0  # seconds for the checkpoint of the trial that is trained


def start(plan: SearchPlan, trials: int) -> Background:
    """Begins a search, or goes on with it; raises BadValue where one is running, StoreError where it can't."""
    if now := running():
        raise BadValue("The search {name} is already running. Wait for it to finish, or stop it first.", name=now)
    return background.start(plan.folder, arguments(plan, trials), {"trials": trials})


def arguments(plan: SearchPlan, trials: int) -> list[str]:
    """The command that goes on with the search, after `ganscope`; one by eye makes as many trials as it needs."""
    return ["search", "--name", plan.name, *([] if plan.by_eye else ["--trials", str(trials)])]


def running() -> str:
    """The name of the search that runs on this computer; "" if none does."""
    return next((name for name in names() if (started := last(name)) and started.runs), "")


def last(name: str) -> Background | None:
    """The process that was started last for this search from a page."""
    return background.last(searches() / name)


def stop(name: str) -> None:
    """Stops the search after a checkpoint of the trial that is trained, which then can go on."""
    background.stop(searches() / name, signal.SIGINT, GRACE)


def last_line(name: str) -> str:
    """The last line of its log, such as why it ended."""
    return background.last_line(searches() / name)

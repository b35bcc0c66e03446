"""A search in a separate process: started, watched and stopped from a page. Needs no torch.

The process is `ganscope search --name NAME`, which continues from the stored trials.
"""

from __future__ import annotations

import signal
import threading

from gan_core.errors import BadValue
from gan_core.runs import background
from gan_core.runs.background import Background
from gan_core.search.plan import SearchPlan, begun, names, searches

GRACE = 60.0  # seconds to write a checkpoint of the present trial

_starting = threading.Lock()


def start(plan: SearchPlan, trials: int) -> Background:
    """Begins or continues a search; raises BadValue if one is running, StoreError if it can't be started.

    The plan of a new search is deleted if its process can't be started.
    """
    with _starting:
        if now := running():
            raise BadValue("The search {name} is already running. Wait for it to finish, or stop it first.", name=now)
        with begun(plan):
            return background.start(plan.folder, arguments(plan, trials), {"trials": trials})


def arguments(plan: SearchPlan, trials: int) -> list[str]:
    """The command that continues the search, after `ganscope`; a search by eye makes as many trials as it needs."""
    return ["search", "--name", plan.name, *([] if plan.by_eye else ["--trials", str(trials)])]


def running() -> str:
    """The name of the search that runs on this computer; "" if none does."""
    return next((name for name in names() if (started := last(name)) and started.runs), "")


def last(name: str) -> Background | None:
    """The process that was started last for this search from a page."""
    return background.last(searches() / name)


def stop(name: str) -> None:
    """Stops the search after a checkpoint of the present trial, which can be continued from there."""
    background.stop(searches() / name, signal.SIGINT, GRACE)


def last_line(name: str) -> str:
    """The last line of its log, e.g. the reason why it ended."""
    return background.last_line(searches() / name)

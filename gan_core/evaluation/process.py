"""Evaluations in a separate process: started, watched and stopped from a page. Needs no torch.

The process is `ganscope evaluate-asked`, which performs the evaluations in `asked.json`, one after another:

    evaluations/process/asked.json   the requested evaluations
    evaluations/process/state.json   the state of each, and the progress of the present one

Results are stored like those of `ganscope eval`, whether or not a page is open.
"""

from __future__ import annotations

import json
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from gan_core import paths
from gan_core.disk import writing
from gan_core.errors import BadValue, GanscopeError
from gan_core.evaluation import results, work
from gan_core.evaluation.work import Asked
from gan_core.files import write_atomically
from gan_core.metrics.trust import Note
from gan_core.runs import background
from gan_core.runs.background import Background
from gan_core.runs.store import RunStore

COMMAND = "evaluate-asked"
ASKED, STATE = "asked.json", "state.json"
WAITING, RUNNING, DONE, FAILED, STOPPED = "waiting", "running", "done", "failed", "stopped"
TICK = 0.5  # seconds between updates of the progress
N_UNEXPECTED = "Something went wrong: {reason}. This is a bug in GANscope; the log of the evaluation has the details."

_starting = threading.Lock()


@dataclass(frozen=True)
class Item:
    """One requested evaluation: its `state`, why it failed, and its notes on the images."""

    name: str
    state: str = WAITING
    message: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Course:
    """All evaluations of one request; `share` in [0, 1] and `what` describe the running one."""

    items: tuple[Item, ...]
    share: float = 0.0
    what: str = ""


def start(asked: Sequence[Asked]) -> Background:
    """Begins the evaluations; raises BadValue if some are running, StoreError if they can't be started."""
    with _starting:
        if runs():
            raise BadValue("An evaluation is already running. Wait for it to finish, or stop it first.")
        with writing(paths.home()):
            _folder().mkdir(parents=True, exist_ok=True)
            write_atomically(_folder() / ASKED, json.dumps([one.to_state() for one in asked]).encode())
        _keep(Course(tuple(Item(one.name) for one in asked)))
        try:
            return background.start(_folder(), [COMMAND], {"names": [one.name for one in asked]})
        except GanscopeError:
            dismiss()
            raise


def check(store: RunStore, asked: Sequence[Asked]) -> None:
    """Raises a GanscopeError if one of them would be refused; loads the models, which takes seconds."""
    for one in asked:
        work.prepared(store, one, lambda note: None)


def runs() -> bool:
    started = last()
    return bool(started and started.runs)


def last() -> Background | None:
    """The process that was started last, whether or not it still runs; None if there is none."""
    return background.last(_folder())


def stop() -> None:
    """Ends the running evaluation; finished ones are kept. Returns once it has ended."""
    background.stop(_folder())
    found = course()
    if found:
        ended = (replace(one, state=STOPPED) if one.state in (WAITING, RUNNING) else one for one in found.items)
        _keep(Course(tuple(ended)))


def course() -> Course | None:
    """The progress of the evaluations, or how they ended; None if there are none, or after a dismissal."""
    try:
        facts = json.loads((_folder() / STATE).read_text(encoding="utf-8"))
        items = (Item(**{**one, "notes": tuple(Note(**note) for note in one["notes"])}) for one in facts["items"])
        return Course(tuple(items), float(facts["share"]), str(facts["what"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def dismiss() -> None:
    """Removes the record of how the last evaluations ended; their results are kept."""
    (_folder() / STATE).unlink(missing_ok=True)


def last_line() -> str:
    """The last line of the process's log, e.g. the reason why it ended."""
    return background.last_line(_folder())


def perform(store: RunStore) -> Course:
    """Performs the requested evaluations, in the process started for them: a failure doesn't stop the others.

    Raises BadValue if nothing was requested.
    """
    try:
        asked = json.loads((_folder() / ASKED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise BadValue("Nothing is to be evaluated: the page Evaluate starts this.") from None
    items = [Item(one["name"]) for one in asked]
    for place, one in enumerate(asked):
        items[place] = Item(one["name"], RUNNING)
        items[place] = _one(store, one, items, place)
        _keep(Course(tuple(items)))
    return Course(tuple(items))


def _one(store: RunStore, state: Mapping[str, Any], items: Sequence[Item], place: int) -> Item:
    said: list[Note] = []
    noted = 0.0

    def progress(share: float, what: str) -> None:
        nonlocal noted
        if time.monotonic() - noted > TICK:
            noted = time.monotonic()
            _keep(Course(tuple(items), min(1.0, share), what))

    progress(0.0, "")
    item = items[place]
    try:
        work.measured(work.prepared(store, Asked.from_state(store, state), said.append), progress, said.append)
    except GanscopeError as error:
        return replace(item, state=FAILED, message=error.message, values=dict(error.values), notes=tuple(said))
    except Exception as error:  # shown on the page; the others continue
        traceback.print_exc()
        values = {"reason": f"{type(error).__name__}: {error}"}
        return replace(item, state=FAILED, message=N_UNEXPECTED, values=values, notes=tuple(said))
    return replace(item, state=DONE, notes=tuple(said))


def _keep(state: Course) -> None:
    write_atomically(_folder() / STATE, json.dumps(asdict(state), default=str).encode())


def _folder() -> Path:
    return results.folder() / "process"

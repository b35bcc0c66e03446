"""A study as a process of its own: started, watched and stopped from a page. Needs no torch.

    studies/running.json   the process and what it was asked for
    studies/running.log    what it has said

The process is `ganscope augment-study`, so that a study begun here can be taken up there and the other way round. It
yields the processor to runs in training. Where it is killed, the results so far stay, and the same settings go on.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from gan_core import paths
from gan_core.errors import BadValue, StoreError
from gan_core.files import write_atomically
from gan_core.runs.liveness import Owner, exists, process
from gan_core.study.plan import StudyPlan
from gan_core.study.results import studies

NOTICE, LOG = "running.json", "running.log"
GRACE = 5.0  # seconds in which it ends by itself
YIELDS = 10  # niceness, where the system has such a thing
_starting = threading.Lock()


@dataclass(frozen=True)
class Started:
    """A study's process. `plan` is what it was asked for; `since` is in seconds since the epoch."""

    plan: StudyPlan
    process: Owner
    since: float

    @property
    def runs(self) -> bool:
        return exists(self.process)


def start(plan: StudyPlan) -> Started:
    """Begins a study, or goes on with one; raises BadValue where another is running, StoreError where it can't."""
    with _starting:
        now = last()
        if now and now.runs:
            raise BadValue("A study is already running. Wait for it to finish, or stop it first.")
        try:
            studies().mkdir(parents=True, exist_ok=True)
            with _log().open("wb") as log:
                child = subprocess.Popen(
                    [sys.executable, "-m", "gan_core", *arguments(plan)],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=Path(__file__).parents[2],
                    env={**os.environ, "GANSCOPE_HOME": str(paths.home())},
                )  # fmt: skip
        except OSError as error:
            raise StoreError("The study can't be started ({reason}).", reason=error.strerror or error) from error
        threading.Thread(target=child.wait, name="study", daemon=True).start()  # leaves no zombie
        _yield(child.pid)
        started = Started(plan, process(child.pid), time.time())
        state = {"plan": plan.to_state(), "process": asdict(started.process), "since": started.since}
        try:
            write_atomically(studies() / NOTICE, json.dumps(state).encode())
        except OSError as error:
            child.kill()
            raise StoreError("The study can't be started ({reason}).", reason=error.strerror or error) from error
        return started


def arguments(plan: StudyPlan) -> list[str]:
    """The command that makes the study, after `ganscope`."""
    return [
        "augment-study", "--data", plan.data, "--size", str(plan.size), "--k", ",".join(map(str, plan.k)),
        "--unbalanced", str(plan.unbalanced), "--seeds", str(plan.seeds), "--steps", str(plan.steps),
        "--gan-steps", str(plan.gan_steps), "--arms", ",".join(plan.arms),
    ]  # fmt: skip


def last() -> Started | None:
    """The study that was started last, whether or not it still runs; None where there is none."""
    try:
        state = json.loads((studies() / NOTICE).read_text(encoding="utf-8"))
        return Started(StudyPlan.from_state(state["plan"]), Owner(**state["process"]), float(state["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def stop() -> None:
    """Ends the study that runs; what it has measured stays. Returns once it has ended."""
    started = last()
    if started is None or not started.runs:
        return
    for ask in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        with suppress(ProcessLookupError):
            os.kill(started.process.pid, ask)
        end = time.monotonic() + GRACE
        while time.monotonic() < end:
            if not started.runs:
                return
            time.sleep(0.05)


def last_line() -> str:
    """The last line of the process's log, such as why it ended."""
    try:
        lines = _log().read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].strip() if lines else ""


def _log() -> Path:
    return studies() / LOG


def _yield(pid: int) -> None:
    if hasattr(os, "setpriority"):
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, pid, YIELDS)

"""A `ganscope` command as a process of its own: started from a page, found by others, stopped. Needs no torch.

    FOLDER/running.json   the process, when it began, and what it was asked for
    FOLDER/running.log    its output

It yields the processor to runs in training. If it is killed, the same command can continue its work.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gan_core import paths
from gan_core.errors import StoreError
from gan_core.files import write_atomically
from gan_core.runs.liveness import Owner, exists, process

NOTICE, LOG = "running.json", "running.log"
GRACE = 5.0  # seconds that the process has to end by itself
YIELDS = 10  # niceness, where the system supports it


@dataclass(frozen=True)
class Background:
    """A process that was started for a folder. `asked` is what it was asked for; `since` is in seconds since 1970."""

    asked: Mapping[str, Any]
    process: Owner
    since: float

    @property
    def runs(self) -> bool:
        return exists(self.process)


def start(folder: Path, words: Sequence[str], asked: Mapping[str, Any]) -> Background:
    """Starts `ganscope WORDS`; raises StoreError if it can't be started or recorded."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / LOG).open("wb") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "gan_core", *words], stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, cwd=Path(__file__).parents[2],
                env={**os.environ, "GANSCOPE_HOME": str(paths.home())},
            )  # fmt: skip
    except OSError as error:
        raise _not_started(error) from error
    threading.Thread(target=child.wait, name=folder.name, daemon=True).start()  # leaves no zombie
    _yield(child.pid)
    started = Background(asked, process(child.pid), time.time())
    try:
        write_atomically(folder / NOTICE, json.dumps(asdict(started)).encode())
    except OSError as error:
        child.kill()
        raise _not_started(error) from error
    return started


def last(folder: Path) -> Background | None:
    """The process that was started last, whether or not it still runs; None if there is none."""
    try:
        state = json.loads((folder / NOTICE).read_text(encoding="utf-8"))
        return Background(dict(state["asked"]), Owner(**state["process"]), float(state["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def stop(folder: Path, ask: signal.Signals = signal.SIGTERM, grace: float = GRACE) -> None:
    """Ends the process that runs, by force after `grace` seconds; its results are kept. Returns once it has ended."""
    started = last(folder)
    if started is None or not started.runs:
        return
    for asking in (ask, getattr(signal, "SIGKILL", signal.SIGTERM)):
        with suppress(ProcessLookupError):
            os.kill(started.process.pid, asking)
        end = time.monotonic() + grace
        while time.monotonic() < end:
            if not started.runs:
                return
            time.sleep(0.05)


def last_line(folder: Path) -> str:
    """The last line of the process's log, e.g. the reason why it ended."""
    try:
        lines = (folder / LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].strip() if lines else ""


def _not_started(error: OSError) -> StoreError:
    return StoreError("It can't be started in the background ({reason}).", reason=error.strerror or error)


def _yield(pid: int) -> None:
    if hasattr(os, "setpriority"):
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, pid, YIELDS)

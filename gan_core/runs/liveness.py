"""Which process owns a run, and whether it is still alive."""

from __future__ import annotations

import os
import socket
import sqlite3
from contextlib import suppress
from dataclasses import dataclass

try:
    import psutil  # type: ignore[import-untyped]
except ImportError:  # a machine that only trains: there the heartbeat alone decides
    psutil = None

from gan_core.runs.records import ACTIVE, RunState


@dataclass(frozen=True)
class Owner:
    """A process: its machine, its pid, and when it was created (pids are used again)."""

    host: str
    pid: int
    born: float  # seconds since the epoch


def this_process() -> Owner:
    return process(os.getpid())


def process(pid: int) -> Owner:
    """A process of this machine that is alive now."""
    try:
        born = psutil.Process(pid).create_time() if psutil else 0.0
    except psutil.Error:
        born = 0.0
    return Owner(_host(), pid, born)


def exists(owner: Owner) -> bool:
    """Whether the process exists, as far as this machine can see."""
    return owner.host == _host() and _exists(owner.pid, owner.born)


def lives(row: sqlite3.Row, now: float, stale_after: float) -> bool:
    """Whether the claim on a run holds: its process exists (where that can be seen) and its heartbeat is fresh."""
    if row["token"] is None or now - row["heartbeat"] > stale_after:
        return False
    return row["host"] != _host() or _exists(row["pid"], row["born"])


def still_runs(owner: Owner) -> bool | None:
    """Whether a process exists; None if that can't be seen from here."""
    return _exists(owner.pid, owner.born) if owner.host == _host() and psutil is not None and owner.born else None


def seen_state(row: sqlite3.Row, now: float, stale_after: float) -> RunState:
    """The state that readers see: an active run without a living process is interrupted."""
    state = RunState(row["state"])
    never_claimed = row["host"] is None
    if state not in ACTIVE or lives(row, now, stale_after) or (never_claimed and now - row["created"] <= stale_after):
        return state
    return RunState.INTERRUPTED


def _exists(pid: int, born: float) -> bool:
    if psutil is None or not born:
        return True
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return bool(abs(process.create_time() - born) < 2)  # seconds: the clock may be corrected meanwhile
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:  # it exists but can't be inspected; the heartbeat decides
        return True


def _host() -> str:
    """The machine, and on Linux the pid namespace: containers may share a host name but not their pids."""
    host = socket.gethostname()
    with suppress(OSError):
        host += "/" + os.readlink("/proc/self/ns/pid")
    return host

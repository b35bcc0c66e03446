"""Counts the present viewers of a run in this process: each viewer registers at every look. Needs no torch."""

from __future__ import annotations

import threading
import time

LINGERS = 5.0  # seconds for which a look is counted

_seen: dict[str, dict[str, float]] = {}  # run -> viewer -> when
_lock = threading.Lock()


def watch(run_id: str, viewer: str = "") -> int:
    """Registers a look at the run; returns the number of recent viewers."""
    now = time.monotonic()
    with _lock:
        _seen.setdefault(run_id, {})[viewer] = now
        for id, viewers in list(_seen.items()):
            for one in [one for one, seen in viewers.items() if now - seen > LINGERS]:
                del viewers[one]
            if not viewers:
                del _seen[id]
        return len(_seen[run_id])


def watched(run_id: str) -> bool:
    """Whether the run has recent viewers."""
    with _lock:
        newest = max(_seen.get(run_id, {}).values(), default=-LINGERS)
    return time.monotonic() - newest < LINGERS

"""Who watches a run in this process right now: whoever is shown frames says so at each look. Needs no torch."""

from __future__ import annotations

import threading
import time

LINGERS = 3.0  # seconds for which a look counts

_seen: dict[str, float] = {}
_lock = threading.Lock()


def watch(run_id: str) -> None:
    """Somebody looks at the run."""
    now = time.monotonic()
    with _lock:
        _seen[run_id] = now
        for id in [id for id, seen in _seen.items() if now - seen > LINGERS]:
            del _seen[id]


def watched(run_id: str) -> bool:
    """Whether somebody looked at the run lately."""
    return time.monotonic() - _seen.get(run_id, -LINGERS) < LINGERS

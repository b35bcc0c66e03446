"""Who watches a run in this process right now: whoever is shown frames says so at each look. Needs no torch."""

from __future__ import annotations

import threading
import time

LINGERS = 5.0  # seconds for which a look counts

_seen: dict[str, dict[str, float]] = {}  # run -> viewer -> when
_lock = threading.Lock()


def watch(run_id: str, viewer: str = "") -> int:
    """Somebody looks at the run; returns how many viewers have done so lately."""
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
    """Whether somebody looked at the run lately."""
    with _lock:
        newest = max(_seen.get(run_id, {}).values(), default=-LINGERS)
    return time.monotonic() - newest < LINGERS

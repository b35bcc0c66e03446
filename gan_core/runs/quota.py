"""The size limit of the run store: `GANSCOPE_QUOTA_GB` (default 10)."""

from __future__ import annotations

import math
import os

from gan_core.runs.store import DiskFull, RunStore

DEFAULT = 10.0  # GB


def quota_bytes() -> int:
    """Bytes that the store may take; a value that is no positive number counts as the default."""
    try:
        gigabytes = float(os.environ.get("GANSCOPE_QUOTA_GB", ""))
    except ValueError:
        gigabytes = DEFAULT
    if not math.isfinite(gigabytes) or gigabytes <= 0:
        gigabytes = DEFAULT
    return int(gigabytes * 1e9)


def keep_within_quota(store: RunStore) -> int:
    """Thins old runs if the store exceeds its quota; returns the bytes freed. Cheap while it fits.

    On a full disk nothing can be thinned: the next write raises the error.
    """
    try:
        return store.enforce_quota(quota_bytes())
    except DiskFull:
        return 0

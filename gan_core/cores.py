"""The processor cores that this process may use, and how PyTorch's threads share them with everything else.

OpenMP's threads wait for each other at the end of every operation. If another process holds a core meanwhile (a
browser that shows the training, say), they wait for their turn on it: small networks then train many times slower on
all cores than on one (`benchmarks/threads.py`). To use all cores of an idle machine, set OMP_NUM_THREADS to their
number and OMP_WAIT_POLICY to ACTIVE.
"""

from __future__ import annotations

import os

LARGE = 64 * 64  # values of an item from which on operations are long enough for all cores


def cores() -> int:
    """The cores that this process may use: fewer than the machine has under taskset or in a container."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_for(values: int) -> int:
    """Threads for operations on items of this many values: all cores for large items, all but one for small ones."""
    return cores() if values >= LARGE else max(1, cores() - 1)


def release_while_waiting() -> None:
    """Makes waiting threads release their core instead of keeping it busy. Must be called before torch is imported."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

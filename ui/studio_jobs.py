"""Long work in a thread of its own: watched from a callback that yields, ended when the visitor leaves or stops it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from gan_core.data.base import Progress
from gan_core.errors import BadValue

LOOK = 0.2  # seconds between two looks

Made = TypeVar("Made")


class Ended(Exception):
    """Nobody waits for the result any more."""


def watched(work: Callable[[Progress], Made], longest: float) -> Generator[float, None, Made]:
    """Gives the share that is done, again and again, and returns what `work` makes; raises what it raises.

    `work` calls its argument now and then with the share that is done. Closing the generator ends the work there, and
    so do `longest` seconds, with BadValue.
    """
    stopped = threading.Event()
    share, begun = 0.0, time.monotonic()

    def told(done: float, what: str) -> None:
        nonlocal share
        share = done
        if stopped.is_set():
            raise Ended

    pool = ThreadPoolExecutor(1, thread_name_prefix="studio-job")
    future = pool.submit(work, told)
    try:
        while not wait([future], LOOK).done:
            if time.monotonic() - begun > longest:
                raise BadValue("This takes longer than {seconds:.0f} seconds here. Try a smaller picture.",
                               seconds=longest)  # fmt: skip
            yield share
        return future.result()
    finally:
        stopped.set()
        pool.shutdown(wait=False)

"""Scheduling: only the newest request of each visitor is answered."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

VISITORS = 4_096  # number of visitors remembered
AT_ONCE = 2  # pictures generated at the same time, one per core

Made = TypeVar("Made")


class Latest:
    """Numbers requests and drops those that became outdated while waiting."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._turns = threading.Semaphore(at_once)
        self._numbers = itertools.count()
        self._newest: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, visitor: str, work: Callable[[], Made]) -> Made | None:
        """Returns the result of `work`; None if the visitor has sent a newer request."""
        number = self._asked(visitor)
        with self._turns:
            if self._newest.get(visitor, number) != number:
                return None
            return work()

    def _asked(self, visitor: str) -> int:
        with self._lock:
            number = self._newest[visitor] = next(self._numbers)
            self._newest.move_to_end(visitor)
            while len(self._newest) > VISITORS:
                self._newest.popitem(last=False)
            return number

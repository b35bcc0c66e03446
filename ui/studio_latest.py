"""Turns: of a visitor's requests only the newest is answered, and long jobs are few at a time."""

from __future__ import annotations

import itertools
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from gan_core.errors import BadValue

VISITORS = 4_096  # remembered at once
AT_ONCE = 2  # pictures drawn at the same time, one for each core of a free machine

Made = TypeVar("Made")


class Latest:
    """Gives numbers to requests, and drops those that were overtaken while they waited for their turn."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._turns = threading.Semaphore(at_once)
        self._numbers = itertools.count()
        self._newest: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, visitor: str, work: Callable[[], Made]) -> Made | None:
        """What `work` makes; None where the visitor has asked for something newer meanwhile."""
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


class Workshop:
    """Long jobs: one at a time, a few waiting, and a friendly word to all others."""

    def __init__(self, waiting: int = 6) -> None:
        self._places = 1 + waiting
        self._taken = 0
        self._lock = threading.Lock()
        self._turn = threading.Semaphore()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Waits for its turn; raises BadValue where too many wait already."""
        with self._lock:
            if self._taken >= self._places:
                raise BadValue("Many visitors are at work here just now. Please try again in a minute.")
            self._taken += 1
        try:
            with self._turn:
                yield
        finally:
            with self._lock:
                self._taken -= 1


workshop = Workshop()

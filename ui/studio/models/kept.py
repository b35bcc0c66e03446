"""Models in memory: a few of them, as many bytes as are allowed, each loaded once. No front end in here."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

Kept = TypeVar("Kept")


class Shelf(Generic[Kept]):
    """The last few things that were asked for. Others are found while one is being made."""

    def __init__(self, most: int, most_bytes: int, size_of: Callable[[Kept], int]) -> None:
        self._most, self._most_bytes, self._size_of = most, most_bytes, size_of
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._lock = threading.Lock()
        self._making: dict[str, tuple[threading.Lock, int]] = {}  # by name, with how many wait for it

    def get(self, name: str, make: Callable[[], Kept], fits: Callable[[Kept], bool] = lambda kept: True) -> Kept:
        """What stands there under a name, if it still `fits`; else what `make` makes, once for all who ask."""
        found = self._found(name)
        if found is not None and fits(found):
            return found
        with self._alone(name):
            found = self._found(name)  # made by another meanwhile
            if found is None or not fits(found):
                found = make()
                self._put(name, found)
            return found

    def drop(self, name: str) -> None:
        with self._lock:
            self._kept.pop(name, None)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()

    def items(self) -> list[tuple[str, Kept]]:
        with self._lock:
            return list(self._kept.items())

    def _found(self, name: str) -> Kept | None:
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
            return self._kept.get(name)

    def _put(self, name: str, made: Kept) -> None:
        with self._lock:
            self._kept[name] = made
            self._kept.move_to_end(name)
            while len(self._kept) > 1 and (
                len(self._kept) > self._most or sum(map(self._size_of, self._kept.values())) > self._most_bytes
            ):
                self._kept.popitem(last=False)

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        with self._lock:
            lock, waiting = self._making.get(name, (threading.Lock(), 0))
            self._making[name] = lock, waiting + 1
        try:
            with lock:
                yield
        finally:
            with self._lock:
                lock, waiting = self._making.pop(name)
                if waiting > 1:
                    self._making[name] = lock, waiting - 1

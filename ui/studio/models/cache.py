"""The one LRU cache of the Studio's models, bounded in number and bytes; each is loaded once. Imports no front end."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from torch import nn

MOST_MODELS, MOST_BYTES = 6, 2**30  # models in memory, and the bytes of their weights

Kept = TypeVar("Kept")


class ModelCache(Generic[Kept]):
    """A thread-safe LRU cache. While one value is being made, others can be read."""

    def __init__(self, most: int, most_bytes: int, size_of: Callable[[Kept], int]) -> None:
        self._most, self._most_bytes, self._size_of = most, most_bytes, size_of
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._lock = threading.Lock()
        # name -> lock, and how many threads hold or wait for it
        self._making: dict[str, tuple[threading.Lock, int]] = {}
        self._of_call: ContextVar[dict[str, Kept] | None] = ContextVar("models of this call", default=None)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Within this context, what was returned once is returned again, even if the cache has dropped it."""
        token = self._of_call.set({})
        try:
            yield
        finally:
            self._of_call.reset(token)

    def get(self, name: str, make: Callable[[], Kept], fits: Callable[[Kept], bool] = lambda kept: True) -> Kept:
        """Returns the cached value if `fits` accepts it; else calls `make`, once for all concurrent callers."""
        of_call = self._of_call.get()
        if of_call is None:
            return self._shared(name, make, fits)
        if name not in of_call or not fits(of_call[name]):
            of_call[name] = self._shared(name, make, fits)
        return of_call[name]

    def _shared(self, name: str, make: Callable[[], Kept], fits: Callable[[Kept], bool]) -> Kept:
        found = self._found(name)
        if found is not None and fits(found):
            return found
        with self._alone(name):
            found = self._found(name)  # may have been made in the meantime
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


class Model(Protocol):
    """What the cache holds: generative and image-to-image models."""

    @property
    def networks(self) -> Mapping[str, nn.Module]: ...


def bytes_of(networks: Mapping[str, nn.Module]) -> int:
    """Returns the memory of the networks' weights in bytes."""
    weights = (one for network in networks.values() for one in (*network.parameters(), *network.buffers()))
    return sum(one.numel() * one.element_size() for one in weights)


models: ModelCache[Model] = ModelCache(MOST_MODELS, MOST_BYTES, lambda model: bytes_of(model.networks))

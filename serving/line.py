"""A queue of requests for one worker thread, which takes all waiting requests as one batch.

    line = Line("stylegan2.avatars", draw)
    pictures = await line.ask(wish, size=1)

Nothing is shared between requests: a batch is a list of wishes, and each caller gets the result of its own.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from serving.errors import Busy, Late

MOST = 64  # pictures of a batch
PATIENCE = 0.003  # seconds that a batch waits for more
PLACES = 256  # pictures that may wait
LONGEST = 30.0  # seconds until a request is answered

logger = logging.getLogger(__name__)
Wish = TypeVar("Wish")
Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class _Asked(Generic[Wish, Made]):
    wish: Wish
    size: int
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Made]


class Line(Generic[Wish, Made]):
    """The queue of one model. `make` turns a list of wishes into a list of results, in the worker's thread."""

    def __init__(
        self, name: str, make: Callable[[list[Wish]], Sequence[Made]], most: int = MOST, places: int = PLACES,
        patience: float = PATIENCE, seen: Callable[[str, int], None] = lambda name, size: None,
    ) -> None:  # fmt: skip
        """`seen` is called with the name and the size of each batch."""
        self.name = name
        self._make, self._most, self._places, self._patience, self._seen = make, most, places, patience, seen
        self._waiting: deque[_Asked[Wish, Made]] = deque()
        self._size = 0  # pictures waiting
        self._crowded = False  # whether the last batch was of several requests
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name=f"line {name}", daemon=True)
        self._thread.start()

    def __len__(self) -> int:
        """How many pictures wait."""
        return self._size

    async def ask(self, wish: Wish, size: int = 1, longest: float = LONGEST) -> Made:
        """Returns the result of a wish. Cancelling, or a timeout of `longest` seconds, removes it from the queue.

        Raises Busy if the queue is full, Late after `longest` seconds, and what `make` raises.
        """
        loop = asyncio.get_running_loop()
        asked: _Asked[Wish, Made] = _Asked(wish, size, loop, loop.create_future())
        with self._changed:
            if self._closed or (self._waiting and self._size + size > self._places):
                raise Busy
            self._waiting.append(asked)
            self._size += size
            self._changed.notify()
        try:
            async with asyncio.timeout(longest):
                return await asked.future
        except TimeoutError:
            raise Late(longest) from None

    def close(self, longest: float = LONGEST) -> None:
        """Ends the worker once it has processed all waiting requests."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(longest)

    def _work(self) -> None:
        while (batch := self._taken()) is not None:
            if batch:
                self._seen(self.name, sum(one.size for one in batch))
                _hand_out(batch, self._results(batch))

    def _taken(self) -> list[_Asked[Wish, Made]] | None:
        """Returns the next batch; None at the end. Clients that have left aren't in it."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if not self._waiting:
                return None
            if self._crowded:  # a single visitor needn't wait for others
                self._changed.wait_for(lambda: self._size >= self._most or self._closed, self._patience)
            batch: list[_Asked[Wish, Made]] = []
            room = self._most
            while self._waiting and (not batch or self._waiting[0].size <= room):
                first = self._waiting.popleft()
                self._size -= first.size
                if not first.future.done():
                    batch.append(first)
                    room -= first.size
            self._crowded = len(batch) > 1
            return batch

    def _results(self, batch: Sequence[_Asked[Wish, Made]]) -> list[Made | Exception]:
        """Returns each wish's result or error: if a batch fails, its wishes are made one by one."""
        try:
            return list(self._make([one.wish for one in batch]))
        except Exception as error:
            if len(batch) == 1:
                return [error]
            logger.warning("a batch of %s failed and is drawn one by one: %s", self.name, type(error).__name__)
        return [result for one in batch for result in self._results([one])]


def _hand_out(batch: Sequence[_Asked[Any, Any]], results: Sequence[Any]) -> None:
    loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for one, result in zip(batch, results, strict=True):
        loops.setdefault(one.loop, []).append((one.future, result))
    for loop, pairs in loops.items():
        try:
            loop.call_soon_threadsafe(_settle, pairs)
        except RuntimeError:  # the server has ended in the meantime
            logger.info("nobody waits for a batch any more")


def _settle(pairs: Sequence[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, result in pairs:
        if future.done():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)

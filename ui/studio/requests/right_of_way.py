"""Priorities: long jobs pause while a visitor waits for a picture. Imports no front end.

Before each PyTorch function, that is hundreds of times per second, a job checks whether anyone waits and whether it
should stop. It pauses for at most `PATIENCE` times its working time, so that it continues slowly even if sliders never
rest. Thread priorities don't help: a thread without a processor may hold the GIL.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PATIENCE = 9.0  # a job gets at least a tenth of the time
LEAST = 0.001  # seconds of work between checks


class RightOfWay:
    """Decides who works and who waits."""

    def __init__(self) -> None:
        self._hurried = 0
        self._clear = threading.Condition()

    @contextmanager
    def first(self) -> Iterator[None]:
        """Within this context, somebody waits for a picture."""
        with self._clear:
            self._hurried += 1
        try:
            yield
        finally:
            with self._clear:
                self._hurried -= 1
                if not self._hurried:
                    self._clear.notify_all()

    def given(self, longest: float) -> None:
        """Waits until nobody is in a hurry, at most `longest` seconds."""
        with self._clear:
            self._clear.wait_for(lambda: not self._hurried, longest)

    @contextmanager
    def behind(self, check: Callable[[], None]) -> Iterator[Callable[[], None]]:
        """Within this context, the thread yields to others and often calls `check`, whose exception ends the work.

        Yields a function that does so at once, for work outside PyTorch.
        """
        worked = time.monotonic()

        def pause() -> None:
            nonlocal worked
            check()
            if not self._hurried:
                worked = time.monotonic()
            elif (since := time.monotonic() - worked) >= LEAST:
                self.given(PATIENCE * since)
                check()
                worked = time.monotonic()

        with _before_each_function(pause):
            yield pause


def _before_each_function(pause: Callable[[], None]) -> Any:
    """A context in which this thread calls `pause` before each PyTorch function; other threads aren't affected."""
    from torch.overrides import TorchFunctionMode

    class Pausing(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            pause()
            return function(*args, **(kwargs or {}))

    return Pausing()


right_of_way = RightOfWay()

"""Right of way: while a visitor waits for a picture of theirs, long jobs stand still. No front end in here.

A job asks between any two functions of PyTorch, that is some hundred times a second, whether anybody waits, and whether
it is to end. It is held up for at most `PATIENCE` times as long as it worked, so that it goes on, slowly, even where
sliders never rest. Niceness won't do: a thread that isn't given a processor may be the one that holds Python's lock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PATIENCE = 9.0  # a job gets a tenth of the time at least
LEAST = 0.001  # seconds of work, after which a job looks whether it is in the way


class RightOfWay:
    """Who is in a hurry, and who lets them pass."""

    def __init__(self) -> None:
        self._hurried = 0
        self._clear = threading.Condition()

    @contextmanager
    def first(self) -> Iterator[None]:
        """Within it somebody waits for a picture."""
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
        """Waits until nobody is in a hurry, `longest` seconds at most."""
        with self._clear:
            self._clear.wait_for(lambda: not self._hurried, longest)

    @contextmanager
    def behind(self, check: Callable[[], None]) -> Iterator[Callable[[], None]]:
        """Within it this thread lets others pass, and calls `check` often, out of which an exception ends the work.

        Gives what does so at once, for work that isn't PyTorch's.
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
    """A context in which this thread calls `pause` before each of PyTorch's functions; others aren't concerned."""
    from torch.overrides import TorchFunctionMode

    class Pausing(TorchFunctionMode):
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            pause()
            return function(*args, **(kwargs or {}))

    return Pausing()


right_of_way = RightOfWay()

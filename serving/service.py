"""Everything that the routes use: open models, their queues, jobs, figures."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from starlette.requests import Request

from gan_core.errors import GanscopeError
from serving.catalogue import GENERATE, Catalogue
from serving.drawing import Drawer, Wish, drawer_of, prepare_later
from serving.errors import Gone
from serving.figures import Figures
from serving.jobs import Jobs
from serving.line import Line
from serving.sampling import Draft, SampleDrawer
from serving.settings import Settings

MOST_OPEN = 8  # maximum number of open models
BATCH = 16  # pictures: answers of one batch are written while the next is drawn; larger batches aren't faster
PICTURES_WAITING = 32  # clients' pictures that may wait to be translated or filled in

logger = logging.getLogger(__name__)
Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class Counter:
    """An open model: its drawer, its queue, and the thread in which it is exported."""

    drawer: Drawer | SampleDrawer
    line: Line[Any, np.ndarray]  # of Wish, or of Draft
    export: threading.Thread

    @property
    def explored(self) -> Drawer:
        """The drawer of a model with a latent space of pictures, which the catalogue has made sure of."""
        assert isinstance(self.drawer, Drawer)
        return self.drawer


class Service:
    """One service; it stores nothing from requests."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.catalogue = Catalogue()
        self.figures = Figures()
        self.jobs = Jobs()
        self.ready = threading.Event()
        self._counters: OrderedDict[str, Counter] = OrderedDict()
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self._works: Line[Callable[[], Any], Any] = Line("pictures", _done, most=1, places=PICTURES_WAITING)
        self.figures.jobs.set_function(self.jobs.at_work)

    def counter(self, name: str) -> Counter:
        """Returns an open model, loaded on first use; until it is exported, PyTorch draws.

        Raises UnknownName or BadCheckpoint. Takes a while the first time: not for the event loop.
        """
        with self._opening:
            return self.open_counter(name) or self._put(name, drawer_of(name))

    def open_counter(self, name: str) -> Counter | None:
        """The same if it is already open."""
        with self._lock:
            if name in self._counters:
                self._counters.move_to_end(name)
            return self._counters.get(name)

    def _put(self, name: str, drawer: Drawer | SampleDrawer) -> Counter:
        line: Line[Any, np.ndarray] = Line(name, drawer.draw, most=BATCH, places=self.settings.places, seen=self._seen)
        self.figures.waiting.labels(name).set_function(lambda: len(line))
        made = Counter(drawer, line, prepare_later(drawer))
        with self._lock:
            self._counters[name] = made
            over = [self._counters.popitem(last=False) for _ in range(len(self._counters) - MOST_OPEN)]
        for gone, counter in over:
            self.figures.waiting.remove(gone)
            threading.Thread(target=counter.line.close, name=f"closing {gone}", daemon=True).start()
        return made

    def engine_of(self, name: str) -> dict[str, str]:
        """Returns the engine that draws a model, if the model is open."""
        counter = self.open_counter(name)
        return {} if counter is None else {"engine": counter.drawer.engine}

    def _seen(self, name: str, size: int) -> None:
        self.figures.batches.labels(name).observe(size)

    def warm(self) -> None:
        """Opens and exports the named models (by default the first one), then is ready.

        One that can't be opened is logged, and stops neither the others nor the service.
        """
        try:
            for name in self.settings.models or ("",):
                self._warm(name)
        finally:
            self.ready.set()

    def _warm(self, name: str) -> None:
        try:
            counter = self.counter(self.catalogue.chosen(name, GENERATE))
            counter.export.join()
            drawer: Any = counter.drawer
            drawer.draw([drawer.wish(1, seed=0)])
        except GanscopeError as error:
            logger.warning("not opened beforehand: %s", error)
        except Exception:  # the others are opened, and its first request says what is wrong
            logger.exception("not opened beforehand: %s", name)

    async def drawn(self, request: Request, counter: Counter, wish: Wish | Draft) -> np.ndarray:
        """Levels (count, H, W, C), or samples (count, ...); raises Busy, Late, or Gone if the client has left."""
        return await _while_connected(request, counter.line.ask(wish, len(wish), self.settings.longest))

    async def worked(self, request: Request, work: Callable[[], Made]) -> Made:
        """Short work with a client's picture, one at a time; raises as `drawn`."""
        made: Made = await _while_connected(request, self._works.ask(work, 1, self.settings.longest))
        return made

    def finish_jobs(self) -> None:
        """Ends the jobs, within the grace; quick requests are still answered."""
        self.jobs.finish(self.settings.grace)

    def close(self) -> None:
        """Finishes running work."""
        self.jobs.close(self.settings.grace)
        with self._lock:  # a model may be opened meanwhile
            lines: list[Line[Any, Any]] = [self._works, *(counter.line for counter in self._counters.values())]
        for line in lines:
            line.close(self.settings.grace)


def _done(works: Sequence[Callable[[], Any]]) -> list[Any]:
    return [work() for work in works]


async def _while_connected(request: Request, work: Awaitable[Made]) -> Made:
    """Awaits work, and cancels it and raises Gone if the client closes the connection."""
    task = asyncio.ensure_future(work)
    left = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({task, left}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Gone
        return task.result()
    finally:
        for one in (task, left):
            one.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass

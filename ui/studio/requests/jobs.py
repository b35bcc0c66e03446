"""Long jobs: one at a time, in a thread that lets sliders pass, watched from a callback that yields.

A callback passes on what `workshop.run` says of the work: its place in the queue, then the share that is done. Who
leaves the page or presses Stop closes the callback, and the thread ends before its next function of PyTorch, frame or
step. The place is free once the thread has ended, and not before.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from gan_core.errors import BadValue
from ui.languages import _
from ui.studio.models.opened import hosted
from ui.studio.requests.right_of_way import RightOfWay, right_of_way

LOOK = 0.2  # seconds between two looks
PLACES = 7  # at work and waiting
FINE = 0.05  # of a job: from here on how it went tells more than the estimate
NEAR = 600.0  # seconds: who waits wants to know such an end
TELLING = 1.0  # seconds of a job, from which on the next estimate heeds it
MOST_SLOWNESS = 8.0  # a machine so busy soon is less so
LONGEST, LONGEST_HOSTED = 1200.0, 120.0  # seconds of a job; the second where strangers visit

Made = TypeVar("Made")
Tell = Callable[[float, Any], None]  # the share that is done, and what there is to see already, if anything


class Ended(Exception):
    """Nobody waits for the result any more."""


@dataclass(frozen=True)
class News:
    """How a job is getting on."""

    place: int  # 1: at work; else that in the queue, counted from the one at work
    share: float = 0.0  # that is done
    left: float = 0.0  # seconds until it begins or is done, about; 0: nobody knows
    seen: Any = None  # what `Tell` was given
    done: bool = False
    made: Any = None  # once it is done

    @property
    def words(self) -> str:
        """For the page."""
        if self.place > 1:
            first = _("You are number {place} in the queue.").format(place=self.place)
            return first + " " + _("It starts in about {seconds} s.").format(seconds=whole(self.left))
        done = f"{self.share:.0%}"
        return f"{done} · " + _("about {seconds} s left").format(seconds=whole(self.left)) if self.left else done

    @property
    def bar(self) -> str:
        """The same with a bar, as HTML."""
        if self.place > 1:
            return self.words
        return f'<progress max="1" value="{self.share:.3f}"></progress> {self.words}'


_LAST = object()  # stands behind all that there is to see


@dataclass(eq=False)
class _Job:
    """One that was asked for. `estimate` in seconds."""

    estimate: float
    stopped: threading.Event = field(default_factory=threading.Event)
    news: SimpleQueue[Any] = field(default_factory=SimpleQueue)
    share: float = 0.0
    begun: float = 0.0

    def tell(self, share: float, seen: Any = None) -> None:
        self.share = share
        if seen is not None and not isinstance(seen, str):  # what the library says of itself in words isn't shown
            self.news.put(seen)

    def check(self) -> None:
        if self.stopped.is_set():
            raise Ended

    @property
    def left(self) -> float:
        """Seconds until it is done: by how it went so far, or as was estimated."""
        if not self.begun:
            return self.estimate
        took = time.monotonic() - self.begun
        if self.share > FINE:
            return took * (1 - self.share) / self.share
        return max(0.0, self.estimate - took)


class Workshop:
    """Where long jobs are done: one at a time, a few waiting, and a friendly word to all others."""

    def __init__(self, places: int = PLACES, way: RightOfWay = right_of_way) -> None:
        self._places = places
        self._way = way
        self._jobs: list[_Job] = []  # in their order; the first one is at work
        self._changed = threading.Condition()
        self._slowness: dict[str, float] = {}  # of each kind of job, against what it costs elsewhere

    def __len__(self) -> int:
        return len(self._jobs)

    def run(
        self, work: Callable[[Tell], Any], kind: str = "", cost: float = 0.0, longest: float | None = None
    ) -> Iterator[News]:
        """The news of `work` again and again, the last with what it made; raises what it raises.

        `work` calls its argument now and then with the share that is done and, where there is something to see, with
        that. `kind` and `cost` are as for `estimate`. Closing the iterator ends the work, and so do `longest` seconds
        of it (None: as long as is usual here). Raises BadValue then, and where too many wait already.
        """
        longest = most() if longest is None else longest
        job = self._joined(self.estimate(kind, cost))
        pool = None
        try:
            while (place := self._place(job)) > 1:
                yield News(place, left=self._until(job))
                with self._changed:
                    self._changed.wait_for(lambda: self._jobs[0] is job, LOOK)
            job.begun = time.monotonic()
            pool = ThreadPoolExecutor(1, thread_name_prefix="studio-job")
            future = pool.submit(copy_context().run, self._worked, job, work)  # with the page's language
            future.add_done_callback(lambda _: job.news.put(_LAST))
            seen = None
            while seen is not _LAST:
                if time.monotonic() - job.begun > longest:
                    raise BadValue("This took longer than {seconds:.0f} seconds, so it was stopped. Try a smaller "
                                   "request.",
                                   seconds=longest)  # fmt: skip
                yield News(1, job.share, job.left, seen)
                seen = _next(job.news)
            made = future.result()
            self._learn(kind, cost, time.monotonic() - job.begun)
            yield News(1, 1.0, done=True, made=made)
        finally:
            job.stopped.set()
            if pool is None:
                self._leave(job)
            else:
                pool.shutdown(wait=False)

    def estimate(self, kind: str, cost: float) -> float:
        """Seconds that a job takes, by those of its kind before; `cost` are the seconds that it takes elsewhere."""
        return cost * self._slowness.get(kind, 1.0)

    def check(self, kind: str, cost: float, longest: float | None = None) -> None:
        """Raises BadValue for a job that would take longer than `longest` seconds (None: as is usual here)."""
        longest = most() if longest is None else longest
        if (seconds := self.estimate(kind, cost)) > longest:
            raise BadValue(
                "This would take about {seconds} seconds; at most {most:.0f} are allowed here. Try a smaller "
                "request.",
                seconds=whole(seconds), most=longest,
            )  # fmt: skip

    def _learn(self, kind: str, cost: float, took: float) -> None:
        """Short jobs say little: what is the same for all of them takes most of their time."""
        if min(cost, took) >= TELLING:
            slowness = min(MOST_SLOWNESS, took / cost)
            self._slowness[kind] = (self._slowness.get(kind, slowness) + slowness) / 2

    def _worked(self, job: _Job, work: Callable[[Tell], Made]) -> Made:
        try:
            with self._way.behind(job.check) as pause:

                def tell(share: float, seen: Any = None) -> None:
                    job.tell(share, seen)
                    pause()

                return work(tell)
        finally:
            self._leave(job)

    def _joined(self, estimate: float) -> _Job:
        with self._changed:
            if len(self._jobs) >= self._places:
                raise BadValue("Too many visitors are using the Studio right now. Try again in a minute.")
            self._jobs.append(job := _Job(estimate))
            return job

    def _leave(self, job: _Job) -> None:
        with self._changed:
            self._jobs.remove(job)
            self._changed.notify_all()

    def _place(self, job: _Job) -> int:
        with self._changed:
            return self._jobs.index(job) + 1

    def _until(self, job: _Job) -> float:
        """Seconds until it begins."""
        with self._changed:
            return sum(other.left for other in self._jobs[: self._jobs.index(job)])


def _next(news: SimpleQueue[Any]) -> Any:
    """What there is to see next; None where that takes a while."""
    try:
        return news.get(timeout=LOOK)
    except Empty:
        return None


def most() -> float:
    """Seconds that a job may take here."""
    return LONGEST_HOSTED if hosted() else LONGEST


def takes(seconds: float, longest: float) -> str:
    """How long a job takes, in words; its end as well, where that isn't far."""
    words = _("This takes about {seconds} s.").format(seconds=whole(min(seconds, longest)))
    if longest <= NEAR:
        words += " " + _("It stops after {most:.0f} s at the latest.").format(most=longest)
    return words


def whole(seconds: float) -> int:
    """At least 1, and rounded to fives from 10 on: an estimate isn't finer than that."""
    return max(1, round(seconds)) if seconds < 10 else 5 * round(seconds / 5)


workshop = Workshop()

"""Long jobs: one at a time, in a thread that yields to sliders, observed by a generator callback.

The callback forwards the progress from `workshop.run`: the place in the queue, then the share done. Leaving the page or
clicking Stop closes the callback, and the thread ends before its next PyTorch function, frame or step. Only then does
the next job start.
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
from ui.texts import joined, paragraph, percent

LOOK = 0.2  # seconds between progress updates
PLACES = 7  # running and waiting jobs
FINE = 0.05  # share of a job from which its own speed is a better estimate
NEAR = 600.0  # seconds left that are always reported
TELLING = 1.0  # minimum seconds of a job for updating the estimates
MOST_SLOWNESS = 8.0  # limit of the slowdown factor: such a load is temporary
LONGEST, LONGEST_HOSTED = 1200.0, 120.0  # maximum seconds of a job: local, public

Made = TypeVar("Made")
Tell = Callable[[float, Any], None]  # arguments: the share done, and an intermediate result, if any


class Ended(Exception):
    """Nobody waits for the result any more."""


@dataclass(frozen=True)
class News:
    """The progress of a job."""

    place: int  # 1: running; higher: position in the queue, including the running job
    share: float = 0.0  # share done
    left: float = 0.0  # estimated seconds until it starts or is done; 0: unknown
    seen: Any = None  # the intermediate result that `Tell` was given
    done: bool = False
    made: Any = None  # the result, once done

    @property
    def words(self) -> str:
        """Returns the progress in words."""
        if self.place > 1:
            return paragraph(
                _("You are number {place} in the queue.").format(place=self.place),
                _("It starts in about {seconds} s.").format(seconds=whole(self.left)),
            )
        left = _("about {seconds} s left").format(seconds=whole(self.left)) if self.left else ""
        return joined(percent(self.share), left)

    @property
    def bar(self) -> str:
        """Returns the progress in words with a bar, as HTML."""
        if self.place > 1:
            return self.words
        return f'<progress max="1" value="{self.share:.3f}"></progress> {self.words}'


_LAST = object()  # comes after everything to be shown


@dataclass(eq=False)
class _Job:
    """A requested job. `estimate` in seconds."""

    estimate: float
    stopped: threading.Event = field(default_factory=threading.Event)
    news: SimpleQueue[Any] = field(default_factory=SimpleQueue)
    share: float = 0.0
    begun: float = 0.0

    def tell(self, share: float, seen: Any = None) -> None:
        self.share = share
        if seen is not None and not isinstance(seen, str):  # the library's own progress messages aren't shown
            self.news.put(seen)

    def check(self) -> None:
        if self.stopped.is_set():
            raise Ended

    @property
    def left(self) -> float:
        """Returns the seconds left, from its speed so far or the estimate."""
        if not self.begun:
            return self.estimate
        took = time.monotonic() - self.begun
        if self.share > FINE:
            return took * (1 - self.share) / self.share
        return max(0.0, self.estimate - took)


class Workshop:
    """Runs long jobs one at a time; a few can wait, further ones are refused."""

    def __init__(self, places: int = PLACES, way: RightOfWay = right_of_way) -> None:
        self._places = places
        self._way = way
        self._jobs: list[_Job] = []  # in order; the first is running
        self._changed = threading.Condition()
        self._slowness: dict[str, float] = {}  # measured speed of each kind of job, relative to its nominal cost

    def __len__(self) -> int:
        return len(self._jobs)

    def run(
        self, work: Callable[[Tell], Any], kind: str = "", cost: float = 0.0, longest: float | None = None
    ) -> Iterator[News]:
        """Yields the progress of `work`, last with its result; raises what it raises.

        `work` calls its argument with the share done and, optionally, an intermediate result. `kind` and `cost` are as
        for `estimate`. Closing the iterator stops the work, and so do `longest` seconds (None: the default limit).
        Raises BadValue in that case, and if too many jobs are waiting.
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
        """Estimates a job's seconds from earlier jobs of its kind; `cost` is its nominal seconds."""
        return cost * self._slowness.get(kind, 1.0)

    def check(self, kind: str, cost: float, longest: float | None = None) -> None:
        """Raises BadValue for a job estimated to take longer than `longest` seconds (None: the default limit)."""
        longest = most() if longest is None else longest
        if (seconds := self.estimate(kind, cost)) > longest:
            raise BadValue(
                "This would take about {seconds} seconds; at most {most:.0f} are allowed here. Try a smaller "
                "request.",
                seconds=whole(seconds), most=longest,
            )  # fmt: skip

    def _learn(self, kind: str, cost: float, took: float) -> None:
        """Updates the estimate. Short jobs are skipped: fixed costs dominate them."""
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
        """Returns the estimated seconds until it starts."""
        with self._changed:
            return sum(other.left for other in self._jobs[: self._jobs.index(job)])


def _next(news: SimpleQueue[Any]) -> Any:
    """Returns the next progress update; None if it takes a while."""
    try:
        return news.get(timeout=LOOK)
    except Empty:
        return None


def most() -> float:
    """Returns the maximum seconds of a job."""
    return LONGEST_HOSTED if hosted() else LONGEST


def stopped() -> str:
    """Returns the message for stopped work."""
    return _("Stopped.")


def takes(seconds: float, longest: float) -> str:
    """Describes how long a job takes, and its limit if that is near."""
    words = _("This takes about {seconds} s.").format(seconds=whole(min(seconds, longest)))
    if longest <= NEAR:
        words = paragraph(words, _("It stops after {most:.0f} s at the latest.").format(most=longest))
    return words


def whole(seconds: float) -> int:
    """Rounds up to at least 1, and to fives from 10 on, because estimates aren't more precise."""
    return max(1, round(seconds)) if seconds < 10 else 5 * round(seconds / 5)


workshop = Workshop()

"""Long work: started by a request, watched and cancelled by others, and deleted after a while.

Jobs take turns with those of the Studio in the same process (`ui/studio/requests/jobs.py`): one runs, a few wait,
and quick pictures have priority. A job is known by an id that can't be guessed, and belongs to the key that began
it.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from gan_core.errors import GanscopeError
from serving.errors import Busy, Refused
from serving.leftovers import sweep
from ui.studio.requests.jobs import PLACES, News, Tell, Workshop, workshop

KEPT = 600.0  # seconds that a result is kept
MOST_KEPT = 64
RESULTS = "ganscope-serve-"  # prefix of result folders, followed by the process id
State = Literal["waiting", "running", "done", "failed", "cancelled"]

logger = logging.getLogger(__name__)


@dataclass(eq=False)
class Job:
    """`file` is the path of the result once it is done, `facts` describes it."""

    id: str
    kind: str
    owner: str
    headers: dict[str, str]
    file: Path
    type: str  # of the result, as HTTP names it
    state: State = "waiting"
    progress: float = 0.0
    place: int = 1  # in the queue; 1: running
    left: float = 0.0  # seconds, approximate
    error: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    ended: float = 0.0  # time.monotonic()
    stop: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def described(self) -> dict[str, Any]:
        """For clients."""
        known: dict[str, Any] = {
            "id": self.id, "kind": self.kind, "state": self.state, "progress": round(self.progress, 3),
            "place": self.place, "seconds_left": round(self.left, 1), **self.facts,
        }  # fmt: skip
        if self.error:
            known["error"] = self.error
        if self.state == "done":
            known["result"] = f"/v1/jobs/{self.id}/result"
        return known


@dataclass(frozen=True)
class Work:
    """The work of a job: `make` writes the file and returns facts; `cost` in seconds, `longest` as in Workshop.run."""

    kind: str
    make: Callable[[Path, Tell], dict[str, Any]]
    ending: str = ".png"
    type: str = "image/png"
    turn: str = ""  # the kind of work, for estimates of time
    cost: float = 0.0
    longest: float | None = None


class Jobs:
    """All jobs of the service."""

    def __init__(self, shop: Workshop = workshop, kept: float = KEPT) -> None:
        self._shop, self._kept = shop, kept
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._end = 0.0  # time.monotonic() when the running job is cancelled; 0: not closing
        sweep(Path(tempfile.gettempdir()), f"{RESULTS}*")
        self._folder = Path(tempfile.mkdtemp(prefix=f"{RESULTS}{os.getpid()}-"))

    def begin(self, work: Work, owner: str, headers: dict[str, str]) -> Job:
        """Raises Busy if too many are waiting, and BadValue for work that would take too long."""
        self._shop.check(work.turn, work.cost, work.longest)
        id = secrets.token_urlsafe(16)
        job = Job(id, work.kind, owner, headers, self._folder / f"{id}{work.ending}", work.type)
        with self._lock:
            self._tidy()
            if self._end or max(self.at_work(), len(self._shop)) >= PLACES or len(self._jobs) >= MOST_KEPT:
                raise Busy
            self._jobs[id] = job
        threading.Thread(target=self._watch, args=(job, work), name=f"job {work.kind}", daemon=True).start()
        return job

    def found(self, id: str, owner: str) -> Job:
        """Raises Refused (404) if it doesn't exist or belongs to another client."""
        with self._lock:
            self._tidy()
            job = self._jobs.get(id)
        if job is None or job.owner != owner:
            raise Refused(404, f"There is no such job, or no more: results are kept for {self._kept:g} seconds.")
        return job

    def at_work(self) -> int:
        """The number of waiting and running jobs."""
        return sum(not job.over.is_set() for job in list(self._jobs.values()))

    def cancel(self, job: Job) -> None:
        """Ends a job, or deletes the result of one that has ended."""
        job.stop.set()
        if job.over.is_set():
            with self._lock:
                self._forget(job)

    def close(self, grace: float) -> None:
        """Finishes, and deletes all results."""
        self.finish(grace)
        shutil.rmtree(self._folder, ignore_errors=True)

    def finish(self, grace: float) -> None:
        """Gives the running job `grace` seconds to end; waiting ones are cancelled at once, and no new one is accepted.

        `grace` is counted from the first call.
        """
        with self._lock:
            self._end = self._end or time.monotonic() + grace
            jobs = [job for job in self._jobs.values() if not job.over.is_set()]
        for job in jobs:
            if job.place > 1:
                job.stop.set()
        for job in jobs:
            if not job.over.wait(max(0.0, self._end - time.monotonic())):
                job.stop.set()
                job.over.wait(1.0)

    def _watch(self, job: Job, work: Work) -> None:
        """Follows a job in its own thread until it has ended."""
        news = self._shop.run(lambda tell: work.make(job.file, tell), work.turn, work.cost, work.longest)
        try:
            self._follow(job, news)
        except GanscopeError as error:
            job.state, job.error = "failed", str(error)
        except Exception:
            logger.exception("a job failed")
            job.state, job.error = "failed", "Something went wrong in the server."
        finally:
            news.close()  # type: ignore[attr-defined]
            job.ended = time.monotonic()
            if job.state != "done":
                with suppress(OSError):
                    job.file.unlink(missing_ok=True)
            job.over.set()

    def _follow(self, job: Job, news: Iterator[News]) -> None:
        for one in news:
            job.place, job.left = one.place, one.left
            if one.done:
                job.facts, job.progress, job.left = one.made, 1.0, 0.0
                job.state = "done"
                return
            if job.stop.is_set():
                job.state = "cancelled"
                return
            job.progress = one.share
            job.state = "waiting" if one.place > 1 else "running"

    def _tidy(self) -> None:
        """Deletes expired results and, if there are too many, the oldest ones."""
        now = time.monotonic()
        over = sorted((job for job in self._jobs.values() if job.over.is_set()), key=lambda job: job.ended)
        for place, job in enumerate(over):
            if now - job.ended > self._kept or place < len(self._jobs) - MOST_KEPT + 1:
                self._forget(job)

    def _forget(self, job: Job) -> None:
        self._jobs.pop(job.id, None)
        with suppress(OSError):
            job.file.unlink(missing_ok=True)

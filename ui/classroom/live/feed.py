"""State of an active run that pages need, shared by all viewers in this process.

The trainer may run in this process, so viewing must be almost free: a poll reads one row of the store; new metrics and
events are read, averaged and encoded once for all viewers.
"""

from __future__ import annotations

import io
import threading
import time
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from gan_core.doctor.bands import Bands, bands_of
from gan_core.doctor.case import Case, Subject, scores_are_probabilities
from gan_core.doctor.diagnosis import alarms, diagnose
from gan_core.doctor.finding import Finding
from gan_core.doctor.stopping import Plateau, plateau
from gan_core.runs.store import Event, Run, RunStore
from gan_core.training.remaining import seconds_left
from ui.classroom.live import curves, figures
from ui.classroom.live.history import History
from ui.classroom.shell.grids import newest_picture, newest_pool
from ui.classroom.shell.i18n import language
from ui.texts import is_points, modes_of

AGE = 0.4  # seconds for which a reading is reused for other viewers
KEPT = 12  # runs
LONG = 120_000  # a PNG with more bytes is sent as JPEG, because every poll sends it
QUALITY = 90
REWINDS = ("rollback", "started")  # number of events after which rows may have been dropped


@dataclass(frozen=True)
class Picture:
    """A picture as sent to browsers: PNG, or JPEG if the PNG would be large."""

    content: bytes
    type: str
    version: int  # version of the PNG that it was made from

    @classmethod
    def of(cls, png: bytes) -> Picture:
        """Makes a picture from a PNG."""
        if len(png) <= LONG:
            return cls(png, "image/png", zlib.crc32(png))
        buffer = io.BytesIO()
        with Image.open(io.BytesIO(png)) as image:
            image.save(buffer, "JPEG", quality=QUALITY, subsampling=0)
        return cls(buffer.getvalue(), "image/jpeg", zlib.crc32(png))


class Feed:
    """One active run. Thread-safe."""

    def __init__(self, store: RunStore, id: str) -> None:
        self.id = id
        self._store = store
        self._lock = threading.Lock()
        self._read = 0.0
        self._run: Run | None = None
        self.version = 0
        self._forget()

    def _forget(self) -> None:
        self.history = History()
        self.events: list[Event] = []
        self._last_step = -1
        self._since: dict[str, int] | None = None  # the steps at which the present alarms were raised
        self._version_examined = -1
        self._findings: list[Finding] = []
        self._bands: Bands | None = None
        self._looked_for_bands = False
        self.version += 1  # version of the curves; increases with every new row or event
        self._parts: dict[Any, tuple[dict[str, Any], bytes]] = {}
        self._picture: Picture | None = None
        self._pool: Picture | None = None

    def run(self, fresh: bool = False) -> Run:
        """Returns the current run; raises UnknownName. `fresh` bypasses the cache, for example after a command."""
        with self._lock:
            if fresh or self._run is None or time.monotonic() - self._read > AGE:
                run = self._store.get(self.id)
                if self._run is None or run != self._run:
                    self._update(run)
                self._run, self._read = run, time.monotonic()
            return self._run

    def _update(self, run: Run) -> None:
        since = self.events[-1].id if self.events else 0
        new = self._store.events(self.id, since)
        if run.step < self._last_step or any(event.kind in REWINDS for event in new):
            self._forget()
            new = self._store.events(self.id)
        self.events += new
        metrics = self._store.metrics(self.id, self._last_step)
        if len(metrics):
            self.history.append(metrics)
            self._last_step = int(metrics.steps[-1])
        if len(metrics) or new:
            self._parts = {}
            self.version += 1
        self._look()

    @property
    def hparams(self) -> Mapping[str, Any]:
        """Returns the run's settings with all edits so far, as plain values."""
        self.run()
        return self._settings()

    def _settings(self) -> dict[str, Any]:
        assert self._run is not None
        values = dict(self._run.spec.hparams)
        for event in self.events:
            if event.kind == "edit":
                values |= event.payload["changes"]
        return values

    def _probability(self) -> bool:
        return scores_are_probabilities(self._settings())

    def _of_points(self) -> bool:
        return self._run is not None and is_points(self._run.spec.data)

    def curves(self, large: bool = False, files: Sequence[str] = ()) -> tuple[dict[str, Any], bytes]:
        """Returns the charts as from `ui.classroom.live.curves.parts`; `files`: just these, in this order; `large`:
        only the first.
        """
        self.run()
        with self._lock:
            key = (language(), large, tuple(files))
            if key not in self._parts:
                modes = modes_of(self._run.spec.data) if self._run else 0
                self._look_for_bands()
                panels = figures.panels(
                    self.history,
                    self._probability(),
                    self._of_points(),
                    modes,
                    self._settings().get("loss") == "wasserstein",
                )
                panels += figures.gaps(self.events)
                if files:
                    panels = sorted((panel for panel in panels if panel.file in files), key=_place_in(files))
                found = [] if large or files else self._examined()
                panels = panels[:1] if large else panels
                self._parts[key] = curves.parts(
                    panels, figures.marks(self.events), large=large, file=f"ganscope-{self.id}",
                    evidence=figures.evidence(self.history, found, self._of_points()),
                )  # fmt: skip
            return self._parts[key]

    def _look_for_bands(self) -> None:
        """Reads the bands of healthy runs once, as soon as there is a curve to draw them behind."""
        if self._looked_for_bands or self._run is None or not self.history.names:
            return
        self._looked_for_bands = True
        self._bands = bands_of(self._store, self._run)
        self.history.bands = self._bands.by_metric if self._bands else {}

    @property
    def bands(self) -> Bands | None:
        """Returns the bands of healthy runs that are drawn behind the curves, if there are any."""
        return self._bands

    def findings(self) -> list[Finding]:
        """Returns the doctor's findings on the run."""
        self.run()
        with self._lock:
            return self._examined()

    def _examined(self) -> list[Finding]:
        """The findings, computed once for each version of the curves."""
        if self._version_examined != self.version:
            case = self._case()
            self._findings = diagnose(case)
            kinds = [finding.kind for finding in self._findings if finding.is_alarm]
            known = alarms(case) if self._since is None else self._since
            self._since = {kind: known.get(kind, case.step) for kind in kinds}
            self._version_examined = self.version
        return self._findings

    def since(self, kind: str) -> int | None:
        """Returns the step at which a present alarm was raised."""
        self.findings()
        return (self._since or {}).get(kind)

    def _case(self) -> Case:
        """What the doctor's rules read: the last steps in full, and the whole run thinned."""
        assert self._run is not None
        edited = max((event.step for event in self.events if event.kind == "edit"), default=0)
        return Case(self.history.recent, Subject.of(self._run, self._settings(), edited), self.history.thinned())

    def plateau(self) -> Plateau | None:
        """Returns since when the run's distance to the data no longer improves beyond its interval."""
        self.run()
        with self._lock:
            return plateau(self._case())

    def seconds_left(self) -> float | None:
        """Returns the estimated remaining seconds; None if unknown."""
        run = self.run()
        edited = max((event.step for event in self.events if event.kind == "edit"), default=0)
        return seconds_left(run, self.history.recent, int(self._settings().get("batch_size", 1)), edited)

    def picture(self) -> Picture | None:
        """Returns the newest samples."""
        self.run()
        return self._picture

    def pool(self) -> Picture | None:
        """Returns the past fakes in the replay pool, if the run has one."""
        self.run()
        return self._pool

    def newest(self, name: str) -> float | None:
        """Returns the last value of a metric, NaN if it is broken, None if there is none."""
        self.run()
        return self.history.latest.get(name)

    def _look(self) -> None:
        self._picture = _seen(self._picture, newest_picture(self._store, self.id))
        self._pool = _seen(self._pool, newest_pool(self._store, self.id))


def _place_in(files: Sequence[str]) -> Callable[[curves.Panel], int]:
    return lambda panel: files.index(panel.file)


def _seen(last: Picture | None, content: bytes | None) -> Picture | None:
    """Returns the picture of a PNG, reusing the last one if it is unchanged."""
    if content is None:
        return None
    return last if last and last.version == zlib.crc32(content) else Picture.of(content)


_feeds: OrderedDict[tuple[str, str], Feed] = OrderedDict()
_feeds_lock = threading.Lock()


def feed(store: RunStore, id: str) -> Feed:
    """Returns the feed of a run, shared by all viewers in this process."""
    with _feeds_lock:
        key = (str(store.root), id)
        found = _feeds.pop(key, None) or Feed(store, id)
        _feeds[key] = found
        while len(_feeds) > KEPT:
            _feeds.popitem(last=False)
        return found

"""The metrics of a growing run in bounded memory: moving averages over all steps, reduced to at most 400 points per
curve.

Curves are NaN where nothing was measured (skipped) and infinite where a value is broken (shown as a gap).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gan_core.doctor.bands import Band
from gan_core.runs.records import Metrics

WINDOW = 100  # window of the moving average, in steps
POINTS = 400  # maximum number of points per curve
RECENT = 400  # number of latest steps kept in full

Table = NDArray[np.float64]  # (columns, rows)


class History:
    """Accepts rows as they arrive; `steps`, `raw(name)` and `mean(name)` are arrays of equal length."""

    def __init__(self) -> None:
        self.recent = Metrics.empty()
        self.latest: dict[str, float] = {}  # last measured value of each column, however old
        self.bands: Mapping[str, Band] = {}  # what healthy runs recorded, by column
        self._names: list[str] = []
        self._stride = 1
        self._kept = _Rows.empty(0)
        self._open = _Rows.empty(0)  # rows of a bin that isn't full yet
        self._shown = self._kept

    @property
    def names(self) -> list[str]:
        return list(self._names)

    @property
    def steps(self) -> NDArray[np.float64]:
        return self._shown.steps

    def raw(self, name: str) -> NDArray[np.float64]:
        found: NDArray[np.float64] = self._shown.raw[self._names.index(name)]
        return found

    def mean(self, name: str) -> NDArray[np.float64]:
        """Returns means over the last 100 steps, ignoring missing values."""
        found: NDArray[np.float64] = self._shown.mean[self._names.index(name)]
        return found

    def thinned(self) -> Metrics:
        """Returns the whole run as rows: for each kept step the last value that was measured up to it."""
        raw = np.where(np.isinf(self._shown.raw), np.nan, self._shown.raw)
        return Metrics(self.steps.astype(np.int64), dict(zip(self._names, raw, strict=True)))

    def append(self, metrics: Metrics) -> None:
        """Appends rows that follow those already appended."""
        if not len(metrics):
            return
        for name in metrics.columns:
            if name not in self._names:
                self._names.append(name)
                self._kept, self._open = self._kept.wider(), self._open.wider()
        joined = Metrics.concat([self.recent, metrics])
        self.latest |= {name: value for name in metrics.columns if (value := metrics.last(name)) is not None}
        table = np.stack([_curve(joined, name) for name in self._names])
        means = np.where(np.isinf(table), table, moving_average(table))
        start = len(self.recent)
        rows = _Rows(metrics.steps.astype(float), table[:, start:], means[:, start:])
        self.recent = joined.rows(slice(-RECENT, None))
        self._take(_Rows.joined(self._open, rows))

    def _take(self, rows: _Rows) -> None:
        full = len(rows.steps) // self._stride * self._stride
        self._kept = _Rows.joined(self._kept, rows.part(0, full).binned(self._stride))
        self._open = rows.part(full, len(rows.steps))
        while len(self._kept.steps) >= POINTS:
            odd = len(self._kept.steps) % 2
            whole = self._kept.part(0, len(self._kept.steps) - odd).binned(2)
            # an odd row is half a bin; it is dropped, because its neighbours hold the same information
            self._kept = whole
            self._stride *= 2
        self._shown = _Rows.joined(self._kept, self._open.binned(max(1, len(self._open.steps))))


class _Rows:
    """Steps (K,) with raw values and means (columns, K)."""

    def __init__(self, steps: NDArray[np.float64], raw: Table, mean: Table) -> None:
        self.steps, self.raw, self.mean = steps, raw, mean

    @classmethod
    def empty(cls, columns: int) -> _Rows:
        return cls(np.empty(0), np.empty((columns, 0)), np.empty((columns, 0)))

    @classmethod
    def joined(cls, one: _Rows, other: _Rows) -> _Rows:
        return cls(
            np.concatenate([one.steps, other.steps]),
            np.concatenate([one.raw, other.raw], 1),
            np.concatenate([one.mean, other.mean], 1),
        )

    def wider(self) -> _Rows:
        """Returns the rows with one more column, empty so far."""
        blank = np.full((1, len(self.steps)), np.nan)
        return _Rows(self.steps, np.concatenate([self.raw, blank]), np.concatenate([self.mean, blank]))

    def part(self, start: int, stop: int) -> _Rows:
        return _Rows(self.steps[start:stop], self.raw[:, start:stop], self.mean[:, start:stop])

    def binned(self, width: int) -> _Rows:
        """Returns one row per `width` rows: the last step, and the last measured value of each column."""
        if width == 1 or not len(self.steps):
            return self
        return _Rows(self.steps[width - 1 :: width], _last_measured(self.raw, width), _last_measured(self.mean, width))


def _curve(metrics: Metrics, name: str) -> NDArray[np.float64]:
    """Returns a column (K,): NaN where nothing was measured, infinite where a value is broken."""
    column = metrics.columns.get(name)
    if column is None:
        return np.full(len(metrics), np.nan)
    return np.where(metrics.broken.get(name, False), np.inf, column.astype(float))


def _last_measured(table: Table, width: int) -> Table:
    bins = table.reshape(len(table), -1, width)  # (columns, rows) -> (columns, bins, width)
    places = np.where(np.isnan(bins), -1, np.arange(width)).max(-1, keepdims=True)
    return np.take_along_axis(bins, places.clip(0), -1)[..., 0]


def moving_average(table: Table, window: int = WINDOW) -> Table:
    """Returns the mean of the last `window` numbers along the rows, ignoring NaN; NaN if there are none."""
    finite = np.isfinite(table)
    sums = np.cumsum(np.where(finite, table, 0.0), 1)
    counts = np.cumsum(finite, 1)
    if table.shape[1] > window:
        sums[:, window:] = sums[:, window:] - sums[:, :-window].copy()
        counts[:, window:] = counts[:, window:] - counts[:, :-window].copy()
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)

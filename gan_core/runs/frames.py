"""The frames of a run of points: the state of the plane at a step, as float16, in one append-only file.

`frames-1.bin` in the run's folder is an array of records of equal size, so that a record's place is its index and a
reader maps the file. A record that a crash cut short is ignored, and overwritten by the next writer. A file that has
reached MOST frames is thinned: every second frame of its older half is removed. Needs no torch.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gan_core.disk import file_size, replacing, writing

FILE = "frames-1.bin"  # the number changes with the format of a record
POINTS = 400  # generated points, always from the same latents
SIDE = 48  # cells of the square that D is evaluated on, in each direction
LATTICE = 21  # lines of the warped grid, in each direction
MOST = 3000  # frames in a file: 50 MB

RECORD = np.dtype(
    [
        ("step", "<i8"),
        ("points", "<f2", (POINTS, 2)),
        ("logits", "<f2", (POINTS,)),  # of D at these points
        ("slopes", "<f2", (POINTS, 2)),  # gradient of D's logit there
        ("pulls", "<f2", (POINTS, 2)),  # negative gradient of the generator's loss there, for each point by itself
        ("field", "<f2", (SIDE, SIDE)),  # D's logit in the middle of each cell; rows from low y to high y
        ("density", "<f2", (SIDE, SIDE)),  # share of the generator's points in each cell, smoothed
        ("warp", "<f2", (LATTICE, LATTICE, 2)),  # where the generator puts a lattice of its noise
    ]
)


class FrameFile:
    """The frames of one run; a writer and any number of readers, in any process."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def __len__(self) -> int:
        try:
            return self.path.stat().st_size // RECORD.itemsize
        except OSError:
            return 0

    def read(self, places: NDArray[np.int64] | slice) -> NDArray:
        """Some records, copied; empty where there is no file."""
        if not len(self):
            return np.empty(0, RECORD)
        mapped = np.memmap(self.path, RECORD, "r", shape=(len(self),))
        return np.array(mapped[places])

    def steps(self) -> NDArray[np.int64]:
        """The step of every frame, (F,), ascending; a step can have several, of which the last one counts."""
        if not len(self):
            return np.empty(0, np.int64)
        return np.array(np.memmap(self.path, RECORD, "r", shape=(len(self),))["step"])

    def append(self, record: NDArray) -> None:
        """Adds one record; raises DiskFull or StoreError, and the file stays as it was."""
        with writing(self.path.parent):
            if len(self) >= MOST:
                self._thin()
            whole = len(self) * RECORD.itemsize
            with self.path.open("ab") as file:
                file.truncate(whole)
                file.write(record.tobytes())

    def cut(self, step: int) -> None:
        """Drops the frames of later steps, when a run resumes from `step`."""
        steps = self.steps()
        kept = int(np.searchsorted(steps, step, side="right"))
        if kept < len(steps):
            with writing(self.path.parent), self.path.open("r+b") as file:
                file.truncate(kept * RECORD.itemsize)

    def size(self) -> int:
        """Bytes that the file takes."""
        return file_size(self.path)

    def halve(self) -> int:
        """Drops every second frame but the newest, of a run without a writer; returns the bytes freed."""
        count = len(self)
        before = self.size()
        if count > 2:
            self._keep(np.arange((count - 1) % 2, count, 2))
        return before - self.size()

    def _thin(self) -> None:
        count = len(self)
        self._keep(np.concatenate([np.arange(0, count // 2, 2), np.arange(count // 2, count)]))

    def _keep(self, places: NDArray[np.int64]) -> None:
        with replacing(self.path) as path:
            path.write_bytes(self.read(places).tobytes())

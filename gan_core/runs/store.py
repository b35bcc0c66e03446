"""The run store: all records of all runs, safe to use from many threads and processes at once.

One SQLite file in WAL mode (`runs.sqlite3`) and a folder for each run (`runs/<id>/previews`, `runs/<id>/checkpoints`).
Exactly one living process owns a run and writes it (`claim`); any process may read it and send it commands. A process
may be killed at any moment: what was committed is kept, and the run reads as interrupted.

    store = RunStore()
    run = store.create(RunSpec("dcgan", "digits", 16))
    token = store.claim(run.id)
    store.enqueue(run.id, token)
    if store.try_start(run.id, token, limit=1):
        store.log(run.id, token, metrics, images_seen=64, seconds=0.1, images_per_second=640)

Needs no torch. The parts: `catalogue` (the list of runs), `claims` (owners, queue, states), `history` (metrics, events,
commands), `artifacts` (previews, checkpoints); below them `database` and `disk`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

from gan_core.disk import DiskFull, file_size
from gan_core.runs import frames
from gan_core.runs.artifacts import Artifacts, remove
from gan_core.runs.claims import Claims
from gan_core.runs.frames import FrameFile
from gan_core.runs.history import History
from gan_core.runs.records import ACTIVE, Checkpoint, Command, Event, Metrics, Preview, Run, RunState

__all__ = [
    "REPLAYED",
    "Checkpoint",
    "Command",
    "DiskFull",
    "Event",
    "Metrics",
    "Preview",
    "Run",
    "RunState",
    "RunStore",
]

REPLAYED = ("edit", "step")  # kinds of events that a resume does again, so that a truncation keeps them


class RunStore(Claims, History, Artifacts):
    """Combines all parts, and adds what concerns several of them: going back to a step, and the space used."""

    def truncate(self, id: str, token: str, step: int, drop_replayed: bool = False) -> None:
        """Deletes everything recorded after `step`: metrics, previews, checkpoints, events.

        Events of the REPLAYED kinds stay, as a resume replays them, unless `drop_replayed` (a user rolls back).
        """
        kept = () if drop_replayed else REPLAYED
        with self._writer(id, token) as connection:
            connection.execute(
                "UPDATE runs SET images_seen = COALESCE((SELECT c.images_seen FROM checkpoints c WHERE c.run = runs.id"
                " AND c.step = ?1), CASE WHEN ?1 <= 0 THEN 0 ELSE images_seen END), step = ?1"
                " WHERE id = ?2 AND step > ?1",
                (step, id),
            )
            self._cut_metrics(connection, id, step)
            files = self._cut_files(connection, id, step)
            connection.execute(
                f"DELETE FROM events WHERE run = ? AND step > ? AND kind NOT IN ({', '.join('?' * len(kept))})",
                (id, step, *kept),
            )
        remove(files)

    def size(self) -> int:
        """Bytes that the store takes: its database, the reserve, all previews, frames and checkpoints."""
        with self._database.read() as connection:
            files = connection.execute(
                "SELECT TOTAL(bytes) FROM (SELECT bytes FROM previews UNION ALL SELECT bytes FROM checkpoints)"
            ).fetchone()[0]
        taken = sum(file_size(path) for path in (self.root / "runs").glob(f"*/{frames.FILE}"))
        return int(files) + taken + self._database.size() + self._reserve.size()

    def enforce_quota(self, limit_bytes: int) -> int:
        """Thins old runs until the store fits; returns the bytes freed, which may be too few.

        Never touches pinned or active runs, and never deletes a run. Previews and frames are removed first: of each
        run, oldest first, every second one between the first and the last, repeatedly. Checkpoints follow, except each
        run's newest.
        """
        excess = self.size() - limit_bytes
        freed = 0
        savings = self._savings()
        while freed < excess:
            saved = next(savings, None)
            if saved is None:
                break
            freed += saved
        return freed

    def _savings(self) -> Iterator[int]:
        ids = [run.id for run in reversed(self.runs()) if not run.pinned and not run.is_active]
        thinned = True
        while thinned:
            thinned = False
            for id in ids:
                saved = self._thin(id, "previews", every_second_between) + self._thin_frames(id)
                thinned |= saved > 0
                yield saved
        for id in ids:
            while saved := self._thin(id, "checkpoints", oldest_but_newest):
                yield saved

    def _thin_frames(self, id: str) -> int:
        """Removes frames of a run unless it was claimed or pinned meanwhile; returns the bytes freed."""
        with self._database.write() as connection:
            run = connection.execute("SELECT * FROM runs WHERE id = ? AND NOT pinned", (id,)).fetchone()
            if run is None or self._lives(run) or self._seen_state(run) in ACTIVE:
                return 0
            return FrameFile(self._folder(id)).halve()

    def _thin(self, id: str, table: str, surplus: Callable[[list[sqlite3.Row]], list[sqlite3.Row]]) -> int:
        """Removes files of a run unless it was claimed or pinned meanwhile; returns the bytes freed."""
        with self._database.write() as connection:
            run = connection.execute("SELECT * FROM runs WHERE id = ? AND NOT pinned", (id,)).fetchone()
            if run is None or self._lives(run) or self._seen_state(run) in ACTIVE:
                return 0
            rows = connection.execute(
                f"SELECT step, file, bytes FROM {table} WHERE run = ? ORDER BY step", (id,)
            ).fetchall()
            dropped = surplus(rows)
            connection.executemany(
                f"DELETE FROM {table} WHERE run = ? AND step = ?", [(id, row["step"]) for row in dropped]
            )
            # before the commit: afterwards a new owner could have written a file of the same name
            remove(self._folder(id) / table / row["file"] for row in dropped)
        return sum(row["bytes"] for row in dropped)


def every_second_between(rows: list[sqlite3.Row]) -> list[sqlite3.Row]:
    """Every second item between the first and the last."""
    return rows[1:-1:2]


def oldest_but_newest(rows: list[sqlite3.Row]) -> list[sqlite3.Row]:
    """The oldest item, if there is a newer one."""
    return rows[:-1][:1]

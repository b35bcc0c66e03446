"""The list of runs: create, read, rename, pin, delete; and the check that only a run's owner writes to it."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sqlite3
import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from gan_core import paths
from gan_core.disk import DiskFull, Reserve
from gan_core.errors import DeletedRun, RunConflict, StoreError, UnknownName, values_of
from gan_core.runs import liveness
from gan_core.runs.database import Database
from gan_core.runs.records import Run, RunState
from gan_core.runs.spec import RunSpec

Result = TypeVar("Result")

NAME_LENGTH = 80
NOTE_LENGTH = 2000
DELETED = ".deleted-"  # beginning of the names of run folders that are being removed


class Catalogue:
    """`runs.sqlite3` and `runs/<id>/{previews,checkpoints}` below one folder (default: `paths.home()`).

    `stale_after`: seconds without a heartbeat after which an owner counts as dead.
    """

    def __init__(self, folder: Path | None = None, stale_after: float = 15.0) -> None:
        self.root = Path(folder) if folder is not None else paths.home()
        self.stale_after = stale_after
        self._reserve = Reserve(self.root / "reserve.bin")
        self._database = self._with_reserve(partial(Database, self.root))
        self._reserve.restore()
        self._sweep_deleted()

    def close(self) -> None:
        """Closes the idle database connections; the store stays usable."""
        self._database.close()

    def free_reserve(self) -> None:
        """Releases the reserved space, so that the store can be written while the disk is full."""
        self._reserve.free()

    def restore_reserve(self) -> bool:
        """Reserves the space again; returns whether there was enough."""
        return self._reserve.restore()

    def create(self, spec: RunSpec, *, name: str = "", parent: str | None = None) -> Run:
        """A new run in state queued; it counts as interrupted if no process claims it within `stale_after` seconds."""
        now = time.time()
        with self._database.write() as connection:
            id = _new_id(connection, now)
            connection.execute(
                "INSERT INTO runs (id, name, spec, state, created, updated, parent) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (id, plain_line(name, NAME_LENGTH), spec.to_json(), RunState.QUEUED, now, now, parent),
            )
            for folder in ("previews", "checkpoints"):
                (self._folder(id) / folder).mkdir(parents=True)
        return self.get(id)

    def get(self, id: str) -> Run:
        """Raises UnknownName, or DeletedRun for a run that has been deleted."""
        with self._database.read() as connection:
            row = self._row(connection, id)
        return self._run(row, time.time())

    def runs(self) -> list[Run]:
        """All runs, newest first."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT * FROM runs ORDER BY created DESC, rowid DESC").fetchall()
        now = time.time()
        return [self._run(row, now) for row in rows]

    def rename(self, id: str, name: str) -> None:
        """The name is plain text, cut to 80 characters on one line."""
        self._set(id, "name", plain_line(name, NAME_LENGTH))

    def set_note(self, id: str, note: str) -> None:
        """The note is plain text, cut to 2000 characters."""
        self._set(id, "note", plain(note).strip()[:NOTE_LENGTH])

    def set_steps(self, id: str, steps: int) -> None:
        """Changes the planned number of steps, 0 for no end; raises RunConflict while a living process owns it."""
        with self._database.write() as connection:
            row = self._row(connection, id)
            if self._lives(row):
                raise RunConflict(
                    "Run {run} ({state}) is owned by process {pid}. Stop it before changing the planned steps.",
                    run=id,
                    state=row["state"],
                    pid=row["pid"],
                )
            spec = replace(RunSpec.from_json(row["spec"]), steps=steps).to_json()
            connection.execute("UPDATE runs SET spec = ?, updated = ? WHERE id = ?", (spec, time.time(), id))

    def set_pinned(self, id: str, pinned: bool) -> None:
        """A pinned run is spared by `delete_unpinned` and `enforce_quota`."""
        self._set(id, "pinned", int(pinned))

    def delete(self, id: str) -> None:
        """Removes a run with all its files, at once; raises RunConflict while a living process holds it."""
        self._with_reserve(partial(self._delete, id))
        self._tidy()

    def delete_unpinned(self) -> list[str]:
        """Deletes every run that is neither pinned nor active; returns their ids."""
        deleted = []
        for run in self.runs():
            if run.pinned or run.is_active:
                continue
            with suppress(RunConflict, UnknownName):  # claimed, pinned or deleted by another process meanwhile
                self._with_reserve(partial(self._delete, run.id, spare_pinned=True))
                deleted.append(run.id)
        self._tidy()
        return deleted

    def folder(self, id: str) -> Path:
        """The run's folder; the id is looked up first, so that no path can escape. Raises UnknownName."""
        with self._database.read() as connection:
            self._row(connection, id)
        return self._folder(id)

    # Used by the other parts of the store.

    def _folder(self, id: str) -> Path:
        return self.root / "runs" / id

    def _row(self, connection: sqlite3.Connection, id: str) -> sqlite3.Row:
        row: sqlite3.Row | None = connection.execute("SELECT * FROM runs WHERE id = ?", (id,)).fetchone()
        if row is None:
            if connection.execute("SELECT 1 FROM deleted WHERE run = ?", (id,)).fetchone():
                raise DeletedRun("Run {run} was deleted.", run=id)
            newest = connection.execute("SELECT id FROM runs ORDER BY created DESC LIMIT 20").fetchall()
            raise UnknownName("run", id, [other["id"] for other in newest])
        return row

    def _owned(self, connection: sqlite3.Connection, id: str, token: str) -> sqlite3.Row:
        """The run's row, if the token is its present claim; else RunConflict."""
        row: sqlite3.Row | None = connection.execute("SELECT * FROM runs WHERE id = ?", (id,)).fetchone()
        if row is None:
            raise RunConflict("Run {run} was deleted and can't be written to any more.", run=id)
        if row["token"] != token:
            raise RunConflict(
                "Run {run} was taken over by another process. This process no longer writes to it.", run=id
            )
        return row

    @contextmanager
    def _writer(self, id: str, token: str) -> Iterator[sqlite3.Connection]:
        """A transaction of the run's owner; it also counts as a heartbeat."""
        with self._database.write() as connection:
            self._owned(connection, id, token)
            connection.execute("UPDATE runs SET heartbeat = ? WHERE id = ?", (time.time(), id))
            yield connection

    def _seen_state(self, row: sqlite3.Row) -> RunState:
        return liveness.seen_state(row, time.time(), self.stale_after)

    def _lives(self, row: sqlite3.Row) -> bool:
        return liveness.lives(row, time.time(), self.stale_after)

    def _with_reserve(self, action: Callable[[], Result]) -> Result:
        """Runs the function; on a full disk, frees the reserve and tries again, as even deleting needs some space."""
        try:
            return action()
        except DiskFull:
            self.free_reserve()
            return action()

    def _run(self, row: sqlite3.Row, now: float) -> Run:
        return Run(
            id=row["id"],
            name=row["name"],
            note=row["note"],
            spec=RunSpec.from_json(row["spec"]),
            state=liveness.seen_state(row, now, self.stale_after),
            step=row["step"],
            images_seen=row["images_seen"],
            created=row["created"],
            updated=row["updated"],
            pinned=bool(row["pinned"]),
            parent=row["parent"],
            message=row["message"],
            message_values=values_of(json.loads(row["message_values"])),
            traceback=row["traceback"],
            seconds=row["seconds"],
            images_per_second=row["images_per_second"],
        )

    def _set(self, id: str, column: str, value: str | int) -> None:
        with self._database.write() as connection:
            self._row(connection, id)
            connection.execute(f"UPDATE runs SET {column} = ?, updated = ? WHERE id = ?", (value, time.time(), id))

    def _delete(self, id: str, spare_pinned: bool = False) -> None:
        with self._database.write() as connection:
            row = self._row(connection, id)
            if self._lives(row):
                raise RunConflict(
                    "Run {run} ({state}) is owned by process {pid}. Stop it before deleting it.",
                    run=id,
                    state=row["state"],
                    pid=row["pid"],
                )
            if spare_pinned and row["pinned"]:
                raise RunConflict("Run {run} is pinned.", run=id)
            connection.execute("DELETE FROM runs WHERE id = ?", (id,))
            connection.execute("INSERT OR REPLACE INTO deleted VALUES (?, ?)", (id, time.time()))
        with suppress(OSError):
            os.replace(self._folder(id), self.root / "runs" / (DELETED + id))

    def _tidy(self) -> None:
        self._sweep_deleted()
        with suppress(StoreError):  # shrinking needs a little space itself; the next deletion tries again
            self._database.shrink()
        self._reserve.restore()

    def _sweep_deleted(self) -> None:
        for folder in (self.root / "runs").glob(DELETED + "*"):
            shutil.rmtree(folder, ignore_errors=True)


def plain(text: str) -> str:
    """Text without control characters and broken code points; everything else stays as it was typed."""
    return "".join(char for char in text if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs"))


def plain_line(text: str, length: int) -> str:
    return " ".join(plain(text).split())[:length].strip()


def to_json(values: object) -> str:
    """JSON with NumPy scalars as numbers; objects that JSON doesn't support are converted to text."""
    return json.dumps(values, default=lambda value: value.item() if isinstance(value, np.generic) else str(value))


def _new_id(connection: sqlite3.Connection, now: float) -> str:
    while True:
        id = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-{secrets.token_hex(2)}"
        taken = "SELECT 1 FROM runs WHERE id = :id UNION ALL SELECT 1 FROM deleted WHERE run = :id"
        if connection.execute(taken, {"id": id}).fetchone() is None:
            return id

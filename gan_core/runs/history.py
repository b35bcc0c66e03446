"""The history of a run: metrics, events, and the commands sent to its owner."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from gan_core.runs.catalogue import Catalogue, to_json
from gan_core.runs.records import Command, Event, Metrics

BROKEN = np.uint32(0x7FC0_0BAD)  # the NaN of a value that was measured; any other means that nothing was


class History(Catalogue):
    """Metrics are stored as chunks, one for each flush: steps (K,) and scalars (K, columns) as little-endian blobs."""

    def log(
        self, id: str, token: str, metrics: Metrics, *, images_seen: int, seconds: float, images_per_second: float
    ) -> None:
        """Appends rows and writes the progress, in one transaction. Steps must be after those stored."""
        with self._writer(id, token) as connection:
            connection.execute(
                "UPDATE runs SET step = COALESCE(?, step), images_seen = ?, seconds = ?, images_per_second = ?,"
                " updated = ? WHERE id = ?",
                (
                    int(metrics.steps[-1]) if len(metrics) else None,
                    images_seen,
                    seconds,
                    images_per_second,
                    time.time(),
                    id,
                ),
            )
            if len(metrics):
                connection.execute(
                    "INSERT INTO chunks (run, first_step, last_step, names, steps, scalars) VALUES (?, ?, ?, ?, ?, ?)",
                    (id, *encoded(metrics)),
                )

    def metrics(self, id: str, since: int = -1, max_points: int | None = None) -> Metrics:
        """The rows with a step after `since`, in order; `max_points` thins them evenly and keeps the last."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT names, steps, scalars FROM chunks WHERE run = ? AND last_step > ? ORDER BY last_step, id",
                (id, since),
            ).fetchall()
            if not rows:
                self._row(connection, id)
        found = decoded(rows)
        found = found.rows(found.steps > since)
        return found if max_points is None else found.thinned(max_points)

    def add_event(self, id: str, token: str | None, step: int, kind: str, payload: Mapping[str, Any]) -> int:
        """Notes an event and returns its id; without a token anyone may (a note of the user, a finding)."""
        with self._database.write() as connection:
            if token is None:
                self._row(connection, id)
            else:
                self._owned(connection, id, token)
            cursor = connection.execute(
                "INSERT INTO events (run, step, time, kind, payload) VALUES (?, ?, ?, ?, ?)",
                (id, step, time.time(), kind, to_json(dict(payload))),
            )
            return int(cursor.lastrowid or 0)

    def events(self, id: str, since_id: int = 0) -> list[Event]:
        """The events after `since_id`, in the order in which they were noted."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT id, step, time, kind, payload FROM events WHERE run = ? AND id > ? ORDER BY id", (id, since_id)
            ).fetchall()
            if not rows:
                self._row(connection, id)
        return [Event(row["id"], row["step"], row["time"], row["kind"], json.loads(row["payload"])) for row in rows]

    def send(self, id: str, name: str, payload: Mapping[str, Any] | None = None) -> int:
        """Sends a command to the run's owner and returns its id; any process may call this."""
        with self._database.write() as connection:
            self._row(connection, id)
            cursor = connection.execute(
                "INSERT INTO commands (run, name, payload) VALUES (?, ?, ?)", (id, name, to_json(dict(payload or {})))
            )
            return int(cursor.lastrowid or 0)

    def take(self, id: str, token: str) -> list[Command]:
        """Takes the pending commands, oldest first. Cheap when there are none: one SELECT, no lock."""
        with self._database.read() as connection:
            if connection.execute("SELECT 1 FROM commands WHERE run = ? LIMIT 1", (id,)).fetchone() is None:
                return []
        with self._writer(id, token) as connection:
            rows = connection.execute(
                "SELECT id, name, payload FROM commands WHERE run = ? ORDER BY id", (id,)
            ).fetchall()
            connection.execute("DELETE FROM commands WHERE run = ?", (id,))
        return [Command(row["id"], row["name"], json.loads(row["payload"])) for row in rows]

    def _cut_metrics(self, connection: sqlite3.Connection, id: str, step: int) -> None:
        """Drops the rows after `step`; a chunk that extends beyond it is shortened."""
        connection.execute("DELETE FROM chunks WHERE run = ? AND first_step > ?", (id, step))
        rows = connection.execute("SELECT * FROM chunks WHERE run = ? AND last_step > ?", (id, step)).fetchall()
        for row in rows:
            chunk = decoded([row])
            connection.execute(
                "UPDATE chunks SET first_step = ?, last_step = ?, names = ?, steps = ?, scalars = ? WHERE id = ?",
                (*encoded(chunk.rows(chunk.steps <= step)), row["id"]),
            )


def encoded(metrics: Metrics) -> tuple[int, int, str, bytes, bytes]:
    """first_step, last_step, names, steps, scalars of a chunk with at least one row."""
    columns = [column.astype("<f4") for column in metrics.columns.values()]
    scalars = np.stack(columns, axis=1) if columns else np.empty((len(metrics), 0), "<f4")  # (K, columns)
    for place, name in enumerate(metrics.columns):
        if name in metrics.broken:
            scalars.view("<u4")[metrics.broken[name], place] = BROKEN
    return (
        int(metrics.steps[0]),
        int(metrics.steps[-1]),
        json.dumps(list(metrics.columns)),
        metrics.steps.astype("<i8").tobytes(),
        scalars.tobytes(),
    )


def decoded(rows: Sequence[sqlite3.Row]) -> Metrics:
    """The chunks one after the other; neighbours with the same columns are read in one go."""
    parts = []
    for text, group in groupby(rows, key=lambda row: str(row["names"])):
        chunks = list(group)
        names = json.loads(text)
        steps = np.frombuffer(b"".join(row["steps"] for row in chunks), "<i8")
        scalars = np.frombuffer(b"".join(row["scalars"] for row in chunks), "<f4").reshape(len(steps), len(names))
        broken = scalars.view("<u4") == BROKEN
        faults = dict(zip(names, broken.T, strict=True)) if broken.any() else {}
        # (K, columns) -> columns of (K,)
        parts.append(Metrics(steps, dict(zip(names, scalars.T, strict=True)), faults))
    return Metrics.concat(parts)

"""Which process owns a run, which run trains next, and the state of each run, shared by all processes."""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from gan_core.disk import TEMPORARY
from gan_core.errors import RunConflict
from gan_core.runs import liveness
from gan_core.runs.catalogue import Catalogue, plain, to_json
from gan_core.runs.records import ACTIVE, RunState


class Claims(Catalogue):
    """Ownership, the queue and the state of runs."""

    def claim(self, id: str) -> str:
        """Makes this process the run's one writer and returns the token that its writes must carry.

        Raises RunConflict while another living owner holds it. Commands sent to an earlier owner are dropped.
        """
        owner, token, now = liveness.this_process(), secrets.token_hex(16), time.time()
        with self._database.write() as connection:
            row = self._row(connection, id)
            if self._lives(row):
                raise RunConflict(
                    "Run {run} is {state} in process {pid} on {host}; only one process can train it at a time.",
                    run=id,
                    state=row["state"],
                    pid=row["pid"],
                    host=row["host"].partition("/")[0],
                )
            if row["host"] is not None:
                connection.execute("DELETE FROM commands WHERE run = ?", (id,))
            connection.execute("DELETE FROM tickets WHERE run = ?", (id,))
            connection.execute(
                "UPDATE runs SET state = ?, token = ?, host = ?, pid = ?, born = ?, heartbeat = ? WHERE id = ?",
                (self._seen_state(row), token, owner.host, owner.pid, owner.born, now, id),
            )
            # remove what a killed owner was writing; under the lock, so that no new owner can be writing already
            for leftover in self._folder(id).rglob("*" + TEMPORARY):
                with suppress(OSError):
                    leftover.unlink()
        return token

    def heartbeat(self, id: str, token: str) -> None:
        """Records that the owner is alive; may be called often. Raises RunConflict if the claim was lost."""
        with self._database.read() as connection:
            age = time.time() - self._owned(connection, id, token)["heartbeat"]
        if age > self.stale_after / 10:  # written no more often than readers need it
            with self._writer(id, token):
                pass

    def release(self, id: str, token: str) -> None:
        """Gives the claim up; a run left in an active state becomes interrupted. Does nothing where it was lost."""
        self._with_reserve(partial(self._release, id, token))

    def enqueue(self, id: str, token: str) -> None:
        """Queues the run; a run that is queued already keeps its place."""
        with self._writer(id, token) as connection:
            connection.execute("INSERT OR IGNORE INTO tickets (run) VALUES (?)", (id,))
            connection.execute(
                "UPDATE runs SET state = ?, message = '', message_values = '{}', traceback = '', updated = ?"
                " WHERE id = ?",
                (RunState.QUEUED, time.time(), id),
            )

    def try_start(self, id: str, token: str, limit: int) -> bool:
        """Sets the run running if fewer than `limit` living runs are, and it is the first living one in the queue."""
        with self._database.read() as connection:  # most calls end here, without taking the file for writing
            if not self._may_start(connection, id, token, limit):
                return False
        with self._writer(id, token) as connection:
            if not self._may_start(connection, id, token, limit):
                return False
            connection.execute("DELETE FROM tickets WHERE run = ?", (id,))
            connection.execute(
                "UPDATE runs SET state = ?, updated = ? WHERE id = ?", (RunState.RUNNING, time.time(), id)
            )
            return True

    def queue(self) -> list[str]:
        """Ids of the living runs that wait, the next one first."""
        with self._database.read() as connection:
            return self._waiting(connection)

    def set_state(
        self,
        id: str,
        token: str,
        state: RunState,
        message: str = "",
        values: Mapping[str, Any] | None = None,
        traceback: str = "",
        step: int | None = None,
        images_seen: int | None = None,
        seconds: float | None = None,
        images_per_second: float | None = None,
    ) -> None:
        """Writes a transition; `None` keeps the present value. The message is a template, filled with `values`."""
        with self._writer(id, token) as connection:
            if state is not RunState.QUEUED:
                connection.execute("DELETE FROM tickets WHERE run = ?", (id,))
            connection.execute(
                "UPDATE runs SET state = ?, message = ?, message_values = ?, traceback = ?, updated = ?,"
                " step = COALESCE(?, step), images_seen = COALESCE(?, images_seen), seconds = COALESCE(?, seconds),"
                " images_per_second = COALESCE(?, images_per_second) WHERE id = ?",
                (
                    RunState(state),
                    plain(message),
                    to_json(dict(values or {})),
                    plain(traceback),
                    time.time(),
                    step,
                    images_seen,
                    seconds,
                    images_per_second,
                    id,
                ),
            )

    def _release(self, id: str, token: str) -> None:
        with self._database.write() as connection, suppress(RunConflict):
            state = self._owned(connection, id, token)["state"]
            connection.execute("DELETE FROM tickets WHERE run = ?", (id,))
            connection.execute("DELETE FROM commands WHERE run = ?", (id,))
            connection.execute(
                "UPDATE runs SET state = ?, token = NULL, updated = ? WHERE id = ?",
                (RunState.INTERRUPTED if state in ACTIVE else state, time.time(), id),
            )

    def _waiting(self, connection: sqlite3.Connection) -> list[str]:
        rows = connection.execute("SELECT runs.* FROM tickets JOIN runs ON runs.id = run ORDER BY ticket").fetchall()
        return [row["id"] for row in rows if self._seen_state(row) is RunState.QUEUED]

    def _may_start(self, connection: sqlite3.Connection, id: str, token: str, limit: int) -> bool:
        if self._owned(connection, id, token)["state"] == RunState.RUNNING:
            return True
        if self._waiting(connection)[:1] != [id]:
            return False
        rows = connection.execute("SELECT * FROM runs WHERE state = ?", (RunState.RUNNING,)).fetchall()
        return sum(self._lives(row) for row in rows) < limit

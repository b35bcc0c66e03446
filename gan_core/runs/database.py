"""The SQLite file of the run store: connections, transactions, schema, and errors that a user can act on.

WAL mode lets readers and one writer work at once from many threads and processes. A transaction that reads and
then writes begins IMMEDIATE, so that it never has to be repeated. Connections wait in a pool and are used by one
thread at a time; a forked child never touches its parent's.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gan_core.disk import DiskFull, file_size, is_full, writing
from gan_core.errors import StoreError

BUSY_SECONDS = 20.0  # how long a writer waits for its turn
VERSION = 1
SCHEMA = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, note TEXT NOT NULL DEFAULT '', spec TEXT NOT NULL,
    state TEXT NOT NULL, step INTEGER NOT NULL DEFAULT 0, images_seen INTEGER NOT NULL DEFAULT 0,
    created REAL NOT NULL, updated REAL NOT NULL, pinned INTEGER NOT NULL DEFAULT 0, parent TEXT,
    message TEXT NOT NULL DEFAULT '', message_values TEXT NOT NULL DEFAULT '{}', traceback TEXT NOT NULL DEFAULT '',
    seconds REAL NOT NULL DEFAULT 0, images_per_second REAL NOT NULL DEFAULT 0, live_step INTEGER,
    token TEXT, host TEXT, pid INTEGER, born REAL, heartbeat REAL);
CREATE TABLE tickets (
    ticket INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL UNIQUE REFERENCES runs(id) ON DELETE CASCADE);
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY, run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    first_step INTEGER NOT NULL, last_step INTEGER NOT NULL, names TEXT NOT NULL,
    steps BLOB NOT NULL, scalars BLOB NOT NULL);
CREATE INDEX chunks_of_run ON chunks (run, last_step);
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    step INTEGER NOT NULL, time REAL NOT NULL, kind TEXT NOT NULL, payload TEXT NOT NULL);
CREATE INDEX events_of_run ON events (run, id);
CREATE TABLE commands (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    name TEXT NOT NULL, payload TEXT NOT NULL);
CREATE INDEX commands_of_run ON commands (run, id);
CREATE TABLE previews (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, step INTEGER NOT NULL, images_seen INTEGER NOT NULL,
    file TEXT NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (run, step)) WITHOUT ROWID;
CREATE TABLE checkpoints (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, step INTEGER NOT NULL, images_seen INTEGER NOT NULL,
    file TEXT NOT NULL, sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, created REAL NOT NULL,
    PRIMARY KEY (run, step)) WITHOUT ROWID
"""
# outside of the schema's version: older stores get it too, and an older GANscope ignores it
DELETED = "CREATE TABLE IF NOT EXISTS deleted (run TEXT PRIMARY KEY, time REAL NOT NULL) WITHOUT ROWID"


class Database:
    """`runs.sqlite3` in a folder, created if it is missing; raises StoreError if it can't be used."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "runs.sqlite3"
        self._process = os.getpid()
        self._idle: deque[sqlite3.Connection] = deque()
        self._abandoned: list[sqlite3.Connection] = []
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        if not all(os.access(path, os.W_OK) for path in (folder, self.file) if path.exists()):
            raise StoreError(
                "GANscope has no write permission for {folder}. Set GANSCOPE_HOME to a writable folder.", folder=folder
            )
        self._prepare()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Yields a connection for single SELECTs, each of which sees one consistent state."""
        with self._clear_errors():
            connection = self._take()
            try:
                yield connection
            except sqlite3.Error:
                connection.close()
                raise
            except BaseException:
                self._idle.append(connection)
                raise
            self._idle.append(connection)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Yields a transaction that locks the file for writing from its first statement on; all or nothing."""
        with self.read() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def shrink(self) -> None:
        """Gives the pages of deleted rows back to the disk."""
        with self.read() as connection:
            connection.executescript("PRAGMA incremental_vacuum")  # `execute` would free one page

    def size(self) -> int:
        """Bytes of the file and its companions."""
        return sum(file_size(self.file.with_name(self.file.name + ending)) for ending in ("", "-wal", "-shm"))

    def close(self) -> None:
        """Closes the idle connections; later use opens new ones."""
        while self._idle:
            self._idle.pop().close()

    def __del__(self) -> None:
        with suppress(Exception):  # modules may be gone as the process ends, and the connections with them
            if self._process == os.getpid():
                self.close()

    def _take(self) -> sqlite3.Connection:
        if self._process != os.getpid():  # forked: SQLite forbids even closing what the parent opened
            self._abandoned.extend(self._idle)
            self._idle, self._process = deque(), os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            return self._open()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute("PRAGMA temp_store=MEMORY")
            connection.execute("PRAGMA journal_size_limit=4194304")
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self) -> None:
        with self.read() as connection:
            if self._check_version(connection) == 0:
                connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
            _switch_to_wal(connection)
        with self.write() as connection:
            connection.execute(DELETED)
            if self._check_version(connection) == VERSION:
                return
            for statement in SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={VERSION}")

    def _check_version(self, connection: sqlite3.Connection) -> int:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version > VERSION:
            raise StoreError(
                "{file} was written by a newer version of GANscope (store version {version}; this one supports "
                "{known}). Update GANscope, or set GANSCOPE_HOME to another folder.",
                file=self.file,
                version=version,
                known=VERSION,
            )
        return version

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            with writing(self.folder):
                yield
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise
        except sqlite3.DatabaseError as error:
            raise self._explained(error) from error

    def _explained(self, error: sqlite3.DatabaseError) -> StoreError:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            return DiskFull(self.folder)
        if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and is_full(self.folder):
            return DiskFull(self.folder)
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return StoreError(
                "The run store {file} is damaged ({reason}). Move the file away to start with an empty list of runs; "
                "the run folders are kept.",
                file=self.file,
                reason=error,
            )
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StoreError(
                "The run store {file} has been locked by another process for {seconds} seconds. Try again.",
                file=self.file,
                seconds=BUSY_SECONDS,
            )
        return StoreError("The run store {file} can't be used ({reason}).", file=self.file, reason=error)


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Switches to WAL mode, with retries: in this one statement SQLite doesn't wait for other processes."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(0.02)

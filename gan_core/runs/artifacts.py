"""The files of a run: previews, the live preview, and checkpoints. A file under its final name is complete."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from gan_core.disk import write_temporary
from gan_core.runs.catalogue import Catalogue
from gan_core.runs.records import Checkpoint, Preview


class Artifacts(Catalogue):
    """`previews/00000012.png`, `live.png` and `pool.png` beside it, and `checkpoints/`, which the owner writes."""

    def add_preview(self, id: str, token: str, step: int, images_seen: int, png: bytes) -> Path:
        """Stores a PNG for a step, in place of an earlier one of that step."""
        path = self._preview_path(id, step)
        insert = "INSERT OR REPLACE INTO previews (run, step, images_seen, file, bytes) VALUES (?, ?, ?, ?, ?)"
        self._publish(id, token, path, png, insert, (id, step, images_seen, path.name, len(png)))
        return path

    def previews(self, id: str) -> list[Preview]:
        """The stored previews, by step."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT * FROM previews WHERE run = ? ORDER BY step", (id,)).fetchall()
            if not rows:
                self._row(connection, id)
        folder = self._folder(id) / "previews"
        return [Preview(row["step"], row["images_seen"], folder / row["file"], row["bytes"]) for row in rows]

    def write_live_preview(self, id: str, token: str, step: int, png: bytes) -> Path:
        """Replaces the one picture that shows the run as it is now."""
        path = self._live_path(id)
        self._publish(id, token, path, png, "UPDATE runs SET live_step = ? WHERE id = ?", (step, id))
        return path

    def live_preview(self, id: str) -> tuple[int, Path] | None:
        """Step and file of the live preview, or None."""
        with self._database.read() as connection:
            step = self._row(connection, id)["live_step"]
        path = self._live_path(id)
        return (step, path) if step is not None and path.exists() else None

    def write_live_pool(self, id: str, token: str, step: int, png: bytes) -> Path:
        """Replaces the picture of the past fakes that the discriminators are shown again."""
        path = self._pool_path(id)
        self._publish(id, token, path, png, "UPDATE runs SET live_step = ? WHERE id = ?", (step, id))
        return path

    def live_pool(self, id: str) -> Path | None:
        """The file of that picture, or None."""
        path = self._pool_path(id)
        return path if path.exists() else None

    def add_checkpoint(
        self, id: str, token: str, step: int, images_seen: int, path: Path, sha256: str, bytes: int
    ) -> None:
        """Records a file that the owner has written into the run's folder `checkpoints`."""
        if path.resolve().parent != (self._folder(id) / "checkpoints").resolve():
            raise ValueError(f"{path} is not in the checkpoints folder of run {id}")
        with self._writer(id, token) as connection:
            replaced = connection.execute(
                "SELECT file FROM checkpoints WHERE run = ? AND step = ? AND file <> ?", (id, step, path.name)
            ).fetchall()
            connection.execute("DELETE FROM checkpoints WHERE run = ? AND file = ?", (id, path.name))
            connection.execute(
                "INSERT OR REPLACE INTO checkpoints (run, step, images_seen, file, sha256, bytes, created)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (id, step, images_seen, path.name, sha256, bytes, time.time()),
            )
        remove(self._checkpoint_path(id, row["file"]) for row in replaced)

    def checkpoints(self, id: str) -> list[Checkpoint]:
        """The checkpoints whose files exist, the newest last."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT * FROM checkpoints WHERE run = ? ORDER BY step", (id,)).fetchall()
            if not rows:
                self._row(connection, id)
        found = [
            Checkpoint(
                row["step"],
                row["images_seen"],
                self._checkpoint_path(id, row["file"]),
                row["sha256"],
                row["bytes"],
                row["created"],
            )
            for row in rows
        ]
        return [checkpoint for checkpoint in found if checkpoint.path.is_file()]

    def prune_checkpoints(self, id: str, token: str, keep: int = 3, ladder: int = 0) -> None:
        """Deletes all but the newest `keep` checkpoints, and `ladder` older ones: the first, and some between them.

        Of those between, the one whose neighbours are nearest to each other is deleted, so that the rest are spread
        evenly.
        """
        with self._writer(id, token) as connection:
            rows = connection.execute(
                "SELECT step, file FROM checkpoints WHERE run = ? ORDER BY step DESC LIMIT -1 OFFSET ?", (id, keep)
            ).fetchall()
            dropped = rows if not ladder else []
            while ladder and len(rows) > ladder:
                between = range(1, len(rows) - 1)
                place = min(between, key=lambda place: rows[place - 1]["step"] - rows[place + 1]["step"], default=0)
                dropped.append(rows.pop(place))
            connection.executemany(
                "DELETE FROM checkpoints WHERE run = ? AND step = ?", [(id, row["step"]) for row in dropped]
            )
        remove(self._checkpoint_path(id, row["file"]) for row in dropped)

    def _cut_files(self, connection: sqlite3.Connection, id: str, step: int) -> list[Path]:
        """Drops the records after `step`; returns the files, to be removed once that is committed."""
        checkpoints = connection.execute(
            "SELECT file FROM checkpoints WHERE run = ? AND step > ?", (id, step)
        ).fetchall()
        for table in ("previews", "checkpoints"):
            connection.execute(f"DELETE FROM {table} WHERE run = ? AND step > ?", (id, step))
        files = [self._checkpoint_path(id, row["file"]) for row in checkpoints]
        # by name and not by record: a crash may have left a picture that was never recorded
        pictures = (self._folder(id) / "previews").glob("*.png")
        files += [path for path in pictures if path.stem.isdigit() and int(path.stem) > step]
        if connection.execute("SELECT 1 FROM runs WHERE id = ? AND live_step > ?", (id, step)).fetchone():
            connection.execute("UPDATE runs SET live_step = NULL WHERE id = ?", (id,))
            files += [self._live_path(id), self._pool_path(id)]
        return files

    def _publish(
        self, id: str, token: str, path: Path, png: bytes, statement: str, values: tuple[str | int, ...]
    ) -> None:
        """Publishes a picture and records it, both or neither, if the token is the present claim."""
        with self._database.read() as connection:
            self._owned(connection, id, token)
            path.parent.mkdir(exist_ok=True)
            temporary = write_temporary(path, png)
        try:
            with self._writer(id, token) as connection:
                connection.execute(statement, values)
                os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    def _preview_path(self, id: str, step: int) -> Path:
        return self._folder(id) / "previews" / f"{step:08d}.png"

    def _live_path(self, id: str) -> Path:
        return self._folder(id) / "previews" / "live.png"

    def _pool_path(self, id: str) -> Path:
        return self._folder(id) / "previews" / "pool.png"

    def _checkpoint_path(self, id: str, file: str) -> Path:
        return self._folder(id) / "checkpoints" / file


def remove(files: Iterable[Path]) -> None:
    """Deletes files; one that is gone or held open elsewhere is left."""
    for file in files:
        with suppress(OSError):
            file.unlink()

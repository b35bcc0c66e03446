"""Visitors' files in the Studio: uploads and results, private to one visitor and deleted as soon as possible.

A register records the visitor of each file. Files outside the register, or of another visitor, can't be read, wherever
they are. An upload is deleted after a callback has received it; all of a visitor's files when the page is closed;
unread files after a while, for clients that never disconnect; and files of crashed processes when the next one starts.
Each file has its own folder, with a random name.

A visitor is identified by names: the one in the API address (`OwnPrefix`, different for each page and client) and the
session named in the call; without either, by the client's address.
"""

from __future__ import annotations

import atexit
import json
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gan_core.runs.liveness import Owner, still_runs, this_process

PREFIX, OWNER, WORK = "ganscope-studio-", "owner.json", "work"  # `WORK` holds files that callbacks remove themselves
LAST = 600.0  # seconds that an unread upload is kept, or a result after its page is closed
LONGEST = 3600.0  # seconds that a result is kept while its page is open
GRACE = 5.0  # seconds in which a disconnected page may reconnect
LOOK = 30.0  # seconds between sweeps
VISITOR = "ganscope.visitor"  # key in the request's scope: the name in the address


@dataclass(frozen=True)
class Kept:
    """A file in the register."""

    visitor: str
    since: float  # time.monotonic()
    uploaded: bool


class Files:
    """The register, and the folder of all its files."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}
        self._pages: Counter[str] = Counter()  # number of open pages by visitor name
        self._folder: Path | None = None
        self._lock = threading.RLock()

    @property
    def folder(self) -> Path:
        """Returns the folder, created on first use; removes those of crashed processes."""
        with self._lock:
            if self._folder is None:
                self._folder = _new_folder()
                threading.Thread(target=self._look_after, name="visitors-files", daemon=True).start()
                atexit.register(self.close)
            return self._folder

    def place(self) -> Path:
        """Returns a new empty folder for one file."""
        place = self.folder / secrets.token_urlsafe(18)
        place.mkdir(parents=True)
        return place

    def keep(self, path: str | Path, visitor: str, uploaded: bool) -> None:
        """Adds a file to the register."""
        with self._lock:
            self._kept[str(path)] = Kept(visitor, time.monotonic(), uploaded)

    def owns(self, names: Iterable[str], path: object) -> bool:
        """Whether this exact path is a file of a visitor with one of these names."""
        with self._lock:
            kept = self._kept.get(path) if isinstance(path, str) else None
        return kept is not None and kept.visitor in set(names)

    def read(self, paths: Iterable[str]) -> None:
        """Deletes uploads that a callback has received."""
        for path in paths:
            with self._lock:
                kept = self._kept.get(path)
            if kept and kept.uploaded:
                self._delete(path)
        if self._folder is not None:
            _remove_empty(self._folder)

    def came(self, names: Iterable[str]) -> None:
        """Records that a visitor's page was opened."""
        with self._lock:
            self._pages.update(names)

    def left(self, names: Iterable[str]) -> None:
        """Records that it was closed or disconnected; its files are deleted unless it reconnects."""
        names = list(names)
        with self._lock:
            self._pages.subtract(names)
        timer = threading.Timer(GRACE, self.forget, [names])
        timer.daemon = True
        timer.start()

    def forget(self, names: Iterable[str]) -> None:
        """Deletes the files of visitors without an open page."""
        with self._lock:
            gone = {name for name in names if self._pages[name] <= 0}
            for name in gone:
                del self._pages[name]
            paths = [path for path, kept in self._kept.items() if kept.visitor in gone]
        for path in paths:
            self._delete(path)

    def sweep(self) -> None:
        """Deletes expired files and those of crashed processes."""
        now = time.monotonic()
        with self._lock:
            old = [path for path, kept in self._kept.items() if now - kept.since > self._longest(kept)]
        for path in old:
            self._delete(path)
        folder = self._folder
        if folder is not None:
            with suppress(OSError):
                os.utime(folder)
                self._sweep_strays(folder)
            clear_left(folder.parent)

    def close(self) -> None:
        """Deletes everything."""
        with self._lock:
            folder, self._folder = self._folder, None
            self._kept.clear()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _sweep_strays(self, folder: Path) -> None:
        """Deletes files that Gradio leaves behind."""
        with self._lock:
            kept = {Path(path).relative_to(folder).parts[0] for path in self._kept}
        for path in folder.iterdir():
            if path.name not in {OWNER, WORK, *kept} and time.time() - path.lstat().st_mtime > LAST:
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)

    def _longest(self, kept: Kept) -> float:
        return LONGEST if not kept.uploaded and self._pages[kept.visitor] > 0 else LAST

    def _delete(self, path: str) -> None:
        with self._lock:
            self._kept.pop(path, None)
            if self._folder is None:
                return
            place = self._folder / Path(path).relative_to(self._folder).parts[0]
        shutil.rmtree(place, ignore_errors=True)

    def _look_after(self) -> None:
        while self._folder is not None:
            time.sleep(LOOK)
            self.sweep()


files = Files()


class VisitorPrefix(str):
    """The API address in a page's configuration. Gradio copies it for each page and client, and each copy is different,
    which identifies the visitor.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> str:
        return f"{self}/v-{secrets.token_urlsafe(18)}"


def names_of(scope: Mapping[str, Any], session: str | None) -> frozenset[str]:
    """Returns the names that identify a request's visitor; `session` is the one in the call, if any."""
    names = {name for name in (scope.get(VISITOR), session) if name}
    client = scope.get("client")
    return frozenset(names or {f"at {client[0] if client else ''}"})


def name_of(scope: Mapping[str, Any], session: str | None) -> str:
    """Returns the name under which a visitor's new files are registered."""
    return str(scope.get(VISITOR) or session or next(iter(names_of(scope, None))))


def clear_left(base: Path) -> None:
    """Deletes the folders of ended processes."""
    for folder in base.glob(f"{PREFIX}*"):
        with suppress(OSError, ValueError, TypeError, KeyError):
            if folder.is_symlink() or (hasattr(os, "getuid") and folder.stat().st_uid != os.getuid()):
                continue
            if not _in_use(folder):
                shutil.rmtree(folder, ignore_errors=True)


def _in_use(folder: Path) -> bool:
    """Whether its process runs. In another container this is unknown, but a live process touches its folder."""
    fresh = time.time() - folder.stat().st_mtime < LAST
    try:
        owner = Owner(**json.loads((folder / OWNER).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return fresh
    seen = still_runs(owner)
    return fresh if seen is None else seen


def _remove_empty(folder: Path) -> None:
    """Removes the empty placeholder files that Gradio makes for each file that a callback receives."""
    for path in folder.glob("tmp*"):
        with suppress(OSError):
            if path.is_file() and not path.stat().st_size:
                path.unlink()


def _new_folder() -> Path:
    base = Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir()).resolve()
    base.mkdir(parents=True, exist_ok=True)
    clear_left(base)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    (folder / OWNER).write_text(json.dumps(asdict(this_process())), encoding="utf-8")
    return folder

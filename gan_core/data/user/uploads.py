"""Lists and deletes the sets that users have uploaded. Needs no torch.

Each is a zip in `GANSCOPE_HOME/uploads`, named by `folders.store_upload`. Beside it `FILE.zip.tasks` lists its
purposes, one task of `references.UPLOADS` per line; older uploads without this file count as images.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gan_core.data.user.places import is_upload_name, uploaded
from gan_core.data.user.references import UPLOADS, UserImages, user_images
from gan_core.errors import BadData
from gan_core.files import write_atomically
from gan_core.paths import home

DIGEST = 13  # letters after the given name: a hyphen and a part of the content's sha256


@dataclass(frozen=True)
class Upload:
    """An uploaded zip. `since` is in seconds since the epoch, `tasks` are keys of `references.UPLOADS`."""

    file: str
    bytes: int
    since: float
    tasks: tuple[str, ...]

    @property
    def title(self) -> str:
        """The original name, as far as it was kept."""
        return self.file.removesuffix(".zip")[:-DIGEST]

    def reference(self, task: str) -> str:
        """Its reference as data for a task."""
        return str(UserImages(UPLOADS[task], self.file))


def uploads(task: str = "") -> list[Upload]:
    """The uploads for a task, or all; the newest first."""
    found = []
    for path in folder().glob("*.zip"):
        with suppress(OSError):
            if is_upload_name(path.name):
                state = path.stat()
                found.append(Upload(path.name, state.st_size, state.st_mtime, _tasks(path)))
    return sorted((one for one in found if not task or task in one.tasks), key=lambda one: -one.since)


def folder() -> Path:
    return home() / "uploads"


def remember(path: Path, task: str) -> None:
    """Adds a task to an upload's purposes; raises OSError."""
    known = _tasks(path) if _noted(path).is_file() else ()
    write_atomically(_noted(path), "\n".join(dict.fromkeys((*known, task))).encode())


def refers_to(reference: str, file: str) -> bool:
    """Whether a reference to data is to this upload."""
    mine = user_images(reference)
    return mine is not None and mine.is_upload and mine.path == file


def delete(file: str) -> None:
    """Deletes an upload; raises BadData if there is none or it can't be deleted."""
    path = uploaded(file)
    try:
        path.unlink()
        _noted(path).unlink(missing_ok=True)
    except OSError as error:
        raise BadData("'{name}' can't be deleted ({reason}).", name=file, reason=error.strerror or error) from error


def _tasks(path: Path) -> tuple[str, ...]:
    try:
        noted = _noted(path).read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        noted = []
    return tuple(task for task in noted if task in UPLOADS) or ("images",)


def _noted(path: Path) -> Path:
    return path.with_name(path.name + ".tasks")

"""Images in a user's zip, which may be malicious: checked as a whole, read in memory, never unpacked.

The directory is checked for names that lead elsewhere, links, encryption, counts and declared sizes; bytes are also
counted while reading, so that false declarations have no effect.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath

from gan_core.errors import BadData
from gan_core.pictures.decoding import MAX_BYTES, Unusable

MAX_ENTRIES = 200_000
MAX_TOTAL = 4 * 2**30  # bytes, unpacked
MAX_DIRECTORY = 64 * 2**20  # bytes of the zip's table of contents, which zipfile reads at once
MAX_RATIO = 200  # of unpacked to packed size, checked from RATIO_FROM bytes on
RATIO_FROM = 10_000_000
CHUNK = 2**20
NO_ZIP = "File is not a zip file"  # what zipfile says of any file without a table of contents at its end
# bzip2 and LZMA can expand a few bytes to gigabytes in one call, before they can be counted
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Archive:
    """An opened, checked zip: the names of its files, and the content of each."""

    def __init__(self, file: zipfile.ZipFile, path: Path) -> None:
        self._file = file
        self._path = path
        self._entries = {name: entry for entry in file.infolist() if not (name := _name(entry)).endswith("/")}
        self.names = [name for name in self._entries if not hidden(PurePosixPath(name).parts)]

    def read(self, name: str) -> io.BytesIO:
        """The unpacked content; raises Unusable for a damaged entry, BadData for one larger than it declares."""
        entry = self._entries[name]
        content = io.BytesIO()
        try:
            with self._file.open(entry) as packed:
                while chunk := packed.read(CHUNK):
                    content.write(chunk)
                    if content.tell() > entry.file_size:
                        raise _refused(self._path, name, "it is larger than the archive says")
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            raise Unusable(f"damaged in the archive ({error})") from error
        content.seek(0)
        return content


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """The archive at `path`, checked; raises BadData, which names the offending entry."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(zipfile.ZipFile(stack.enter_context(_Guarded(io.FileIO(path)))))
        # invalid fields raise ValueError and others
        except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError, struct.error) as error:
            if str(error) == NO_ZIP:
                raise BadData(
                    "{path} can't be read as a zip: it is another kind of file, or it is incomplete.", path=path
                ) from error
            raise BadData("{path} can't be read as a zip ({reason}).", path=path, reason=error) from error
        _check(file, path)
        yield Archive(file, path)


def hidden(parts: tuple[str, ...]) -> bool:
    """Whether a file was left by an operating system, such as `.DS_Store` or the content of `__MACOSX`."""
    return any(part.startswith(".") or part in ("__MACOSX", "Thumbs.db", "desktop.ini") for part in parts)


def seen(paths: Iterable[Path]) -> list[Path]:
    """Files and folders except `hidden` ones, sorted."""
    return sorted(path for path in paths if not hidden((path.name,)))


def shown(name: str) -> str:
    """A file name without control characters and undecodable bytes, for messages."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)


class _Guarded(io.BufferedReader):
    """Limits zipfile's one large read: that of the table of contents, whose objects take a multiple of its size."""

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > MAX_DIRECTORY:
            raise zipfile.BadZipFile(f"its table of contents is larger than {MAX_DIRECTORY // 2**20} MiB")
        return super().read(size)


def _check(file: zipfile.ZipFile, path: Path) -> None:
    entries = file.infolist()
    if len(entries) > MAX_ENTRIES:
        raise BadData(
            "{path} holds {count} files; at most {most} are taken.", path=path, count=len(entries), most=MAX_ENTRIES
        )
    total = 0
    for entry in entries:
        total += entry.file_size
        if reason := _reason(entry, total):
            raise _refused(path, entry.filename, reason)


def _name(entry: zipfile.ZipInfo) -> str:
    """The relative name with single slashes, even if it was packed with backslashes or as "./a.png"; a folder's ends
    in a slash.
    """
    name = _slashed(entry)
    return "/".join(part for part in name.split("/") if part not in ("", ".")) + "/" * name.endswith("/")


def _slashed(entry: zipfile.ZipInfo) -> str:
    return entry.filename.replace("\\", "/")


def _reason(entry: zipfile.ZipInfo, total: int) -> str | None:
    """Why an archive with this entry is refused; `total` is the sum of the declared sizes up to it."""
    name = _slashed(entry)
    if not name:
        return "it has no name"
    if name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in name.split("/"):
        return "its name leads out of the archive"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "it is a link"
    if entry.flag_bits & 0x1:
        return "it is encrypted"
    if entry.compress_type not in COMPRESSIONS:
        return "it is packed in a way other than stored or deflated"
    if entry.file_size > MAX_BYTES:
        return f"it is larger than {MAX_BYTES // 1_000_000} MB when unpacked"
    if entry.file_size > RATIO_FROM and entry.file_size > MAX_RATIO * max(1, entry.compress_size):
        return f"it unpacks to more than {MAX_RATIO} times its size"
    if total > MAX_TOTAL:
        return f"the archive exceeds {MAX_TOTAL // 2**30} GiB when unpacked up to this entry"
    return None


def _refused(path: Path, name: str, reason: str) -> BadData:
    return BadData(
        "{path} is refused because of its entry '{entry}': {reason}.", path=path, entry=shown(name), reason=reason
    )

"""The HTTP client: fetches immutable files with few requests, resumes interrupted ones, and never leaves partial files.

A file is written as `NAME.part` and renamed when complete. An existing `.part` is continued with a Range request, in
this call or in a later one.
"""

from __future__ import annotations

import http.client
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

from gan_core.data.published.origins import File
from gan_core.errors import BadData
from gan_core.version import __version__

STALL = 30.0  # seconds without a byte, after which a response is aborted
TRIES = 4  # consecutive ones without new bytes
PAUSE = 1.0  # seconds before the second try; doubles with each
WORKERS = 8
CHUNK = 1 << 16
PASSING = (408, 425, 429, 500, 502, 503, 504)  # temporary HTTP errors


class _Cut(Exception):
    """The response stopped, or never came; a retry may help."""


class Fetcher:
    """Fetches files into one folder, several at a time, and counts the bytes that are there.

    `title` names the set in errors. All of them are BadData, and keep complete files and `.part` files.
    """

    def __init__(self, downloads: Path, title: str) -> None:
        self.downloads = downloads
        self.title = title
        self.arrived = 0  # bytes of complete and partial files
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def fetch(self, files: Sequence[File], look: Callable[[], None]) -> None:
        """Fetches the missing files; meanwhile calls `look` several times a second from this thread."""
        missing = []
        for file in files:
            if (place := file.place(self.downloads)).is_file():
                self._count(place.stat().st_size)
            else:
                missing.append(file)
        pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="fetch")
        try:
            waiting = {pool.submit(self._one, file) for file in missing}
            while waiting:
                done, waiting = wait(waiting, timeout=0.2, return_when=FIRST_EXCEPTION)
                look()
                for future in done:
                    future.result()
        finally:
            self._stop.set()  # after an error or Ctrl+C: running downloads end at their next chunk
            pool.shutdown(cancel_futures=True)
            self._stop.clear()

    def _count(self, size: int) -> None:
        with self._lock:
            self.arrived += size

    def _one(self, file: File) -> None:
        place = file.place(self.downloads)
        part = place.with_name(f"{place.name}.part")
        with _writing(self.downloads):
            place.parent.mkdir(parents=True, exist_ok=True)
        self._count(_size(part))
        tries = 0
        while not self._stop.is_set():
            before = _size(part)
            try:
                self._answer(file, part)
                with _writing(self.downloads):
                    part.replace(place)
                return
            except _Cut as cut:
                tries = 1 if _size(part) > before else tries + 1
                if tries >= TRIES:
                    raise BadData(
                        "{title} can't be downloaded: {address} doesn't answer to the end ({reason}). What has arrived "
                        "is kept; the same command goes on from there.",
                        title=self.title,
                        address=file.address,
                        reason=cut,
                    ) from cut
                self._stop.wait(PAUSE * 2 ** (tries - 1))

    def _answer(self, file: File, part: Path) -> None:
        """Appends one response to the partial file; returns when the file is complete."""
        start = _size(part)
        headers = {"User-Agent": f"ganscope/{__version__}"} | ({"Range": f"bytes={start}-"} if start else {})
        try:
            with urllib.request.urlopen(urllib.request.Request(file.address, headers=headers), timeout=STALL) as answer:
                total = _total(answer, start)
                if start and answer.status != 206:  # a server that always sends the whole file
                    self._drop(part)
                    start = 0
                self._take(answer, part)
        except urllib.error.HTTPError as error:
            error.close()
            self._refused(file, part, error)
        except (OSError, http.client.HTTPException) as error:
            raise _Cut(getattr(error, "reason", None) or str(error) or type(error).__name__) from error
        size = _size(part)
        if total is not None and size > total:
            self._drop(part)
        if total is not None and size != total:
            raise _Cut(f"{size:,} of {total:,} bytes came")

    def _take(self, answer: http.client.HTTPResponse, part: Path) -> None:
        with _writing(self.downloads):
            output = part.open("ab")
        with output:
            while chunk := answer.read1(CHUNK):
                if self._stop.is_set():
                    raise _Cut("stopped")
                with _writing(self.downloads):
                    output.write(chunk)
                    output.flush()
                self._count(len(chunk))

    def _refused(self, file: File, part: Path, error: urllib.error.HTTPError) -> None:
        if error.code == 416:  # the part is longer than the file
            self._drop(part)
            raise _Cut("HTTP 416") from error
        if error.code in PASSING:
            self._stop.wait(_seconds(error.headers.get("Retry-After")))
            raise _Cut(f"HTTP {error.code}") from error
        raise BadData(
            "{title} can't be downloaded: {address} isn't there or can't be had (HTTP {code}).",
            title=self.title,
            address=file.address,
            code=error.code,
        ) from error

    def _drop(self, part: Path) -> None:
        self._count(-_size(part))
        part.unlink(missing_ok=True)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Distinguishes errors of the disk from those of the network: both are OSError."""
    try:
        yield
    except OSError as error:
        raise BadData("{folder} can't be written ({reason}).", folder=folder, reason=error.strerror or error) from error


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _total(answer: http.client.HTTPResponse, start: int) -> int | None:
    """The size of the whole file, if the response states it; raises _Cut if it isn't the requested part."""
    if answer.status == 206:
        stated = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""))
        if not stated or int(stated[1]) != start:
            raise _Cut("the server sent another part of the file")
        return int(stated[2])
    length = answer.headers.get("Content-Length")
    return int(length) if length and length.isdigit() else None


def _seconds(text: str | None) -> float:
    return min(float(text), 60.0) if text and text.isdigit() else 0.0

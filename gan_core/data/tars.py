"""Samples of a tar in WebDataset's layout, read once from front to back: from a file or over HTTP.

    faces-000.tar:   0001.jpg  0001.cls  0002.jpg  0002.cls ...

Consecutive files with the same name up to the first dot are one sample; `jpg`, `jpeg`, `png` or `webp` is its picture,
`cls` its class as a number. Tars are read with Python's tarfile, not with the package webdataset: a run must resume
exactly where it was, and webdataset 1.0.2 keeps its position and its shuffle buffer in generators that can't be saved;
it also starts the program curl for each address. Files written by webdataset are supported.

A truncated tar raises an error at its end, which tarfile itself doesn't do between two files.
"""

from __future__ import annotations

import http.client
import io
import os
import re
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, BinaryIO, cast

from gan_core.data.user import archives
from gan_core.data.user.references import is_address, shown
from gan_core.errors import BadData
from gan_core.version import __version__

PICTURES = ("jpg", "jpeg", "png", "webp")
PICTURE, CLASS = "picture", "cls"
MOST_SHARDS = 100_000
MOST_BYTES = 64 * 2**20  # of one picture
MOST_DIGITS = 20  # of a class
STALL = 30.0  # seconds without a byte, after which a response is aborted
TRIES = 3  # consecutive connections without new bytes
PAUSE = 0.5  # seconds before the second try; doubles with each
NAMING = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE)  # kinds of headers
MOST_NAME = 2**20  # bytes of such a header
_END: type[Exception] = vars(tarfile)["EOFHeaderError"]  # not in the stubs
_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")


@dataclass(frozen=True)
class Sample:
    """A picture's file and its class, -1 without one; `name` is the name of the file within the shard."""

    name: str
    picture: bytes
    label: int = -1


def shards_of(pattern: str) -> list[str]:
    """Files or addresses of `faces-{000..009}.tar`, `{a,b}.tar` or `faces-*.tar`, or the tars of a folder, in order.

    Raises BadData if there are none, or a named file is missing.
    """
    named = _expanded(pattern)
    if is_address(pattern):
        return named
    found: list[str] = []
    for one in named:
        path = Path(one).expanduser()
        if os.path.isdir(path):
            found += map(str, archives.seen(path.glob("*.tar")))
        elif "*" in path.name or "?" in path.name:
            found += map(str, archives.seen(path.parent.glob(path.name)))
        elif os.path.isfile(path):
            found.append(str(path))
        else:
            raise BadData("The shard {shard} isn't there.", shard=one)
    if not found:
        raise BadData("There are no shards (.tar) in {pattern}.", pattern=pattern)
    return found


def _expanded(pattern: str) -> list[str]:
    """Expands braces like a shell: `{000..002}` and `{a,b}`."""
    pieces = _BRACES.split(pattern)  # text and the contents of braces in turn
    choices = [_choices(piece) if place % 2 else [piece] for place, piece in enumerate(pieces)]
    count = 1
    for one in choices:
        count *= len(one)
    if count > MOST_SHARDS:
        raise BadData("{pattern} names more than {most:,} shards.", pattern=pattern, most=MOST_SHARDS)
    return ["".join(parts) for parts in product(*choices)]


def _choices(inside: str) -> list[str]:
    if (found := _RANGE.fullmatch(inside)) is None:
        return inside.split(",")
    first, last = found.groups()
    if int(last) - int(first) > MOST_SHARDS or int(last) < int(first):
        raise BadData("'{range}' isn't a range of shards. Example: 000..009", range=inside)
    return [str(number).zfill(len(first)) for number in range(int(first), int(last) + 1)]


def samples(shard: str, skip: int = 0) -> Iterator[Sample]:
    """The samples with a picture in a shard, without the first `skip`.

    Raises BadData, which names the shard, if it is missing, truncated or not a tar, or a file in it is too large.
    """
    files: dict[str, tuple[str, bytes]] = {}
    key, passed = "", 0
    with _opened(shard) as archive:
        for info in _members(archive, shard):
            folder, _, name = info.name.rpartition("/")
            stem, _, ending = name.partition(".")
            if not stem:  # hidden files
                continue
            if (mine := f"{folder}/{stem}") != key:
                passed += PICTURE in files
                if PICTURE in files and passed > skip:
                    yield _sample(shard, files)
                key, files = mine, {}
            ending = ending.lower()
            if ending in PICTURES and PICTURE not in files:
                files[PICTURE] = (info.name, _content(archive, info, shard, passed + 1 > skip))
            elif ending == CLASS:
                files[CLASS] = (info.name, _content(archive, info, shard, True))
        if PICTURE in files and passed + 1 > skip:
            yield _sample(shard, files)


def _sample(shard: str, files: dict[str, tuple[str, bytes]]) -> Sample:
    name, picture = files[PICTURE]
    if CLASS not in files:
        return Sample(name, picture)
    label = files[CLASS][1].strip()
    if not label.isdigit() or len(label) > MOST_DIGITS:
        raise BadData(
            "{file} in the shard {shard} isn't the number of a class: '{told}'.",
            file=archives.shown(files[CLASS][0]), shard=shown(shard), told=label[:40].decode(errors="replace"),
        )  # fmt: skip
    return Sample(name, picture, int(label))


class _Header(tarfile.TarInfo):
    """Records that the real end of the archive was seen; to tarfile a truncated or damaged header is an end, too."""

    @classmethod
    def frombuf(cls, *given: Any) -> _Header:
        made = super().frombuf(*given)
        if made.type in NAMING and made.size > MOST_NAME:  # tarfile reads it into memory
            raise tarfile.ReadError("a header is too large")
        return made

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> _Header:
        try:
            return super().fromtarfile(tarfile)
        except _END:
            vars(tarfile)["ended"] = True
            raise


def _members(archive: tarfile.TarFile, shard: str) -> Iterator[tarfile.TarInfo]:
    """The regular files of an archive; raises BadData if it ends too early."""
    while (info := archive.next()) is not None:
        cast(Any, archive).members = []  # otherwise all headers would stay in memory
        if info.isreg():
            yield info
    if "ended" not in vars(archive):
        raise BadData("The shard {shard} is cut short or damaged: its end is missing.", shard=shown(shard))


def _content(archive: tarfile.TarFile, info: tarfile.TarInfo, shard: str, wanted: bool) -> bytes:
    if not wanted:
        return b""
    if info.size > MOST_BYTES:
        raise BadData(
            "{file} in the shard {shard} is larger than {most} MiB.",
            file=archives.shown(info.name), shard=shown(shard), most=MOST_BYTES // 2**20,
        )  # fmt: skip
    file = archive.extractfile(info)
    assert file is not None
    content = file.read()
    if len(content) != info.size:
        raise tarfile.ReadError("unexpected end of data")
    return content


@contextmanager
def _opened(shard: str) -> Iterator[tarfile.TarFile]:
    try:
        file = cast(BinaryIO, io.BufferedReader(_Answer(shard))) if is_address(shard) else open(shard, "rb")  # noqa: SIM115
        with file, tarfile.open(fileobj=file, mode="r|", tarinfo=_Header) as archive:
            yield archive
    except tarfile.TarError as error:
        raise BadData(
            "The shard {shard} is cut short or not a tar ({reason}).", shard=shown(shard), reason=error
        ) from error
    except OSError as error:
        raise BadData(
            "The shard {shard} can't be read ({reason}).", shard=shown(shard), reason=error.strerror or error
        ) from error


class _Answer(io.RawIOBase):
    """A server's response up to its announced length: a broken connection is reopened from the present position."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._place, self._length = 0, -1
        self._answer: Any = None
        self._connect()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        tries = 0
        while True:
            try:
                count: int = self._answer.readinto(buffer)
            except (OSError, http.client.HTTPException):
                count = 0
            self._place += count
            if count or self._length < 0 or self._place >= self._length:
                return count
            tries += 1
            if tries >= TRIES:
                raise OSError(f"{self._place:,} of {self._length:,} bytes came")
            time.sleep(PAUSE * 2 ** (tries - 1))
            self._connect()

    def close(self) -> None:
        if self._answer is not None:
            self._answer.close()
        super().close()

    def _connect(self) -> None:
        headers = {"User-Agent": f"ganscope/{__version__}"}
        if self._place:
            self._answer.close()
            headers["Range"] = f"bytes={self._place}-"
        try:
            self._answer = urllib.request.urlopen(urllib.request.Request(self._address, headers=headers), timeout=STALL)
        except urllib.error.HTTPError as error:
            error.close()
            raise OSError(f"the server answers {error.code}: {error.reason}") from error
        except (urllib.error.URLError, http.client.HTTPException, ValueError) as error:
            raise OSError(str(getattr(error, "reason", error))) from error
        if self._place and self._answer.status != 206:
            raise OSError("the connection broke, and the server doesn't go on from the middle of a file")
        if not self._place:
            self._length = int(self._answer.headers.get("Content-Length", -1))

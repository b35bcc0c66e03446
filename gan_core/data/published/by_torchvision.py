"""Downloads by torchvision, at the first use of a data set.

torchvision only downloads, unpacks and checks. The files are read without it, so that torch isn't imported.
"""

from __future__ import annotations

import importlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from gan_core.data import cache
from gan_core.data.base import Progress
from gan_core.errors import BadData
from gan_core.paths import home

STALL = 60.0  # seconds without a new byte, after which a download is aborted


def torchvision_datasets() -> Any:
    return importlib.import_module("torchvision.datasets")  # takes seconds, so only for a download


@dataclass(frozen=True)
class Download:
    """A download by torchvision: `get(folder)` puts the files there, `size` bytes including unpacked ones."""

    get: Callable[[Path], None]
    size: int

    @classmethod
    def of(cls, kind: str, size: int) -> Download:
        """The download by the class of that name in `torchvision.datasets`."""
        return cls(partial(_download, kind), size)

    def fetch(self, name: str, title: str, needs: str, progress: Progress) -> None:
        """Downloads the set into `GANSCOPE_HOME/downloads/NAME` and reports the received bytes; raises BadData.

        It is downloaded to a folder under another name, which is renamed when complete.
        """
        downloads = home() / "downloads"
        try:
            downloads.mkdir(exist_ok=True)
            cache.sweep(downloads)
            folder = Path(tempfile.mkdtemp(prefix=f"{name}.", suffix=".partial", dir=downloads))
        except OSError as error:
            raise BadData("{folder} can't be written ({reason}).", folder=downloads, reason=error) from error
        failure = self._watched(folder, downloads / name, lambda share: progress(share, f"Downloading {title}"))
        if failure:
            raise BadData(
                "{title} could not be downloaded by torchvision ({reason}). {needs} Or use images of your own, "
                "as folder:PATH or zip:PATH.",
                title=title,
                reason=failure,
                needs=needs,
            ) from failure

    def _watched(self, folder: Path, place: Path, progress: Callable[[float], None]) -> Exception | None:
        """Downloads to `folder`, which is renamed to `place`; returns the error, if any."""
        failures: list[Exception] = []

        def work() -> None:
            try:
                self.get(folder)
                folder.rename(place)
            except Exception as error:  # reported by the caller's thread
                if not place.is_dir():  # unless another process has fetched it meanwhile
                    failures.append(error)
            finally:
                shutil.rmtree(folder, ignore_errors=True)

        # a daemon: a download that hangs must not keep the process from ending
        worker = threading.Thread(target=work, name=f"download {place.name}", daemon=True)
        worker.start()
        arrived, since = 0, time.monotonic()
        while worker.is_alive():
            worker.join(0.5)
            now = _bytes_in(folder)
            if now != arrived:
                arrived, since = now, time.monotonic()
            elif time.monotonic() - since > STALL:
                return TimeoutError(f"nothing arrived for {STALL:.0f} seconds")
            progress(min(0.99, arrived / self.size))
        return failures[0] if failures else None


def _download(kind: str, folder: Path) -> None:
    getattr(torchvision_datasets(), kind)(folder, download=True)


def _bytes_in(folder: Path) -> int:
    total = 0
    for parent, _, files in os.walk(folder):
        for file in files:
            try:
                total += os.path.getsize(os.path.join(parent, file))
            except OSError:  # unpacked and removed meanwhile
                continue
    return total

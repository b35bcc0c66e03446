"""scikit-learn's 1,797 handwritten digits, 8x8: available on every machine, for training in seconds.

The file (scikit-learn 1.9.1) keeps the order of the UCI test file: blocks of about 130 rows, each person's digits
together, with nearly the same sequence of labels. So `test:digits`, every tenth row, has the writers of the training
part and uneven classes, 40 threes and 10 ones of 179: distances to it are smaller than to digits of new writers
(findings/sklearn_digits_writer_by_writer.sh).

The file is read without importing scikit-learn, whose `sklearn.datasets` takes seconds to import.
"""

from __future__ import annotations

import gzip
import importlib.util
from functools import lru_cache
from pathlib import Path

import numpy as np

from gan_core.data.base import DataSet, Progress, Source, register
from gan_core.data.prepared import UNREADABLE, OfArray
from gan_core.errors import BadData

LICENCE = "BSD-3-Clause (scikit-learn); data: E. Alpaydin and C. Kaynak, UCI, CC BY 4.0"
CLASSES = tuple("0123456789")
FOUND = importlib.util.find_spec("sklearn")  # once: pages ask for the file dozens of times each time they are drawn
KEPT = 32  # pixels: up to this size the images, at most 2 MB, are kept in memory


def _file() -> Path | None:
    for folder in (FOUND and FOUND.submodule_search_locations) or ():
        path = Path(folder) / "datasets" / "data" / "digits.csv.gz"
        if path.is_file():
            return path
    return None


def _load(size: int | None, progress: Progress) -> DataSet:
    path = _file()
    if path is None:
        raise BadData("The digits come with scikit-learn, which isn't installed: pip install scikit-learn")
    try:
        grey, labels = _read(path, path.stat().st_mtime_ns)
    except UNREADABLE as error:
        raise BadData("{path} can't be read ({reason}).", path=path, reason=error) from error
    images = _squares(path, path.stat().st_mtime_ns, size or 8) if (size or 8) <= KEPT else _resized(grey, size or 8)
    progress(1.0, "Preparing images")
    return DataSet("digits", {"real": images.copy(), "label": labels.copy()}, CLASSES, LICENCE)


@lru_cache(1)
def _read(path: Path, changed: int) -> tuple[np.ndarray, np.ndarray]:
    """The digits, uint8 (N, H, W), and their labels, int64 (N,), read once for each modification time of the file."""
    with gzip.open(path, "rt") as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.int64)  # (N, 64 pixels in 0..16 and the label)
    return np.rint(table[:, :-1] * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8), table[:, -1]


@lru_cache(4)
def _squares(path: Path, changed: int, size: int) -> np.ndarray:
    return _resized(_read(path, changed)[0], size)


def _resized(grey: np.ndarray, size: int) -> np.ndarray:
    """(N, H, W) -> (N, 1, size, size)."""
    return np.stack(list(OfArray(grey).squares(size)))


DIGITS = register(
    Source(
        name="digits",
        title="Handwritten digits (small)",
        about="1,797 digits of 8x8 pixels by 13 people. Trains in seconds on any computer.",
        licence=LICENCE,
        size=8,
        channels=1,
        items=1797,
        class_names=CLASSES,
        load=_load,
        available=lambda: _file() is not None,
        needs="pip install scikit-learn",
    )
)

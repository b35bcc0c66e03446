"""scikit-learn's 1,797 handwritten digits, 8x8: on every machine, trains in seconds.

The file is read without importing scikit-learn, whose `sklearn.datasets` takes seconds to import.
"""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path

import numpy as np

from gan_core.data.base import DataSet, Progress, Source, register
from gan_core.data.prepared import UNREADABLE, of_array
from gan_core.errors import BadData
from gan_core.pictures.decoding import square

LICENCE = "BSD-3-Clause (scikit-learn); data: E. Alpaydin and C. Kaynak, UCI, CC BY 4.0"
CLASSES = tuple("0123456789")


def _file() -> Path | None:
    found = importlib.util.find_spec("sklearn")
    for folder in (found and found.submodule_search_locations) or ():
        path = Path(folder) / "datasets" / "data" / "digits.csv.gz"
        if path.is_file():
            return path
    return None


def _load(size: int | None, progress: Progress) -> DataSet:
    path = _file()
    if path is None:
        raise BadData("The digits come with scikit-learn, which isn't installed: pip install scikit-learn")
    try:
        with gzip.open(path, "rt") as file:
            table = np.loadtxt(file, delimiter=",", dtype=np.int64)  # (N, 64 pixels in 0..16 and the label)
        grey = np.rint(table[:, :-1] * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8)  # (N, 64) -> (N, H, W)
    except UNREADABLE as error:
        raise BadData("{path} can't be read ({reason}).", path=path, reason=error) from error
    # at their own size without 1,797 detours through Pillow: each run on digits loads them
    own = size in (None, 8)
    images = grey[:, None] if own else np.stack([square(image, size or 8) for image in of_array(grey)])
    progress(1.0, "Preparing images")
    return DataSet("digits", {"real": images, "label": table[:, -1].copy()}, CLASSES, LICENCE)


DIGITS = register(
    Source(
        name="digits",
        title="Handwritten digits (small)",
        about="1,797 digits of 8x8 pixels by 43 people. Trains in seconds on any computer.",
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

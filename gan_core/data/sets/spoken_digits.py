"""Spoken digits (Free Spoken Digit Dataset): 2,700 recordings at 8 kHz, six speakers, ten digits.

The test part has takes 5 to 9 of every digit and speaker (300 recordings); `NAME` alone is the rest.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from gan_core.data.base import DataSet, Progress, Source, register
from gan_core.data.files import files_of, how_to_get
from gan_core.data.formats import npz_arrays
from gan_core.data.prepared import UNREADABLE
from gan_core.errors import BadData

PATTERNS = ("FSDD/fsdd_8k_int16.npz",)
LENGTH, RATE = 8192, 8000  # samples, Hz
CLASSES = tuple("0123456789")
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
LICENCE = "CC BY-SA 4.0 (Free Spoken Digit Dataset, Zohar Jackson and others)"
TEST_TAKES = 10  # takes below this number are the test part
PEAK = 0.95  # of each recording after normalisation, since their loudness differs considerably


def load(part: str, size: int | None, progress: Progress) -> DataSet:
    """The part "train" or "test"; `size` is ignored. Raises BadData."""
    files = files_of(*PATTERNS)
    if not files:
        raise BadData("'{name}' isn't here. {needs}", name="spoken_digits", needs=how_to_get(PATTERNS))
    try:
        audio, labels, speakers, takes = npz_arrays(files[0], "audio", "labels", "speakers", "takes")
    except UNREADABLE as error:
        raise BadData("{path} can't be read ({reason}).", path=files[0], reason=error) from error
    chosen = np.flatnonzero((takes < TEST_TAKES) == (part == "test"))
    sounds = audio[chosen].astype(np.float32)
    sounds *= PEAK / np.maximum(np.abs(sounds).max(1, keepdims=True), 1)
    progress(1.0, "Preparing recordings")
    arrays: dict[str, np.ndarray] = {
        "wave": sounds, "label": labels[chosen].astype(np.int64),
        "attributes": speakers[chosen].astype(np.int64)[:, None],
    }  # fmt: skip
    name = "test:spoken_digits" if part == "test" else "spoken_digits"
    return DataSet(name, arrays, CLASSES, LICENCE, attributes={"speaker": SPEAKERS}, rate=RATE)


register(
    Source(
        name="spoken_digits",
        title="Spoken digits",
        about="2,400 recordings of the digits by six speakers, one second each at 8 kHz. Each is brought to the same "
        "peak, because loudness differs between recordings.",
        licence=LICENCE,
        size=LENGTH,
        channels=1,
        items=2400,
        class_names=CLASSES,
        load=partial(load, "train"),
        test=partial(load, "test"),
        available=lambda: bool(files_of(*PATTERNS)),
        needs=how_to_get(PATTERNS),
        task="audio",
        attributes={"speaker": SPEAKERS},
        shapes={"wave": (LENGTH,)},
        rate=RATE,
    )
)

"""Two bars of Bach's four-part chorales, in sixteenths, transposed to C major or A minor.

The test part is from the 76 chorales of the file's part "valid".
"""

from __future__ import annotations

from functools import partial

import numpy as np

from gan_core.data.base import DataSet, Progress, Source, register
from gan_core.data.files import files_of, how_to_get
from gan_core.data.formats import npz_arrays
from gan_core.data.prepared import UNREADABLE
from gan_core.data.voices import BAR, HIGHEST, LOWEST, NAMES, REST, in_c, judge
from gan_core.errors import BadData

PATTERNS = ("chorales/chorales_16th.npz",)
LENGTH = 2 * BAR
ITEMS = 3165  # passages
LICENCE = "music: public domain (J. S. Bach); encoding: czhuang/JSB-Chorales-dataset, no licence stated"


def passages(pieces: list[np.ndarray]) -> np.ndarray:
    """Passages of two bars from each bar of pieces (T, 4), as (N, 4, LENGTH), except those with a silent voice."""
    found = []
    for piece in pieces:
        voices = in_c(piece.T.astype(np.int64))  # (T, 4) -> (4, T)
        first = voices.shape[1] % BAR  # the upbeat
        for start in range(first, voices.shape[1] - LENGTH + 1, BAR):
            passage = voices[:, start : start + LENGTH]
            sounding = passage[passage != REST]
            if (passage != REST).any(1).all() and sounding.min() >= LOWEST and sounding.max() <= HIGHEST:
                found.append(passage)
    return np.stack(found)


def _load(part: str, size: int | None, progress: Progress) -> DataSet:
    files = files_of(*PATTERNS)
    if not files:
        raise BadData("'{name}' isn't here. {needs}", name="chorales", needs=how_to_get(PATTERNS))
    prefix = "valid_" if part == "test" else ""
    try:
        pitches, offsets = npz_arrays(files[0], f"{prefix}pitches", f"{prefix}offsets")
        voices = passages(np.split(pitches, offsets[1:-1]))
    except UNREADABLE as error:
        raise BadData("{path} can't be read ({reason}).", path=files[0], reason=error) from error
    progress(1.0, "Preparing chorales")
    voices = voices[np.random.default_rng(0).permutation(len(voices))]
    return DataSet("test:chorales" if part == "test" else "chorales", {"voices": voices}, licence=LICENCE)


register(
    Source(
        name="chorales",
        title="Bach's chorales",
        about="Two bars of 229 chorales for soprano, alto, tenor and bass, from every bar on, in sixteenths. Each "
        "chorale is transposed to C major or A minor. Held and repeated notes aren't told apart.",
        licence=LICENCE,
        size=LENGTH,
        channels=1,
        items=ITEMS,
        class_names=(),
        load=partial(_load, "train"),
        test=partial(_load, "test"),
        available=lambda: bool(files_of(*PATTERNS)),
        needs=how_to_get(PATTERNS),
        task="music",
        shapes={"voices": (len(NAMES), LENGTH)},
        judge=judge,
    )
)

"""Spectrograms of the spoken digits as pictures: training data for judges of sounds, and voices as two domains.

`spoken_digits_pictures` labels each picture with digit and speaker, so that one feature net predicts both. The voices
are spectrograms of two speakers, without pairs. The test parts are those of `spoken_digits`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from gan_core.data.base import DataSet, Progress, Source, register
from gan_core.data.files import files_of, how_to_get
from gan_core.data.recordings import levels
from gan_core.data.sets import spoken_digits
from gan_core.data.sets.spoken_digits import CLASSES, LICENCE, PATTERNS, SPEAKERS

NAME = "spoken_digits_pictures"
SIDE = 64  # mel bands, and frames of 16 ms
VOICES = ("theo", "jackson")  # the two that differ most in pitch
QUESTIONS = {"digit": CLASSES, "speaker": SPEAKERS}


def _sounds(part: str, progress: Progress) -> DataSet:
    return spoken_digits.load(part, None, progress)


def _load(part: str, size: int | None, progress: Progress) -> DataSet:
    sounds = _sounds(part, progress)
    answers = np.concatenate([sounds.arrays["label"][:, None], sounds.arrays["attributes"]], 1)
    arrays = {"real": _sized(levels(sounds.arrays["wave"]), size), "attributes": answers}
    return DataSet(f"test:{NAME}" if part == "test" else NAME, arrays, (), LICENCE, attributes=QUESTIONS)


def _voices(part: str, size: int | None, progress: Progress) -> DataSet:
    sounds = _sounds(part, progress)
    by = sounds.arrays["attributes"][:, 0]
    arrays = {
        domain: _sized(levels(sounds.arrays["wave"][by == SPEAKERS.index(voice)]), size)
        for domain, voice in zip("ab", VOICES, strict=True)
    }
    name = "spoken_voices_unpaired"
    return DataSet(f"test:{name}" if part == "test" else name, arrays, (), LICENCE, unpaired=True)


def _sized(pictures: np.ndarray, size: int | None) -> np.ndarray:
    if size in (None, SIDE):
        return pictures
    from PIL import Image

    small = [np.asarray(Image.fromarray(one).resize((size, size), Image.Resampling.BOX)) for one in pictures[:, 0]]
    return np.stack(small)[:, None]


Load = Callable[[str, int | None, Progress], DataSet]


def _source(name: str, title: str, about: str, items: int, load: Load, **more: object) -> Source:
    return register(
        Source(
            name=name, title=title, about=about, licence=LICENCE, size=SIDE, channels=1, items=items, class_names=(),
            load=partial(load, "train"), test=partial(load, "test"), available=lambda: bool(files_of(*PATTERNS)),
            needs=how_to_get(PATTERNS), **more,  # type: ignore[arg-type]
        )
    )  # fmt: skip


_source(
    NAME, "Spoken digits as spectrograms",
    "Log-mel spectrograms of 2,400 spoken digits, 64 bands by 64 frames of 16 ms, low frequencies at the bottom.",
    2400, _load, attributes=QUESTIONS,
)  # fmt: skip
_source(
    "spoken_voices_unpaired", "Two voices as spectrograms",
    "Log-mel spectrograms of digits said by two speakers, theo and jackson, without pairs.",
    400, _voices, task="unpaired", domains=VOICES,
)  # fmt: skip

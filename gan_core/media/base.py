"""The definition of a medium: how samples that aren't pictures are shown, played and saved. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from gan_core.data.base import DataSpec
from gan_core.registry import Registry

SIDE = 16  # pixels to which pictures of samples are shrunk if the medium has no `describe`


@dataclass(frozen=True)
class Piece:
    """One sample as shown on a page: a file's content (WAV, PNG, SVG, WebP, MIDI) or text, with a line below it."""

    kind: Literal["sound", "text", "picture", "drawing", "film"]  # a drawing is SVG
    content: bytes | str
    caption: str = ""


@dataclass(frozen=True, kw_only=True)
class Medium:
    """The samples of one task, arrays (N, ...) as the data set's field holds them; uint8 fields are float in [-1, 1].

    `write` raises BadValue if the file format can't hold the samples; `describe` returns features (N, d) for measuring
    their variety, instead of their pictures.
    """

    task: str  # a key of `data.base.FIELDS`
    words: str  # name of the samples, e.g. "recordings"
    types: Mapping[str, str]  # suffix of a file that `write` writes -> its media type in HTTP, the default first
    pictures: Callable[[np.ndarray, DataSpec], np.ndarray]  # -> uint8 (N, H, W, 3)
    write: Callable[[np.ndarray, DataSpec, Path], None]  # all samples as one file
    pieces: Callable[[np.ndarray, DataSpec], list[Piece]]
    describe: Callable[[np.ndarray, DataSpec], np.ndarray] | None = None
    texts: Callable[[np.ndarray, DataSpec], list[str]] | None = None  # each sample in words, if it can be read
    name: Callable[[np.ndarray], str] | None = None  # of one sample, the same for equal ones; "" for an invalid one
    measure: Callable[[np.ndarray, set[str]], dict[str, float]] | None = None  # samples, known names -> metrics
    examined: int = 0  # samples passed to `measure` during training
    columns: int = 4  # pictures side by side
    shown: int = 16  # samples in a preview

    @property
    def suffixes(self) -> tuple[str, ...]:
        return tuple(self.types)


media: Registry[Medium] = Registry("medium")


def register(medium: Medium) -> Medium:
    """Adds a medium; its task must be new."""
    return media.register(medium.task, medium)


def medium_of(task: str) -> Medium | None:
    """The medium of a task; None for pictures and points."""
    return media.get(task) if task in media else None


def features(medium: Medium, samples: np.ndarray, spec: DataSpec) -> np.ndarray:
    """Features (N, d) by which samples are compared: the medium's own, else their pictures at SIDE pixels."""
    if medium.describe:
        return medium.describe(samples, spec)
    small = [
        np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.BOX))
        for picture in medium.pictures(samples, spec)
    ]
    return np.stack(small).reshape(len(small), -1).astype(np.float32)

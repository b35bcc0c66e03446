"""The sets for `ganscope data get`: locations of their files, checksums, and conversion.

The sets themselves are described in `gan_core/data/sets`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gan_core.data.base import Progress
from gan_core.data.published.arrays import Arrays
from gan_core.data.published.origins import File, Origin, Site
from gan_core.registry import Registry


@dataclass(frozen=True)
class Published:
    """A published set: fetched in two rounds, because the files of `first` list the others, then converted.

    `listed(downloads)` gives the files of the second round, `convert(downloads, progress)` the arrays; both read
    nothing but the files below `downloads`. `digest` is that of the arrays as created here by Pillow and NumPy; "" if
    none of our models was trained on them. `needed` are patterns of files without which the set counts as missing.
    """

    name: str
    title: str
    licence: str
    origins: tuple[Origin | Site, ...]
    folder: str  # relative to the folder of data sets
    npz: str | None  # its only file; None: a folder of files
    size: int  # bytes to download
    convert: Callable[[Path, Progress], Arrays]
    digest: str
    first: Mapping[File, str] = field(default_factory=dict)  # SHA-256 of each
    listed: Callable[[Path], list[File]] = lambda downloads: []
    sums: tuple[str, ...] = ()  # of the listed files, in groups
    needed: tuple[str, ...] = ()


published: Registry[Published] = Registry("published data set")


def register_published(wanted: Published) -> Published:
    """Registers a set for `ganscope data get`; raises ValueError if its name is taken (a programming error)."""
    return published.register(wanted.name, wanted)

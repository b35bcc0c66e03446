"""The avatars as a data set: faces drawn by our own code, once for each size.

The attributes of face i are row i of `avatars.sample_attributes(COUNT, SEED)`; they aren't part of the set, whose
arrays are what networks see.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from PIL import Image

from gan_core.data import cache
from gan_core.data.base import DataSet, Progress, Source, tracked
from gan_core.data.images import square

COUNT = 4000
SEED = 0
SIZE = 64
CHUNK = 20  # faces drawn between two reports
LICENCE = "drawn by GANscope; free to use"


def _load(size: int | None, progress: Progress) -> DataSet:
    from gan_core.data import avatars

    pixels = size or SIZE
    # drawn at the nearest size offered that isn't smaller, then resized
    drawn_at = min((offered for offered in avatars.SIZES if offered >= pixels), default=max(avatars.SIZES))

    def write(writer: cache.Writer) -> None:
        attributes = avatars.sample_attributes(COUNT, SEED)
        for start in tracked(range(0, COUNT, CHUNK), COUNT // CHUNK, progress, "Drawing faces"):
            faces = avatars.draw_avatars(attributes[start : start + CHUNK], drawn_at)
            for face in faces.transpose(0, 2, 3, 1):  # (N, C, H, W) -> (N, H, W, C)
                writer.add(square(Image.fromarray(face), pixels))

    modules = sorted(Path(avatars.__file__).parent.glob("*.py"))
    drawer = hashlib.sha256(b"".join(module.read_bytes() for module in modules)).hexdigest()
    entry = cache.entry("avatars", pixels, f"{drawer}.{COUNT}.{SEED}", write)
    return DataSet("avatars", entry.arrays, (), LICENCE)


SOURCE = Source(
    name="avatars",
    title="Avatars",
    about="4,000 drawn faces: skin, hair, eyes, glasses, hats. Every attribute is known exactly.",
    licence=LICENCE,
    size=SIZE,
    channels=3,
    items=COUNT,
    class_names=(),
    load=_load,
    available=lambda: True,
)

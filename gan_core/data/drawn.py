"""The avatars as a data set: faces drawn by our own code, once for each size.

The attributes of face i are row i of `avatars.sample_attributes(COUNT, SEED)`. The test part is made of fresh faces: of
another seed.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

from gan_core.data import cache
from gan_core.data.avatars import attributes as known
from gan_core.data.base import DataSet, Progress, Source, tracked
from gan_core.pictures.decoding import square

COUNT = 4000
SEED = 0
TEST_COUNT = 10_000
TEST_SEED = 1
SIZE = 64
CHUNK = 20  # faces drawn between two reports
LICENCE = "drawn by GANscope; free to use"


ATTRIBUTES = {attribute.name: attribute.values for attribute in known.ATTRIBUTES}


def _load(size: int | None, progress: Progress) -> DataSet:
    attributes = known.sample_attributes(COUNT, SEED)
    images = _faces("avatars", attributes, f"{COUNT}.{SEED}", size, progress)
    return DataSet("avatars", {"real": images, "attributes": attributes}, (), LICENCE, attributes=ATTRIBUTES)


def _test(size: int | None, progress: Progress) -> DataSet:
    attributes = known.sample_attributes(TEST_COUNT, TEST_SEED)
    images = _faces("test-avatars", attributes, f"{TEST_COUNT}.{TEST_SEED}", size, progress)
    arrays = {"real": images, "attributes": attributes, "visible": known.visible(attributes)}
    return DataSet("test:avatars", arrays, (), LICENCE, attributes=ATTRIBUTES)


def _faces(name: str, attributes: np.ndarray, version: str, size: int | None, progress: Progress) -> np.ndarray:
    """Pictures (N, 3, size, size) of attributes (N, K), kept by name and version."""
    from gan_core.data import avatars

    pixels = size or SIZE
    # drawn at the nearest size offered that isn't smaller, then resized
    drawn_at = min((offered for offered in avatars.SIZES if offered >= pixels), default=max(avatars.SIZES))

    def write(writer: cache.Writer) -> None:
        count = len(attributes)
        for start in tracked(range(0, count, CHUNK), max(1, count // CHUNK), progress, "Drawing faces"):
            faces = avatars.draw_avatars(attributes[start : start + CHUNK], drawn_at)
            for face in faces.transpose(0, 2, 3, 1):  # (N, C, H, W) -> (N, H, W, C)
                writer.add(square(Image.fromarray(face), pixels))

    modules = sorted(Path(avatars.__file__).parent.glob("*.py"))
    drawer = hashlib.sha256(b"".join(module.read_bytes() for module in modules)).hexdigest()
    return cache.entry(name, pixels, f"{drawer}.{version}", write).arrays["real"]


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
    attributes=ATTRIBUTES,
    test=_test,
)

"""Blood cells cut from 364 microscope pictures, one square around each marked cell.

All white cells and platelets are used, red ones are sampled with a fixed seed, because there are ten times as many.
Marks that are much longer than wide, most of them of cells at the border of the picture, are left out.
"""

from __future__ import annotations

import io
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from gan_core.data.base import Progress, register, tracked
from gan_core.data.files import Layout, from_files
from gan_core.data.formats import jpeg_stream
from gan_core.data.published.arrays import Arrays
from gan_core.data.published.catalogue import Published, register_published
from gan_core.data.published.origins import File, Origin

LICENCE = "MIT (BCCD)"
FOLDER, NPZ = "BCCD", "bccd_cells_64_jpeg.npz"
BCCD = Origin("Shenggan/BCCD_Dataset", "d272fb14cdff6e473fafeeeba32aba5f560e9e43")
TRAINVAL = BCCD.file("BCCD/ImageSets/Main/trainval.txt")
TEST = BCCD.file("BCCD/ImageSets/Main/test.txt")
CLASSES = ("RBC", "WBC", "Platelets")
MOST = 1200  # of one class
LONGEST = 1.6  # longer side of a mark over its shorter one
MARGIN = 1.15
SIZE = 64
QUALITY = 92
# checksums of the listed files, one for every 64 of them
_SUMS = """
06f4424d56bd7e26 9ca851125c43b643 3f66f8349d0c7fc5 2b26dee46cf26bf8 db74249e8b9b548e e87b369fbe758474
42e15064fee3b508 70d7814ccdb1589f 1d2cd7bdee0e877e a9e93a7fbe41be17 b0ebe850a83b7f85 1c54f047674ed21d
"""


@dataclass(frozen=True)
class Mark:
    """A marked cell: its class, and its box in pixels."""

    slide: str
    label: int
    left: int
    top: int
    right: int
    bottom: int

    @property
    def sides(self) -> tuple[int, int]:
        """The shorter and the longer side."""
        width, height = self.right - self.left, self.bottom - self.top
        return min(width, height), max(width, height)

    @property
    def crop_side(self) -> int:
        return round(MARGIN * self.sides[1])


def listed(downloads: Path) -> list[File]:
    """The marks and the picture of every slide."""
    slides = _slides(downloads)
    return [file for slide in slides for file in (_marked(slide), _picture(slide))]


def convert(downloads: Path, progress: Progress) -> Arrays:
    """JPEG files packed end to end in `data`, with `offsets` (N + 1), `labels`, `crop_side` (pixels) and `slide`."""
    chosen = _chosen([mark for slide in _slides(downloads) for mark in _marks(slide, downloads)])
    cells: list[bytes] = [b""] * len(chosen)
    by_slide = sorted(range(len(chosen)), key=lambda index: chosen[index].slide)  # so that each slide is decoded once
    for index in tracked(by_slide, len(chosen), progress, "Cutting cells out"):
        cells[index] = _cell(chosen[index], downloads)
    return {
        "data": np.frombuffer(b"".join(cells), np.uint8),
        "offsets": np.cumsum([0, *map(len, cells)], dtype=np.int64),
        "labels": np.array([mark.label for mark in chosen], np.uint8),
        "classes": np.array(CLASSES),
        "crop_side": np.array([mark.crop_side for mark in chosen], np.int16),
        "slide": np.array([mark.slide for mark in chosen]),
    }


def _slides(downloads: Path) -> list[str]:
    return sorted(slide for file in (TRAINVAL, TEST) for slide in file.place(downloads).read_text("ascii").split())


def _marked(slide: str) -> File:
    return BCCD.file(f"BCCD/Annotations/{slide}.xml")


def _picture(slide: str) -> File:
    return BCCD.file(f"BCCD/JPEGImages/{slide}.jpg")


def _marks(slide: str, downloads: Path) -> Iterator[Mark]:
    for marked in ElementTree.parse(_marked(slide).place(downloads)).getroot().iter("object"):
        name = marked.findtext("name", "")
        corners = [int(marked.findtext(f"bndbox/{corner}", "")) for corner in ("xmin", "ymin", "xmax", "ymax")]
        mark = Mark(slide, CLASSES.index(name), *corners)
        shorter, longer = mark.sides
        if 0 < longer <= LONGEST * shorter:
            yield mark


def _chosen(marks: list[Mark]) -> list[Mark]:
    random = np.random.default_rng(0)
    chosen: list[Mark] = []
    for label in range(len(CLASSES)):
        of_class = [mark for mark in marks if mark.label == label]
        chosen += [of_class[index] for index in random.permutation(len(of_class))[:MOST]]
    return [chosen[index] for index in random.permutation(len(chosen))]


def _cell(mark: Mark, downloads: Path) -> bytes:
    """The square around the mark's centre, shifted into the picture if necessary, as a 64-pixel JPEG."""
    slide, side = _opened(_picture(mark.slide).place(downloads)), mark.crop_side
    left = min(max(round((mark.left + mark.right - side) / 2), 0), slide.width - side)
    top = min(max(round((mark.top + mark.bottom - side) / 2), 0), slide.height - side)
    cell = slide.crop((left, top, left + side, top + side)).resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    packed = io.BytesIO()
    cell.save(packed, "JPEG", quality=QUALITY, subsampling=0)
    return packed.getvalue()


@lru_cache(maxsize=1)
def _opened(place: Path) -> Image.Image:
    with Image.open(place) as image:
        return image.convert("RGB")


CELLS = register(
    from_files(
        name="bccd",
        title="Blood cells",
        about="1,909 blood cells cut from microscope pictures: red, white, platelets.",
        licence=LICENCE,
        size=SIZE,
        channels=3,
        items=1909,
        class_names=CLASSES,
        train=Layout((f"{FOLDER}/{NPZ}",), jpeg_stream),
        published="bccd",
    )
)

register_published(
    Published(
        name="bccd",
        title=CELLS.title,
        licence=LICENCE,
        origins=(BCCD,),
        folder=FOLDER,
        npz=NPZ,
        size=8_795_974,
        convert=convert,
        digest="5f79527525dfac99c61a564524c38cbca3e377a2d8156abc83e6b3c4e44c3f71",
        first={
            TRAINVAL: "6aea0ac13cdb69c26e51f70bd10e66c1675026bb33541fd1039227d15607a34f",
            TEST: "9cadeca2bb1d186b22b27c56b14c95e46c4c44d0fbc7a918bf96af9fb5064742",
        },
        listed=listed,
        sums=tuple(_SUMS.split()),
    )
)

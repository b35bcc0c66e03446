"""The unpaired sets of CycleGAN's authors (1703.10593, section 5): a zip each, with trainA, trainB, testA and testB.

Their server has no versions, so each archive is identified only by its SHA-256.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from gan_core.data.base import DataSet, Progress, Source, register, tracked
from gan_core.data.files import homes, how_to_get
from gan_core.data.published.arrays import Arrays
from gan_core.data.published.catalogue import Published, register_published
from gan_core.data.published.origins import File, Site
from gan_core.data.user import archives, pairs
from gan_core.data.user.references import UserImages
from gan_core.errors import BadData

SIZE = 256  # pixels of the pictures
PARTS = ("trainA", "trainB", "testA", "testB")
NEEDED = tuple(f"{part}/*.jpg" for part in PARTS)
CYCLEGAN = Site("efrosgans.eecs.berkeley.edu/cyclegan/datasets")


@dataclass(frozen=True)
class Classic:
    """An archive, and its two domains. `pictures` are the counts of trainA, trainB, testA and testB."""

    name: str
    title: str
    about: str
    domains: tuple[str, str]
    licence: str
    pictures: tuple[int, int, int, int]
    size: int  # bytes
    sha256: str

    @property
    def file(self) -> File:
        return File(CYCLEGAN, f"{self.name}.zip")

    def convert(self, downloads: Path, progress: Progress) -> Arrays:
        """`trainA/NAME.jpg` and so on, unchanged from the archive; raises ValueError if a domain is missing."""
        inside = re.compile(rf"{re.escape(self.name)}/((?:train|test)[AB]/[^/]+\.jpg)")
        with archives.opened(self.file.place(downloads)) as archive:
            found = sorted(match[1] for name in archive.names if (match := inside.fullmatch(name)))
            missing = set(PARTS) - {name.partition("/")[0] for name in found}
            if missing:
                raise ValueError(f"the archive holds no {', '.join(sorted(missing))}")
            unpacked = tracked(found, len(found), progress, f"Unpacking {self.title}")
            return {name: np.frombuffer(archive.read(f"{self.name}/{name}").getbuffer(), np.uint8) for name in unpacked}


IMAGENET = "none stated: photos from ImageNet, for research and education; cite Zhu, Park, Isola, Efros, ICCV 2017"
FLICKR = "none stated: photos from Flickr; cite Zhu, Park, Isola, Efros, ICCV 2017"
PAINTED = "none stated: paintings from WikiArt and photos from Flickr; cite Zhu, Park, Isola, Efros, ICCV 2017"
FACADES = "none stated: CMP Facade Database; cite Tylecek and Sara, GCPR 2013"


def _painter(name: str, painter: str, pictures: tuple[int, int, int, int], size: int, sha256: str) -> Classic:
    title, about = f"{painter[0].upper()}{painter[1:]} and photos", f"Pictures by {painter}, and photos of landscapes."
    return Classic(f"{name}2photo", title, about, ("Painting", "Photo"), PAINTED, pictures, size, sha256)


CLASSICS = (
    Classic(
        "horse2zebra", "Horses and zebras", "Photos of wild horses, and of zebras.", ("Horse", "Zebra"), IMAGENET,
        (1067, 1334, 120, 140), 116_867_962, "a74d9d392eecca9966b51287a76ca126af473d9de4f3e8fc0e9cda08fa1730a1",
    ),
    Classic(
        "apple2orange", "Apples and oranges", "Photos of apples, and of oranges.", ("Apple", "Orange"), IMAGENET,
        (995, 1019, 266, 248), 78_456_409, "845a191e9af8926408ea597001cd03a452e3300a1f44a79fe329b3d59f6e3eb8",
    ),
    Classic(
        "summer2winter_yosemite", "Yosemite in summer and winter", "Photos of Yosemite in summer, and in winter.",
        ("Summer", "Winter"), FLICKR, (1231, 962, 309, 238), 132_640_856,
        "167fe1726807a9d22bd106b4a6c0bd7953b688af924ac1bf967439c4961e49f9",
    ),
    Classic(
        "facades", "Facades and their plans", "Photos of facades, and drawings of where windows, doors and walls are.",
        ("Photo", "Plan"), FACADES, (400, 400, 106, 106), 35_135_868,
        "9a31ebf3a31b9b5cd195dd5bf62e9308e00cb94604d1019e3889ac84248695c0",
    ),
    _painter("monet", "Claude Monet", (1072, 6287, 121, 751), 305_231_073,
             "88f91b00fc228f97c9411fbf1880ec1d119c98f1722e4cfcfaa2fb35fac05b04"),
    _painter("vangogh", "Vincent van Gogh", (400, 6287, 400, 751), 306_590_349,
             "362c3473e70be0944bda08d49d660eafdc2854df55d697835b8186d1d79caaff"),
    _painter("cezanne", "Paul Cezanne", (525, 6287, 58, 751), 279_885_071,
             "3a6c10ca21f9485862f1cbd707744b9dc258954a04631271d23a3605eeb63cff"),
    _painter("ukiyoe", "ukiyo-e masters", (562, 6287, 263, 751), 292_946_532,
             "02a2a2fb5ecf425ca1bf86aca7304377da64a2a1d3b86df54eb65e4068bf3b08"),
)  # fmt: skip


def _folder(name: str) -> Path | None:
    whole = (place for home in homes() if all(any((place := home / name).glob(pattern)) for pattern in NEEDED))
    return next(whole, None)


def _source(classic: Classic) -> Source:
    name = classic.name
    needs = how_to_get([f"{name}/trainA/*.jpg"], name)

    def load(size: int | None, progress: Progress, *, part: str = "train") -> DataSet:
        folder = _folder(name)
        if folder is None:
            raise BadData("'{name}' isn't here. {needs}", name=name, needs=needs)
        found = pairs.load_unpaired(UserImages("unpaired", str(folder)), size or SIZE, progress, part)
        whole = f"test:{name}" if part == "test" else name
        return dataclasses.replace(found, name=whole, licence=classic.licence)

    return Source(
        name=name, title=classic.title, about=classic.about, licence=classic.licence, size=SIZE, channels=3,
        items=min(classic.pictures[:2]), class_names=(), load=load, test=partial(load, part="test"),
        available=lambda: _folder(name) is not None, needs=needs, task="unpaired", domains=classic.domains,
        published=name,
    )  # fmt: skip


def _published(classic: Classic) -> Published:
    return Published(
        name=classic.name, title=classic.title, licence=classic.licence, origins=(classic.file.origin,),
        folder=classic.name, npz=None, size=classic.size, convert=classic.convert, digest="",
        first={classic.file: classic.sha256}, needed=NEEDED,
    )  # fmt: skip


for _classic in CLASSICS:
    register(_source(_classic))
    register_published(_published(_classic))

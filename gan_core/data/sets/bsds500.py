"""BSDS500's unchanged training and test photos, and the share of annotators who drew an edge at each point."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from gan_core.data.base import Progress, register, tracked
from gan_core.data.files import Layout, from_files
from gan_core.data.pairs import unpaired
from gan_core.data.prepared import Pictures
from gan_core.data.published.arrays import Arrays
from gan_core.data.published.catalogue import Published, register_published
from gan_core.data.published.origins import File, Origin
from gan_core.data.user.archives import seen

LICENCE = "non-commercial research and education; cite Arbelaez, Maire, Fowlkes, Malik, TPAMI 33(5), 2011"
FOLDER = "BSDS500"
PHOTOS = {part: f"{FOLDER}/{part}/*.jpg" for part in ("train", "test")}
TILE = 160  # pixels: a photo of 321x481 gives 2 x 3 squares
BSDS = Origin("BIDS/BSDS500", "a04b7c6c3a9f0ace74bf205c72a43d32e1c72722")
_TRAIN = """
2092 8049 8143 12003 12074 15004 15088 16052 20008 22013 22090 22093 23025 23080 23084 24004 24063 25098
26031 27059 28075 28096 33066 35008 35010 35058 35070 35091 41004 41025 42044 42078 43070 43083 45077 46076
48055 54005 55067 55075 56028 59078 60079 61060 61086 65010 65019 65074 65132 66039 66075 67079 68077 71046
76002 78019 80099 87065 90076 92059 94079 95006 97017 100075 100080 100098 103041 104022 105019 105053
106020 106025 108041 108073 109034 112082 113009 113016 113044 117054 118020 118035 122048 124084 126039
130034 134008 134052 135037 135069 138032 138078 140055 140075 144067 145014 145053 147021 147062 151087
153077 153093 155060 156079 157036 159029 159045 159091 161062 163014 163062 164074 166081 169012 170054
172032 173036 176019 176035 176039 178054 181018 181079 181091 183055 183087 187003 187029 187039 187071
187083 188005 188063 188091 189003 189011 196015 198004 198023 198054 202012 207056 209070 216041 216053
216066 225017 227040 227046 231015 232038 236017 238011 239007 239096 242078 245051 246016 246053 247085
249061 249087 253036 254033 254054 260081 268002 271008 271031 274007 277095 285036 286092 292066 293029
299091 301007 309004 310007 311068 311081 314016 317080 323016 326038 353013 361084 365025 365073 368016
368078 370036 372047 374020 374067 376001 376020 385028 388016
"""
_TEST = """
2018 3063 5096 6046 8068 10081 14085 14092 15011 15062 16004 16068 17067 20069 23050 28083 29030 33044 35028
35049 36046 41006 41029 41085 41096 43033 43051 45000 48017 48025 49024 51084 61034 64061 65084 69000 69007
69022 70011 70090 71076 71099 77062 78098 79073 80085 80090 81066 81090 81095 87015 92014 94095 97010 100007
100039 100099 101027 101084 102062 103006 103029 103078 104010 104055 105027 106005 106047 107014 107045
107072 108004 108036 108069 109055 112056 112090 117025 118015 118031 118072 120003 120093 123057 128035
130014 130066 134049 134067 140006 140088 141012 141048 145059 145079 146074 147077 147080 156054 157032
157087 159002 159022 160006 160067 161045 163004 163096 164046 168084 175083 176051 179084 181021 183066
185092 187058 187099 188025 189006 189013 189029 189096 196027 196040 196062 196088 198087 201080 202000
206062 206097 207038 207049 208078 209021 217013 217090 220003 223004 223060 225022 226022 226033 226043
226060 228076 230063 230098 232076 235098 238025 243095 246009 247003 247012 249021 250047 250087 253016
253092 257098 258089 259060 267036 268048 268074 277053 279005 281017 285022 288024 289011 290035 296028
296058 302022 306051 306052 309040 317043 326025 326085 334025 335088 335094 344010 346016 347031 365072
368037 372019 376086 384022 384089 385022 388006 388018 388067 393035
"""
# checksums of the listed files, one for every 64 of them
_SUMS = """
4cc44addc4dbf933 0c90ae00a5265134 29cf8a2b63330372 0bf4312687e4b9bd e828e4c2abec616a ef2c1fda4cd9c846
b5d8e0947e4d029b adc57e46ba3ca8af b69260fc2027ed63 39bc7d24696f091a a102f9c387c700ce f722320163725839
b046635899d066d8
"""
TRAIN = tuple(_TRAIN.split())  # without 302003
TEST = tuple(_TEST.split())
PARTS = {"train": TRAIN, "test": TEST}


def listed(downloads: Path) -> list[File]:
    """The photo and the drawn edges of each name."""
    pairs = [(part, name) for part, names in PARTS.items() for name in names]
    return [file for part, name in pairs for file in (_photo(part, name), _drawn(part, name))]


def convert(downloads: Path, progress: Progress) -> Arrays:
    """`train/NAME.jpg` as published, `edges/train/NAME.png` uint8 (H, W): 0 none .. 255 all people; `test` alike."""
    files: dict[str, np.ndarray] = {}
    pairs = [(part, name) for part, names in PARTS.items() for name in names]
    for part, name in tracked(pairs, len(pairs), progress, "Converting photos"):
        files[f"{part}/{name}.jpg"] = np.frombuffer(_photo(part, name).place(downloads).read_bytes(), np.uint8)
        files[f"edges/{part}/{name}.png"] = _edges(_drawn(part, name).place(downloads))
    return files


def _photo(part: str, name: str) -> File:
    return BSDS.file(f"BSDS500/data/images/{part}/{name}.jpg")


def _drawn(part: str, name: str) -> File:
    return BSDS.file(f"BSDS500/data/groundTruth/{part}/{name}.mat")


def _edges(place: Path) -> np.ndarray:
    """The mean over people, uint8 (H, W)."""
    from scipy.io import loadmat  # takes a second, and is needed only here

    people = loadmat(place)["groundTruth"][0]  # (people,) of structures
    drawn = np.stack([person["Boundaries"][0, 0] for person in people])  # (people, H, W)
    edges: np.ndarray = np.rint(255 * drawn.astype(np.float64).mean(axis=0)).astype(np.uint8)
    return edges


def _squares(files: list[Path], part: str) -> Pictures:
    """Six squares of 160 pixels from each photo, a grid without overlap: the same on every machine."""
    photos = files if part == "train" else seen((files[0].parents[1] / part).glob("*.jpg"))
    return Pictures(6 * len(photos), (square for path in photos for square in _cut(_opened(path))))


def _with_edges(files: list[Path]) -> Pictures:
    """The same squares of each photo, and of its edges as dark lines on white."""
    return Pictures(6 * len(files), (pair for photo in files for pair in _pairs(photo)))


def _pairs(path: Path) -> Iterator[tuple[Image.Image, Image.Image]]:
    drawn = path.parents[1] / "edges" / path.parent.name / f"{path.stem}.png"
    with Image.open(drawn) as edges:
        lines = edges.convert("L").point(lambda level: 255 - level).convert("RGB")
    yield from zip(_cut(lines), _cut(_opened(path)), strict=True)


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as photo:
        return photo.convert("RGB")


def _cut(picture: Image.Image) -> Iterator[Image.Image]:
    for top in range(0, picture.height - TILE + 1, TILE):
        for left in range(0, picture.width - TILE + 1, TILE):
            yield picture.crop((left, top, left + TILE, top + TILE))


BSDS500 = register(
    from_files(
        name="bsds500",
        title="Photos (BSDS500)",
        about="Six squares from each of 199 photos; the test part is left for measuring.",
        licence=LICENCE,
        size=128,
        channels=3,
        items=1194,
        train=Layout((PHOTOS["train"],), partial(_squares, part="train")),
        # searched beside the train photos, whose state is part of both parts' cache names
        test=Layout((PHOTOS["train"],), partial(_squares, part="test")),
        published="bsds500",
    )
)
EDGES2PHOTOS = register(
    from_files(
        name="edges2photos",
        title="Drawn edges to photos (BSDS500)",
        about="Six squares from each of 199 photos, and the edges that people drew in them.",
        licence=LICENCE,
        size=128,
        channels=3,
        items=1194,
        train=Layout((PHOTOS["train"],), _with_edges),
        test=Layout((PHOTOS["test"],), _with_edges),
        task="paired",
        domains=("Edges", "Photo"),
        published="bsds500",
    )
)
register(unpaired(EDGES2PHOTOS, "Drawn edges and photos"))

register_published(
    Published(
        name="bsds500",
        title=BSDS500.title,
        licence=LICENCE,
        origins=(BSDS,),
        folder=FOLDER,
        npz=None,
        size=47_314_504,
        convert=convert,
        digest="ee8a921f6ccc18053002e93866ff18c97cae368ff980ed0b038763775d1e1422",
        listed=listed,
        sums=tuple(_SUMS.split()),
    )
)

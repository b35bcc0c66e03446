"""The data sets that `ganscope data get` brings: where their files lie, their sums, how they are converted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gan_core.data.base import Progress
from gan_core.data.published import bccd, bsds500, classic, emoji, pneumonia, sums, tinyhero
from gan_core.data.published.arrays import Arrays
from gan_core.data.published.origins import File, Origin, Site
from gan_core.registry import Registry


@dataclass(frozen=True)
class Published:
    """One set: fetched in two rounds, because what `first` brings says which files there are, then converted.

    `listed(downloads)` gives the files of the second round, `convert(downloads, progress)` the arrays; both read
    nothing but the files below `downloads`. `digest` is that of the arrays as Pillow and NumPy made them here; "" where
    none of our models was made from them. `needed` are patterns of files without which the set isn't there.
    """

    name: str
    title: str
    licence: str
    origins: tuple[Origin | Site, ...]
    folder: str  # below the folder of data sets
    npz: str | None  # the one file in it; None: a folder of files
    size: int  # bytes to download
    convert: Callable[[Path, Progress], Arrays]
    digest: str
    first: Mapping[File, str] = field(default_factory=dict)  # SHA-256 of each
    listed: Callable[[Path], list[File]] = lambda downloads: []
    sums: tuple[str, ...] = ()  # of the listed files, in groups
    needed: tuple[str, ...] = ()


published: Registry[Published] = Registry("published data set")

for _set in (
    Published(
        name="emoji",
        title="Emoji",
        licence="Noto: Apache-2.0 (Google); Twemoji: CC BY 4.0 (Twitter, Inc and other contributors), here on white at "
        "64 pixels; names: MIT (emojibase)",
        origins=(emoji.NOTO, emoji.TWEMOJI),
        folder="emoji",
        npz="emoji_pairs_64.npz",
        size=20_962_585,
        convert=emoji.convert,
        digest="fe961d1705628807fb5bdc7d3fe57021c9f85524fab331f80999d87873b0a339",
        first={emoji.EMOJIBASE: "edee0a14bd67522de4666e32937ee4366254730544c9e64d955adecc789e6d96"},
        listed=emoji.listed,
        sums=sums.EMOJI,
    ),
    Published(
        name="tinyhero",
        title="Pixel-art heroes",
        licence="CC BY-SA 3.0 or GPL-3.0, your choice (Universal LPC spritesheet, Liberated Pixel Cup artists)",
        origins=(tinyhero.HEROES,),
        folder="TinyHero",
        npz="tinyhero_64.npz",
        size=6_225_498,
        convert=tinyhero.convert,
        digest="397c51cae8684b137c37aaa49bf1dc5c049e100c0f2602caae775aadd8e19b20",
        listed=tinyhero.listed,
        sums=sums.TINYHERO,
    ),
    Published(
        name="pneumonia",
        title="Chest X-rays (PneumoniaMNIST)",
        licence="CC BY 4.0 (MedMNIST v2, Yang et al. 2023); not for diagnosis",
        origins=(pneumonia.ILL.origin, pneumonia.NORMAL.origin),
        folder="PneumoniaMNIST",
        npz="pneumoniamnist_28.npz",
        size=6_036_508,
        convert=pneumonia.convert,
        digest="5b0a6a89b90b203ce9664e20785d0c44fd1fc84eaf60eb0d65fb4d4ef8ed0974",
        first={
            pneumonia.ILL: "a554d2332488d3ddc075125e66a1af77ec379fd2bafc09108ab95a37e2bd9c26",
            pneumonia.NORMAL: "f36c2b3e34de9d60c5c734118bc6daff281eaf76b67a57d26ad958da948274b0",
        },
    ),
    Published(
        name="bccd",
        title="Blood cells",
        licence="MIT (Shenggan/BCCD_Dataset)",
        origins=(bccd.BCCD,),
        folder="BCCD",
        npz="bccd_cells_64_jpeg.npz",
        size=8_795_974,
        convert=bccd.convert,
        digest="5f79527525dfac99c61a564524c38cbca3e377a2d8156abc83e6b3c4e44c3f71",
        first={
            bccd.TRAINVAL: "6aea0ac13cdb69c26e51f70bd10e66c1675026bb33541fd1039227d15607a34f",
            bccd.TEST: "9cadeca2bb1d186b22b27c56b14c95e46c4c44d0fbc7a918bf96af9fb5064742",
        },
        listed=bccd.listed,
        sums=sums.BCCD,
    ),
    Published(
        name="bsds500",
        title="Photos (BSDS500)",
        licence="non-commercial research and education; cite Arbelaez, Maire, Fowlkes, Malik, TPAMI 33(5), 2011",
        origins=(bsds500.BSDS,),
        folder="BSDS500",
        npz=None,
        size=47_314_504,
        convert=bsds500.convert,
        digest="ee8a921f6ccc18053002e93866ff18c97cae368ff980ed0b038763775d1e1422",
        listed=bsds500.listed,
        sums=sums.BSDS500,
    ),
    *(
        Published(
            name=one.name,
            title=one.title,
            licence=one.licence,
            origins=(one.file.origin,),
            folder=one.name,
            npz=None,
            size=one.size,
            convert=one.convert,
            digest="",
            first={one.file: one.sha256},
            needed=classic.NEEDED,
        )
        for one in classic.CLASSICS
    ),
):
    published.register(_set.name, _set)

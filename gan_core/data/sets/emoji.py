"""Pairs of the same emoji in Noto's and Twemoji's style, with names and keywords.

The list of emoji with names and groups is emojibase's. Flags, separate hair styles and skin tones, and couples of two
tones are left out, as is a fixed sample of 98 emoji with all their tones, on which no model here is trained.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gan_core.data.base import Progress, register, tracked
from gan_core.data.files import Layout, from_files
from gan_core.data.formats import npz_arrays
from gan_core.data.pairs import unpaired
from gan_core.data.parts import EVERY
from gan_core.data.prepared import OfArray, Pictures
from gan_core.data.published.arrays import Arrays
from gan_core.data.published.catalogue import Published, register_published
from gan_core.data.published.origins import File, Origin

NOTO_LICENCE = "Apache-2.0 (Noto Emoji, Google)"
BOTH_LICENCES = "Noto: Apache-2.0 (Google); Twemoji: CC BY 4.0 (Twitter, Inc and other contributors)"
FOLDER, NPZ = "emoji", "emoji_pairs_64.npz"
NOTO = Origin("googlefonts/noto-emoji", "b3e3051a088047d19fd4d49b1c3ac42fb8c3aaf8")
TWEMOJI = Origin("cptpiepmatz/twemoji-assets", "9ee6e4b252b5c3038bfda9f9bd41cce3e48a34b8")
EMOJIBASE = TWEMOJI.file("emojibase.data.json")
SIZE = 64

GROUP_NAMES = (
    "smileys-emotion",
    "people-body",
    "component",
    "animals-nature",
    "food-drink",
    "travel-places",
    "activities",
    "objects",
    "symbols",
    "flags",
)
NOT_TAKEN = (GROUP_NAMES.index("component"), GROUP_NAMES.index("flags"))
CLASSES = tuple(name for group, name in enumerate(GROUP_NAMES) if group not in NOT_TAKEN)
TONES = ("light", "medium-light", "medium", "medium-dark", "dark")
TONE_CODES = ("1F3FB", "1F3FC", "1F3FD", "1F3FE", "1F3FF")
VARIANT = "FE0F"  # selects the picture form
JOINER = "200D"
_LEFT_OUT = """
1F604 1F606 1F92F 1F4A9 1F47A 1F63C 1F9E1 1F90E 1F90D 1F5E8 1F44C 1F918 1F9BE 1F9D1-200D-1F9B1 1F9D3 1F647
1F647-200D-2640 1F9D1-200D-1F680 1F468-200D-1F692 1F46E-200D-2640 1F477-200D-2640 1F473-200D-2640 1F935
1F470-200D-2642 1F470-200D-2640 1F6B6-200D-2642-200D-27A1 1F9D1-200D-1F9AF-200D-27A1 1F469-200D-1F9BD 1F3C3
1F46F 1F93C 1F468-200D-2764-200D-1F48B-200D-1F468 1F464 1F9AC 1F437 1F411 1F42D 1F407 1F9A1 1F426-200D-2B1B
1F40D 1F41A 1F98B 1F347 1F34B-200D-1F7E9 1F965 1F954 1F96F 1F356 1F37E 1F52A 1F5FE 1F3D8 1F3E8 1F54D 1F3D9
26F5 1F6E9 1F6EC 23F3 1F551 1F319 1F31F 2614 1F390 1F3C5 1F94D 1F3D3 1FA81 1F455 1F460 1F9E2 1F399 1F3A7
1F3B7 1FA89 1F3EE 1F4F0 1F4B4 1F4E7 1F4EA 1F4C9 1F510 1F9FC 1F6D2 1F6B3 1F4F5 2B06 2651 26A7 1F4B1 0038-20E3
1F202 1F250 1F7E3 26AA 25FB 1F538
"""
# checksums of the listed files, one for every 64 of them
_SUMS = """
7f46dbef4ef11fd3 484d6aec60ae92c2 0aa14f76f8c6e98f 9c387aedeb3e84be 48baa4f66115be79 4167c6d2edcfce03
0e609ecc70e8ed70 71ac5454ce249e13 221ee14ad23f1450 691548ba15cc12cb 1c1bd666a852390c ca5f93f8aad7e7e3
4a06957106dbd783 69ad4e3485355eae 7414d4a0c7154be8 637277cfceefbd94 68b5c73c01d578e4 62899e7abe836a4f
d2ed9c57b3879896 3347a537128f8ae1 3e7a661a62ed48f6 15a7faf0bdd1d322 62a304ae87951d87 b16bde7ab3db3d2e
68bc5bdf12659ec1 af420516b0b30cae d12d92fc63ac6414 7623046488d6465c 31e5511705ad8e2e e8a8a7309da45270
a8b96ceb16388732 856bec6d308a8912 f79bf132c9ffb0aa 2a1a308f6ff94ae5 ab6cb715dfaa51b3 3165fc7a705d939e
b68a15077171c435 af334671fee4750c 65ebab4903467338 4d76b85d12b1738f 048ac28fcfafac97 31324095887851b5
0333300e301102b1 82b9a99d2c1b8d7a 9477065a9a7989e5 11d2bde0f8ebb3c2 ac985f0fe5a3aa23 8c55d398b0d94921
45214c8f2b2028f8 4cd461445e722cbf 910485b939718ce0 9a597be0712596fc 34e8f8e2dc9cae05 6dc92921ea4b8776
cec2665eaef2aa15 78eee6e38821fc36 14865ccb510acec4 90e57f82ebdfe53f eb261eeea32a42bd 5a2ff81b93649532
704776a1d7fe0f3e 478ee9da121650e1 ccba7bd0995eebd1 79bf8c6b0f5e75af e746793ac4ec879f 01538e602506bf02
c7278a559403a4b3 44d65e2d3456d12f 9a7c24327bf68de7 c1bb9d99a99b41fd e31be4c031e6bdbd 191cf1bf406c57ba
69239d0d9f7fd386 e941440c78fe8cbe 02b8cbae8e7eca84 51ef839777b7875b 67faced04b853c2b 12c8289d039b4ba3
ca70161816e889c3 270e6228207fad7d a3ae15c77ed32ab9 aa34314f4724ca24 982b695275755106 b144cb50f583d0eb
10159fba05d4a268 e244a38d1ee1e567 2ec6fda15428caa2 9724d5352eb7138b 0b7d55adef54a7b1 22c77e6d2c00d5f9
034f0c6cb233e898 cb9ec55c4885a303 26e53da9f5b96c27 08c1a24213c8dc87 5f6fcb4698f35a8b 3332a20d90f250fd
"""
LEFT_OUT = frozenset(_LEFT_OUT.split())


def listed(downloads: Path) -> list[File]:
    """The two drawings of every used emoji."""
    codes = [emoji["hexcode"] for emoji in _taken(downloads)]
    return [file for code in codes for file in (_noto(code), _twemoji(code))]


def convert(downloads: Path, progress: Progress) -> Arrays:
    """`noto` and `twemoji` uint8 (N, 64, 64, 3), and other arrays with one entry for each emoji."""
    taken = list(_taken(downloads))
    codes = [emoji["hexcode"] for emoji in taken]
    pairs = [
        (_drawing(_noto(code).place(downloads)), _drawing(_twemoji(code).place(downloads)))
        for code in tracked(codes, len(codes), progress, "Converting emoji")
    ]
    return {
        "noto": np.stack([noto for noto, _ in pairs]),  # (N, H, W, 3)
        "twemoji": np.stack([twemoji for _, twemoji in pairs]),  # (N, H, W, 3)
        "codes": np.array(codes),
        "names": np.array([_name(emoji) for emoji in taken]),
        "tags": np.array([", ".join(emoji["tags"]) for emoji in taken]),
        "groups": np.array([emoji["group"] for emoji in taken], np.uint8),
        "subgroups": np.array([emoji["subgroup"] for emoji in taken], np.int16),
        "tones": np.array([emoji.get("tone", 0) for emoji in taken], np.uint8),
        "group_names": np.array(GROUP_NAMES),
    }


def _taken(downloads: Path) -> Iterator[dict[str, Any]]:
    """emojibase's entries in its order, each followed by its skin tones, which share its keywords."""
    for entry in json.loads(EMOJIBASE.place(downloads).read_bytes()):
        for emoji in (entry, *entry.get("skins", ())):
            if "group" not in emoji or emoji["group"] in NOT_TAKEN or isinstance(emoji.get("tone"), list):
                continue
            if base(emoji["hexcode"]) not in LEFT_OUT:
                yield emoji | {"tags": entry.get("tags", [])}


def _name(emoji: dict[str, Any]) -> str:
    """The short name; in emojibase those facing right have the same name in every tone, so the tone is added."""
    name, tone = str(emoji["label"]), emoji.get("tone", 0)
    return name if not tone or "skin tone" in name else f"{name}: {TONES[tone - 1]} skin tone"


def base(code: str) -> str:
    return "-".join(part for part in code.split("-") if part not in TONE_CODES and part != VARIANT)


def _noto(code: str) -> File:
    parts = [part for part in code.lower().split("-") if part != VARIANT.lower()]
    return NOTO.file(f"png/128/emoji_u{'_'.join(parts)}.png")


def _twemoji(code: str) -> File:
    """Twemoji's name, which keeps the variant in joined emoji except for the eye in a speech bubble."""
    parts = code.split("-")
    if JOINER not in parts or parts[0] == "1F441":
        parts = [part for part in parts if part != VARIANT]
    return TWEMOJI.file(f"assets/72x72/{'-'.join(part.lstrip('0') for part in parts).lower()}.png")


def _drawing(place: Path) -> np.ndarray:
    """A drawing on white, resized: uint8 (64, 64, 3)."""
    with Image.open(place) as image:
        drawing = image.convert("RGBA")
    white = Image.new("RGBA", drawing.size, "white")
    white.alpha_composite(drawing)
    return np.asarray(white.convert("RGB").resize((SIZE, SIZE), Image.Resampling.LANCZOS))


def _without_tones(files: list[Path]) -> Pictures:
    """Noto's drawings without the five skin tones of each; the class is the emoji's group."""
    noto, groups, tones, names = npz_arrays(files[0], "noto", "groups", "tones", "group_names")
    images = noto[tones == 0]
    labels = np.asarray([CLASSES.index(names[group]) for group in groups[tones == 0]])
    return Pictures(len(images), OfArray(images), labels)


def _both_styles(files: list[Path], part: str) -> Pictures:
    """Pairs of both styles, with all tones of an emoji in the same part, because they hardly differ."""
    noto, twemoji, codes = npz_arrays(files[0], "noto", "twemoji", "codes")
    places = places_of(codes.tolist(), part)
    return Pictures(len(places), zip(OfArray(noto[places]), OfArray(twemoji[places]), strict=True))


def places_of(codes: Sequence[str], part: str) -> list[int]:
    """The test part is every tenth emoji with all its tones; those with a single tone are last."""
    members: dict[str, list[int]] = {}
    for place, code in enumerate(codes):
        members.setdefault(base(code), []).append(place)
    groups = [
        group for number, group in enumerate(members.values()) if (number % EVERY == EVERY - 1) == (part == "test")
    ]
    return [place for group in sorted(groups, key=lambda group: len(group) == 1) for place in group]


EMOJI = register(
    from_files(
        name="emoji",
        title="Emoji",
        about="1,538 emoji as Noto draws them, on white, without skin tones; the class is the group.",
        licence=NOTO_LICENCE,
        size=SIZE,
        channels=3,
        items=1538,
        class_names=CLASSES,
        train=Layout((f"{FOLDER}/{NPZ}",), _without_tones),
        published="emoji",
    )
)
EMOJI_STYLES = register(
    from_files(
        name="emoji_styles",
        title="Noto's emoji to Twemoji's",
        about="The same emoji as two makers draw it, with all skin tones. An emoji of the test part is seen in "
        "training in no tone at all.",
        licence=BOTH_LICENCES,
        size=SIZE,
        channels=3,
        items=2750,
        train=Layout((f"{FOLDER}/{NPZ}",), partial(_both_styles, part="train")),
        test=Layout((f"{FOLDER}/{NPZ}",), partial(_both_styles, part="test")),
        task="paired",
        domains=("Noto", "Twemoji"),
        published="emoji",
    )
)
register(unpaired(EMOJI_STYLES, "Noto's and Twemoji's emoji"))

register_published(
    Published(
        name="emoji",
        title=EMOJI.title,
        licence=f"{BOTH_LICENCES}, here on white at 64 pixels; names: MIT (emojibase)",
        origins=(NOTO, TWEMOJI),
        folder=FOLDER,
        npz=NPZ,
        size=20_962_585,
        convert=convert,
        digest="fe961d1705628807fb5bdc7d3fe57021c9f85524fab331f80999d87873b0a339",
        first={EMOJIBASE: "edee0a14bd67522de4666e32937ee4366254730544c9e64d955adecc789e6d96"},
        listed=listed,
        sums=tuple(_SUMS.split()),
    )
)

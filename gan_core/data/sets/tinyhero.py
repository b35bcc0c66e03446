"""Pixel-art characters, each seen from four sides, on white.

The bodies and clothes are the Liberated Pixel Cup's. A fixed sample of 92 of the 912 is left out, on which no model
here is trained.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from gan_core.data.base import Progress, register, tracked
from gan_core.data.files import Layout, from_files
from gan_core.data.formats import npz_arrays
from gan_core.data.pairs import unpaired
from gan_core.data.parts import chosen
from gan_core.data.prepared import OfArray, Pictures
from gan_core.data.published.arrays import Arrays
from gan_core.data.published.catalogue import Published, register_published
from gan_core.data.published.origins import File, Origin

LICENCE = "CC BY-SA 3.0 or GPL-3.0 (Liberated Pixel Cup artists)"
FOLDER, NPZ = "TinyHero", "tinyhero_64.npz"
HEROES = Origin("AgaMiko/pixel_character_generator", "75d48ea6a2a37659f913f143958a401a7c3d077d")
PUBLISHED = 912
VIEWS = ("back", "left", "front", "right")  # the folders 0 to 3
_LEFT_OUT = """
2 8 37 47 50 54 75 82 85 99 101 106 107 127 142 145 163 174 195 196 199 202 210 213 222 223 265 282 298 304
305 322 335 344 360 366 368 372 377 388 390 392 399 402 404 422 437 439 440 455 469 472 515 520 531 539 565
584 585 596 597 636 641 645 655 675 691 697 698 713 727 729 734 738 763 764 772 811 815 819 825 841 842 849
852 853 872 877 893 898 905 907
"""
# checksums of the listed files, one for every 64 of them
_SUMS = """
fdaef24789398364 3bfa290a9919b0a1 d8614597413211e1 9ea1c76a73f322f3 87a1e101d6b1abf0 ea99b2b50cf494de
5ef9ddb00a1fee15 1b2d56f5afd10c6d 66edb714b56247ac b566c46f44bde006 f03202b0c9738c63 d5ce8ab648856f4d
2a5f011d0acd444f 3f9b6c688e2e2bad 8a0eeb2a2f37503f 8c5a4d25401004e7 c45f72f23497f9f7 044efb9717ceb830
4f8275130b2a75ef 6c89633b5504e990 0e40596920c33046 9e092920113b8e7a 15d05330bde94483 58381d702f45aad9
14a5e0fde689ec28 745f0fc25302fc6b 8ee280dde81b8721 2464b7cd97e340de 6b01abed93641a9e 6faf6ec8b9a8405a
48cafdf57028f9d4 82620d77bf2f2bf2 87eb76cd3577348b 329e2fa58386bdb5 65e4713c575b4003 cc35131998ec27b1
b2b0f9975c3c0486 0eca67fba941030e 7aead91e1fde4a89 f2a6ac1da9300010 8ab08028d1bdbe4e e3fced30d5d2e89b
5f1d72f591dcb298 e0a1019be998399d 64385493e6998a5f c2a79218790d90eb 3cdc2a4862734310 d7b7869506278c9f
02b186c976362f91 23fbb19e4e88029d ad7fae35b8efceb6 44286ca9b806180b
"""
LEFT_OUT = frozenset(map(int, _LEFT_OUT.split()))
IDS = tuple(number for number in range(PUBLISHED) if number not in LEFT_OUT)


def listed(downloads: Path) -> list[File]:
    """The four views of each character."""
    return [_view(number, view) for number in IDS for view in range(len(VIEWS))]


def convert(downloads: Path, progress: Progress) -> Arrays:
    """`images` uint8 (N, 4, 64, 64, 3), `masks` bool (N, 4, 64, 64): the figure's pixels; `views`, `ids`."""
    drawings = np.stack(
        [
            [_drawing(_view(number, view).place(downloads)) for view in range(len(VIEWS))]
            for number in tracked(IDS, len(IDS), progress, "Converting characters")
        ]
    )  # (N, view, H, W, RGBA)
    return {
        "images": np.ascontiguousarray(drawings[..., :3]),
        "masks": drawings[..., 3] > 127,
        "views": np.array(VIEWS),
        "ids": np.array(IDS, np.int16),
    }


def _view(number: int, view: int) -> File:
    return HEROES.file(f"data/{view}/{number}.png")


def _drawing(place: Path) -> np.ndarray:
    """Colours on white, and the alpha of the drawing: uint8 (64, 64, 4)."""
    with Image.open(place) as image:
        drawing = image.convert("RGBA")
    white = Image.new("RGBA", drawing.size, "white")
    white.alpha_composite(drawing)
    white.putalpha(drawing.getchannel("A"))
    return np.asarray(white)


def _views(files: list[Path]) -> Pictures:
    """All four views of each character; the class is the view."""
    (images,) = npz_arrays(files[0], "images")
    count, views = images.shape[:2]
    flat = images.reshape(count * views, *images.shape[2:])  # (N, view, H, W, 3) -> (N * view, H, W, 3)
    return Pictures(len(flat), OfArray(flat), np.tile(np.arange(views), count))


def _turned(files: list[Path], part: str) -> Pictures:
    """Pairs of the front and the left side of each character; every tenth character is the test part."""
    images, views = npz_arrays(files[0], "images", "views")
    front, left = (views.tolist().index(view) for view in ("front", "left"))
    of_part = images[chosen(len(images), part)]
    return Pictures(len(of_part), zip(OfArray(of_part[:, front]), OfArray(of_part[:, left]), strict=True))


TINYHERO = register(
    from_files(
        name="tinyhero",
        title="Pixel-art heroes",
        about="820 pixel-art characters, each from four sides; the class is the side.",
        licence=LICENCE,
        size=64,
        channels=3,
        items=3280,
        class_names=VIEWS,
        train=Layout((f"{FOLDER}/{NPZ}",), _views),
        published="tinyhero",
    )
)
HEROES_TURNED = register(
    from_files(
        name="heroes_turned",
        title="Heroes from the front to the left side",
        about="Pixel-art characters seen from the front, and the same from their left.",
        licence=LICENCE,
        size=64,
        channels=3,
        items=738,
        train=Layout((f"{FOLDER}/{NPZ}",), partial(_turned, part="train")),
        test=Layout((f"{FOLDER}/{NPZ}",), partial(_turned, part="test")),
        task="paired",
        domains=("From the front", "From the left"),
        published="tinyhero",
    )
)
register(unpaired(HEROES_TURNED, "Heroes from two sides"))

register_published(
    Published(
        name="tinyhero",
        title=TINYHERO.title,
        licence=f"{LICENCE}, at your choice; made with the Universal LPC spritesheet",
        origins=(HEROES,),
        folder=FOLDER,
        npz=NPZ,
        size=6_225_498,
        convert=convert,
        digest="397c51cae8684b137c37aaa49bf1dc5c049e100c0f2602caae775aadd8e19b20",
        listed=listed,
        sums=tuple(_SUMS.split()),
    )
)

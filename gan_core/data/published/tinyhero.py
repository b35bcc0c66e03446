"""Pixel-art characters, each seen from four sides, on white.

The bodies and clothes are the Liberated Pixel Cup's. A fixed sample of 92 of the 912 is left out, which no model here
is trained on.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from gan_core.data.base import Progress, tracked
from gan_core.data.published.arrays import Arrays
from gan_core.data.published.origins import File, Origin

HEROES = Origin("AgaMiko/pixel_character_generator", "75d48ea6a2a37659f913f143958a401a7c3d077d")
PUBLISHED = 912
VIEWS = ("back", "left", "front", "right")  # the folders 0 to 3
_LEFT_OUT = """
2 8 37 47 50 54 75 82 85 99 101 106 107 127 142 145 163 174 195 196 199 202 210 213 222 223 265 282 298 304
305 322 335 344 360 366 368 372 377 388 390 392 399 402 404 422 437 439 440 455 469 472 515 520 531 539 565
584 585 596 597 636 641 645 655 675 691 697 698 713 727 729 734 738 763 764 772 811 815 819 825 841 842 849
852 853 872 877 893 898 905 907
"""
LEFT_OUT = frozenset(map(int, _LEFT_OUT.split()))
IDS = tuple(number for number in range(PUBLISHED) if number not in LEFT_OUT)


def listed(downloads: Path) -> list[File]:
    """The four views of each character."""
    return [_view(number, view) for number in IDS for view in range(len(VIEWS))]


def convert(downloads: Path, progress: Progress) -> Arrays:
    """`images` uint8 (N, 4, 64, 64, 3), `masks` bool (N, 4, 64, 64): where the figure is; `views`, `ids`."""
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

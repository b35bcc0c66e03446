"""The same emoji as Noto and as Twemoji draw them, as pairs with names and keywords.

The list of emoji with names and groups is emojibase's. Flags, hair styles and skin tones on their own, and couples of
two tones are left out, and so is a fixed sample of 98 emoji with all their tones, which no model here is trained on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gan_core.data.base import Progress, tracked
from gan_core.data.published.arrays import Arrays
from gan_core.data.published.origins import File, Origin

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
TONES = ("light", "medium-light", "medium", "medium-dark", "dark")
TONE_CODES = ("1F3FB", "1F3FC", "1F3FD", "1F3FE", "1F3FF")
VARIANT = "FE0F"  # says "as a picture"
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
LEFT_OUT = frozenset(_LEFT_OUT.split())


def listed(downloads: Path) -> list[File]:
    """The two drawings of every emoji that is taken."""
    codes = [emoji["hexcode"] for emoji in _taken(downloads)]
    return [file for code in codes for file in (_noto(code), _twemoji(code))]


def convert(downloads: Path, progress: Progress) -> Arrays:
    """`noto` and `twemoji` uint8 (N, 64, 64, 3), and what they show: one entry of each other array for each emoji."""
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
    """The short name; emojibase gives those that face right the same name in every tone, so the tone is added."""
    name, tone = str(emoji["label"]), emoji.get("tone", 0)
    return name if not tone or "skin tone" in name else f"{name}: {TONES[tone - 1]} skin tone"


def base(code: str) -> str:
    return "-".join(part for part in code.split("-") if part not in TONE_CODES and part != VARIANT)


def _noto(code: str) -> File:
    parts = [part for part in code.lower().split("-") if part != VARIANT.lower()]
    return NOTO.file(f"png/128/emoji_u{'_'.join(parts)}.png")


def _twemoji(code: str) -> File:
    """Twemoji keeps the variant in joined emoji, but for the eye in a speech bubble."""
    parts = code.split("-")
    if JOINER not in parts or parts[0] == "1F441":
        parts = [part for part in parts if part != VARIANT]
    return TWEMOJI.file(f"assets/72x72/{'-'.join(part.lstrip('0') for part in parts).lower()}.png")


def _drawing(place: Path) -> np.ndarray:
    """On white, then resized: uint8 (64, 64, 3)."""
    with Image.open(place) as image:
        drawing = image.convert("RGBA")
    white = Image.new("RGBA", drawing.size, "white")
    white.alpha_composite(drawing)
    return np.asarray(white.convert("RGB").resize((SIZE, SIZE), Image.Resampling.LANCZOS))

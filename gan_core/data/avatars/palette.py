"""The colours of a face."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from gan_core.data.avatars.attributes import ATTRIBUTES, COLUMN, Look
from gan_core.data.avatars.pen import Colour


def rgb(code: str) -> Colour:
    return tuple(bytes.fromhex(code))


def mix(colour: Colour, other: Colour, amount: float) -> Colour:
    return tuple(round(a + (b - a) * amount) for a, b in zip(colour, other, strict=True))


def tones(name: str, codes: str) -> dict[str, Colour]:
    return dict(zip(ATTRIBUTES[COLUMN[name]].values, map(rgb, codes.split()), strict=True))


WHITE, INK, GOLD = rgb("ffffff"), rgb("2b2130"), rgb("f2c14e")
SKIN = tones("skin", "fde3d3 f9d0b5 f2bb93 e0a578 cb905f ad7049 87502f 683c2c")
HAIR = tones("hair_colour", "30283a 54352b 8a5233 cb6233 efc466 c3c7d3 ee8fb0 4f83c4")
# beards and brows are calmer than the hair, most of all where it is dyed
WHISKERS = tones("hair_colour", "2a232e 482d25 74442b a64f2a bd8b41 a9aab5 7b4a4c 343c58")
IRIS = tones("eye_colour", "7a4526 b98a2f 45a05a 3a8fdb 8697a8")
SHIRT = tones("shirt", "f0705f eeb03f 86b57f 2f9c95 4a78b8 8d5aa5 fbf3e4 474b5c")
BACKGROUND = tones("background", "b5dcf7 b4e6ce fdeda2 ffc5a2 f9c3d2 d5c9f5 e9ddc8 c8cdd8")


@dataclass(frozen=True)
class Palette:
    ink: Colour
    skin: Colour
    skin_shade: Colour
    skin_light: Colour
    freckle: Colour
    blush: Colour
    lip: Colour
    hair: Colour
    hair_shade: Colour
    hair_light: Colour
    beard: Colour
    brow: Colour
    iris: Colour
    shirt: Colour
    shirt_shade: Colour
    shirt_light: Colour
    stripe: Colour
    background: Colour
    halo: Colour


def palette_of(look: Look) -> Palette:
    # a bare head has no hair to match: its brows follow the skin, so that its hair colour touches no pixel
    bare = look["hair"] == "bald" and look["beard"] == "none"
    return _palette(look["skin"], look["hair_colour"], bare, look["eye_colour"], look["shirt"], look["background"])


@cache
def _palette(skin: str, hair: str, bare: bool, iris: str, shirt: str, background: str) -> Palette:
    tone, strands, whiskers, cloth = SKIN[skin], HAIR[hair], WHISKERS[hair], SHIRT[shirt]
    deep = mix(tone, rgb("1c0c0c"), 0.72)
    dark = sum(tone) < 300  # a line of lipstick shows on dark skin when it is lighter, on light skin when darker
    return Palette(
        ink=mix(INK, deep, 0.25),
        skin=tone,
        skin_shade=mix(tone, rgb("5e1f1f"), 0.22) if not dark else mix(tone, rgb("1e0a10"), 0.28),
        skin_light=mix(tone, rgb("fff1dc"), 0.35),
        freckle=mix(tone, deep, 0.5),
        blush=mix(tone, rgb("f2495c"), 0.6),
        lip=mix(tone, rgb("e87b7e"), 0.5) if dark else mix(tone, rgb("8e2433"), 0.7),
        hair=strands,
        hair_shade=mix(strands, rgb("1d1026"), 0.26),
        hair_light=mix(strands, rgb("fff0e0"), 0.28),
        beard=whiskers,
        brow=deep if bare else mix(whiskers, deep, 0.4),
        iris=IRIS[iris],
        shirt=cloth,
        shirt_shade=mix(cloth, rgb("2a1f4a"), 0.2),
        shirt_light=mix(cloth, WHITE, 0.4),
        stripe=SHIRT["denim"] if shirt == "cream" else mix(cloth, WHITE, 0.72),
        background=BACKGROUND[background],
        halo=mix(BACKGROUND[background], WHITE, 0.42),
    )

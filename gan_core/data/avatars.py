"""Cartoon portraits drawn from attribute vectors: a data set of any count and size whose factors are known exactly.

A face is a row of value indices, one for each entry of `ATTRIBUTES`; `sample_attributes` draws such rows and
`draw_avatars` turns them into uint8 pictures, (N, 3, size, size) in RGB. A picture is a pure function of
(values, size), so a latent direction can be learnt from the attributes and measured against them.

Shapes live in units: x in [-32, 32] from the middle of the picture, y in [0, 64] from its top. Every part is a
function of (pen, palette, look), and all marks go through the `Pen`: another rendering style is another pen or palette.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from gan_core.errors import BadValue

Colour = tuple[int, ...]  # RGB, or RGBA with 255 = opaque
Look = dict[str, str]  # attribute name -> value name

SIZES = tuple(range(32, 129, 16))


@dataclass(frozen=True)
class Attribute:
    name: str
    label: str
    values: tuple[str, ...]
    weights: tuple[float, ...] = ()  # relative frequency of each value; empty = uniform

    @property
    def probabilities(self) -> NDArray[np.float64]:
        weights = np.array(self.weights or (1.0,) * len(self.values))
        probabilities: NDArray[np.float64] = weights / weights.sum()
        return probabilities


ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute("skin", "Skin tone", ("porcelain", "fair", "peach", "honey", "olive", "caramel", "brown", "ebony")),
    Attribute("face", "Face shape", ("oval", "round", "square", "heart")),
    Attribute(
        "hair",
        "Hair style",
        ("bald", "crop", "side part", "spiky", "curly", "afro", "bun", "puffs", "bob", "long", "wavy"),
        (6, 10, 11, 9, 10, 9, 9, 8, 9, 10, 9),
    ),
    Attribute(
        "hair_colour",
        "Hair colour",
        ("black", "dark brown", "chestnut", "copper", "blonde", "silver", "pink", "blue"),
        (17, 17, 15, 13, 13, 9, 8, 8),
    ),
    Attribute("eyes", "Eyes", ("round", "lashes", "relaxed", "happy", "wink"), (34, 26, 20, 11, 9)),
    Attribute("eye_colour", "Eye colour", ("brown", "hazel", "green", "blue", "grey"), (32, 17, 17, 20, 14)),
    Attribute("gaze", "Gaze", ("ahead", "left", "right"), (60, 20, 20)),
    Attribute("brows", "Brows", ("arched", "straight", "raised", "worried", "bold"), (32, 20, 18, 12, 18)),
    Attribute("cheeks", "Cheeks", ("soft", "rosy", "freckles"), (50, 30, 20)),
    Attribute("mouth", "Mouth", ("smile", "laugh", "smirk", "neutral", "surprised", "frown"), (32, 24, 13, 13, 9, 9)),
    Attribute("beard", "Beard", ("none", "stubble", "moustache", "goatee", "full"), (68, 8, 8, 7, 9)),
    Attribute("glasses", "Glasses", ("none", "round", "square", "sun"), (64, 14, 12, 10)),
    Attribute("hat", "Hat", ("none", "beanie", "cap", "straw hat", "flowers"), (68, 9, 8, 7, 8)),
    Attribute("earrings", "Earrings", ("none", "studs", "hoops"), (66, 16, 18)),
    Attribute("clothes", "Clothes", ("t-shirt", "v-neck", "collar", "hoodie", "stripes")),
    Attribute("shirt", "Shirt colour", ("coral", "mustard", "sage", "teal", "denim", "plum", "cream", "charcoal")),
    Attribute("background", "Background", ("sky", "mint", "butter", "peach", "rose", "lilac", "sand", "mist")),
)
COLUMN = {attribute.name: column for column, attribute in enumerate(ATTRIBUTES)}

COVERING_HATS = ("beanie", "cap", "straw hat")
TUCKED_STYLES = ("crop", "side part", "spiky", "bun", "puffs")  # look alike under a covering hat
EAR_COVERING_STYLES = ("bob", "long", "wavy")


def sample_attributes(count: int, seed: int) -> NDArray[np.int64]:
    """(count, len(ATTRIBUTES)) value indices, each attribute independent of the others."""
    generator = np.random.default_rng(seed)
    columns = [generator.choice(len(a.values), size=count, p=a.probabilities) for a in ATTRIBUTES]
    return np.stack(columns, axis=1).astype(np.int64)


def visible(values: ArrayLike) -> NDArray[np.bool_]:
    """Which attributes can be read off the picture, same shape as values: hidden ones do not touch a pixel."""
    rows = _checked(values)
    shown = np.ones(rows.shape, dtype=bool)
    eyes_shut = _is(rows, "eyes", "happy")
    sunglasses = _is(rows, "glasses", "sun")
    bare = _is(rows, "hair", "bald") & _is(rows, "beard", "none")
    shown[..., COLUMN["hair"]] = ~(_is(rows, "hat", *COVERING_HATS) & _is(rows, "hair", *TUCKED_STYLES))
    shown[..., COLUMN["hair_colour"]] = ~bare
    shown[..., COLUMN["eyes"]] = ~sunglasses
    shown[..., COLUMN["eye_colour"]] = shown[..., COLUMN["gaze"]] = ~(sunglasses | eyes_shut)
    shown[..., COLUMN["earrings"]] = ~_is(rows, "hair", *EAR_COVERING_STYLES)
    return shown


def draw_avatars(values: ArrayLike, size: int) -> NDArray[np.uint8]:
    """(N, len(ATTRIBUTES)) value indices -> (N, 3, size, size) RGB pictures."""
    rows = np.atleast_2d(_checked(values))
    if size not in SIZES:
        raise BadValue("Avatars come in sizes {sizes}, not {size}.", sizes=", ".join(map(str, SIZES)), size=size)
    pictures = np.empty((len(rows), 3, size, size), dtype=np.uint8)
    for picture, row in zip(pictures, rows, strict=True):
        picture[:] = _draw(row, size)
    return pictures


def draw_avatar(values: ArrayLike, size: int) -> NDArray[np.uint8]:
    """One face, (len(ATTRIBUTES),) value indices -> (3, size, size) RGB."""
    (picture,) = draw_avatars(np.asarray(values)[None], size)
    return np.asarray(picture)


def _checked(values: ArrayLike) -> NDArray[np.int64]:
    rows = np.asarray(values)
    if rows.ndim > 2 or rows.shape[-1:] != (len(ATTRIBUTES),) or rows.dtype.kind not in "iu":
        raise BadValue(
            "A face is {count} whole numbers, one for each attribute; got shape {shape} of {dtype}.",
            count=len(ATTRIBUTES),
            shape=rows.shape,
            dtype=rows.dtype,
        )
    for attribute, column in zip(ATTRIBUTES, np.moveaxis(rows, -1, 0), strict=True):
        wrong = column[(column < 0) | (column >= len(attribute.values))]
        if wrong.size:
            raise BadValue(
                "{value} is no value of {attribute}; give 0 to {last}: {names}.",
                value=int(wrong.flat[0]),
                attribute=attribute.name,
                last=len(attribute.values) - 1,
                names=", ".join(attribute.values),
            )
    return rows.astype(np.int64, copy=False)


def _is(rows: NDArray[np.int64], name: str, *values: str) -> NDArray[np.bool_]:
    attribute = ATTRIBUTES[COLUMN[name]]
    return np.isin(rows[..., COLUMN[name]], [attribute.values.index(value) for value in values])


# --- shapes: built once, kept with their pixel coordinates ---------------------------------------------------------


@dataclass(eq=False)
class Shape:
    """A filled outline, (P, 2) points in units."""

    points: NDArray[np.float64]
    _pixels: dict[float, list[int]] = field(default_factory=dict)

    def pixels(self, scale: float) -> list[int]:
        """Flat x, y, x, y, ... on a canvas of 64 * scale pixels; half a pixel off, so that mirrored shapes match."""
        if scale not in self._pixels:
            canvas = np.add(self.points, (32, 0)) * scale - 0.5
            self._pixels[scale] = np.rint(canvas).astype(int).ravel().tolist()
        return self._pixels[scale]


def _points(path: str) -> NDArray[np.float64]:
    """(P, 2) from "x,y x,y ..."; "x,y!" is a corner, which a spline makes of a point given twice."""
    words = [word.rstrip("!") for word in path.split() for _ in range(1 + word.endswith("!"))]
    return np.array([[float(number) for number in word.split(",")] for word in words])


def _spline(control: NDArray[np.float64], closed: bool) -> NDArray[np.float64]:
    """Catmull-Rom curve through the control points."""
    first, last = (control[-1:], control[:2]) if closed else (control[:1], control[-1:])
    padded = np.concatenate([first, control, last])
    before, start, stop, after = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = np.linspace(0, 1, 7)[:-1, None, None]
    curve = start + 0.5 * t * (
        (stop - before)
        + (2 * before - 5 * start + 4 * stop - after) * t
        + (3 * start - before - 3 * stop + after) * t**2
    )
    curve = curve.transpose(1, 0, 2).reshape(-1, 2)  # (t, segment, 2) -> (segment * t, 2)
    return curve if closed else np.concatenate([curve, control[-1:]])


@cache
def blob(path: str) -> Shape:
    """A smooth closed outline."""
    return Shape(_spline(_points(path), closed=True))


@cache
def whole(path: str) -> Shape:
    """A smooth symmetric outline from its right half, top middle to bottom middle."""
    half = _points(path)
    return Shape(_spline(np.concatenate([half, half[half[:, 0] > 0][::-1] * (-1, 1)]), closed=True))


@cache
def oval(x: float, y: float, width: float, height: float, start: float = 0, stop: float = 360) -> Shape:
    """Ellipse by its half axes, or the segment of it between two angles (degrees, clockwise from the right)."""
    angle = np.radians(np.linspace(start, stop, 33))
    return Shape(np.stack([x + width * np.cos(angle), y + height * np.sin(angle)], axis=1))


@cache
def cloud(x: float, y: float, width: float, height: float, bumps: int, depth: float) -> Shape:
    """Ellipse with a scalloped rim: curls, petals."""
    angle = np.linspace(0, 2 * np.pi, bumps * 9 + 1)
    radius = 1 + depth * (np.abs(np.sin(angle * bumps / 2)) - 1)
    return Shape(np.stack([x + width * radius * np.cos(angle), y + height * radius * np.sin(angle)], axis=1))


@cache
def ring(x: float, y: float, width: float, height: float, thickness: float, roundness: float = 1) -> Shape:
    """The rim of an ellipse; a roundness below 1 squares it."""
    angle = np.linspace(0, 2 * np.pi, 49)
    unit = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    unit = np.sign(unit) * np.abs(unit) ** roundness
    inner = unit[::-1] * (width - thickness, height - thickness)
    return Shape(np.add(np.concatenate([unit * (width, height), inner]), (x, y)))


@cache
def stroke(path: str, width: float, end_width: float | None = None) -> Shape:
    """A round-ended line along a smooth curve, tapering to end_width."""
    curve = _spline(_points(path), closed=False)
    tangent = np.gradient(curve, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    radius = np.linspace(width, width if end_width is None else end_width, len(curve))[:, None] / 2
    turn = np.radians(np.linspace(0, 180, 7))[1:-1, None]
    end_cap = curve[-1] + radius[-1] * (np.cos(turn) * normal[-1] + np.sin(turn) * tangent[-1])
    start_cap = curve[0] - radius[0] * (np.cos(turn) * normal[0] + np.sin(turn) * tangent[0])
    return Shape(np.concatenate([curve + radius * normal, end_cap, (curve - radius * normal)[::-1], start_cap]))


@cache
def moved(shape: Shape, x: float, y: float) -> Shape:
    return Shape(np.add(shape.points, (x, y)))


@cache
def mirrored(shape: Shape) -> Shape:
    return Shape(shape.points * (-1, 1))


@cache
def cast_shadow(shape: Shape) -> Shape:
    """The shadow that hair throws on the forehead: a little lower, and kept inside the face."""
    return Shape(np.clip(np.add(shape.points, (0, 1.4)), (-12.6, 17), (12.6, 29)))


@cache
def under_hat(shape: Shape) -> Shape:
    """Hair pressed down by a hat: nothing above the brim, a little narrower."""
    return Shape(np.maximum(shape.points * (0.93, 1), (-32, 20)))


class Pen:
    """Draws shapes on a canvas several times too large, reduced at the end for smooth edges."""

    def __init__(self, size: int) -> None:
        self.factor = max(4, 384 // size)
        self.scale = size * self.factor / 64
        self.image = Image.new("RGB", (size * self.factor, size * self.factor))
        self.opaque = ImageDraw.Draw(self.image)
        self.translucent = ImageDraw.Draw(self.image, "RGBA")  # blends, but is slower

    def fill(self, shape: Shape, colour: Colour) -> None:
        draw = self.opaque if len(colour) == 3 else self.translucent
        draw.polygon(shape.pixels(self.scale), fill=colour)

    def fill_both(self, shape: Shape, colour: Colour) -> None:
        """The shape and its mirror image on the other side of the face."""
        self.fill(shape, colour)
        self.fill(mirrored(shape), colour)

    def finish(self) -> NDArray[np.uint8]:
        return np.asarray(self.image.reduce(self.factor)).transpose(2, 0, 1)  # (H, W, C) -> (C, H, W)


# --- colours -------------------------------------------------------------------------------------------------------


def rgb(code: str) -> Colour:
    return tuple(bytes.fromhex(code))


def mix(colour: Colour, other: Colour, amount: float) -> Colour:
    return tuple(round(a + (b - a) * amount) for a, b in zip(colour, other, strict=True))


def _tones(name: str, codes: str) -> dict[str, Colour]:
    return dict(zip(ATTRIBUTES[COLUMN[name]].values, map(rgb, codes.split()), strict=True))


WHITE, INK, GOLD = rgb("ffffff"), rgb("2b2130"), rgb("f2c14e")
SKIN = _tones("skin", "fde3d3 f9d0b5 f2bb93 e0a578 cb905f ad7049 87502f 683c2c")
HAIR = _tones("hair_colour", "30283a 54352b 8a5233 cb6233 efc466 c3c7d3 ee8fb0 4f83c4")
# beards and brows are calmer than the hair, most of all where it is dyed
WHISKERS = _tones("hair_colour", "2a232e 482d25 74442b a64f2a bd8b41 a9aab5 7b4a4c 343c58")
IRIS = _tones("eye_colour", "7a4526 b98a2f 45a05a 3a8fdb 8697a8")
SHIRT = _tones("shirt", "f0705f eeb03f 86b57f 2f9c95 4a78b8 8d5aa5 fbf3e4 474b5c")
BACKGROUND = _tones("background", "b5dcf7 b4e6ce fdeda2 ffc5a2 f9c3d2 d5c9f5 e9ddc8 c8cdd8")


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


# --- hair ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HairStyle:
    back: tuple[Shape, ...] = ()  # behind the head, in the shade
    rim: tuple[Shape, ...] = ()  # behind the head, in the light
    front: tuple[Shape, ...] = ()  # over the head
    parting: tuple[Shape, ...] = ()  # thin dark lines
    shine: tuple[Shape, ...] = ()  # lighter strands


def _both(*shapes: Shape) -> tuple[Shape, ...]:
    return tuple(part for shape in shapes for part in (shape, mirrored(shape)))


def _curls(width: float, *places: tuple[float, float]) -> tuple[Shape, ...]:
    curl = stroke("-1.7,0.8 -0.5,-1 1.5,-0.9", width * 0.6, width)
    return tuple(moved(curl, x, y) for x, y in places)


CROWN_SHINE = (stroke("-11.6,19 -9,15.6 -4.5,13.6", 1.0, 1.9), stroke("-1.6,13.1 0,13", 1.7))
HAIR_STYLES = {
    "bald": HairStyle(),
    "crop": HairStyle(
        front=(whole("0,11 8.5,11.8 14.6,16.6 16.2,25 15.2,31.5! 13.4,27.5 12,23! 7,21.4 0,21"),), shine=CROWN_SHINE
    ),
    "side part": HairStyle(
        front=(
            blob(
                "-15,31 -16.4,24 -14.6,16 -8.5,11 1,8.8 10,10.4 15.8,16.6 16.6,25 15,31.5! 13.6,27.5 12.4,24.6 6,23.6"
                " -1.5,21 -7,16.6! -10,20 -12.6,24 -13.6,28"
            ),
        ),
        parting=(stroke("-7,16.8 -6.2,13.6 -4,11", 0.9, 0.4),),
        shine=(stroke("-4.5,14.6 1,12.4 7,13.2", 1.0, 2.0), stroke("9.8,14.6 11,15.6", 1.8)),
    ),
    "spiky": HairStyle(
        front=(
            blob(
                "-15,31.5! -16.6,25.5 -18.4,20.6! -15.8,19 -17.6,11.6! -12.2,12.6 -10.6,6! -5.6,9.4 -0.4,3.2! 4,8.8"
                " 11.4,5.2! 11.6,12 18.4,11! 16,18.6 18.8,20.4! 16.6,25.5 15,31.5! 13.4,26 11.4,20.8 8,24.8! 4.6,20.8"
                " 0.4,25! -3.8,20.8 -7.6,24.8! -11.2,20.8 -13.4,26"
            ),
        ),
        shine=(
            stroke("-10.6,16.8 -9.6,12", 1.8, 0.6),
            stroke("-2.6,15 -1.4,9.4", 2.0, 0.6),
            stroke("7.6,15.2 9,10.4", 1.8, 0.6),
        ),
    ),
    "curly": HairStyle(
        back=(cloud(0, 23, 18.4, 15, 15, 0.1),),
        front=_both(
            *(cloud(x, y, 5.2, 4.9, 6, 0.08) for x, y in ((14.4, 24.4), (12.6, 17.6), (7, 13.2), (8.4, 19.4))),
            cloud(2.9, 18.7, 5.2, 4.9, 6, 0.08),
            cloud(0.5, 12, 5.4, 4.9, 6, 0.08),
        ),
        shine=_curls(1.2, (-12.6, 16.6), (-6.8, 12.2), (0.2, 11), (7, 12.2), (-2.6, 17.6), (12.6, 17.2), (-8.6, 18.6)),
    ),
    "afro": HairStyle(
        rim=(cloud(0, 23.4, 22.6, 20.4, 21, 0.07),),
        front=(whole("0,9 9,10.4 16.4,17 18,27 15.4,33! 13.4,28 11.6,23.4 7,21.2 0,20.6"),),
        parting=_curls(0.9, (10.4, 17), (15.6, 21.4), (-14.6, 22.6), (13, 11.4), (2.6, 16.6)),
        shine=_curls(1.1, (-14, 12.8), (-7.4, 8), (0, 6.2), (-10, 16), (-2.6, 12.2), (5, 11.4), (-18, 19.4), (-4, 17)),
    ),
    "bun": HairStyle(
        rim=(oval(0, 7.4, 6.8, 6.2),),
        front=(whole("0,11.2 8.5,12 14.6,17 16.2,25 15,32! 13.8,27.5 11.4,22 6,18.8 0,18"),),
        parting=(stroke("-5,11.8 0,13.2 5,11.8", 1.3), stroke("3.8,10.4 5.2,7.6", 0.8, 0.5)),
        shine=(*CROWN_SHINE, stroke("-4.2,7.4 -2.6,4.2 0.8,3.2", 0.8, 1.5)),
    ),
    "puffs": HairStyle(
        rim=_both(cloud(14.4, 11.4, 8.2, 7.8, 9, 0.09)),
        front=(whole("0,11.6 8.5,12.2 14.6,17 16,25 15,31! 13.6,27 10.8,21.8 5,19.4 0,16.2!"),),
        parting=(stroke("0,16.4 0,12.2", 0.8, 0.5), *_both(stroke("8.4,14 10.6,16 12,18.8", 1.2))),
        shine=(CROWN_SHINE[0], *_curls(1.3, (-16, 7.8), (-12.4, 12), (12.6, 7.8), (17.4, 11.6))),
    ),
    "bob": HairStyle(
        back=(whole("0,10 10,11 17.4,17 19.4,28 20,38 18.6,46 12,48 0,47"),),
        front=(
            whole("0,10 10,11 17,17 18.8,28 19.6,38 18.2,46.4 15,47.4 12.4,44 14,37 13.8,30 12.6,25.4! 7,24.6 0,24.4"),
        ),
        parting=(stroke("-5,24.4 -5.6,20.4", 0.7, 0.3), stroke("5.4,24.6 5.9,21", 0.7, 0.3)),
        shine=(*CROWN_SHINE, stroke("-17,32 -17.2,40", 1.3, 0.6)),
    ),
    "long": HairStyle(
        back=(whole("0,10 10,11 17,18 18.4,30 19,46 19.6,70! 0,70"),),
        front=(
            whole(
                "0,10 9.6,11 16.4,17.4 18,28 18.8,44 20,56 20.6,70! 12.4,70! 12,58 12.6,48 14,40 14.2,32 12,25 6.6,19.8"
                " 0,15.6!"
            ),
        ),
        parting=(stroke("0,15.8 0,10.8", 0.8, 0.5), *_both(stroke("15.6,46 15.2,64", 0.5, 0.9))),
        shine=(CROWN_SHINE[0], stroke("-16.4,34 -17,50", 1.4, 0.6), stroke("16.4,36 17.4,54", 1.2, 0.5)),
    ),
    "wavy": HairStyle(
        back=(whole("0,9 10,10.4 18,18 19.6,30 19,40 20.4,50 12,53 0,53"),),
        front=(
            blob(
                "-6,15.4! -3,9.6 6,9 14,13 18.4,20.6 17.6,28 20,34 18.4,41 21.4,47 19.4,55.4 14.4,55.6 12,51 14.6,46"
                " 12.8,41 14.8,35 13.6,28 9,23.4 1,21.4"
            ),
            blob(
                "-3,9.6 -11,11.6 -17.6,19 -17.2,27 -20,33.4 -18.2,41 -21.4,47 -19.4,55.4 -14.4,55.6 -12,51 -14.6,46"
                " -12.8,41 -14.8,35 -13.8,28 -10.8,21 -5.6,15.6"
            ),
        ),
        parting=(stroke("-5.8,15.6 -4.8,12.4 -3,10", 0.9, 0.4),),
        shine=(
            stroke("-1,13.4 5,12.4 11,15.4", 1.0, 2.0),
            stroke("-18,34 -16.4,40 -18.4,46", 1.4, 0.8),
            stroke("17.6,35 16.4,41 18.6,48", 1.2, 0.8),
        ),
    ),
}
TUCKED = HairStyle(front=_both(blob("11.4,20 16,20 16.4,25 15.2,30.5 14,28 13.2,24.4")))
UNDER_HAT = {
    "bald": HairStyle(),
    "curly": HairStyle(front=_both(*(cloud(x, y, 4.2, 4, 6, 0.08) for x, y in ((14.4, 25.4), (15.6, 31))))),
    "afro": HairStyle(
        rim=_both(cloud(16.6, 29.6, 7.8, 9, 9, 0.09)),
        front=TUCKED.front,
        shine=_curls(1.1, (-19, 26), (-20.4, 31), (18, 25.6)),
    ),
} | {
    name: HairStyle(
        back=tuple(under_hat(shape) for shape in HAIR_STYLES[name].back),
        front=tuple(under_hat(shape) for shape in HAIR_STYLES[name].front),
        shine=tuple(under_hat(shape) for shape in HAIR_STYLES[name].shine if shape.points[:, 1].min() > 26),
    )
    for name in EAR_COVERING_STYLES
}


def _hair_style(look: Look) -> HairStyle:
    if look["hat"] in COVERING_HATS:
        return UNDER_HAT.get(look["hair"], TUCKED)
    return HAIR_STYLES[look["hair"]]


def draw_hair_back(pen: Pen, palette: Palette, look: Look) -> None:
    style = _hair_style(look)
    for shape in style.back:
        pen.fill(shape, palette.hair_shade)
    for shape in style.rim:
        pen.fill(shape, palette.hair)


def draw_hair_front(pen: Pen, palette: Palette, look: Look) -> None:
    style = _hair_style(look)
    layers = ((style.front, palette.hair), (style.parting, palette.hair_shade), (style.shine, palette.hair_light))
    for shape in style.front:
        pen.fill(cast_shadow(shape), palette.skin_shade)
    for shapes, colour in layers:
        for shape in shapes:
            pen.fill(shape, colour)


# --- body and face ---------------------------------------------------------------------------------------------------


def draw_background(pen: Pen, palette: Palette, look: Look) -> None:
    pen.image.paste(palette.background, (0, 0, *pen.image.size))
    pen.fill(oval(0, 34, 28, 28), palette.halo)


def draw_neck(pen: Pen, palette: Palette, look: Look) -> None:
    if look["clothes"] == "hoodie":
        pen.fill(whole("0,46 9,46.6 13.4,51 12,57 0,60"), palette.shirt_shade)
    pen.fill(whole("0,42 5.6,43 5.6,49 7,52.6 9.6,56 4,60.6 0,61.4"), palette.skin)
    pen.fill(whole("0,42 5.5,43! 5.5,49.4! 3,52.2 0,53"), palette.skin_shade)


SHOULDERS = "7,51.8! 11.6,52.8 18.4,55 23.4,58.6 25.6,66! 0,66"


def draw_clothes(pen: Pen, palette: Palette, look: Look) -> None:
    kind, shade = look["clothes"], palette.shirt_shade
    neckline = "0,61! 4,56" if kind in ("v-neck", "collar") else "0,56.2 4,55.2"
    pen.fill(whole(f"{neckline} {SHOULDERS}"), palette.shirt)
    if kind == "stripes":
        pen.fill(stroke("-19.6,58.2 0,59.6 19.6,58.2", 1.7), palette.stripe)
        pen.fill(stroke("-23.4,62 0,63.3 23.4,62", 1.7), palette.stripe)
    pen.fill_both(stroke("17.2,60.6 17.8,66", 0.9), shade)  # the sleeves
    if kind in ("t-shirt", "stripes"):
        pen.fill(stroke("-7,52.4 -4,55.6 0,56.6 4,55.6 7,52.4", 1.7), shade)
    elif kind == "v-neck":
        pen.fill_both(stroke("7.2,52.2 4.2,56.4 0.2,61.2", 1.6), shade)
    elif kind == "collar":
        flap = blob("6.4,50.4! 10,53.6! 8,60.2! 0.2,61.4! 4.2,56")
        pen.fill_both(moved(flap, 0, 0.9), shade)
        pen.fill_both(flap, palette.shirt_light)
    else:
        pen.fill(stroke("-9.4,51.6 -6,56 0,58 6,56 9.4,51.6", 3.2), shade)
        pen.fill_both(stroke("3.6,58 3.9,63", 1.0), palette.shirt_light)


FACES = {
    "oval": "0,15 8,16.2 13.2,22 14.2,30 13,38 9.2,45 4.4,48.7 0,49.5",
    "round": "0,15 9,16.2 14.4,22 16.2,31 15.8,38.6 11.6,45 5.4,47.8 0,48.2",
    "square": "0,15 9,16 13.8,21 14.8,30 14.8,39 13.8,44.4 9.4,48.5 3.6,49.4 0,49.4",
    "heart": "0,15 9,16 14.6,21.4 15.6,28.6 13,37 7.4,44.6 3,49.4 0,50.4",
}


def draw_head(pen: Pen, palette: Palette, look: Look) -> None:
    pen.fill_both(oval(15, 34.2, 3.1, 4), palette.skin)
    pen.fill_both(oval(15.5, 34.4, 1.7, 2.4), palette.skin_shade)
    pen.fill(whole(FACES[look["face"]]), palette.skin)
    if look["hair"] == "bald":
        pen.fill(stroke("-9,21.6 -6.4,18.8 -3,17.6", 1.2, 2.2), palette.skin_light)


def draw_cheeks(pen: Pen, palette: Palette, look: Look) -> None:
    rosy = look["cheeks"] == "rosy"
    for radius in (3.5, 2.7, 1.9):  # three steps make a soft edge
        pen.fill_both(oval(9.4, 39.9, radius, radius * 0.8), (*palette.blush, 88 if rosy else 24))
    if look["cheeks"] == "freckles":
        for x, y in ((7, 38.7), (9.5, 38), (11.6, 39.2), (8.2, 40.9), (10.6, 41)):
            pen.fill_both(oval(x, y, 0.6, 0.55), palette.freckle)


@cache
def _jaw(face: str, top: float, lip: float) -> Shape:
    """The lower face: its outline below `top`, closed by a curve that leaves mouth and cheeks free."""
    outline = whole(FACES[face]).points
    right = outline[(outline[:, 0] >= 0) & (outline[:, 1] >= top)] * (1.01, 1) + (0, 0.3)
    inner = _spline(
        _points(f"0,{lip} 4.6,{lip - 0.4} 7.6,{lip + 0.6} 10.2,{lip - 0.8} {right[0, 0]},{top}"), closed=False
    )
    half = np.concatenate([inner, right])
    return Shape(np.concatenate([half, half[::-1] * (-1, 1)]))


def draw_beard(pen: Pen, palette: Palette, look: Look) -> None:
    kind, tone = look["beard"], palette.beard
    if kind == "stubble":
        for top, lip in ((35, 40.4), (36.6, 41.4)):
            pen.fill(_jaw(look["face"], top, lip), (*tone, 44))
    elif kind == "full":
        pen.fill(_jaw(look["face"], 34, 41), tone)
    elif kind == "goatee":
        pen.fill(whole("0,47 2.6,46.8 4,44.6 5,42! 6.4,42.4 6.4,46 4.4,49.6 2,51.2 0,51.6"), tone)
    if kind in ("moustache", "goatee", "full"):
        pen.fill_both(blob("0,40.2 2.2,39.9 4.8,41.2 6.4,41 5,43 2,42.7 0,41.8"), mix(tone, WHITE, 0.08))


def draw_nose(pen: Pen, palette: Palette, look: Look) -> None:
    pen.fill(stroke("-1.7,38.2 0,39.2 1.7,38.2", 1.3), palette.skin_shade)


MOUTHS = {
    "smile": "-4.4,42.2 -2.4,43.9 0,44.5 2.4,43.9 4.4,42.2",
    "smirk": "-2.6,43.8 0.4,43.9 3,43 4.4,41.4",
    "neutral": "-2.8,43.4 0,43.6 2.8,43.4",
    "frown": "-3.6,45 -1.8,43.5 0,43.1 1.8,43.5 3.6,45",
}


def draw_mouth(pen: Pen, palette: Palette, look: Look) -> None:
    kind, inside = look["mouth"], rgb("6a1a2b")
    if kind == "laugh":
        pen.fill(whole("0,41.6 4.8,41.2! 4.2,44.2 2.3,46.2 0,46.7"), inside)
        pen.fill(whole("0,44.7 1.6,44.9 1.9,45.6 0,46.2"), rgb("ee8383"))
        pen.fill(whole("0,41.7 4.3,41.5! 3.6,43 0,43.3"), WHITE)
    elif kind == "surprised":
        pen.fill(oval(0, 44, 2.5, 3), palette.lip)
        pen.fill(oval(0, 44.2, 1.6, 2), inside)
    else:
        pen.fill(stroke(MOUTHS[kind], 1.25), palette.lip)


def draw_eyes(pen: Pen, palette: Palette, look: Look) -> None:
    if look["glasses"] == "sun":  # lashes would peek out
        return
    for side in (-1, 1):
        if look["eyes"] == "happy" or (look["eyes"] == "wink" and side == 1):
            pen.fill(moved(stroke("-3,34.4 -1.6,32.6 0,32 1.6,32.6 3,34.4", 1.3), side * 6.4, 0), palette.ink)
        else:
            _draw_open_eye(pen, palette, look, side)


GAZE = {"ahead": 0.0, "left": -1.2, "right": 1.2}


def _draw_open_eye(pen: Pen, palette: Palette, look: Look, side: int) -> None:
    x, y = side * 6.4, 33.0
    pupil = x + GAZE[look["gaze"]]
    pen.fill(oval(x, y, 3.4, 3.75), mix(palette.skin, WHITE, 0.9))
    pen.fill(oval(pupil, y - 0.1, 2.7, 3.4), mix(palette.iris, INK, 0.4))
    pen.fill(oval(pupil, y + 0.3, 2.3, 2.9), palette.iris)
    pen.fill(oval(pupil, y - 0.1, 1.35, 1.8), INK)
    pen.fill(oval(pupil - 0.85, y - 1.4, 0.95, 1.05), WHITE)
    pen.fill(oval(pupil + 0.9, y + 1.5, 0.5, 0.5), WHITE)
    if look["eyes"] == "relaxed":
        pen.fill(oval(x, y - 0.3, 4, 4.4, 180, 360), palette.skin)
        pen.fill(moved(stroke("-3.7,32.7 0,32 3.7,32.7", 1.2), x, 0), palette.ink)
        return
    pen.fill(moved(stroke("-3.5,31.4 -2.2,29.6 0,28.9 2.2,29.6 3.5,31.4", 1.1), x, 0), palette.ink)
    if look["eyes"] == "lashes":
        for lash in (stroke("9.6,31 11.6,29.6", 1.2, 0.6), stroke("8.8,29.8 10.4,27.9", 1.2, 0.6)):
            pen.fill(lash if side == 1 else mirrored(lash), palette.ink)


BROWS = {  # the right one from the nose outwards, and its width at both ends
    "arched": stroke("3.4,26.9 6.6,25.4 10.2,26.7", 1.5, 0.9),
    "straight": stroke("3.2,26.4 6.6,26.1 10,26.2", 1.5, 1.2),
    "raised": stroke("3.2,24.6 6.6,22.5 10.2,24.2", 1.5, 0.9),
    "worried": stroke("3.4,24.3 6.6,25.2 9.8,27.2", 1.5, 1.0),
    "bold": stroke("3.2,26.3 6.6,25 10.4,26.2", 2.7, 1.9),
}


def draw_brows(pen: Pen, palette: Palette, look: Look) -> None:
    pen.fill_both(BROWS[look["brows"]], palette.brow)


# --- accessories -----------------------------------------------------------------------------------------------------


def draw_earrings(pen: Pen, palette: Palette, look: Look) -> None:
    if look["hair"] in EAR_COVERING_STYLES or look["earrings"] == "none":
        return
    if look["earrings"] == "hoops":
        pen.fill_both(ring(16, 40.6, 2.7, 3.1, 1.1), GOLD)
        return
    pen.fill_both(oval(16, 38, 1.5, 1.5), GOLD)
    pen.fill_both(oval(15.6, 37.6, 0.55, 0.55), WHITE)


FRAMES = {"round": rgb("ac3f4d"), "square": rgb("3b3142"), "sun": rgb("2a2733")}


def draw_glasses(pen: Pen, palette: Palette, look: Look) -> None:
    kind = look["glasses"]
    if kind == "none":
        return
    frame = FRAMES[kind]
    pen.fill(stroke("-2,32.6 0,31.9 2,32.6", 1.1), frame)
    pen.fill_both(stroke("11.4,32.2 14.8,32.4", 1.1), frame)
    if kind == "sun":
        lens = blob("1.6,29.6 6.6,29 11.6,29.6 11.2,35 8.4,37.4 4.8,37.4 2,35")
        pen.fill_both(lens, frame)
        for x in (-6.6, 6.6):
            pen.fill(moved(stroke("-2.8,33 -0.6,30.8", 1.3, 0.8), x, 0), mix(frame, WHITE, 0.55))
        return
    height, roundness = (5.2, 1.0) if kind == "round" else (4.6, 0.4)
    rim = ring(6.5, 33.1, 5.2, height, 1.05, roundness)
    pen.fill_both(ring(6.5, 33.1, 5.2, height, 5.2, roundness), (255, 255, 255, 36))
    pen.fill_both(rim, frame)


def draw_hat(pen: Pen, palette: Palette, look: Look) -> None:
    if look["hat"] in COVERING_HATS:
        pen.fill(whole("0,20 12.7,20! 12.4,24.6! 0,25.6"), palette.skin_shade)
    if look["hat"] != "none":
        HATS[look["hat"]](pen)


def _draw_beanie(pen: Pen) -> None:
    wool, band, yarn = rgb("d9634f"), rgb("b94c41"), rgb("fbeedb")
    pen.fill(cloud(0, 5, 4.7, 4.5, 9, 0.08), rgb("e9d3b4"))
    pen.fill(cloud(-0.4, 4.4, 3.7, 3.5, 8, 0.08), yarn)
    pen.fill(whole("0,6.8 8.4,8 14.8,13 17,20.4! 0,21.6"), wool)
    pen.fill(stroke("-11,15.4 -7.6,11.6 -4,10.2", 1.2, 1.9), mix(wool, WHITE, 0.25))
    pen.fill(stroke("-15.6,20.8 -8,19.8 0,19.5 8,19.8 15.6,20.8", 5.2), band)
    for x in range(-14, 15, 4):
        pen.fill(stroke(f"{x},18.2 {x},21.6", 0.8), wool)


def _draw_cap(pen: Pen) -> None:
    cloth, shade = rgb("4471b5"), rgb("2f4f86")
    pen.fill(whole("0,6.6 8.6,7.8 15,13.2 16.8,22! 0,22"), cloth)
    pen.fill_both(stroke("5.4,7.6 8.4,12 9.4,19", 0.6), shade)
    pen.fill(oval(0, 6.6, 1.7, 1.1), shade)
    pen.fill(oval(0, 13.8, 3.5, 3.3), rgb("fbf3e4"))
    pen.fill(oval(0, 13.8, 1.7, 1.6), rgb("f0705f"))
    pen.fill(stroke("-12.4,16 -10.6,12.6 -7.8,10.4", 1.0, 1.7), mix(cloth, WHITE, 0.3))
    pen.fill(whole("0,18 10,18.6 17.4,22.4! 15,24.2 8,22.8 0,22.4"), shade)


def _draw_straw_hat(pen: Pen) -> None:
    straw, shade, ribbon = rgb("efcf8c"), rgb("d3a95f"), rgb("c8574e")
    pen.fill(oval(0, 19.6, 27, 4.4), shade)
    pen.fill(oval(0, 18.5, 27, 4.2), straw)
    pen.fill(whole("0,3.4 8,3.8 12.4,6.8 14,17.4! 7,19.4 0,19.8"), straw)
    pen.fill(stroke("-13,15.8 -6,17.4 0,17.8 6,17.4 13,15.8", 3), ribbon)
    pen.fill(stroke("-9,10.8 -7.6,7.4 -4,6", 1.0, 1.6), mix(straw, WHITE, 0.5))


def _draw_flowers(pen: Pen) -> None:
    for x, y in ((15, 22), (9.6, 16.4), (3.4, 13.6)):
        pen.fill_both(oval(x, y, 2.1, 1.7), rgb("5fa46c"))
    blossoms = ((-12.6, 19, "f58fa3"), (-6.8, 15.4, "fff4e4"), (0, 14, "f9a95c"), (6.8, 15.4, "fff4e4"))
    for x, y, petals in (*blossoms, (12.6, 19, "b98ad9")):
        pen.fill(cloud(x, y, 3.9, 3.9, 5, 0.3), rgb(petals))
        pen.fill(oval(x, y, 1.3, 1.3), rgb("fbe08a") if x == 0 else GOLD)


HATS = {"beanie": _draw_beanie, "cap": _draw_cap, "straw hat": _draw_straw_hat, "flowers": _draw_flowers}

PARTS = (  # from back to front
    draw_background,
    draw_hair_back,
    draw_neck,
    draw_clothes,
    draw_head,
    draw_cheeks,
    draw_beard,
    draw_nose,
    draw_mouth,
    draw_eyes,
    draw_hair_front,
    draw_brows,
    draw_hat,
    draw_glasses,
    draw_earrings,
)


def _draw(row: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
    look = {a.name: a.values[index] for a, index in zip(ATTRIBUTES, row.tolist(), strict=True)}
    pen, palette = Pen(size), palette_of(look)
    for draw_part in PARTS:
        draw_part(pen, palette, look)
    return pen.finish()

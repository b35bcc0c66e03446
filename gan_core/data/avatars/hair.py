"""Hair, behind the head and before it."""

from __future__ import annotations

from dataclasses import dataclass

from gan_core.data.avatars.attributes import COVERING_HATS, EAR_COVERING_STYLES, Look
from gan_core.data.avatars.palette import Palette
from gan_core.data.avatars.pen import (
    Pen,
    Shape,
    blob,
    cast_shadow,
    cloud,
    mirrored,
    moved,
    oval,
    stroke,
    under_hat,
    whole,
)


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

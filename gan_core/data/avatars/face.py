"""Background, body and face."""

from __future__ import annotations

from functools import cache

import numpy as np

from gan_core.data.avatars.attributes import Look
from gan_core.data.avatars.palette import INK, WHITE, Palette, mix, rgb
from gan_core.data.avatars.pen import Pen, Shape, blob, mirrored, moved, oval, points, spline, stroke, whole


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
    inner = spline(
        points(f"0,{lip} 4.6,{lip - 0.4} 7.6,{lip + 0.6} 10.2,{lip - 0.8} {right[0, 0]},{top}"), closed=False
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

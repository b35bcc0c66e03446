"""Earrings, glasses and hats."""

from __future__ import annotations

from gan_core.data.avatars.attributes import COVERING_HATS, EAR_COVERING_STYLES, Look
from gan_core.data.avatars.palette import GOLD, WHITE, Palette, mix, rgb
from gan_core.data.avatars.pen import Pen, blob, cloud, moved, oval, ring, stroke, whole


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

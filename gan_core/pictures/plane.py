"""A frame of a run of points as a picture: D's value as a heat map, the data, and the generated points."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

LOW, MIDDLE, HIGH = np.array([232, 139, 62.0]), np.array([250, 247, 240.0]), np.array([92, 146, 220.0])
REAL, FAKE, INK = (29, 79, 145), (180, 70, 11), (35, 38, 47)
STRIP = 24  # pixels below the plane for the step's number


def plane(record: np.ndarray, real: np.ndarray, half: float, side: int, reads: str = "probability") -> Image.Image:
    """One frame, `side` pixels wide and a strip higher: orange looks fake to D and blue looks real.

    `real`: points (N, 2) of the data; `half`: half the side of the plane in their units; `reads`: the meaning of D's
    output, a "probability" after a sigmoid, a "plain" one, or a "score" without a scale.
    """
    image = Image.new("RGB", (side, side + STRIP + (side + STRIP) % 2), (255, 255, 255))
    image.paste(_heat(record["field"], reads).resize((side, side), Image.Resampling.BILINEAR))
    pen = ImageDraw.Draw(image)
    r = max(1, side // 240)
    for x, y in _places(real, half, side):
        pen.ellipse((x - r, y - r, x + r, y + r), fill=REAL)
    r = max(2, side // 150)
    for x, y in _places(record["points"].astype(np.float64), half, side):
        pen.polygon(((x, y - r), (x + r, y), (x, y + r), (x - r, y)), fill=FAKE, outline=(255, 255, 255))
    pen.rectangle((0, side, side, image.height), fill=(255, 255, 255))
    pen.text((6, side + 6), f"{int(record['step']):,}", fill=INK)
    return image


def _heat(field: np.ndarray, reads: str) -> Image.Image:
    """D's output, rows from low y to high y, as colours; a score is scaled to the frame's range."""
    values = np.nan_to_num(field.astype(np.float64))
    if reads == "score":
        values = (values - values.min()) / (np.ptp(values) or 1.0)
    belief = (1 / (1 + np.exp(-np.clip(values, -30, 30))) if reads == "probability" else values.clip(0, 1))[..., None]
    colours = np.where(belief < 0.5, LOW + 2 * belief * (MIDDLE - LOW), MIDDLE + (2 * belief - 1) * (HIGH - MIDDLE))
    return Image.fromarray(colours[::-1].astype(np.uint8))


def _places(points: np.ndarray, half: float, side: int) -> np.ndarray:
    """Pixels of the points that lie in the plane."""
    inside = points[(np.abs(points) < half).all(1)]
    places: np.ndarray = (inside * (1, -1) / half + 1) / 2 * side
    return places

"""Films: frames (C, T, H, W) in [-1, 1], `DataSpec.rate` of them a second."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from gan_core.data.base import DataSpec
from gan_core.disk import replacing
from gan_core.media.base import Medium, Piece, register
from gan_core.pictures import video

RATE = 12  # frames per second, if the data don't specify it
STRIP, GAP = 8, 2  # frames of a strip, and pixels between them
SIDE = 8  # pixels at which films are compared
LEAST = 128  # pixels to which the frames of files are enlarged
COLUMNS = 4  # films side by side in a file


def levels(samples: np.ndarray) -> np.ndarray:
    """Films (N, C, T, H, W) in [-1, 1] as uint8 (N, T, H, W, 3)."""
    colours = np.rint((np.clip(np.nan_to_num(samples), -1, 1) + 1) * 127.5).astype(np.uint8)
    return np.broadcast_to(colours, (len(colours), 3, *colours.shape[2:])).transpose(0, 2, 3, 4, 1)


def pictures(samples: np.ndarray, spec: DataSpec) -> np.ndarray:
    """Each film as a strip of at most STRIP frames, evenly spread, uint8 (N, H, width, 3)."""
    shown = levels(samples)
    count, length, height, width = shown.shape[:4]
    chosen = np.rint(np.linspace(0, length - 1, min(STRIP, length))).astype(int)
    strip = np.full((count, height, len(chosen) * (width + GAP) - GAP, 3), 255, np.uint8)
    for place, frame in enumerate(chosen):
        start = place * (width + GAP)
        strip[:, :, start : start + width] = shown[:, frame]
    return strip


def describe(samples: np.ndarray, spec: DataSpec) -> np.ndarray:
    """Every frame at SIDE pixels, (N, T * SIDE^2 * 3): films that differ only in their motion differ here."""
    shown = levels(samples)
    count, length, height, width = shown.shape[:4]
    if height % SIDE or width % SIDE:
        small = shown.astype(np.float32)
    else:
        shape = (count, length, SIDE, height // SIDE, SIDE, width // SIDE, 3)
        small = shown.reshape(shape).mean((3, 5), dtype=np.float32)
    return np.asarray(small.reshape(count, -1))


def frames_of(film: np.ndarray) -> Iterator[Image.Image]:
    """A film uint8 (T, H, W, 3) as pictures of at least LEAST pixels, an even number, as MP4 requires."""
    times = max(1, -(-LEAST // max(film.shape[1:3])))
    times += times % 2 if film.shape[1] % 2 or film.shape[2] % 2 else 0
    for frame in film:
        yield Image.fromarray(frame.repeat(times, 0).repeat(times, 1))


def film_as_webp(film: np.ndarray, rate: float) -> bytes:
    """A film uint8 (T, H, W, 3) as an animated WebP."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.webp"
        video.write_webp(path, frames_of(film), video.durations(len(film), rate, video.WEBP_UNIT))
        return path.read_bytes()


def write_film(film: np.ndarray, rate: int, path: Path) -> None:
    """A film uint8 (T, H, W, 3) as a GIF or an MP4, by the ending of `path`."""
    with replacing(path) as temporary:
        if path.suffix.lower() == ".mp4":
            video.write_mp4(temporary, frames_of(film), rate)
        else:
            video.write_gif(temporary, frames_of(film), video.durations(len(film), rate, video.GIF_UNIT))


def side_by_side(films: np.ndarray, columns: int = COLUMNS) -> np.ndarray:
    """Films uint8 (N, T, H, W, 3) as one, (T, rows * H, columns * W, 3) with a line between them."""
    columns = min(columns, len(films))
    count = -(-len(films) // columns) * columns
    height, width = films.shape[2] + GAP, films.shape[3] + GAP
    sheet = np.full((films.shape[1], count // columns * height - GAP, columns * width - GAP, 3), 255, np.uint8)
    for place, film in enumerate(films):
        top, left = place // columns * height, place % columns * width
        sheet[:, top : top + films.shape[2], left : left + films.shape[3]] = film
    return sheet


def write(samples: np.ndarray, spec: DataSpec, path: Path) -> None:
    """Writes all films side by side, as a GIF or an MP4."""
    write_film(side_by_side(levels(samples)), spec.rate or RATE, path)


def pieces(samples: np.ndarray, spec: DataSpec) -> list[Piece]:
    return [Piece("film", film_as_webp(film, spec.rate or RATE)) for film in levels(samples)]


VIDEO = register(
    Medium(
        task="video", words="films", types={".gif": "image/gif", ".mp4": "video/mp4"}, pictures=pictures,
        write=write, pieces=pieces, describe=describe, columns=2, shown=12,
    )
)  # fmt: skip

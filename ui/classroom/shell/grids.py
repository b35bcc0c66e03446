"""Pictures of runs with sharp pixels at any width, and real images to compare samples with."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from gan_core import data
from gan_core.data.base import FIELDS, fewer
from gan_core.media import medium_of
from gan_core.runs.store import RunStore

COLUMNS = 8
ROWS = 8
GAP = 1
PAPER = 255
POINTS = 2000  # real points per picture
SIDE = 480  # side of a picture of points in pixels


def picture(content: bytes | Path, alt: str, width: int | str = "stretch", caption: str | None = None) -> None:
    """Shows a sample grid as PNG; the style sheet keeps pixels sharp when it is enlarged."""
    png = content if isinstance(content, bytes) else content.read_bytes()
    st.image(png, caption=caption, width=width, alt=alt, output_format="PNG")  # type: ignore[arg-type]


def film(webp: bytes, alt: str, width: int | str = "stretch", caption: str | None = None) -> None:
    """Shows an animated WebP. Of bytes, Streamlit sends only the first frame, as JPEG; a URL is sent as it is.

    See `findings/streamlit_image_reencodes_its_bytes.sh`.
    """
    st.image(_in_page("image/webp", webp), caption=caption, width=width, alt=alt)  # type: ignore[arg-type]


def frame(png: bytes, alt: str, width: int) -> None:
    """Shows a PNG that is replaced several times a second.

    It is part of the page: Streamlit deletes the file of a replaced picture, often before a browser has requested it.
    """
    st.image(_in_page("image/png", png), width=width, alt=alt)


def _in_page(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def newest_picture(store: RunStore, id: str) -> bytes | None:
    """Returns the newest picture of a run, live or stored, as PNG; None if there is none yet."""
    live = store.live_preview(id)
    paths = [live[1]] if live else []
    paths += [preview.path for preview in reversed(store.previews(id)[-2:])]
    for path in paths:
        try:
            return path.read_bytes()
        except OSError:  # replaced or removed in the meantime
            continue
    return None


def newest_pool(store: RunStore, id: str) -> bytes | None:
    """Returns the newest picture of a run's replay pool; None if there is none."""
    path = store.live_pool(id)
    try:
        return path.read_bytes() if path else None
    except OSError:  # replaced in the meantime
        return None


@st.cache_data(show_spinner=False, max_entries=64)
def real_grid(reference: str, size: int, columns: int = COLUMNS, rows: int = ROWS) -> bytes:
    """Returns a grid of real images as PNG, with one class per column if possible, as in conditional samples.

    Raises BadData.
    """
    return grid_of(data.load(reference, size), columns, rows)


def grid_of(loaded: data.DataSet, columns: int, rows: int) -> bytes:
    """Returns the same grid for a loaded data set; fewer images if they are large. Media draw their own pictures."""
    if medium := medium_of(loaded.spec.task):
        samples = _spread(loaded.arrays[FIELDS[loaded.spec.task][0]], medium.shown)
        if samples.dtype == np.uint8:
            samples = samples.astype(np.float32) / 127.5 - 1
        return encode(layout(medium.pictures(samples, loaded.spec).transpose(0, 3, 1, 2), medium.columns))
    columns, rows = (fewer(count, loaded.spec.size) for count in (columns, rows))
    return encode(layout(pick(loaded, columns, rows), columns))


def dots(points: np.ndarray, reference: str) -> bytes:
    """Returns points (N, 2) over those of a data set, as PNG."""
    from gan_core.pictures.grids import png, scatter

    return png(scatter(points, _real_points(reference), SIDE))


@st.cache_data(show_spinner=False, max_entries=16)
def _real_points(reference: str) -> np.ndarray:
    return np.asarray(data.load(reference).arrays["real"][:POINTS])


def pick(data_set: data.DataSet, columns: int, rows: int) -> np.ndarray:
    """Picks images (B, C, H, W) spread over the set, or one class per column if the classes fill the columns.

    Pairs are placed side by side, and so are images of two domains.
    """
    if "real" not in data_set.arrays:
        count = columns * rows // 2
        return np.stack([_spread(images, count) for images in data_set.arrays.values()], 1).reshape(
            -1, *next(iter(data_set.arrays.values())).shape[1:]
        )  # (N, 2, C, H, W) -> (2N, C, H, W)
    images = data_set.arrays["real"]
    labels = data_set.arrays.get("label")
    count = min(columns * rows, len(images))
    classes = len(data_set.class_names)
    if labels is None or not classes or columns % classes:
        return _spread(images, count)
    turns = columns // classes
    of_class = [
        np.flatnonzero(np.asarray(labels) == column % classes)[column // classes :: turns][:rows]
        for column in range(columns)
    ]
    depth = max(1, min(len(found) for found in of_class))
    chosen = [int(found[row]) for row in range(depth) for found in of_class if len(found)]
    return np.asarray(images[chosen])


def _spread(images: np.ndarray, count: int) -> np.ndarray:
    return np.asarray(images[np.linspace(0, len(images) - 1, count).astype(int)])


def layout(images: np.ndarray, columns: int) -> Image.Image:
    """Arranges (B, C, H, W) uint8 images in a grid."""
    count, channels, height, width = images.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    canvas = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, channels), PAPER, np.uint8)
    for place, image in enumerate(images):
        top, left = (place // columns) * (height + GAP), (place % columns) * (width + GAP)
        canvas[top : top + height, left : left + width] = image.transpose(1, 2, 0)  # (C, H, W) -> (H, W, C)
    return Image.fromarray(canvas[:, :, 0] if channels == 1 else canvas)


def encode(image: Image.Image) -> bytes:
    """Encodes the picture as PNG."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()

"""Files of a playground: the plane as a picture, the points, the history as a film."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from gan_core.data import load
from gan_core.data.mixtures import reach
from gan_core.runs.frames import FrameFile
from ui.classroom.live.downloads import csv_of
from ui.classroom.live.feed import Feed
from ui.classroom.playground.plot import reads
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import _
from ui.classroom.shell.store import store

STATE = "playground.film"
KINDS = {"mp4": "video/mp4", "gif": "image/gif"}
MOST = 240  # frames of a film
RATE = 12  # of them in a second
SIDE = 480  # pixels
REAL = 800  # points of the data that a film shows


def show(watched: Feed) -> None:
    panel = st.expander(_("Save"), icon=":material/download:", key="save-panel", on_change="rerun")
    if panel.open:
        with panel:
            _show(watched)


@st.fragment
def _show(watched: Feed) -> None:
    id = watched.id
    with showing_errors():
        frames = FrameFile(store().folder(id))
        with st.container(horizontal=True):
            st.download_button(
                _("Plane (PNG)"), lambda: picture_of(watched), f"ganscope-{id}.png", "image/png",
                icon=":material/image:", key="save-png", on_click="ignore", disabled=not len(frames),
            )  # fmt: skip
            st.download_button(
                _("Points (CSV)"), lambda: points_of(id), f"ganscope-{id}-points.csv", "text/csv",
                icon=":material/scatter_plot:", key="save-points", on_click="ignore", disabled=not len(frames),
            )  # fmt: skip
            st.download_button(
                _("Curves (CSV)"), lambda: csv_of(store().metrics(id)), f"ganscope-{id}.csv", "text/csv",
                icon=":material/table:", key="save-curves", on_click="ignore",
            )  # fmt: skip
            for kind in KINDS:
                label = _("Make a film ({kind})").format(kind=kind.upper())
                if st.button(label, icon=":material/movie:", key=f"film-{kind}", disabled=len(frames) < 2):
                    with st.spinner(_("Building the film …")):
                        st.session_state[STATE] = (id, kind, film_of(watched, kind))
        made = st.session_state.get(STATE)
        if made and made[0] == id:
            st.download_button(
                _("Download the film ({kind})").format(kind=made[1].upper()), made[2], f"ganscope-{id}.{made[1]}",
                KINDS[made[1]], icon=":material/download:", key="save-film", on_click="ignore", type="primary",
            )  # fmt: skip


def points_of(id: str) -> str:
    """The newest frame's points, as lines: x, y, D's logit, and its gradient."""
    record = FrameFile(store().folder(id)).read(slice(-1, None))[0]
    text = io.StringIO()
    write = csv.writer(text, lineterminator="\n")
    write.writerow(["step", "x", "y", "logit", "slope_x", "slope_y", "pull_x", "pull_y"])
    for point, logit, slope, pull in zip(
        record["points"], record["logits"], record["slopes"], record["pulls"], strict=True
    ):
        values = (*point, logit, *slope, *pull)
        write.writerow([int(record["step"]), *(f"{float(value):.4g}" for value in values)])
    return text.getvalue()


def picture_of(watched: Feed) -> bytes:
    """The newest frame as a PNG."""
    from gan_core.pictures.grids import png
    from gan_core.pictures.plane import plane

    data = watched.run().spec.data
    record = FrameFile(store().folder(watched.id)).read(slice(-1, None))[0]
    return png(plane(record, _real(data), reach(data), 2 * SIDE, reads(watched.hparams)))


def film_of(watched: Feed, kind: str) -> bytes:
    """The history as a film's content: of a long one every nth frame. Raises OSError."""
    from gan_core.pictures import video

    frames = FrameFile(store().folder(watched.id))
    images = _images(frames, watched.run().spec.data, reads(watched.hparams))
    with tempfile.TemporaryDirectory(prefix="ganscope-film-") as folder:
        path = Path(folder) / f"film.{kind}"
        if kind == "mp4":
            video.write_mp4(path, images, RATE)
        else:
            video.write_gif(path, images, video.durations(min(MOST, len(frames)), RATE, video.GIF_UNIT))
        return path.read_bytes()


def _images(frames: FrameFile, reference: str, output: str) -> Iterator[Image.Image]:
    """At most MOST frames, evenly chosen from the first to the newest."""
    from gan_core.pictures.plane import plane

    count, real = len(frames), _real(reference)
    for place in np.linspace(0, count - 1, min(MOST, count)).round().astype(int):
        yield plane(frames.read(slice(place, place + 1))[0], real, reach(reference), SIDE, output)


def _real(reference: str) -> np.ndarray:
    return load(reference).arrays["real"][:REAL]

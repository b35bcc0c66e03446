"""Films of run histories: made on request, one at a time, then offered as a download."""

from __future__ import annotations

import re
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from gan_core.runs.export import export_history, tracks_of
from gan_core.runs.store import Run, RunStore
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import _

KINDS = {"gif": "image/gif", "mp4": "video/mp4"}
WIDTHS = (256, 384, 512, 768)
SECONDS = (4, 8, 15, 30)
STATE = "runs.film"  # session state key: the film that was made, with the settings that it shows

_building = threading.Lock()  # a whole class may request films at once, and the trainer shares the processor


def film_maker(store: RunStore, runs: Sequence[Run], titles: Sequence[str]) -> None:
    """Shows the options, the buttons that make a film, and the download of the result."""
    left, right = st.columns(2)
    seconds = left.segmented_control(
        _("Duration"), SECONDS, default=8, format_func=lambda value: f"{value} s", key="film-seconds", required=True
    )
    width = right.segmented_control(
        _("Width of each run"), WIDTHS, default=512, format_func=lambda value: f"{value} px", key="film-width",
        required=True,
    )  # fmt: skip
    with st.container(horizontal=True):
        wanted = [
            kind
            for kind in KINDS
            if st.button(_("Make {kind}").format(kind=kind.upper()), key=f"film-{kind}", icon=":material/movie:")
        ]
    if wanted:
        _build(store, runs, titles, wanted[0], float(seconds or 8), int(width or 512))
    film = st.session_state.get(STATE)
    if film is None or film["runs"] != [run.id for run in runs]:
        return
    st.download_button(
        _("Download {file}").format(file=film["file"]),
        film["content"],
        file_name=film["file"],
        mime=KINDS[film["kind"]],
        key="film-download",
        icon=":material/download:",
        type="primary",
        on_click="ignore",
    )


def _build(store: RunStore, runs: Sequence[Run], titles: Sequence[str], kind: str, seconds: float, width: int) -> None:
    st.session_state.pop(STATE, None)
    bar = st.progress(0.0, _("Waiting for another film to finish …"))
    with showing_errors():
        content = build(store, runs, titles, kind, seconds, width, lambda share: _report(bar, share))
        ids = [run.id for run in runs]
        st.session_state[STATE] = {"runs": ids, "kind": kind, "content": content, "file": file_name(titles, kind)}
    bar.empty()


def _report(bar: st.delta_generator.DeltaGenerator, share: float) -> None:
    bar.progress(min(1.0, share), _("Making the film: {percent} %").format(percent=round(100 * share)))


def build(
    store: RunStore,
    runs: Sequence[Run],
    titles: Sequence[str],
    kind: str,
    seconds: float,
    width: int,
    report: Callable[[float], None],
) -> bytes:
    """Returns the film's file content; raises BadData or BadValue."""
    tracks = [
        replace(track, name=title)
        for track, title in zip(tracks_of(store, [run.id for run in runs]), titles, strict=True)
    ]
    with _building, tempfile.TemporaryDirectory(prefix="ganscope-film-") as folder:
        film = export_history(
            tracks, Path(folder) / f"film.{kind}", seconds=seconds, size=width, caption=_("step {step}"),
            progress=lambda share, what: report(share),
        )  # fmt: skip
        return film.path.read_bytes()


def file_name(titles: Sequence[str], kind: str) -> str:
    """Returns a file name that is valid on every system."""
    words = "-".join(re.sub(r"[^\w.-]+", "-", title, flags=re.ASCII).strip("-.")[:30] for title in titles).strip("-")
    return f"ganscope-{words or 'history'}.{kind}"

"""Downloads of a run: samples, curves, weights."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from gan_core.errors import GanscopeError
from gan_core.media import Piece, medium_of
from gan_core.runs.records import Metrics
from ui.classroom.live import publish_panel
from ui.classroom.live.feed import Feed
from ui.classroom.shell import access, export_panel, pieces, sessions
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.grids import dots, picture
from ui.classroom.shell.i18n import _
from ui.classroom.shell.store import store
from ui.texts import error_sentence, number, plain

if TYPE_CHECKING:
    from gan_core.gans import Recipe

MOST = 1024  # samples per picture
PIECES = 8  # maximum number of samples to play or to read
SAVED = 3.0  # seconds to wait for a checkpoint


@st.fragment
def show(watched: Feed) -> None:
    from gan_core.gans import recipes

    with showing_errors():
        recipe = recipes.get(watched.run().spec.recipe)
        if recipe.draws:
            _samples(watched, recipe)
        _files(watched)


def _samples(watched: Feed, recipe: Recipe) -> None:
    from gan_core.runs.classes import class_names

    run = watched.run()
    first, second, third = st.columns(3)
    count = int(first.number_input(_("Number of samples"), 1, MOST, 64, key="sample-count"))
    seed = int(
        second.number_input(
            _("Seed"), 0, 2**31 - 1, 0, key="sample-seed", help=_("The same seed gives the same latents.")
        )
    )
    label = None
    if recipe.conditional:
        names = class_names(store(), run)
        options = [None, *range(len(names))]
        label = third.selectbox(
            _("Class"),
            options,
            0,
            lambda place: _("all classes in turn") if place is None else names[place],
            key="sample-label",
        )
    if st.button(_("Generate samples"), icon=":material/casino:", key="draw-samples"):
        with st.spinner(_("Generating …")):
            step = _checkpoint(watched.id)
            st.session_state["drawn"] = (watched.id, *_draw(watched.id, count, seed, label), step)
    drawn = st.session_state.get("drawn")
    if drawn and drawn[0] == watched.id:
        picture(drawn[1], alt=_("Samples of the generator at step {step}").format(step=drawn[3]), width=480)
        pieces.show(drawn[2])
        st.caption(_("From the checkpoint at step {step}.").format(step=number(drawn[3])))
        st.download_button(
            _("Download these samples (PNG)"), drawn[1], f"ganscope-{watched.id}-samples.png", "image/png",
            icon=":material/image:", on_click="ignore",
        )  # fmt: skip


def _checkpoint(id: str) -> int:
    """Returns the step of the newest checkpoint; for an active run, requests a new one if the visitor may steer."""
    kept = store().checkpoints(id)
    if access.may_steer() and store().get(id).is_active:
        sessions.save(id)
        end = time.monotonic() + SAVED
        while time.monotonic() < end and store().checkpoints(id)[-1:] == kept[-1:]:
            time.sleep(0.1)
        kept = store().checkpoints(id)
    return kept[-1].step if kept else 0


def _draw(id: str, count: int, seed: int, label: int | None) -> tuple[bytes, list[Piece]]:
    """Returns samples as PNG, and what can be played or read of them."""
    from gan_core.models import loading
    from gan_core.models.showing import sheet
    from gan_core.pictures.grids import enlarge, png

    sampler = loading.from_run(store(), id)
    if sampler.recipe.task == "points":
        return dots(sampler.sample(count, seed).numpy(), store().get(id).spec.data), []
    columns = (
        max(1, min(round(count**0.5), 32)) if label is not None or not sampler.recipe.conditional else sampler.columns
    )
    samples = sampler.sample(count, seed, label)
    medium = medium_of(sampler.recipe.task)
    played = medium.pieces(samples[:PIECES].numpy(), sampler.spec) if medium else []
    return png(enlarge(sheet(sampler, samples, 0 if medium else columns), 512)), played


def _files(watched: Feed) -> None:
    id = watched.id
    with st.container(horizontal=True):
        st.download_button(
            _("Curves (CSV)"), lambda: csv_of(store().metrics(id)), f"ganscope-{id}.csv", "text/csv",
            icon=":material/table:", key="download-csv", on_click="ignore",
        )  # fmt: skip
        checkpoints = store().checkpoints(id)
        st.download_button(
            _("Generator weights (safetensors)"), _guarded(lambda: weights(id)), f"ganscope-{id}.safetensors",
            "application/octet-stream", icon=":material/neurology:", key="download-weights", on_click="ignore",
            disabled=not checkpoints, help=None if checkpoints else _("There is no checkpoint yet."),
        )  # fmt: skip
        newest = export_panel.Subject(id, checkpoints[-1].sha256 if checkpoints else "", f"ganscope-{id}", run=True)
        export_panel.button(newest, disabled=not checkpoints,
                            help=None if checkpoints else _("There is no checkpoint yet."))  # fmt: skip
        publish_panel.button(watched.run(), disabled=not checkpoints,
                             help=None if checkpoints else _("There is no checkpoint yet."))  # fmt: skip
    st.caption(_("To save a curve as a picture, hover over it and click ⤓ in its corner."))


def weights(id: str) -> bytes:
    """Returns the averaged networks of the newest checkpoint as safetensors."""
    from gan_core.models.weights import averaged_weights

    return averaged_weights(store(), id)


def _guarded(make: Callable[[], bytes]) -> Callable[[], bytes]:
    """Wraps a download so that an error is written into the file: the page isn't rendered while it is made."""

    def guarded() -> bytes:
        try:
            return make()
        except GanscopeError as error:
            return plain(error_sentence(error)).encode()

    return guarded


def csv_of(metrics: Metrics) -> bytes:
    """Returns all steps, one per row; empty cells were not measured, "nan" and "inf" are broken values."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["step", *metrics.columns])
    columns = [
        [f"{value:.7g}" if known else "" for value, known in zip(column.tolist(), metrics.measured(name), strict=True)]
        for name, column in metrics.columns.items()
    ]
    writer.writerows(zip(metrics.steps.tolist(), *columns, strict=True))
    return text.getvalue().encode()

"""The plane as one component (`plot.js`): what is sent to it, and the visitor's actions in it.

A poll brings the frames since the last one, as stored in the run's file; the browser unpacks them, draws
them one after the other and switches layers by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from gan_core.data import load
from gan_core.data.mixtures import reach
from gan_core.hparams import UNLABELLED, AdversarialHParams
from gan_core.knobs import HParams
from gan_core.objectives.losses import losses
from gan_core.runs.frames import LATTICE, POINTS, RECORD, SIDE, FrameFile
from gan_core.runs.store import Run
from gan_core.training import audience
from ui.classroom.live.board import curves_note, notice
from ui.classroom.live.curves import payload
from ui.classroom.live.feed import Feed
from ui.classroom.playground import dataflow, hand, layers, settings
from ui.classroom.shell import access
from ui.classroom.shell.i18n import _, language
from ui.classroom.shell.store import store
from ui.classroom.shell.style import read
from ui.texts import joined, number, state_word

REAL = 600  # points of the data that are shown
AT_ONCE = 16  # maximum frames per answer
LOOK = 0.9  # seconds from an answer to the next question while the run trains: it costs more than a frame
FEW = 4  # viewers who may poll that often; with more, each polls less often, so that a class costs no more
LONGEST_REST = 3.0  # seconds
TRAIL = 12  # earlier frames that are sent with a past one
LATER = "later"  # sent by the browser when it doesn't want curves now
CHARTS = (
    "losses", "divergences", "sliced", "duality-gap", "modes", "close-to-a-mode", "data-reached", "scores",
    "gradient-norms",
)  # fmt: skip
FEW_CHARTS = ("losses", "divergences", "modes")
LAYOUT = {  # name -> offset in a record and how many numbers
    name: (RECORD.fields[name][1], int(np.prod(RECORD[name].shape)))  # type: ignore[index]
    for name in RECORD.names or ()
    if name != "step"
}


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component(
        "ganscope_plane",
        html=read("playground/plot.html"),
        css=read("live/charts.css", "playground/plot.css"),
        js=read(
            "live/charts.js", "playground/scene.js", "playground/probe.js", "playground/hand.js", "playground/plot.js"
        ),
    )


def draw(watched: Feed, key: str, again: Callable[[int], None]) -> None:
    """Shows the newest state, or the past step that the visitor has selected; `again` continues from a step."""
    asked = _asked(key)
    if isinstance(show := asked.get("show"), str):
        layers.keep(show)

    def chosen() -> None:
        step = st.session_state.get(key, {}).get("again")
        if isinstance(step, int) and not isinstance(step, bool):
            again(step)

    _component()(data=encoded(watched, asked), key=key, on_poll_change=lambda: None, on_again_change=chosen)


def draw_small(watched: Feed, key: str, busy: bool) -> None:
    """The same next to another run, with few curves. `busy`: though paused, it is training requested steps.

    Its past can be shown but not continued from, and its layers aren't in the link.
    """
    message = encoded(watched, _asked(key), busy, FEW_CHARTS)
    _component()(data=message, key=key, on_poll_change=lambda: None, on_again_change=lambda: None)


def preview(reference: str, settings: HParams | None, key: str) -> None:
    """Shows a data set before training, and a discriminator that is moved by hand; `settings` of the run."""

    def again() -> None:
        asked = _asked(key)
        if isinstance(show := asked.get("show"), str):
            layers.keep(show)
        if isinstance(moved := asked.get("hand"), str):
            hand.keep(moved)
        _component()(data=of_data(reference, settings, asked), key=key, on_poll_change=lambda: None,
                     on_again_change=lambda: None)  # fmt: skip

    st.fragment(again)()


def _asked(key: str) -> Mapping[str, Any]:
    """Returns what the browser requests and already has; empty if the page is rendered anew."""
    asked = st.session_state.get(key, {}).get("poll")
    return asked if isinstance(asked, Mapping) else {}


def _viewer() -> str:
    """Identifies the session."""
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else ""


def encoded(watched: Feed, asked: Mapping[str, Any], busy: bool = False, charts: Sequence[str] = CHARTS) -> bytes:
    """Returns the bytes that `draw` sends: what the browser doesn't have yet."""
    run = watched.run()
    viewers = audience.watch(run.id, _viewer()) if run.is_active else 1
    same = asked.get("run") == run.id
    header, blobs = _curves(watched, charts, asked.get("curves") if same else None)
    plot = _always(run.spec.data, watched.hparams) | {
        "lang": language(),
        "run": run.id,
        "rest": min(LONGEST_REST, LOOK * max(1, viewers / FEW)),
        "every": (1 if busy or run.state.value == "running" else -1) if run.is_active else 0,
        "answers": asked.get("question"),
        "version": watched.version,
        "state": {"name": run.state.value, "word": state_word(run.state)},
        "step": number(run.step),
        "facts": joined(_speed(run), notice(run)),
        "flow": dataflow.of_run(watched),
        "gap": settings.gap_words(watched),
        "curvesNote": curves_note(watched.bands) if watched.history.names else "",
    }
    _frames(plot, blobs, run.id, asked if same else {})
    if charts is not CHARTS:  # next to another run
        plot["again"] = None
    if not same or asked.get("lang") != language():
        plot |= _words()
    if not (same and asked.get("known")):
        _known(plot, blobs, run.spec.data)
    return payload(header | {"plot": plot}, *blobs)


def of_data(reference: str, settings: HParams | None = None, asked: Mapping[str, Any] | None = None) -> bytes:
    """The message for a data set without a run: with `settings` also the initial state of a run with them."""
    plot = _always(reference, {}) | _words() | {
        "run": f"data:{reference}", "still": True, "every": 0, "version": 0, "state": {"name": "", "word": ""},
        "step": "", "facts": "", "flow": None, "frames": [], "count": 0, "at": None, "hand": hand.asked(),
        "answers": (asked or {}).get("question"), "lang": language(),
    }  # fmt: skip
    blobs: list[bytes] = []
    if settings is not None:
        plot["frames"].append(0)
        blobs.append(first_record(reference, settings))
    _known(plot, blobs, reference)
    return payload({"plot": plot}, *blobs)


@lru_cache(maxsize=16)
def first_record(reference: str, settings: HParams) -> bytes:
    """The record of a run before its first step; it takes some 50 ms."""
    from gan_core.training.frames import first_frame

    assert isinstance(settings, AdversarialHParams)
    return first_frame(reference, settings).tobytes()


def _always(reference: str, hparams: Mapping[str, Any]) -> dict[str, Any]:
    loss = losses[hparams.get("loss", "non_saturating")]
    relative = hparams.get("relativistic", "none") != "none"
    return {
        "half": reach(reference),
        "side": SIDE,
        "lattice": LATTICE,
        "points": POINTS,
        "curve": hparams.get("latent_size") == 1,
        "record": RECORD.itemsize,
        "layout": LAYOUT,
        "reads": reads(hparams),
        "threshold": None if relative else loss.threshold,
    }


def reads(hparams: Mapping[str, Any]) -> str:
    """Says what D's output is: the logit of a probability, a probability (plain), or a score without a scale."""
    name = hparams.get("loss", "non_saturating")
    if hparams.get("relativistic", "none") != "none" or name in UNLABELLED:
        return "score"
    return "probability" if losses[name].probability else "plain"


def _words() -> dict[str, Any]:
    """Returns what the browser stores."""
    return {"show": layers.shown(), "layers": layers.groups(), "words": layers.words() | hand.words()}


def _curves(watched: Feed, charts: Sequence[str], held: Any) -> tuple[dict[str, Any], list[bytes]]:
    if held in (LATER, watched.version):
        return {}, []
    header, floats = watched.curves(files=charts)
    return dict(header), [floats]


def _frames(plot: dict[str, Any], blobs: list[bytes], run_id: str, asked: Mapping[str, Any]) -> None:
    """Adds the requested past frame with a trail, or the newest ones that the browser lacks."""
    file = FrameFile(store().folder(run_id))
    count, at, have = len(file), asked.get("at"), asked.get("count", 0)
    plot |= {"count": count, "at": None, "frames": []}
    if not count:
        return
    if isinstance(at, int):
        at = min(max(at, 0), count - 1)
        plot["at"] = at
        plot["again"] = _way_back(run_id, int(file.read(slice(at, at + 1))["step"][0]))
        past = file.read(slice(max(0, at - TRAIL), at))
        _add(plot, blobs, "trail", np.ascontiguousarray(past["points"]).tobytes())
        places = np.array([at])
    elif isinstance(have, int) and 0 < have <= count:
        places = np.arange(have, count)
        if len(places) > AT_ONCE:
            places = places[np.linspace(0, len(places) - 1, AT_ONCE).round().astype(int)]
    else:  # the page is new, or the file was thinned
        places = np.array([count - 1])
    for record in file.read(places) if len(places) else ():
        plot["frames"].append(sum(map(len, blobs)))
        blobs.append(record.tobytes())


def _way_back(run_id: str, step: int) -> dict[str, Any]:
    """Describes how a new run continues from that step, and why the visitor may not start it."""
    saved = max((kept.step for kept in store().checkpoints(run_id) if kept.step <= step), default=0)
    words = _(
        "A new run starts from the checkpoint at step {saved} and repeats {steps} steps, exactly as they were. This "
        "run is stopped, and can be resumed."
    ).format(saved=number(saved), steps=number(step - saved))
    return {"words": words, "locked": access.why_locked() or ""}


def _add(plot: dict[str, Any], blobs: list[bytes], name: str, content: bytes) -> None:
    plot[name] = (sum(map(len, blobs)), len(content))
    blobs.append(content)


def _known(plot: dict[str, Any], blobs: list[bytes], reference: str) -> None:
    """Adds what doesn't change: some points of the data, and its density, estimated like the generator's."""
    known: dict[str, Any] = {}
    for name, content in zip(("real", "cells"), known_of(reference), strict=True):
        _add(known, blobs, name, content)
    plot["known"] = known


@lru_cache(maxsize=16)
def known_of(reference: str) -> tuple[bytes, bytes]:
    """Float16 points of the data, and float32 probabilities of the cells."""
    from gan_core.metrics.density import yardstick

    real = load(reference).arrays["real"][:REAL].astype("<f2")
    return real.tobytes(), yardstick(reference).real.inside.astype("<f4").tobytes()


def _speed(run: Run) -> str:
    """Formats the steps per second while it trains."""
    batch = int(run.spec.hparams.get("batch_size", 1))
    if run.state.value != "running" or not run.images_per_second:
        return ""
    return _("{count} steps per second").format(count=number(run.images_per_second / batch))

"""What can be changed while a run on points trains: its pace, the settings that matter most, its networks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, cast

import streamlit as st

from gan_core.errors import GanscopeError
from gan_core.hparams import AdversarialHParams
from gan_core.knobs import HParams, changed, differences, knob_type, knobs
from gan_core.metrics import duality
from gan_core.training.control import PACE, pace_of
from ui.classroom.live import forks, page, panels
from ui.classroom.live.feed import Feed
from ui.classroom.shell import access, knob_widgets, sessions
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import N_, _
from ui.texts import error_sentence, number, plain

PACES = {0.0: N_("Full speed"), 10.0: N_("10 steps/s"), 1.0: N_("1 step/s"), 0.125: N_("Slow motion: 1 step in 8 s")}
CHOSEN = ("loss", "penalty", "optimizer")  # with a list of choices
STOPS: dict[str, tuple[float, ...]] = {  # values that a slider stops at
    "generator_rate": (1e-4, 3e-4, 1e-3, 2e-3, 5e-3, 1e-2, 3e-2, 0.1),
    "discriminator_rate": (1e-4, 3e-4, 1e-3, 2e-3, 5e-3, 1e-2, 3e-2, 0.1),
    "discriminator_steps": (1, 2, 3, 5, 10, 20),
    "generator_steps": (1, 2, 3, 5, 10, 20),
    "batch_size": (16, 32, 64, 128, 256, 512, 1024),
    "instance_noise": (0.0, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0),
}
SHAPING = ("generator_widths", "discriminator_widths", "activation", "noise", "latent_size", "batch_norm", "minibatch",
           "spectral_norm")  # fmt: skip
TROUBLE = "playground.trouble"  # key of the session's state: why an edit was refused


def pace(watched: Feed) -> None:
    """Slow motion of an active run; it belongs to the run, so that every viewer sees it."""
    run = watched.run()
    if not run.is_active:
        return
    now = pace_of(watched.events)
    key = f"pace-{run.id}-{sum(event.kind == PACE for event in watched.events)}"  # a new widget shows a new pace

    def set_it() -> None:
        with showing_errors():
            sessions.set_pace(run.id, float(st.session_state[key]))

    st.segmented_control(
        _("Speed"), sorted({*PACES, now}, key=lambda rate: -rate or -math.inf), default=now, format_func=_pace_word,
        key=key, required=True, on_change=set_it, disabled=not access.may_steer(), label_visibility="collapsed",
        help=access.why_locked(),
    )  # fmt: skip


def _pace_word(rate: float) -> str:
    return _(PACES[rate]) if rate in PACES else _("{rate} steps/s").format(rate=f"{rate:g}")


def gap(watched: Feed) -> None:
    """The button that measures the duality gap; the result is shown next to the plane and in the curves."""
    run = watched.run()
    if not run.is_active:
        return
    current = panels.settings_of(watched)
    why = access.why_locked()
    if current is not None and not why:
        try:
            duality.check(cast(AdversarialHParams, current))
        except GanscopeError as error:
            why = error_sentence(error)
    help_ = why or _("How much both players could still gain, against the best opponent; 0 at an equilibrium.")
    if st.button(_("Measure the duality gap"), icon=":material/balance:", key="gap", disabled=bool(why),
                 help=plain(help_)):  # fmt: skip
        page.act(sessions.measure_gap, run.id)


def gap_words(watched: Feed) -> str:
    """The newest duality gap in a sentence; empty where none was measured."""
    found = [event for event in watched.events if event.kind == "duality_gap"]
    if not found:
        return ""
    newest = found[-1]
    return _(
        "Duality gap at step {step}: at least {gap} nats, at most {most}. V(D, G) = {value}; with the best D {best}; "
        "with a generator that was trained on against this D {reached}."
    ).format(
        step=number(newest.step),
        **{name: f"{newest.payload[key]:.3f}" for name, key in (
            ("gap", "gap"), ("most", "most"), ("value", "value"), ("best", "best_discriminator"),
            ("reached", "best_generator"),
        )},
    )  # fmt: skip


def show(watched: Feed, open_run: Callable[[str], None]) -> None:
    """The settings below the plane."""
    current = panels.settings_of(watched)
    if current is None:
        return
    if watched.run().is_active:
        st.subheader(_("Settings"), anchor=False)
        st.caption(_("A change acts from the next step on. All other settings are folded below."))
        quick(watched, current)
    with st.expander(_("Networks and noise"), icon=":material/hub:", key="networks-panel"):
        _networks(watched, current, open_run)


def quick(watched: Feed, current: HParams, columns: int = 3) -> None:
    """The settings that matter most; each takes effect as soon as it is set."""
    described = knobs(current)
    edits = sum(event.kind in ("edit", "rollback") for event in watched.events)  # new widgets show new values
    locked = not access.may_steer()
    names = [*CHOSEN, *STOPS]
    for start in range(0, len(names), columns):
        for column, name in zip(st.columns(columns), names[start : start + columns], strict=False):
            key, value, knob = f"quick-{watched.id}-{edits}-{name}", getattr(current, name), described[name]
            shared: dict[str, Any] = {
                "key": key, "disabled": locked, "help": knob_widgets.help_text(knob), "on_change": _edit,
                "args": (watched.id, name, key),
            }  # fmt: skip
            with column:
                if name in CHOSEN:
                    place = knob.choices.index(value)
                    st.selectbox(_(knob.label), knob.choices, place, knob_widgets.choice_word, **shared)
                else:
                    stops = sorted({*STOPS[name], value})
                    st.select_slider(_(knob.label), stops, value, lambda value: f"{value:g}", **shared)
    if trouble := st.session_state.pop(TROUBLE, None):
        st.error(plain(trouble), icon=":material/error:")


def _edit(id: str, name: str, key: str) -> None:
    value = st.session_state[key]
    try:
        sessions.edit(id, {name: value})
    except GanscopeError as error:
        st.session_state[TROUBLE] = error_sentence(error)


@st.fragment
def _networks(watched: Feed, current: HParams, open_run: Callable[[str], None]) -> None:
    """Starts a new run with other networks, which keeps the weights that fit."""
    described, locked = knobs(current), not access.may_steer()
    st.caption(
        _("Other networks are a new run that goes on at this step: layers whose weights fit keep them, and the "
          "optimiser's moments with them; the others start anew. This run is stopped, and can be resumed.")
    )  # fmt: skip
    values: dict[str, Any] = {}
    for start in range(0, len(SHAPING), 3):
        for column, name in zip(st.columns(3), SHAPING[start : start + 3], strict=False):
            with column:
                kind = knob_type(type(current), name)
                key = f"shape-{watched.id}-{name}"
                values[name] = knob_widgets.control(name, kind, getattr(current, name), described[name], key, locked)
    pressed = st.button(
        _("Go on with these networks"), icon=":material/call_split:", key="reshape", disabled=locked,
        help=access.why_locked(),
    )  # fmt: skip
    if not pressed:
        return
    with showing_errors():
        if invalid := knob_widgets.invalid_fields(current, values):
            st.error(knob_widgets.correct_first(invalid), icon=":material/error:")
            return
        changes = differences(current, changed(current, values))
        if not changes:
            st.info(_("Nothing was changed."))
            return
        open_run(sessions.reshape(watched.id, changes).id)


def kept_words(payload: Mapping[str, Any]) -> str:
    """Describes what a fork has kept, including single layers of a network."""
    if "again" in payload:
        words = _("Continued from step {step} of {run}; repeated from its checkpoint at step {saved}.")
        run, saved = plain(payload.get("run", "")), number(payload.get("step", 0))
        names = {"run": run, "step": number(payload["again"]), "saved": saved}
        return words.format(**names)
    layers = payload.get("layers")
    if not layers:
        return forks.origin(payload)
    parts = [
        _("{network}: {kept} of {count} layers").format(network=forks.network_words([name]), kept=kept, count=count)
        for name, (kept, count) in layers.items()
    ]
    return _("Forked from {run} at step {step}. Weights that were kept: {parts}.").format(
        run=plain(payload.get("run", "")), step=number(payload.get("step", 0)), parts=_(", ").join(parts)
    )

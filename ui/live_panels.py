"""Below the live view: edit while it runs, fork, downloads, networks. These aren't drawn again at each poll."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from gan_core import data
from gan_core.data.base import columns_for
from gan_core.hparams import AdversarialHParams
from gan_core.knobs import Knob, knobs
from gan_core.runs.classes import class_names
from gan_core.runs.store import Run
from ui import access, downloads, knob_widgets, network_panel, sessions, warm
from ui.errors import shown
from ui.feed import Feed
from ui.i18n import STATE, _
from ui.store import store
from ui.texts import is_points, plain


def _recipe(run: Run) -> Any:
    """The run's recipe where the recipes are loaded already; None otherwise, and where it is unknown here."""
    if not warm.is_ready():
        return None
    recipes = sys.modules["gan_core.gans"].recipes
    return recipes.get(run.spec.recipe) if run.spec.recipe in recipes else None


def recipe_titles() -> Mapping[str, str]:
    """Recipe titles by name, and preset titles by `recipe/preset`, as far as the recipes are loaded."""
    if not warm.is_ready():
        return {}
    recipes = sys.modules["gan_core.gans"].recipes
    presets = {f"{recipe.name}/{preset.name}": preset.title for recipe in recipes for preset in recipe.presets}
    return {recipe.name: recipe.title for recipe in recipes} | presets


def knobs_of(run: Run) -> Mapping[str, Knob]:
    """The run's knobs by name; where the recipes aren't loaded, those that all GANs from noise have."""
    recipe = _recipe(run)
    return knobs(recipe.hparams if recipe else AdversarialHParams)


def preset_of(run: Run) -> str:
    """What to look for in a run of a preset; "" otherwise."""
    recipe = _recipe(run)
    presets = recipe.presets if recipe else ()
    return next((preset.look_for for preset in presets if preset.name == run.spec.preset), "")


def compared_in(run: Run) -> tuple[str, ...]:
    """What stands side by side in the pictures of a run that translates images; () otherwise."""
    recipe = _recipe(run)
    return recipe.compared if recipe else ()


def grid_columns(run: Run) -> int | None:
    """How many samples of a conditional run stand side by side; None where a column isn't of one class."""
    recipe = _recipe(run)
    if recipe is None or not recipe.conditional:
        return None
    classes = len(class_names(store(), run))
    return columns_for(classes) if 2 <= classes <= 16 else None


def open_run(id: str) -> None:
    """Shows another run on this page; doesn't return."""
    st.query_params.from_dict({"lang": st.session_state.get(STATE, "en"), "run": id})
    st.rerun(scope="app")


def show(watched: Feed) -> None:
    """The folded panels; imports torch if nobody has yet, with the live view above painted already."""
    run = watched.run()
    st.divider()
    if not warm.is_ready():
        with st.spinner(_("Loading PyTorch, once after each start …")):
            warm.now()
        st.rerun()
    with shown():
        if _recipe(run) is None:
            sys.modules["gan_core.gans"].recipes.get(run.spec.recipe)  # says which recipes there are
        if run.is_active:
            _panel(_("Change settings while it runs"), "tune", "edit-panel", _edit, watched)
        _panel(_("Fork: a new run with other settings"), "call_split", "fork-panel", _fork, watched)
        _panel(_("Downloads"), "download", "download-panel", downloads.show, watched)
        if run.spec.data not in data.sources and access.may_steer():
            _panel(_("Your images"), "photo_library", "data-panel", _own_images, run)
        title = _("Networks, equation and source")
        _panel(title, "hub", "network-panel", lambda watched: network_panel.show(run, watched.hparams), watched)


def _panel(title: str, icon: str, key: str, draw: Callable[[Any], None], subject: Any) -> None:
    """A folded panel; it is drawn once it is open: each element of the page costs the browser time at every poll."""
    panel = st.expander(title, icon=f":material/{icon}:", key=key, on_change="rerun")
    if panel.open:
        with panel:
            draw(subject)


@st.fragment
def _own_images(run: Run) -> None:
    """What was read from the user's own files, from the cache that the run trains on."""
    from ui import data_panel

    with shown(), st.spinner(_("Reading the images …")):
        data_panel.found(data.load(run.spec.data, run.spec.size))


@st.fragment
def _edit(watched: Feed) -> None:
    with shown():
        recipe = _recipe(watched.run())
        current = recipe.settings(watched.hparams)
        names = [name for name, knob in knobs(current).items() if knob.change == "live"]
        locked = not access.may_steer()
        edits = sum(event.kind in ("edit", "rollback") for event in watched.events)
        _rates(watched, current)
        st.caption(_("A change acts from the next step on, and the curves get a mark where it happened."))
        with st.form(f"edit-{watched.id}-{edits}", border=False):
            values = knob_widgets.draw(
                current, names, f"edit-{watched.id}-{edits}", locked, is_points(watched.run().spec.data)
            )
            pressed = st.form_submit_button(_("Apply"), type="primary", disabled=locked, help=access.why_locked())
        if pressed:
            changes = {name: value for name, value in values.items() if value != getattr(current, name)}
            if not changes:
                st.info(_("Nothing was changed."))
                return
            sessions.edit(watched.id, changes)
            told = ", ".join(
                f"{_(knobs(current)[name].label)}: {knob_widgets.value_word(value)}" for name, value in changes.items()
            )
            st.success(_("Sent: {changes}").format(changes=plain(told)), icon=":material/check:")


def _rates(watched: Feed, current: Any) -> None:
    """The rates of this step beside those in the fields, where a schedule makes them differ."""
    described = knobs(current)
    for player in ("generator", "discriminator"):
        now, base = watched.newest(f"rate/{player}"), getattr(current, f"{player}_rate", None)
        if now is None or not base or abs(now - base) <= 0.01 * base:
            continue
        words = _("{label}: {now} at this step; the field below holds {base}, which the schedule '{schedule}' scales.")
        st.caption(words.format(
            label=_(described[f"{player}_rate"].label), now=f"{now:.2g}", base=f"{base:.2g}",
            schedule=plain(knob_widgets.choice_word(current.schedule)),
        ))  # fmt: skip


@st.fragment
def _fork(watched: Feed) -> None:
    with shown():
        run = watched.run()
        recipe = _recipe(run)
        current = recipe.settings(watched.hparams)
        locked = not access.may_steer()
        st.caption(
            _("Settings that shape the networks can't change in a run. A fork is a new run: it goes on from the newest "
              "checkpoint, or begins anew where the networks differ.")
        )  # fmt: skip
        with st.form(f"fork-{watched.id}", border=False):
            names = [name for name, knob in knobs(current).items() if knob.change == "rebuild"]
            values = knob_widgets.draw(current, names, f"fork-{watched.id}", disabled=locked)
            first, second = st.columns(2)
            steps = first.number_input(_("Steps"), 0, 100_000_000, run.spec.steps, 1000, disabled=locked)
            name = second.text_input(_("Name (optional)"), max_chars=80, disabled=locked)
            halt = (
                st.checkbox(_("Pause this run, so that the fork can begin"), value=True, disabled=locked)
                if run.is_active
                else False
            )
            pressed = st.form_submit_button(
                _("Fork and train"), type="primary", disabled=locked, help=access.why_locked()
            )
        if pressed:
            changes = {name: value for name, value in values.items() if value != getattr(current, name)}
            if halt and watched.run().is_active:
                sessions.pause(run.id)
            forked = sessions.fork(run.id, changes, steps=int(steps), name=name)
            open_run(forked.id)

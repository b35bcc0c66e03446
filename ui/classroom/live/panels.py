"""Below the live view: edit while it runs, fork, downloads, networks. These aren't drawn again at each poll."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from gan_core import data
from gan_core.data.base import columns_for
from gan_core.hparams import AdversarialHParams, TrainingHParams
from gan_core.knobs import Knob, changed, differences, knobs
from gan_core.runs.classes import class_names
from gan_core.runs.store import Run
from ui.classroom.live import downloads, forks, network_panel
from ui.classroom.live.feed import Feed
from ui.classroom.shell import access, knob_widgets, sessions, warm
from ui.classroom.shell.errors import shown
from ui.classroom.shell.i18n import STATE, _
from ui.classroom.shell.store import store
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


def settings_of(watched: Feed) -> TrainingHParams | None:
    """The run's settings with all edits so far; None where the recipes aren't loaded yet."""
    recipe = _recipe(watched.run())
    return recipe.settings(watched.hparams) if recipe else None


def remedies_of(run: Run) -> tuple[str, ...]:
    """The remedies that the run's preset sends the user to try."""
    recipe = _recipe(run)
    presets = recipe.presets if recipe else ()
    return next((preset.remedies for preset in presets if preset.name == run.spec.preset), ())


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


def show(watched: Feed, own_downloads: bool = True) -> None:
    """The folded panels; imports torch if nobody has yet, with the live view above painted already.

    `own_downloads`: with those of samples, curves and weights.
    """
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
        if own_downloads:
            _panel(_("Downloads"), "download", "download-panel", downloads.show, watched)
        if run.spec.data not in data.sources and not is_points(run.spec.data) and access.may_steer():
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
    from ui.classroom.train import data_panel

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
        st.caption(
            _("A change acts from the next step on, and the curves get a mark where it happened. Schedules (decay, "
              "warm-up, fading noise, top-k) count from the step at which one of their settings changes.")
        )  # fmt: skip
        with st.form(f"edit-{watched.id}-{edits}", border=False):
            values = knob_widgets.draw(
                current, names, f"edit-{watched.id}-{edits}", locked, is_points(watched.run().spec.data)
            )
            pressed = st.form_submit_button(_("Apply"), type="primary", disabled=locked, help=access.why_locked())
        if pressed:
            if unread := knob_widgets.unread(current, values):
                st.error(knob_widgets.correct_first(unread), icon=":material/error:")
                return
            changes = differences(current, changed(current, values))
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
    from gan_core.training.forking import start_of

    with shown():
        run = watched.run()
        current = _recipe(run).settings(watched.hparams)
        locked = not access.may_steer()
        st.caption(
            _("A fork is a new run that goes on from this one with other settings, also with such as can't change in a "
              "running run. What it keeps is said below.")
        )  # fmt: skip
        now = {name: getattr(current, name) for name in knobs(current)}
        values = knob_widgets.draw_calm(current, now, f"fork-{watched.id}", points=is_points(run.spec.data))
        first, second = st.columns(2)
        with first:
            usual = max(run.spec.steps, 2 * run.step) if run.spec.steps else 0
            steps = knob_widgets.control("steps", int, usual, forks.STEPS, f"fork-{watched.id}-steps", locked)
        name = second.text_input(_("Name (optional)"), max_chars=80, disabled=locked)
        halt = run.is_active and st.checkbox(
            _("Pause this run, so that the fork can begin"), value=True, disabled=locked
        )
        if unread := [*knob_widgets.unread(current, values), *([forks.STEPS.label] if isinstance(steps, str) else [])]:
            st.error(knob_widgets.correct_first(unread), icon=":material/error:")
            return
        hparams = changed(current, values)
        start = start_of(store(), run, hparams)
        st.markdown(forks.starts(start, hparams, run))
        if problem := forks.too_short(start, steps):
            st.error(problem, icon=":material/error:")
        pressed = st.button(
            _("Fork and train"), type="primary", disabled=locked or bool(problem), help=access.why_locked(),
            key="fork-and-train",
        )  # fmt: skip
        if pressed and not problem:
            if halt and watched.run().is_active:
                sessions.pause(run.id)
            forked = sessions.fork(run.id, differences(current, hparams), steps=int(steps), name=name)
            open_run(forked.id)

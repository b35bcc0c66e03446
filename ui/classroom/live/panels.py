"""Panels below the live view: edits, fork, downloads, networks. They aren't redrawn at each poll."""

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
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import STATE, _
from ui.classroom.shell.store import store
from ui.texts import is_points, plain


def _recipe(run: Run) -> Any:
    """Returns the run's recipe if recipes are already loaded; None if they aren't or the recipe is unknown."""
    if not warm.is_ready():
        return None
    recipes = sys.modules["gan_core.gans"].recipes
    return recipes.get(run.spec.recipe) if run.spec.recipe in recipes else None


def settings_of(watched: Feed) -> TrainingHParams | None:
    """Returns the run's settings with all edits so far; None until recipes are loaded."""
    recipe = _recipe(watched.run())
    return recipe.settings(watched.hparams) if recipe else None


def remedies_of(run: Run) -> tuple[str, ...]:
    """Returns the remedies that the run's preset suggests."""
    recipe = _recipe(run)
    presets = recipe.presets if recipe else ()
    return next((preset.remedies for preset in presets if preset.name == run.spec.preset), ())


def knobs_of(run: Run) -> Mapping[str, Knob]:
    """Returns the run's knobs by name; until recipes are loaded, those that all latent GANs share."""
    recipe = _recipe(run)
    return knobs(recipe.hparams if recipe else AdversarialHParams)


def preset_of(run: Run) -> str:
    """Returns what to look for in a run of a preset; "" otherwise."""
    recipe = _recipe(run)
    presets = recipe.presets if recipe else ()
    return next((preset.look_for for preset in presets if preset.name == run.spec.preset), "")


def compared_in(run: Run) -> tuple[str, ...]:
    """Returns the labels of the pictures shown side by side by an image-to-image run; () otherwise."""
    recipe = _recipe(run)
    return recipe.compared if recipe else ()


def grid_columns(run: Run) -> int | None:
    """Returns how many samples of a conditional run are in a row; None if columns don't correspond to classes."""
    recipe = _recipe(run)
    if recipe is None or not recipe.conditional:
        return None
    classes = len(class_names(store(), run))
    return columns_for(classes) if 2 <= classes <= 16 else None


def open_run(id: str) -> None:
    """Opens another run on this page; doesn't return."""
    st.query_params.from_dict({"lang": st.session_state.get(STATE, "en"), "run": id})
    st.rerun(scope="app")


def show(watched: Feed, own_downloads: bool = True) -> None:
    """Renders the collapsed panels; imports torch if necessary, after the live view has been rendered.

    `own_downloads`: also the downloads of samples, curves and weights.
    """
    run = watched.run()
    st.divider()
    if not warm.is_ready():
        with st.spinner(_("Loading PyTorch, once per start …")):
            warm.now()
        st.rerun()
    with showing_errors():
        if _recipe(run) is None:
            sys.modules["gan_core.gans"].recipes.get(run.spec.recipe)  # raises UnknownName
        if run.is_active:
            _panel(_("Edit settings while training"), "tune", "edit-panel", _edit, watched)
        _panel(_("Fork: a new run with other settings"), "call_split", "fork-panel", _fork, watched)
        if own_downloads:
            _panel(_("Downloads"), "download", "download-panel", downloads.show, watched)
        if run.spec.data not in data.sources and not is_points(run.spec.data) and access.may_steer():
            _panel(_("Your images"), "photo_library", "data-panel", _user_images, run)
        title = _("Networks, equation and source")
        _panel(title, "hub", "network-panel", lambda watched: network_panel.show(run, watched.hparams), watched)


def _panel(title: str, icon: str, key: str, draw: Callable[[Any], None], subject: Any) -> None:
    """A collapsed panel, rendered only while open, because each element costs the browser time at every poll."""
    panel = st.expander(title, icon=f":material/{icon}:", key=key, on_change="rerun")
    if panel.open:
        with panel:
            draw(subject)


@st.fragment
def _user_images(run: Run) -> None:
    """Shows what was read from the user's files, from the cache that the run trains on."""
    from ui.classroom.train import data_panel

    with showing_errors(), st.spinner(_("Reading the images …")):
        data_panel.found(data.load(run.spec.data, run.spec.size))


@st.fragment
def _edit(watched: Feed) -> None:
    with showing_errors():
        recipe = _recipe(watched.run())
        current = recipe.settings(watched.hparams)
        names = [name for name, knob in knobs(current).items() if knob.change == "live"]
        locked = not access.may_steer()
        edits = sum(event.kind in ("edit", "rollback") for event in watched.events)
        _rates(watched, current)
        st.caption(
            _("Changes take effect at the next step, and a mark in the curves shows where. Schedules (decay, "
              "warm-up, instance noise, top-k) count from the step at which one of their settings changes.")
        )  # fmt: skip
        with st.form(f"edit-{watched.id}-{edits}", border=False):
            values = knob_widgets.draw(
                current, names, f"edit-{watched.id}-{edits}", locked, is_points(watched.run().spec.data)
            )
            pressed = st.form_submit_button(_("Apply"), type="primary", disabled=locked, help=access.why_locked())
        if pressed:
            if invalid_fields := knob_widgets.invalid_fields(current, values):
                st.error(knob_widgets.correct_first(invalid_fields), icon=":material/error:")
                return
            changes = differences(current, changed(current, values))
            if not changes:
                st.info(_("No settings changed."))
                return
            sessions.edit(watched.id, changes)
            described = ", ".join(
                _("{name}: {value}").format(name=_(knobs(current)[name].label), value=knob_widgets.value_word(value))
                for name, value in changes.items()
            )
            st.success(_("Changes sent: {changes}").format(changes=plain(described)), icon=":material/check:")


def _rates(watched: Feed, current: Any) -> None:
    """Shows the current learning rates if a schedule makes them differ from those in the fields."""
    described = knobs(current)
    for player in ("generator", "discriminator"):
        now, base = watched.newest(f"rate/{player}"), getattr(current, f"{player}_rate", None)
        if now is None or not base or abs(now - base) <= 0.01 * base:
            continue
        words = _(
            "{label}: {now} at this step. The field below holds the base value {base}, which the schedule "
            "'{schedule}' scales."
        )
        st.caption(words.format(
            label=_(described[f"{player}_rate"].label), now=f"{now:.2g}", base=f"{base:.2g}",
            schedule=plain(knob_widgets.choice_word(current.schedule)),
        ))  # fmt: skip


@st.fragment
def _fork(watched: Feed) -> None:
    from gan_core.training.forking import start_of

    with showing_errors():
        run = watched.run()
        current = _recipe(run).settings(watched.hparams)
        locked = not access.may_steer()
        st.caption(
            _("A fork is a new run that continues from this one with other settings, including those that can't "
              "change while a run trains. The text below says what it keeps.")
        )  # fmt: skip
        now = {name: getattr(current, name) for name in knobs(current)}
        values = knob_widgets.draw_all(current, now, f"fork-{watched.id}", points=is_points(run.spec.data))
        first, second = st.columns(2)
        with first:
            usual = max(run.spec.steps, 2 * run.step) if run.spec.steps else 0
            steps = knob_widgets.control("steps", int, usual, forks.STEPS, f"fork-{watched.id}-steps", locked)
        name = second.text_input(_("Name (optional)"), max_chars=80, disabled=locked, key=f"fork-{watched.id}-name")
        halt = run.is_active and st.checkbox(
            _("Pause this run so that the fork can start"), value=True, disabled=locked
        )
        if invalid_fields := [
            *knob_widgets.invalid_fields(current, values),
            *([forks.STEPS.label] if isinstance(steps, str) else []),
        ]:
            st.error(knob_widgets.correct_first(invalid_fields), icon=":material/error:")
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

"""Presets as cards: a few for beginners, the others by group."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from gan_core import data
from gan_core.gans import Preset, Recipe
from ui.classroom.shell import access
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import N_, _
from ui.classroom.train import train_choices
from ui.classroom.train.setup import Setup, preset_setup
from ui.texts import data_title, duration, joined, size_word

BEGIN = "begin"
TITLES = {BEGIN: N_("For beginners")} | train_choices.GROUPS
ROW = 3  # cards per row


def show(launch: Callable[[Setup], None], adjust: Callable[[Setup], None]) -> None:
    """Renders the cards; `launch` starts a run, `adjust` loads the settings into the form."""
    st.subheader(_("Presets"), anchor=False)
    shelves = {BEGIN: train_choices.presets_to_begin_with()}
    for recipe, preset in train_choices.presets():
        shelves.setdefault(train_choices.group_of(recipe), []).append((recipe, preset))
    names = [name for name in TITLES if name in shelves]
    chosen = st.segmented_control(
        _("Presets"), names, default=BEGIN, key="preset-shelf", required=True,
        format_func=lambda name: _(TITLES[name]), label_visibility="collapsed",
    )  # fmt: skip
    presets = shelves[chosen or BEGIN]
    for start in range(0, len(presets), ROW):
        columns = st.columns(ROW)
        for column, (recipe, preset) in zip(columns, presets[start : start + ROW], strict=False):
            with column:
                _card(recipe, preset, launch, adjust)


def _card(recipe: Recipe, preset: Preset, launch: Callable[[Setup], None], adjust: Callable[[Setup], None]) -> None:
    key = f"{recipe.name}-{preset.name}"
    with st.container(border=True, height="stretch", key=f"card-{key}"):
        st.markdown(f"**{_(preset.title)}**")
        time = _("results in about {time}").format(time=duration(preset.seconds))
        st.caption(joined(_(recipe.title), data_title(preset.data), size_word(preset.data, preset.size), time))
        st.write(_(preset.look_for))
        if not (preset.data in data.sources and data.source(preset.data).available()):
            st.caption(":material/download: " + _("The data are downloaded first."))
        with st.container(horizontal=True):
            pressed = st.button(
                _("Train"), key=f"preset-{key}", type="primary", icon=":material/play_arrow:",
                disabled=not access.may_steer(), help=access.why_locked(),
            )  # fmt: skip
            if st.button(_("Adjust"), key=f"adjust-{key}", icon=":material/tune:"):
                adjust(preset_setup(recipe, preset))
        if pressed:
            with showing_errors():
                launch(preset_setup(recipe, preset))

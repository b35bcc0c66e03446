"""Before a run: the points to learn, the noise, the settings. All of it is in the link."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from gan_core.data import sources
from gan_core.data.user import drawn_points
from gan_core.errors import GanscopeError
from gan_core.gans import recipes
from gan_core.knobs import HParams, knobs
from ui.classroom.playground import hand, layers, own_points, plot
from ui.classroom.shell import access, knob_widgets, sessions
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import STATE, _
from ui.classroom.train.setup import Setup, from_query, to_query
from ui.texts import data_title, error_sentence, number, plain

RECIPE = "points"
# defaults of a new playground; without EMA, so that the networks shown are those that are trained
STANDARD = {"recipe": RECIPE, "data": "two_moons", "steps": "0", "ema": "0.0"}
OWN = "own"  # value of the data selector for the user's own points
CURRENT, WRITTEN, ROUND, PROBLEMS = (f"playground.{name}" for name in ("setup", "query", "round", "problems"))


def show(open_run: Callable[..., None]) -> None:
    """The whole page before a run; `open_run` shows the one that was started."""
    _arrive()
    st.title(_("Playground"), anchor=False)
    with st.container(key="lead"):
        st.markdown(
            _("A GAN in the plane: the generator turns noise into points, the discriminator tells them from the data. "
              "Choose the data, press Run, and watch what each network sees. Everything can be changed while it runs.")
        )  # fmt: skip
    for problem in st.session_state.get(PROBLEMS, []):
        st.warning(
            _("Part of this link is invalid, so the default is used instead: {problem}").format(
                problem=plain(error_sentence(problem))
            ),
            icon=":material/link_off:",
        )
    setup: Setup = st.session_state[CURRENT]
    turn = st.session_state[ROUND]
    reference = _data(setup, turn)
    if reference == OWN:
        with showing_errors():
            own_points.show(setup.data, lambda chosen: _take(replace(setup, data=chosen)))
        return
    if reference != setup.data:
        _take(replace(setup, data=reference))
    setup = _settings(setup, turn)
    st.session_state[CURRENT] = setup
    _write(setup)
    _start(setup, open_run)
    with showing_errors():
        plot.preview(setup.data, _valid(setup), key=f"preview-{turn}")


def link(setup: Setup) -> dict[str, str]:
    """The query that holds a setup; raises BadValue where its settings aren't valid."""
    query = to_query(replace(setup, preset=""))
    if drawn_points.is_drawn(setup.data):
        query["data"] = drawn_points.in_link(setup.data)
    query.setdefault("ema", str(recipes.get(RECIPE).hparams.ema))
    query.pop("size", None)
    return {name: value for name, value in query.items() if STANDARD.get(name) != value}


def _arrive() -> None:
    """Takes the setup from the link unless this page wrote it there."""
    query = _query()
    if CURRENT in st.session_state and query == st.session_state.get(WRITTEN):
        return
    setup, problems = from_query({**STANDARD, **query, "recipe": RECIPE})
    _take(setup, rerun=False)
    st.session_state[PROBLEMS] = problems


def _query() -> dict[str, str]:
    left_out = ("lang", "run", "preset", "recipe", "size", layers.QUERY, hand.QUERY)
    return {name: value for name, value in st.query_params.to_dict().items() if name not in left_out}


def _take(setup: Setup, rerun: bool = True) -> None:
    """Shows another setup, in new widgets."""
    st.session_state[CURRENT] = setup
    st.session_state[ROUND] = st.session_state.get(ROUND, 0) + 1
    st.session_state[PROBLEMS] = []
    _write(setup)
    if rerun:
        st.rerun()


def _write(setup: Setup) -> None:
    try:
        query = link(setup)
    except GanscopeError:  # reported below the fields, and not stored in a link
        return
    st.session_state[WRITTEN] = query
    if _query() != query:
        kept = {name: asked for name in (layers.QUERY, hand.QUERY) if (asked := st.query_params.get(name))}
        st.query_params.from_dict({"lang": st.session_state.get(STATE, "en"), **kept, **query})


def _valid(setup: Setup) -> HParams | None:
    """Returns the settings; None if they aren't valid, which is reported below the fields."""
    try:
        return setup.settings()
    except GanscopeError:
        return None


def _data(setup: Setup, turn: int) -> str:
    own = [setup.data] if drawn_points.is_drawn(setup.data) else []
    options = [*(source.name for source in sources if source.mixture), *own, OWN]
    chosen: str | None = st.pills(
        _("Data"), options, default=setup.data, key=f"play-data-{turn}", required=True,
        format_func=lambda name: _("Draw or paste your own …") if name == OWN else data_title(name),
    )  # fmt: skip
    return chosen or setup.data


def _settings(setup: Setup, turn: int) -> Setup:
    """Renders the noise first, then every knob, collapsed by group."""
    recipe = recipes.get(RECIPE)
    prefix = f"play{turn}"
    first, second, third = st.columns(3)
    described = knobs(recipe.hparams)
    values: dict[str, Any] = dict(setup.hparams)
    with first:
        values["noise"] = knob_widgets.control(
            "noise", str, setup.hparams["noise"], described["noise"], f"{prefix}-noise", False
        )
    with second:
        values["latent_size"] = knob_widgets.control(
            "latent_size", int, setup.hparams["latent_size"], described["latent_size"], f"{prefix}-dimension",
            False,
        )  # fmt: skip
    with third:
        steps = knob_widgets.control("steps", int, setup.steps, knob_widgets.STEPS, f"{prefix}-steps", False)
    with st.expander(_("All settings"), icon=":material/tune:", key="play-settings"):
        rest = knob_widgets.draw_all(recipe.hparams, values, prefix, fixed=("noise", "latent_size"), points=True)
    values |= {name: value for name, value in rest.items() if name not in ("noise", "latent_size")}
    return replace(setup, hparams=values, steps=steps)


def _start(setup: Setup, open_run: Callable[..., None]) -> None:
    problem = ""
    try:
        if invalid := setup.invalid_fields():
            problem = knob_widgets.correct_first(invalid)
        else:
            setup.plan()
    except GanscopeError as error:
        problem = error_sentence(error)
    if problem:
        st.error(plain(problem), icon=":material/error:")
    locked = not access.may_steer() or bool(problem)
    why = access.why_locked() or plain(problem) or None
    with st.container(horizontal=True, key="play-start"):
        run = st.button(
            _("Run"), type="primary", icon=":material/play_arrow:", key="play-run", disabled=locked, help=why
        )
        step = st.button(
            _("Step by step"), icon=":material/skip_next:", key="play-step", disabled=locked,
            help=why or _("Starts paused, before the first step."),
        )  # fmt: skip
        both = st.button(
            _("Two side by side"), icon=":material/view_column_2:", key="play-both", disabled=locked,
            help=why or _("Two runs from the same seed, in step with each other: change one thing in one of them."),
        )  # fmt: skip
    if (run or step or both) and not problem:
        with showing_errors():
            made = [sessions.start(setup.plan(), paused=step or both).id for _place in range(1 + both)]
            open_run(*made)
    st.caption(":material/link: " + _("The address of this page holds the data and all settings."))
    if drawn_points.is_drawn(setup.data):
        count = len(drawn_points.points_of(setup.data))
        if count > drawn_points.IN_LINK:
            st.caption(
                _("A link can hold {most} points: it has {most} of your {count}.").format(
                    most=number(drawn_points.IN_LINK), count=number(count)
                )
            )

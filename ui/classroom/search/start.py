"""Starts, watches and stops a search. The search runs in its own process."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import streamlit as st

from gan_core.errors import GanscopeError
from gan_core.search import plan as plans
from gan_core.search import process, space
from gan_core.search.plan import SearchPlan
from ui.classroom import home
from ui.classroom.shell import access, warm
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import N_, _
from ui.classroom.shell.knob_widgets import value_word
from ui.classroom.shell.store import store
from ui.texts import data_title, error_sentence, joined, number, paragraph, plain, size_word

POLL = 3.0  # seconds
TRIALS = 20
FIRST = ("generator_rate", "discriminator_rate")  # knobs that are offered first
FIRST_PRESET = (home.FIRST["recipe"], home.FIRST["preset"])
DISTANCE, EYE = "distance", "eye"
JUDGES = {DISTANCE: N_("Distance"), EYE: N_("Your eye")}
RESULT = re.compile(r"trial (?P<number>\d+): \S+ (?P<value>\S+) \((?P<low>\S+) to (?P<high>\S+)\)")  # in the log
SPREAD = 10  # factor of a range around the current value, upwards and downwards


def watch(name: str) -> bool:
    """Shows the running search, refreshed until it ends; returns whether it is the one named."""
    running = process.running()
    if not running:
        return False
    started = process.last(running)
    total = int(started.asked.get("trials", 0)) if started else 0
    seen = process.last_line(running)

    @st.fragment(run_every=POLL)
    def again() -> None:
        if process.running() != running or process.last_line(running) != seen:
            st.rerun()
        words = _("The search {name} is running: up to {count} trials.")
        if not total:  # by eye
            words = _("The search {name} is training trials for you to judge.")
        last = _("Last: {line}").format(line=plain(_line_words(seen))) if seen.startswith("trial ") else ""
        st.info(paragraph(words.format(name=plain(running), count=total), last), icon=":material/progress_activity:")
        _trained(running)

    again()
    if st.button(
        _("Stop the search"), icon=":material/stop:", key="search-stop", disabled=not access.may_steer(),
        help=access.why_locked() or _("The trial in progress is kept and resumes when you continue."),
    ):  # fmt: skip
        with showing_errors():
            access.require_steering()
            with st.spinner(_("Stopping …")):
                process.stop(running)
            st.rerun()
    return running == name


def _line_words(line: str) -> str:
    """A line of the search's log; the result of a trial in the visitor's language, without the figure's name."""
    found = RESULT.fullmatch(line.strip())
    return _("trial {number}: distance {value} ({low} to {high})").format(**found.groupdict()) if found else line


def _trained(name: str) -> None:
    """Describes the progress of the trial in training."""
    for run in store().runs():
        if run.is_active and run.name.rpartition(" ")[0] == name and run.spec.steps:
            words = _("trial {number}: step {step} of {steps}").format(
                number=run.name.rpartition(" ")[2], step=number(run.step), steps=number(run.spec.steps)
            )
            st.progress(min(1.0, run.step / run.spec.steps), words)


def go_on(plan: SearchPlan, done: int) -> None:
    """A button that adds trials to a search that isn't running."""
    locked = not access.may_steer()
    first, second = st.columns([1, 3], vertical_alignment="bottom")
    more = first.number_input(_("More trials"), 1, 1000, 10, key="search-more", disabled=locked)
    if second.button(
        _("Continue the search"), icon=":material/play_arrow:", key="search-continue", help=access.why_locked(),
        disabled=locked or bool(process.running()),
    ):  # fmt: skip
        _begin(plan, done + int(more))
    started = process.last(plan.name)
    if started and done < int(started.asked.get("trials", 0)) and (line := process.last_line(plan.name)):
        st.caption(_("Last line of its log: {line}").format(line=plain(_line_words(line))))


def form(expanded: bool) -> None:
    """Asks for a preset, knobs with their ranges, and how many trials."""
    with st.expander(_("New search"), icon=":material/add:", expanded=expanded):
        with st.spinner(_("Loading PyTorch …")):
            warm.now()
        with showing_errors():
            plan, trials = _asked()
            locked = not access.may_steer()
            if st.button(
                _("Start the search"), type="primary", icon=":material/play_arrow:", key="search-start",
                disabled=plan is None or locked or bool(process.running()), help=access.why_locked(),
            ):  # fmt: skip
                assert plan is not None
                _begin(plan, trials)


def _asked() -> tuple[SearchPlan | None, int]:
    from gan_core.gans import recipes
    from gan_core.knobs import knobs, to_dict
    from gan_core.training import schedule

    offered = {
        (recipe.name, preset.name): _("{name}: {value}").format(name=_(recipe.title), value=_(preset.title))
        for recipe in sorted(recipes, key=lambda recipe: FIRST[0] not in knobs(recipe.hparams))
        if recipe.task in ("images", "points") and recipe.draws
        for preset in recipe.presets
    }
    first, second = st.columns([3, 1])
    start = first.selectbox(
        _("Start from"), list(offered), list(offered).index(FIRST_PRESET) if FIRST_PRESET in offered else 0,
        format_func=offered.__getitem__, key="search-preset",
        help=_("The first trial has this preset's settings; every other one differs from it in the knobs below."),
    )  # fmt: skip
    recipe = recipes.get(start[0])
    preset = recipe.preset(start[1])
    steps = second.number_input(
        _("Steps per trial"), 10, 1_000_000, max(10, preset.steps // 4), key=f"search-steps-{'-'.join(start)}",
        help=_("Short trials find good settings for short runs: a quarter of the preset's steps is a fair start."),
    )  # fmt: skip
    described = knobs(recipe.hparams)
    settings = recipe.settings(preset.hparams)
    varied = [name for name, knob in described.items() if _default(settings, name)]
    chosen = st.multiselect(
        _("Settings to vary"), varied, default=[name for name in FIRST if name in varied],
        format_func=lambda name: _(described[name].label), key=f"search-knobs-{recipe.name}",
    )  # fmt: skip
    ranges, wrong = [], False
    for name in chosen:
        typed = st.text_input(
            _(described[name].label), _default(settings, name), key=f"search-range-{'-'.join(start)}-{name}",
            help=_("LOW:HIGH, with :log to search evenly in the logarithm; choices are separated by |."),
        )  # fmt: skip
        try:
            ranges.append(space.parse(recipe.hparams, f"{name}:{typed}" if typed.strip() else name))
        except GanscopeError as error:
            wrong = True
            st.markdown(f":red[{plain(error_sentence(error))}]")
    first, second = st.columns(2)
    judge = first.segmented_control(
        _("Judged by"), list(JUDGES), default=DISTANCE, required=True, format_func=lambda name: _(JUDGES[name]),
        key="search-judge",
    )  # fmt: skip
    trials = TRIALS
    if judge == DISTANCE:
        trials = int(second.number_input(_("Trials"), 1, plans.MOST_TRIALS, TRIALS, key="search-trials"))
        words = paragraph(
            _("A trial is judged by how far its samples are from real ones."),
            _("At the end, the first trial and the three best are trained again with other seeds."),
        )
    else:
        words = _("Four trials are shown side by side; you click the worst, and the next one is trained.")
    name = first.text_input(
        _("Name"), _free(f"{recipe.name}-{preset.name}{'' if judge == DISTANCE else '-by-eye'}"),
        key=f"search-name-{judge}-{'-'.join(start)}",
    )  # fmt: skip
    st.caption(joined(data_title(preset.data), size_word(preset.data, preset.size), words))
    if wrong or not ranges:
        return None, trials
    # a preset's schedules are for the preset's steps
    changes = {**preset.hparams, **schedule.of_length(to_dict(settings), preset.steps, int(steps))}
    base = recipe.plan(preset.data, preset.size, int(steps), changes, preset.name)
    return SearchPlan(name.strip(), base, tuple(ranges), by_eye=judge == EYE), trials


def _default(settings: object, name: str) -> str:
    """The range that is offered for a knob, without its name; "" for one that can't be varied."""
    from gan_core.knobs import knob_type, knobs

    described, kind = knobs(settings)[name], knob_type(type(settings), name)  # type: ignore[arg-type]
    if name == space.SEED:
        return ""
    if described.choices:
        return "|".join(described.choices)
    if kind is bool:
        return "false|true"
    if kind not in (int, float) or described.low is None or described.high is None:
        return ""
    value = getattr(settings, name)
    low, high = described.low, described.high
    if described.logarithmic and value > 0:
        low, high = max(low, value / SPREAD), min(high, value * SPREAD)
    if kind is int:
        low, high = max(described.low, round(low)), min(described.high, round(high))
    return f"{low:g}:{high:g}" + (":log" if described.logarithmic and low > 0 else "")


def settings_words(plan: SearchPlan, settings: Mapping[str, Any]) -> str:
    """The varied settings of a trial by their labels, in a line."""
    labels = labels_of(plan)
    return ", ".join(f"{labels.get(name, name)} {value_words(value)}" for name, value in settings.items())


def value_words(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return value_word(value) if isinstance(value, (bool, str)) else str(value)


def range_words(plan: SearchPlan) -> list[str]:
    """The ranges of a search by the labels of its settings."""
    labels, found = labels_of(plan), []
    for one in plan.ranges:
        low, high = (f"{end:.0f}" if one.whole else f"{end:g}" for end in (one.low, one.high))
        choices = _(", ").join(map(value_words, one.choices))
        value = choices or _("{low} to {high}").format(low=low, high=high)
        found.append(_("{name}: {value}").format(name=labels[one.knob], value=value))
    return found


def labels_of(plan: SearchPlan) -> dict[str, str]:
    """The labels of the settings that a search varies, by name."""
    from gan_core.gans import recipes
    from gan_core.knobs import knobs

    described = knobs(recipes.get(plan.base.recipe).hparams)
    return {one.knob: _(described[one.knob].label) for one in plan.ranges}


def _free(name: str) -> str:
    """The name, with a number if a search already has it."""
    taken = plans.names()
    return next(one for one in (name, *(f"{name}-{number}" for number in range(2, 10_000))) if one not in taken)


def _begin(plan: SearchPlan, trials: int) -> None:
    from gan_core.search import preferring, running

    access.require_steering()
    running.check(plan)
    if plan.by_eye:
        preferring.check(plan)
    process.start(plan, 0 if plan.by_eye else trials)
    st.session_state["search"] = plan.name
    st.rerun()

"""Starts, monitors and stops a study. Rendered without torch: the study runs in its own process."""

from __future__ import annotations

import time

import streamlit as st

from gan_core import data
from gan_core.data.base import Source
from gan_core.knobs import Knob
from gan_core.study import duration, process, results
from gan_core.study.plan import ARMS, LIMITS, SIZES, StudyPlan, fitting
from gan_core.study.process import Started
from gan_core.study.results import StudyFolder
from ui.classroom.shell import access, knob_widgets
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import N_, _
from ui.classroom.study.words import ARM_NAMES
from ui.texts import data_title, plain
from ui.texts import duration as length

POLL = 2.0  # seconds
COUNTS = (20, 50, 100, 200, 500)  # options: real images per class
FEW = (20, 100)  # selected by default
SMALL = {"seeds": 3, "steps": 200, "gan_steps": 500}
NUMBERS = {
    "seeds": Knob(
        N_("Repetitions"), N_("Each uses different images, another GAN and another classifier."), *LIMITS["seeds"]
    ),
    "steps": Knob(
        N_("Steps per classifier"), N_("The same in every arm, so that none trains longer."), *LIMITS["steps"]
    ),
    "gan_steps": Knob(N_("Steps per GAN"), N_("With too few steps, GAN images are noise."), *LIMITS["gan_steps"]),
}


def show() -> None:
    """Shows the running study, or a form to start one."""
    started = process.last()
    if started and started.runs:
        _running(started)
        return
    if started:
        _ended(started)
    with st.expander(_("New study"), icon=":material/add:", expanded=not results.found()):
        _form()


def _running(started: Started) -> None:
    """Shows progress, remaining time and a stop button, refreshed while it runs."""
    seen = _done(started)

    @st.fragment(run_every=POLL)
    def again() -> None:
        if not started.runs or _done(started) != seen:
            st.rerun()
        folder = StudyFolder.of(started.plan)
        planned = len(list(started.plan.cells()))
        words = _("{data}: {done} of {planned} classifiers done, about {left} left").format(
            data=data_title(started.plan.data), done=seen, planned=planned,
            left=length(duration.left(started.plan, folder)),
        )  # fmt: skip
        if not seen:
            words = _("{data}: loading PyTorch and training the first networks ({seconds}) …").format(
                data=data_title(started.plan.data), seconds=length(time.time() - started.since)
            )
        st.progress(seen / planned, words)

    again()
    if st.button(
        _("Stop the study"), icon=":material/stop:", key="study-stop", disabled=not access.may_steer(),
        help=access.why_locked() or _("Results so far are kept. To continue, start again with the same settings."),
    ):  # fmt: skip
        with showing_errors():
            access.require_steering()
            with st.spinner(_("Stopping …")):
                process.stop()
            st.rerun()


def _done(started: Started) -> int:
    folder = StudyFolder.of(started.plan)
    return sum(folder.result(cell) is not None for cell in started.plan.cells())


def _ended(started: Started) -> None:
    """Reports the last study if it ended early."""
    if _done(started) == len(list(started.plan.cells())):
        return
    said = process.last_line()
    st.warning(
        _("The study on {data} ended early. Last line of its log: {line}").format(
            data=data_title(started.plan.data), line=plain(said) or "–"
        ),
        icon=":material/warning:",
    )
    if st.button(
        _("Resume the study"), icon=":material/play_arrow:", key="study-resume", disabled=not access.may_steer(),
        help=access.why_locked(),
    ):  # fmt: skip
        _begin(started.plan)


def _form() -> None:
    offered = labelled()
    first, second = st.columns([3, 2])
    name = first.selectbox(
        _("Data"), list(offered), format_func=data_title, key="study-data",
        help=_("Labelled images on this computer. To get more: ganscope data get."),
    )  # fmt: skip
    native = fitting(offered[name].size)
    size = second.selectbox(
        _("Image size"), SIZES, SIZES.index(native), lambda size: f"{size} × {size} px", key=f"study-size-{name}",
        help=_("Doubling it takes about four times as long."),
    )  # fmt: skip
    counts = st.pills(
        _("Real images per class"), COUNTS, default=FEW, selection_mode="multi", key="study-k",
        help=_("One comparison per number. GAN images are expected to help most when there are few real ones."),
    )  # fmt: skip
    arms = st.pills(
        _("Arms to compare"), ARMS, default=ARMS, selection_mode="multi", key="study-arms",
        format_func=lambda arm: _(ARM_NAMES[arm]),
    )  # fmt: skip
    locked = not access.may_steer()
    numbers: dict[str, int | str] = {}
    for column, (name_, knob) in zip(st.columns(3), NUMBERS.items(), strict=True):
        with column:
            numbers[name_] = knob_widgets.control(name_, int, SMALL[name_], knob, f"study-{name_}", locked)
    plan = None
    with showing_errors():
        if not any(isinstance(typed, str) for typed in numbers.values()):
            seeds, steps, gan_steps = (int(number) for number in numbers.values())
            plan = StudyPlan(name, size, tuple(sorted(counts)), 0, seeds, steps, gan_steps, tuple(arms))
    if plan:
        took = _(
            "{classifiers} classifiers and their GANs take about {time} on one core of the reference machine; longer "
            "while other runs train."
        )
        st.caption(took.format(classifiers=len(list(plan.cells())), time=length(duration.expected(plan))))
    pressed = st.button(
        _("Start the study"), type="primary", icon=":material/play_arrow:", key="study-start",
        disabled=plan is None or locked, help=access.why_locked(),
    )  # fmt: skip
    if pressed and plan:
        _begin(plan)


def _begin(plan: StudyPlan) -> None:
    with showing_errors():
        access.require_steering()
        process.start(plan)
        st.rerun()


def runs_in(folder: StudyFolder) -> bool:
    """Whether a study is running in this folder."""
    started = process.last()
    return bool(started and started.runs and StudyFolder.of(started.plan).path == folder.path)


def labelled() -> dict[str, Source]:
    """Returns the data sets that can be used for a study now."""
    return {
        source.name: source
        for source in data.sources
        if source.class_names and source.task == "images" and source.available()
    }

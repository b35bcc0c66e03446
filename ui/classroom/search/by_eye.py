"""Four trials of a search by eye side by side: a click on the worst starts the next one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from gan_core.search import process
from gan_core.search.plan import SearchPlan
from ui.classroom.search import start
from ui.classroom.shell import access
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.grids import dots, encode, picture
from ui.classroom.shell.i18n import _
from ui.classroom.shell.store import store
from ui.texts import is_points, paragraph, plain

if TYPE_CHECKING:
    from optuna import Study

    from gan_core.search.results import TrialResult

SEED = 0  # of the latents, the same in all grids
PICTURES, POINTS = 16, 1000  # samples of a trial that are shown
WANTED = "eye-wanted"  # session state key: the search whose next trial is to be trained
WIDTH = 165  # minimum pixels of a grid: two fit next to each other on a phone


def show(plan: SearchPlan, study: Study, found: Sequence[TrialResult], runs_here: bool) -> None:
    """Shows the trials to be judged, each with a button, and other verdicts."""
    from gan_core.search import by_eye

    made = by_eye.choices(study)
    wait = by_eye.waiting(store(), study)[: by_eye.SHOWN]
    numbers = tuple(one.number for one in wait)
    ready = len(wait) >= by_eye.SHOWN
    if st.session_state.get(WANTED) == plan.name and not process.running():
        del st.session_state[WANTED]
        if not ready:
            with showing_errors():
                access.require_steering()
                process.start(plan, 0)
                st.rerun()
    st.markdown(f"**{_('Which is the worst?')}**")
    if ready:
        st.caption(
            _("Each grid is made from the same latents. The one you click makes way for new settings, proposed from "
              "all choices so far ({count}). Keys 1 to 4 work, too.").format(count=len(made))
        )  # fmt: skip
    else:
        st.info(
            paragraph(
                _("{count} of {all} trials are ready to be judged.").format(count=len(wait), all=by_eye.SHOWN),
                _("The next is being trained.") if runs_here else "",
            ),
            icon=":material/hourglass_empty:",
        )
    _grids(plan, study, wait, ready)
    with st.container(horizontal=True):
        if ready:
            _button(plan, study, numbers, None, "0")
        elif not runs_here:
            _train(plan)
        if made:
            _undo(study, made[-1].number)


def _grids(plan: SearchPlan, study: Study, wait: Sequence[TrialResult], ready: bool) -> None:
    from gan_core.search import by_eye

    numbers = tuple(one.number for one in wait)
    grid = st.grid(by_eye.SHOWN, min_column_width=WIDTH, gap="small", key="eye-grids")
    for place, one in enumerate(wait):
        with grid.cell():
            st.markdown(f":small[{_('Trial {number}').format(number=one.number)}]")
            with showing_errors():
                words = _("Samples of trial {number}").format(number=one.number)
                picture(_samples(one.run, plan.base.data, store().get(one.run).step), alt=words)
            if ready:
                _button(plan, study, numbers, one.number, str(place + 1))


@st.cache_data(show_spinner=False, max_entries=64)
def _samples(run: str, data: str, step: int) -> bytes:
    """Samples of a run from the same latents as those of others, as PNG."""
    from gan_core.models import loading
    from gan_core.models.showing import sheet

    sampler = loading.from_run(store(), run)
    if is_points(data):
        return dots(sampler.sample(POINTS, SEED).numpy(), data)
    return encode(sheet(sampler, sampler.sample(PICTURES, SEED), columns=4))


def _button(plan: SearchPlan, study: Study, numbers: tuple[int, ...], worst: int | None, shortcut: str) -> None:
    """A button that judges the trials; its key names them, so that a second click has no effect."""
    shown = "-".join(map(str, numbers))
    unsure = worst is None
    words = _("The newest of the weakest trials is replaced; no preference is recorded.") if unsure else None
    if st.button(
        _("Can't tell") if unsure else _("This is the worst"), key=f"eye-{'unsure' if unsure else worst}-{shown}",
        shortcut=shortcut, disabled=not access.may_steer(), width="content" if unsure else "stretch",
        help=access.why_locked() or words,
    ):  # fmt: skip
        with showing_errors():
            access.require_steering()
            _judged(plan, study, numbers, worst)
            st.rerun()


def _judged(plan: SearchPlan, study: Study, numbers: tuple[int, ...], worst: int | None) -> None:
    """Records the choice; the next trial is trained once no other search is running."""
    from gan_core.search import by_eye

    by_eye.judge(store(), study, numbers, worst)
    st.session_state[WANTED] = plan.name


def _train(plan: SearchPlan) -> None:
    busy = process.running()
    if st.button(
        _("Train until four are ready"), icon=":material/play_arrow:", key="eye-train", help=access.why_locked(),
        disabled=not access.may_steer() or bool(busy), type="primary",
    ):  # fmt: skip
        with showing_errors():
            access.require_steering()
            process.start(plan, 0)
            st.rerun()
    if not busy and process.last(plan.name) and (line := process.last_line(plan.name)):
        st.caption(_("Last line of its log: {line}").format(line=plain(line)))


def _undo(study: Study, number: int) -> None:
    from gan_core.search import by_eye

    if st.button(
        _("Undo the last choice"), icon=":material/undo:", key=f"eye-undo-{number}", shortcut="U",
        disabled=not access.may_steer(), help=access.why_locked(),
    ):  # fmt: skip
        with showing_errors():
            access.require_steering()
            by_eye.undo(study, number)
            st.rerun()


def best(plan: SearchPlan, study: Study, found: Sequence[TrialResult]) -> list[TrialResult]:
    """Says which trial is preferred so far, and how far the distance agrees; returns all, the most preferred first."""
    from gan_core.search import by_eye

    made = by_eye.choices(study)
    order = by_eye.ranked(found, made)
    if not order:
        return []
    wins, of = by_eye.record(made, order[0].number)
    agree, pairs = by_eye.agreement(found, made)
    st.success(
        plain(
            _("Preferred so far: trial {number}, in {wins} of {of} comparisons. {settings}.").format(
                number=order[0].number, wins=wins, of=of, settings=start.settings_words(plan, order[0].settings)
            )
        ),
        icon=":material/trophy:",
    )
    st.caption(
        _("Ranked by the Bradley-Terry model. The distance to real samples agrees with you in {agree} of {pairs} "
          "comparisons.").format(agree=agree, pairs=pairs)
    )  # fmt: skip
    return order

"""The playground: choose points and noise, then watch and steer the run in the plane."""

from __future__ import annotations

import streamlit as st

from gan_core.errors import BadValue
from gan_core.runs.store import Run
from ui.classroom.live import page, panels
from ui.classroom.live.feed import Feed
from ui.classroom.playground import begin, exports, layers, pair, plot, settings
from ui.classroom.shell import warm
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import STATE, _
from ui.classroom.train.setup import of_run
from ui.texts import data_title, is_points, joined, plain

PLANE = "plane"  # beginning of the component's key
BESIDE = "beside"  # in the link: the run shown next to the first
OPEN = "playground.open"  # key of the session's state: a run to be opened


def show() -> None:
    """The whole page: one or two runs that the link names, else the setup of a new one."""
    if not warm.is_ready():
        with st.spinner(_("Loading PyTorch, once per start …")):
            warm.now()
    id = st.query_params.get("run")
    if id is None:
        begin.show(open_run)
        return
    watched = page.found(id)
    beside = st.query_params.get(BESIDE)
    other = page.found(beside) if beside else None
    if watched is not None and other is not None:
        with showing_errors():
            for one in (watched, other):
                _check(one.run())
            pair.show(watched, other)
            return
    if watched is not None:
        with showing_errors():
            _check(watched.run())
            _run(watched)
            return
    st.page_link("pages/playground.py", label=_("New playground"), icon=":material/add:", query_params=_language())


def _check(run: Run) -> None:
    if run.spec.recipe != "points" or not is_points(run.spec.data):
        raise BadValue("The run {run} doesn't learn points in the plane. Open it on the Train page.", run=run.id)


def _run(watched: Feed) -> None:
    run = watched.run(fresh=True)
    _title(watched, run)
    page.controls(watched, run)
    settings.pace(watched)
    settings.gap(watched)
    page.trouble(watched, run)
    page.poll(watched, lambda: _plane(watched))
    settings.show(watched, open_run)
    exports.show(watched)
    panels.show(watched, own_downloads=False)


def _title(watched: Feed, run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.title(plain(run.name) if run.name else _("Playground"), anchor=False, width="content")
        st.page_link(
            "pages/playground.py", label=_("New with these settings"), icon=":material/add:",
            query_params={**_language(), **begin.link(of_run(run.spec, watched.hparams))},
        )  # fmt: skip
        st.page_link(
            "pages/train.py", label=_("All curves"), icon=":material/monitoring:",
            query_params={"run": run.id, **_language()},
        )  # fmt: skip
    st.caption(joined(plain(data_title(run.spec.data)), _("seed {seed}").format(seed=run.spec.hparams.get("seed", 0))))
    for event in watched.events:
        if event.kind == "forked":
            st.caption(":material/fork_right: " + settings.kept_words(event.payload))


def _plane(watched: Feed) -> None:
    """Redrawn at each poll."""
    key = f"{PLANE}-{watched.id}"
    if (made := st.session_state.pop(OPEN, None)) is not None:
        open_run(made)
    with showing_errors():
        plot.draw(watched, key, lambda step: _again(watched, step))


def _again(watched: Feed, step: int) -> None:
    """Continues from an earlier step; an error is shown where the plane is drawn next."""
    from ui.classroom.shell import sessions

    with showing_errors():
        st.session_state[OPEN] = sessions.again(watched.id, step).id


def open_run(id: str, beside: str = "") -> None:
    """Shows a run here, or two of them; doesn't return."""
    asked = {layers.QUERY: shown_} if (shown_ := st.query_params.get(layers.QUERY)) else {}
    st.query_params.from_dict({**_language(), "run": id, **({BESIDE: beside} if beside else {}), **asked})
    st.rerun(scope="app")


def _language() -> dict[str, str]:
    return {"lang": st.session_state.get(STATE, "en")}

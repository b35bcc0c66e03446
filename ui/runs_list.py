"""All runs as cards: newest first, a page at a time, found by name or state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from gan_core.errors import GanscopeError, UnknownName
from gan_core.knobs import to_dict
from gan_core.paths import home
from gan_core.runs.quota import quota_bytes
from gan_core.runs.store import Run, RunState, RunStore
from ui import run_actions, sessions, warm
from ui.access import may_steer, why_locked
from ui.compare import MOST, ask_for
from ui.curves import COLOURS, sparkline
from ui.errors import shown
from ui.feed import feed
from ui.grids import newest_picture, picture
from ui.i18n import N_, _
from ui.texts import ago, bytes_size, data_title, duration, number, plain, run_message, run_title, state_badge

PAGE = 12  # cards on a page
REFRESH = 2.0  # seconds between looks at a run that goes on
CHOSEN = "runs.chosen"  # ids ticked for comparing, in the session's state
POINTS = 120  # of a sparkline
THUMBNAIL = 104  # pixels

FILTERS: dict[str, tuple[str, Callable[[Run], bool]]] = {
    "all": (N_("All"), lambda run: True),
    "active": (N_("Active"), lambda run: run.is_active),
    "pinned": (N_("Pinned"), lambda run: run.pinned),
    "ended": (N_("Ended"), lambda run: not run.is_active),
}
MENU = {  # of a card; the first three only look
    "history": (N_("History and film"), ":material/history:"),
    "clone": (N_("New run with these settings"), ":material/content_copy:"),
    "describe": (N_("Rename, note"), ":material/edit:"),
    "fork": (N_("Fork from here"), ":material/fork_right:"),
    "delete": (N_("Delete"), ":material/delete:"),
}
STEERING = frozenset({"describe", "fork", "delete"})


def show_runs(store: RunStore, open_run: Callable[[str], Any], clone: Callable[[Run], Any]) -> None:
    """The whole view; `open_run` and `clone` lead to the train page."""
    runs = store.runs()
    if not runs:
        st.info(_("No runs yet. Choose a preset on the Train page and press Train."), icon=":material/school:")
        return
    known = {run.id for run in runs}
    chosen: list[str] = [id for id in st.session_state.get(CHOSEN, []) if id in known]
    st.session_state[CHOSEN] = chosen
    _store_line(store, runs)
    found = _search(runs)
    _chosen_line(store, runs, chosen)
    if not found:
        st.info(_("No run fits."))
        return
    pages = -(-len(found) // PAGE)
    page = _page(pages)
    asked: tuple[str, Run] | None = None
    grid = st.grid("auto", min_column_width=330, gap="small", key="run-cards")
    for run in found[(page - 1) * PAGE : page * PAGE]:
        with grid.cell(), st.container(border=True, key=f"run-{run.id}"):
            asked = _card(store, run, open_run) or asked
    if pages > 1:
        st.pagination(pages, default=page, key="runs-pages", on_change=_remember_page)
    if asked is not None:
        _answer(store, *asked, open_run, clone)


# --- above the cards -------------------------------------------------------------------------------------------


def _store_line(store: RunStore, runs: Sequence[Run]) -> None:
    size, quota = store.size(), quota_bytes()
    run_actions.keeper(store.root, store).look(size)
    share, words = run_actions.state_of_store(size, quota)
    loose = sum(not run.pinned and not run.is_active for run in runs)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.progress(
            share,
            _("{count} runs · {store}").format(count=len(runs), store=words),
            width=320,
        )
        st.space("stretch")
        if st.button(
            _("Delete all unpinned"),
            icon=":material/delete_sweep:",
            disabled=not may_steer() or not loose,
            help=why_locked() or _("Deletes every run that is neither pinned nor active."),
            key="delete-unpinned",
        ):
            _confirm_unpinned(store, loose)


def _search(runs: Sequence[Run]) -> list[Run]:
    """The runs that fit what was typed and picked; both are in the link."""
    words, which = st.query_params.get("find", ""), st.query_params.get("show", "all")
    which = which if which in FILTERS else "all"
    if len(runs) > 3 or words or which != "all":
        st.session_state["runs-find"], st.session_state["runs-show"] = words, which
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text_input(
                _("Find"), key="runs-find", placeholder=_("Find by name, GAN, data or note"),
                label_visibility="collapsed", icon=":material/search:", width=300, on_change=_remember_search,
            )  # fmt: skip
            st.segmented_control(
                _("Which runs"), list(FILTERS), key="runs-show", format_func=lambda name: _(FILTERS[name][0]),
                label_visibility="collapsed", on_change=_remember_search,
            )  # fmt: skip
    fits = FILTERS[which][1]
    parts = words.casefold().split()
    return [run for run in runs if fits(run) and all(part in _searched(run) for part in parts)]


def _searched(run: Run) -> str:
    return " ".join((run.id, run_title(run), run.note, run.spec.recipe, run.spec.data)).casefold()


def _remember_search() -> None:
    for name, key in (("find", "runs-find"), ("show", "runs-show")):
        value = st.session_state[key]
        if value and value != "all":
            st.query_params[name] = value
        else:
            st.query_params.pop(name, None)
    st.query_params.pop("at", None)


def _page(pages: int) -> int:
    at = st.query_params.get("at", "1")
    page = min(pages, max(1, int(at))) if at.isascii() and at.isdecimal() else 1
    if pages > 1:
        st.session_state["runs-pages"] = page
    return page


def _remember_page() -> None:
    st.query_params["at"] = str(st.session_state["runs-pages"])


def _chosen_line(store: RunStore, runs: Sequence[Run], chosen: Sequence[str]) -> None:
    """What was ticked, and the way to compare it."""
    if not chosen:
        if len(runs) > 1:
            st.caption(_("Tick two or more runs to compare them."))
        return
    titles = {run.id: run_title(run) for run in runs}
    with st.container(horizontal=True, vertical_alignment="center", border=True, key="chosen-runs"):
        st.markdown(_("Chosen: {names}").format(names=plain(", ".join(titles[id] for id in chosen))), width="content")
        if st.button(
            _("Compare"), icon=":material/compare:", type="primary", disabled=not 2 <= len(chosen) <= MOST,
            help=_("Two to {count} runs can be compared.").format(count=MOST), key="compare",
        ):  # fmt: skip
            ask_for(chosen)
            st.rerun()
        if st.button(_("Clear"), key="clear-chosen", type="tertiary"):
            st.session_state[CHOSEN] = []
            st.rerun()


# --- a card ------------------------------------------------------------------------------------------------------


def _card(store: RunStore, run: Run, open_run: Callable[[str], Any]) -> tuple[str, Run] | None:
    """Draws a card; returns what its menu was asked for."""
    look = st.fragment(_facts, run_every=REFRESH) if run.is_active else _facts
    look(store, run.id, run.state)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"actions-{run.id}"):
        if st.button(_("Open"), key=f"open-{run.id}", icon=":material/open_in_full:"):
            open_run(run.id)
        if run_actions.resumable(run) and st.button(
            _("Resume"), key=f"resume-{run.id}", icon=":material/play_arrow:", disabled=not may_steer(),
            help=why_locked(),
        ):  # fmt: skip
            with shown(), st.spinner(_("Starting …")):
                resume = sessions.resume if run.state is RunState.PAUSED else sessions.resume_ended
                resume(run.id)
                st.rerun()
        pin = st.button(
            "", key=f"pin-{run.id}", icon=":material/keep_off:" if run.pinned else ":material/keep:",
            help=why_locked() or (_("Unpin") if run.pinned else _("Pin: spared by the quota and by 'all unpinned'")),
            disabled=not may_steer(), type="tertiary",
        )  # fmt: skip
        if pin:
            with shown():
                run_actions.set_pinned(store, run.id, not run.pinned)
                st.rerun()
        offered = [name for name in MENU if may_steer() or name not in STEERING]
        picked = st.menu_button(
            "", offered, key=f"menu-{run.id}", icon=":material/more_vert:", type="tertiary",
            format_func=lambda name: f"{MENU[name][1]} {_(MENU[name][0])}", help=_("More"),
        )  # fmt: skip
        st.session_state[f"tick-{run.id}"] = run.id in st.session_state[CHOSEN]
        st.checkbox(_("Compare"), key=f"tick-{run.id}", on_change=_tick, args=(run.id,))
    return (picked, run) if picked else None


def _tick(id: str) -> None:
    chosen = [other for other in st.session_state.get(CHOSEN, []) if other != id]
    st.session_state[CHOSEN] = [*chosen, id] if st.session_state[f"tick-{id}"] else chosen


def _facts(store: RunStore, id: str, state: RunState) -> None:
    """What is to be seen of a run; an active one is looked at again and again."""
    try:
        run = store.get(id)
    except UnknownName:
        st.rerun()
    if run.state is not state:
        st.rerun()  # its buttons are others now
    with st.container(horizontal=True, gap="small", vertical_alignment="top"):
        png = newest_picture(store, id)
        if png is None:
            st.image(BLANK, width=THUMBNAIL, alt=_("no picture yet"))
        else:
            picture(png, alt=_("newest samples of {run}").format(run=run_title(run)), width=THUMBNAIL)
        with st.container(gap="xxsmall", width="stretch"):
            pin = ":material/keep: " if run.pinned else ""
            st.markdown(f"{pin}**{plain(run_title(run))}**")
            st.markdown(f"{state_badge(run.state)} :small[{_progress(run)}]")
            what = f"{plain(run.spec.recipe)} · {plain(data_title(run.spec.data))} · {run.spec.size} px"
            st.caption(f"{what}  \n{ago(run.created)} · {bytes_size(_bytes(store, id))}{_speed(run)}")
            _sparklines(store, run)
    if run.note:
        st.markdown(f":material/sticky_note_2: {plain(run.note)}")
    if run.state in (RunState.FAILED, RunState.PAUSED) and run.message:
        st.markdown(f":orange[{plain(run_message(run))}]")


BLANK = (
    f'<svg xmlns="http://www.w3.org/2000/svg" width="{THUMBNAIL}" height="{THUMBNAIL}">'
    '<rect width="100%" height="100%" rx="8" fill="#8885"/></svg>'
)


def _progress(run: Run) -> str:
    if run.spec.steps:
        return _("{step} of {steps} steps").format(step=number(run.step), steps=number(run.spec.steps))
    return _("{step} steps").format(step=number(run.step))


def _speed(run: Run) -> str:
    return f" · {duration(run.seconds)}" if run.seconds else ""


def _bytes(store: RunStore, id: str) -> int:
    with suppress(GanscopeError):
        previews, checkpoints = store.previews(id), store.checkpoints(id)
        return sum(item.bytes for item in previews) + sum(item.bytes for item in checkpoints)
    return 0


def _sparklines(store: RunStore, run: Run) -> None:
    drawn = loss_sparklines(store, run.id, run.step)
    if not drawn:
        return
    with st.container(horizontal=True, gap="xsmall"):
        for player, svg in drawn.items():
            st.image(svg, width=100, alt=_("{player}'s loss over time").format(player=_(PLAYERS.get(player, player))))


PLAYERS = {"generator": N_("Generator"), "discriminator": N_("Discriminator")}


@st.cache_data(show_spinner=False, max_entries=512)
def loss_sparklines(_store: RunStore, id: str, step: int) -> dict[str, str]:
    """The losses of both players, drawn small; the step tells when they are to be drawn again."""
    metrics = _store.metrics(id)
    drawn = {}
    for player in PLAYERS:
        values = metrics.columns.get(f"{player}/loss")
        if values is None:
            continue
        bins = np.array_split(values[np.isfinite(values)].astype(float), min(POINTS, len(values)) or 1)
        svg = sparkline([part.mean() for part in bins if len(part)], COLOURS[player], width=100, height=26)
        if svg:
            drawn[player] = svg
    return drawn


# --- dialogs -----------------------------------------------------------------------------------------------------


def _answer(store: RunStore, verb: str, run: Run, open_run: Callable[[str], Any], clone: Callable[[Run], Any]) -> None:
    title = _(MENU[verb][0])
    if verb == "history":
        ask_for([run.id])
        st.rerun()
    elif verb == "clone":
        with shown(), st.spinner(_("Opening …")):
            clone(run)
    elif verb == "describe":
        st.dialog(title)(_describe)(store, run)
    elif verb == "fork":
        st.dialog(title)(_fork)(store, run, open_run)
    elif verb == "delete":
        st.dialog(title)(_delete)(store, run)


def _describe(store: RunStore, run: Run) -> None:
    with st.form("describe", border=False):
        name = st.text_input(_("Name"), run.name, max_chars=80, placeholder=run_title(run))
        note = st.text_area(_("Note"), run.note, max_chars=2000)
        if st.form_submit_button(_("Save"), type="primary"):
            with shown():
                run_actions.describe(store, run.id, name, note)
                st.rerun()


def _fork(store: RunStore, run: Run, open_run: Callable[[str], Any]) -> None:
    st.write(
        _("A new run starts from this one's newest checkpoint and goes its own way. Its settings can be edited there.")
    )
    name = st.text_input(_("Name"), max_chars=80)
    steps = st.number_input(
        _("Planned steps"), 0, 10_000_000, value=max(run.spec.steps, 2 * run.step) if run.spec.steps else 0,
        help=_("0 trains until it is stopped."),
    )  # fmt: skip
    if st.button(_("Fork"), type="primary", key="fork-now"):
        with shown(), st.spinner(_("Starting …")):
            made = sessions.fork(run.id, {}, int(steps), name)
            open_run(made.id)


def _delete(store: RunStore, run: Run) -> None:
    st.markdown(
        _("Delete **{run}** with its history and checkpoints? This can't be undone.").format(run=plain(run_title(run)))
    )
    if run.is_active:
        st.warning(_("This run goes on. Stop it first."))
    if st.button(_("Delete"), type="primary", icon=":material/delete:", key="delete-now", disabled=run.is_active):
        with shown():
            run_actions.delete(store, run.id)
            st.rerun()


def _confirm_unpinned(store: RunStore, count: int) -> None:
    @st.dialog(_("Delete all unpinned runs"))
    def ask() -> None:
        st.markdown(
            _("Delete {count} runs with their history and checkpoints? Pinned and active runs stay.").format(
                count=count
            )
        )
        if st.button(_("Delete"), type="primary", icon=":material/delete:", key="delete-unpinned-now"):
            with shown():
                run_actions.delete_unpinned(store)
                st.rerun()

    ask()


def settings_link(store: RunStore, run: Run) -> dict[str, str]:
    """The query of the train page that shows the run's settings, edits and all; raises UnknownName or BadValue."""
    warm.now()
    from gan_core.gans import recipes
    from ui.setup_state import Setup, to_query

    settings = recipes.get(run.spec.recipe).settings(feed(store, run.id).hparams)
    kind, _colon, path = run.spec.data.partition(":")
    uploaded = kind == "zip" and Path(path).parent == home() / "uploads"
    data = f"upload:{Path(path).name}" if uploaded else run.spec.data
    spec = run.spec
    return to_query(Setup(spec.recipe, data, spec.size, spec.steps, spec.preset, to_dict(settings)))

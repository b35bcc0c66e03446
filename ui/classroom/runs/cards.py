"""All runs as cards: newest first, paginated, with search and filters."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import streamlit as st

from gan_core.errors import GanscopeError, UnknownName
from gan_core.knobs import to_dict
from gan_core.runs.quota import quota_bytes
from gan_core.runs.store import Run, RunState, RunStore
from ui.classroom.live.curves import COLOURS, sparkline
from ui.classroom.live.feed import feed
from ui.classroom.runs import dialogs
from ui.classroom.runs.compare import MOST, ask_for
from ui.classroom.shell import address, run_actions, sessions, warm
from ui.classroom.shell.access import may_steer, why_locked
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.grids import newest_picture, picture
from ui.classroom.shell.i18n import N_, _, language
from ui.classroom.shell.run_titles import recipe_title, recipe_titles, title_of
from ui.texts import (
    ago,
    bytes_size,
    data_title,
    duration,
    joined,
    number,
    plain,
    preset_title,
    run_message,
    size_word,
    state_badge,
)

PAGE = 12  # cards per page
REFRESH = 2.0  # seconds between refreshes of an active run
CHOSEN = "runs.chosen"  # session state key: ids selected for comparison
POINTS = 120  # number of points of a sparkline
THUMBNAIL = 104  # pixels
NOTE = 240  # characters of a note shown on a card

FILTERS: dict[str, tuple[str, Callable[[Run], bool]]] = {
    "all": (N_("All"), lambda run: True),
    "active": (N_("Active"), lambda run: run.is_active),
    "pinned": (N_("Pinned"), lambda run: run.pinned),
    "ended": (N_("Ended"), lambda run: not run.is_active),
}
HISTORY, CLONE, STUDIO = "history", "clone", "studio"
LOOKING = {  # menu entries for everyone
    HISTORY: (N_("History and film"), ":material/history:"),
    CLONE: (N_("New run with these settings"), ":material/content_copy:"),
}
PLAYING = {STUDIO: (N_("Open in the Studio"), ":material/palette:")}  # menu entries for latent GANs


def show_runs(store: RunStore, open_run: Callable[[str], Any], clone: Callable[[Run], Any]) -> None:
    """Renders the page; `open_run` and `clone` lead to the Train page."""
    runs = store.runs()
    if not runs:
        st.info(_("No runs yet. Choose a preset on the Train page and press Train."), icon=":material/school:")
        if st.button(_("Choose a preset"), icon=":material/add:", key="first-run"):
            st.switch_page("pages/train.py", query_params={"lang": language()})
        return
    known = {run.id for run in runs}
    chosen: list[str] = [id for id in st.session_state.get(CHOSEN, []) if id in known]
    st.session_state[CHOSEN] = chosen
    _store_line(store, runs)
    found = _search(runs)
    _chosen_line(store, runs, chosen)
    _cards(store, found, open_run, clone)
    dialogs.show(store, runs, open_run)


def _cards(store: RunStore, found: Sequence[Run], open_run: Callable[[str], Any], clone: Callable[[Run], Any]) -> None:
    if not found:
        st.info(_("No matching runs."))
        return
    pages = -(-len(found) // PAGE)
    page = _page(pages)
    grid = st.grid("auto", min_column_width=330, gap="small", key="run-cards")
    for run in found[(page - 1) * PAGE : page * PAGE]:
        with grid.cell(), st.container(border=True, key=f"run-{run.id}"):
            _card(store, run, open_run, clone)
    if pages > 1:
        st.pagination(pages, default=page, key="runs-pages", on_change=_remember_page)


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
            dialogs.ask(dialogs.DELETE_UNPINNED)


def _search(runs: Sequence[Run]) -> list[Run]:
    """Returns the runs that match search and filter; both are in the link."""
    words, which = st.query_params.get("find", ""), st.query_params.get("show", "all")
    which = which if which in FILTERS else "all"
    if len(runs) > 3 or words or which != "all":
        st.session_state["runs-find"], st.session_state["runs-show"] = words, which
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text_input(
                _("Search"), key="runs-find", placeholder=_("Search by name, GAN, data or note"),
                label_visibility="collapsed", icon=":material/search:", width=300, on_change=_remember_search,
            )  # fmt: skip
            st.segmented_control(
                _("Filter runs"), list(FILTERS), key="runs-show", format_func=lambda name: _(FILTERS[name][0]),
                label_visibility="collapsed", on_change=_remember_search,
            )  # fmt: skip
    fits = FILTERS[which][1]
    parts = words.casefold().split()
    return [run for run in runs if fits(run) and all(part in _searched(run) for part in parts)]


def _searched(run: Run) -> str:
    return " ".join((run.id, title_of(run), run.note, run.spec.recipe, run.spec.data)).casefold()


def _remember_search() -> None:
    for name, key in (("find", "runs-find"), ("show", "runs-show")):
        value = st.session_state[key]
        if value and value != "all":
            st.query_params[name] = value
        else:
            st.query_params.pop(name, None)
    st.query_params.pop("at", None)


def _page(pages: int) -> int:
    page = min(pages, address.integer_in_link("at", 1, 10**9, 1))
    if pages > 1:
        st.session_state["runs-pages"] = page
    return page


def _remember_page() -> None:
    st.query_params["at"] = str(st.session_state["runs-pages"])


def _chosen_line(store: RunStore, runs: Sequence[Run], chosen: Sequence[str]) -> None:
    """Shows the selected runs and the button to compare them."""
    if not chosen:
        if len(runs) > 1:
            st.caption(_("Select two or more runs to compare them."))
        return
    titles = {run.id: title_of(run) for run in runs}
    with st.container(horizontal=True, vertical_alignment="center", border=True, key="chosen-runs"):
        st.markdown(_("Selected: {names}").format(names=plain(", ".join(titles[id] for id in chosen))), width="content")
        if st.button(
            _("Compare"), icon=":material/compare:", type="primary", disabled=not 2 <= len(chosen) <= MOST,
            help=_("Compare two to {count} runs.").format(count=MOST), key="compare",
        ):  # fmt: skip
            ask_for(chosen)
            st.rerun()
        if st.button(_("Clear"), key="clear-chosen", type="tertiary"):
            st.session_state[CHOSEN] = []
            st.rerun()


# --- a card ------------------------------------------------------------------------------------------------------


def _card(store: RunStore, run: Run, open_run: Callable[[str], Any], clone: Callable[[Run], Any]) -> None:
    look = st.fragment(_facts, run_every=REFRESH) if run.is_active else _facts
    look(store, run.id, run.state)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"actions-{run.id}"):
        if st.button(_("Open"), key=f"open-{run.id}", icon=":material/open_in_full:"):
            open_run(run.id)
        if run_actions.resumable(run) and st.button(
            _("Resume"), key=f"resume-{run.id}", icon=":material/play_arrow:", disabled=not may_steer(),
            help=why_locked(),
        ):  # fmt: skip
            with showing_errors(), st.spinner(_("Starting …")):
                resume = sessions.resume if run.state is RunState.PAUSED else sessions.resume_ended
                resume(run.id)
                st.rerun()
        pin = st.button(
            "", key=f"pin-{run.id}", icon=":material/keep_off:" if run.pinned else ":material/keep:",
            help=why_locked() or (_("Unpin") if run.pinned else _("Pin: exempt from the quota and from “Delete all "
                                                                  "unpinned”")),
            disabled=not may_steer(), type="tertiary",
        )  # fmt: skip
        if pin:
            with showing_errors():
                run_actions.set_pinned(store, run.id, not run.pinned)
                st.rerun()
        studio = PLAYING if run_actions.has_sliders(store, run) else {}
        menu = LOOKING | studio | (dialogs.MENU if may_steer() else {})
        picked = st.menu_button(
            "", list(menu), key=f"menu-{run.id}", icon=":material/more_vert:", type="tertiary",
            format_func=lambda name: f"{menu[name][1]} {_(menu[name][0])}", help=_("More"),
        )  # fmt: skip
        st.session_state[f"tick-{run.id}"] = run.id in st.session_state[CHOSEN]
        st.checkbox(_("Compare"), key=f"tick-{run.id}", on_change=_tick, args=(run.id,))
    if picked == HISTORY:
        ask_for([run.id])
        st.rerun()
    elif picked == STUDIO:
        run_actions.open_in_studio(run.id)
    elif picked == CLONE:
        with showing_errors(), st.spinner(_("Opening …")):
            clone(run)
    elif picked:
        dialogs.ask(picked, run)


def _tick(id: str) -> None:
    chosen = [other for other in st.session_state.get(CHOSEN, []) if other != id]
    st.session_state[CHOSEN] = [*chosen, id] if st.session_state[f"tick-{id}"] else chosen


def _facts(store: RunStore, id: str, state: RunState) -> None:
    """Shows the facts of a run; an active one is refreshed."""
    try:
        run = store.get(id)
    except UnknownName:
        st.rerun()
    if run.state is not state:
        st.rerun()  # the new state has other buttons
    with st.container(horizontal=True, gap="small", vertical_alignment="top"):
        png = newest_picture(store, id)
        if png is None:
            st.image(BLANK, width=THUMBNAIL, alt=_("no samples yet"))
        else:
            picture(png, alt=_("latest samples of {run}").format(run=title_of(run)), width=THUMBNAIL)
        with st.container(gap="xxsmall", width="stretch"):
            pin = ":material/keep: " if run.pinned else ""
            st.markdown(f"{pin}**{plain(title_of(run))}**")
            st.markdown(f"{state_badge(run.state)} :small[{_progress(run, store.queue())}]")
            recipe = recipe_title(run.spec.recipe)
            # a run without a name is already titled by these
            size = size_word(run.spec.data, run.spec.size)
            preset = plain(preset_title(run, recipe_titles()))
            what = joined(preset, plain(recipe), plain(data_title(run.spec.data)), size) + "  \n" if run.name else ""
            st.caption(f"{what}{ago(run.created)} · {bytes_size(_bytes(store, id))}{_speed(run)}")
            _sparklines(store, run)
    if run.note:
        note = run.note if len(run.note) <= NOTE else run.note[:NOTE] + " …"
        st.markdown(":material/sticky_note_2: " + "  \n".join(map(plain, note.splitlines())))
    if run.state in (RunState.FAILED, RunState.PAUSED) and run.message:
        st.markdown(f":orange[{plain(run_message(run))}]")


BLANK = (
    f'<svg xmlns="http://www.w3.org/2000/svg" width="{THUMBNAIL}" height="{THUMBNAIL}">'
    '<rect width="100%" height="100%" rx="8" fill="#8885"/></svg>'
)


def _progress(run: Run, queue: Sequence[str]) -> str:
    if run.state is RunState.QUEUED and run.id in queue:
        return _("number {place} in the queue").format(place=queue.index(run.id) + 1)
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
    # polls must not reread all metrics of an active run: a new version every 5 % of steps is enough
    version = int(20 * math.log1p(run.step)) if run.is_active else -run.step
    drawn = loss_sparklines(store, run.id, version)
    if not drawn:
        return
    with st.container(horizontal=True, gap="xsmall"):
        for player, svg in drawn.items():
            st.image(svg, width=100, alt=_("{player} loss over time").format(player=_(PLAYERS.get(player, player))))


PLAYERS = {"generator": N_("Generator"), "discriminator": N_("Discriminator")}


@st.cache_data(show_spinner=False, max_entries=512)
def loss_sparklines(_store: RunStore, id: str, version: int) -> dict[str, str]:
    """Returns small curves of both losses; a new version is read and drawn again."""
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


def settings_link(store: RunStore, run: Run) -> dict[str, str]:
    """Returns the query of the Train page with the run's settings, including edits; raises UnknownName or BadValue."""
    warm.now()
    from gan_core.gans import recipes
    from ui.classroom.train.setup import of_run, to_query

    settings = recipes.get(run.spec.recipe).settings(feed(store, run.id).hparams)
    return to_query(of_run(run.spec, to_dict(settings)))

"""Runs side by side: samples at one step from the same latents, and curves in shared charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import streamlit as st

from gan_core.errors import DeletedRun, UnknownName
from gan_core.runs.export import MOST_RUNS, all_steps, frames_at, history
from gan_core.runs.records import Preview
from gan_core.runs.store import Run, RunStore
from ui.classroom.live import curves, figures
from ui.classroom.live.curves import RUN_COLOURS, Mark
from ui.classroom.live.feed import feed
from ui.classroom.live.films import film_maker
from ui.classroom.live.panels import knobs_of
from ui.classroom.runs import quality
from ui.classroom.shell import address
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.grids import picture
from ui.classroom.shell.i18n import _
from ui.classroom.shell.knob_widgets import choice_word
from ui.classroom.shell.run_titles import distinct_titles, recipe_title, title_of
from ui.texts import data_title, is_points, items_word, number, plain, size_word, state_badge

MOST = min(MOST_RUNS, len(RUN_COLOURS))
REFRESH = 3.0  # seconds between refreshes while a run is active
TICK = 0.4  # seconds per picture during playback
FRAMES = 40  # maximum number of pictures in a playback
PLAYING = "compare-playing"  # session state key: ids of the runs being played back
SLIDER = "compare-step"
PICKER = "compare-runs"
IN_LINK = ("compare", "step")


def asked_for() -> list[str]:
    """Returns the ids in the link, without duplicates."""
    ids = st.query_params.get("compare", "").split(",")
    return list(dict.fromkeys(id.strip() for id in ids if id.strip()))


def ask_for(ids: Sequence[str]) -> None:
    """Puts runs into the link, or removes the comparison from it."""
    if ids:
        st.query_params["compare"] = ",".join(ids)
    else:
        for name in ("compare", "step"):
            st.query_params.pop(name, None)


def found(store: RunStore, ids: Sequence[str]) -> tuple[list[Run], list[str], list[str]]:
    """Returns the existing runs, the ids of deleted ones, and ids that never existed here."""
    runs: list[Run] = []
    deleted: list[str] = []
    unknown: list[str] = []
    for id in ids:
        try:
            runs.append(store.get(id))
        except DeletedRun:
            deleted.append(id)
        except UnknownName:
            unknown.append(id)
    return runs, deleted, unknown


def compare(store: RunStore, ids: Sequence[str]) -> None:
    """Renders the view. A single run shows its history."""
    runs, deleted, unknown = found(store, ids)
    if deleted:
        st.warning(_("Deleted: {runs}").format(runs=plain(", ".join(deleted))), icon=":material/delete:")
    if unknown:
        words = _(
            "There is no run with this ID here: {runs}. The link may be incomplete or come from another computer."
        )
        st.warning(words.format(runs=plain(", ".join(unknown))), icon=":material/link_off:")
    if len(runs) > MOST:
        st.warning(_("Only the first {count} runs are compared.").format(count=MOST))
        runs = runs[:MOST]
    _pick(store, [run.id for run in runs])
    if not runs:
        st.info(_("Select runs to compare."))
        return
    titles = distinct_titles(runs)
    ids = [run.id for run in runs]
    if st.query_params.pop("play", None):
        _play(ids)
    live = any(run.is_active for run in runs)
    every = TICK if _plays(ids) else REFRESH if live else None
    st.fragment(_scrub, run_every=every)(store, ids, titles)
    if len(runs) > 1:
        _differences(store, runs, titles)
    st.subheader(_("Film"))
    st.caption(_("A film of every kept step of these runs, side by side, for slides and messages."))
    st.fragment(film_maker)(store, runs, titles)


def _pick(store: RunStore, chosen: list[str]) -> None:
    """Lets the user add or remove runs."""
    runs = {run.id: run for run in store.runs()}
    st.session_state[PICKER] = chosen
    st.multiselect(
        _("Runs"),
        list(runs),
        key=PICKER,
        format_func=lambda id: f"{title_of(runs[id])} · {id[-4:]}" if id in runs else id,
        max_selections=MOST,
        on_change=lambda: ask_for(st.session_state[PICKER]),
    )


def _scrub(store: RunStore, ids: Sequence[str], titles: Sequence[str]) -> None:
    """Renders the fragment that reruns when the slider moves and while a run is active."""
    try:
        previews = {id: history(store, id) for id in ids}
        runs = [feed(store, id).run() for id in ids]
    except UnknownName:
        st.rerun()
    with showing_errors():
        _samples(runs, titles, previews)
        _curves(store, runs, titles)


def _samples(runs: Sequence[Run], titles: Sequence[str], previews: Mapping[str, Sequence[Preview]]) -> None:
    """Shows the slider and each run's samples at its step."""
    steps = all_steps(previews)
    _player(steps, list(previews))
    step = _slider(steps)
    frames = frames_at(previews, step)
    # a single run would fill the screen
    grid = st.grid(max(2, len(runs)), min_column_width=150, gap="small", key="compare-samples")
    for place, (run, title) in enumerate(zip(runs, titles, strict=True)):
        with grid.cell():
            _sample(run, title, RUN_COLOURS[place][0], frames[run.id])


def _curves(store: RunStore, runs: Sequence[Run], titles: Sequence[str]) -> None:
    """Shows the runs' curves with a mark at the selected step."""
    named = dict(zip(titles, runs, strict=True))
    points = [title for title, run in named.items() if is_points(run.spec.data)]
    panels = figures.comparisons({title: feed(store, run.id).history for title, run in named.items()}, points)
    if panels:
        st.subheader(_("Curves"))
        step = st.session_state.get(SLIDER)
        marks = [] if step is None else [Mark(step, _("step shown above"))]
        curves.draw(curves.encode(panels, marks, file="ganscope-compare"), key="compare-curves")


def _player(steps: Sequence[int], ids: list[str]) -> None:
    """Shows the button that starts or pauses playback, and advances to the next picture."""
    if len(steps) < 2:
        return
    if not _plays(ids):
        if st.button(_("Play"), icon=":material/play_arrow:", key="compare-play"):
            _play(ids)
            st.rerun()
        return
    if st.button(_("Pause"), icon=":material/pause:", key="compare-pause"):
        _remember_step()
        _end_play()
    place = st.session_state[PLAYING]["place"]
    if place >= len(steps):
        _end_play()
    st.session_state[SLIDER] = steps[place]
    last = place == len(steps) - 1
    following = place + max(1, len(steps) // FRAMES)
    st.session_state[PLAYING]["place"] = len(steps) if last else min(following, len(steps) - 1)


def _plays(ids: list[str]) -> bool:
    return bool(st.session_state.get(PLAYING, {}).get("ids") == ids)


def _play(ids: list[str]) -> None:
    st.session_state[PLAYING] = {"ids": ids, "place": 0}


def _end_play() -> None:
    """Reruns the page without the timer; doesn't return."""
    st.session_state.pop(PLAYING, None)
    st.rerun()


def _slider(steps: Sequence[int]) -> int:
    """Returns the selected step: the link's, else the newest."""
    if len(steps) < 2:
        return steps[0] if steps else 0
    asked = address.integer_in_link("step", 0, 10**9, -1)
    chosen = asked >= 0
    # written only if necessary: a value set by the server interrupts a slider that is being dragged
    newest = not chosen and PLAYING not in st.session_state
    if (
        st.session_state.get(SLIDER) not in steps
        or (newest and st.session_state[SLIDER] != steps[-1])
        or (PLAYING not in st.session_state and address.changed_elsewhere(SLIDER, IN_LINK))
    ):
        step = asked if chosen else steps[-1]
        st.session_state[SLIDER] = max((kept for kept in steps if kept <= step), default=steps[0])
    st.select_slider(
        _("Training step"),
        steps,
        key=SLIDER,
        format_func=number,
        help=_("One slider for all runs: each shows its last kept samples at or before this step."),
        on_change=_remember_step,
    )
    address.mark_synced(SLIDER, IN_LINK)
    return int(st.session_state[SLIDER])


def _remember_step() -> None:
    st.query_params["step"] = str(st.session_state[SLIDER])
    address.mark_synced(SLIDER, IN_LINK)


def _sample(run: Run, title: str, colour: str, preview: Preview | None) -> None:
    st.html(
        f'<div style="display:flex;gap:.5em;align-items:baseline;overflow-wrap:anywhere"><span style="color:{colour}">'
        f"&#9632;</span><b>{escape(title)}</b></div>"
    )
    if preview is None:
        st.caption(_("not started at this step"))
        return
    try:
        content = preview.path.read_bytes()
    except OSError:
        st.caption(_("This picture was removed to save space."))
        return
    picture(content, alt=_("samples of {run} at step {step}").format(run=title, step=number(preview.step)))
    facts = _("step {step} · {items} seen").format(
        step=number(preview.step), items=items_word(run.spec.data, preview.images_seen)
    )
    st.markdown(f":small[{facts}] {state_badge(run.state)}")


def _differences(store: RunStore, runs: Sequence[Run], titles: Sequence[str]) -> None:
    """Shows a table of the settings that differ between the runs, and their measured figures."""
    rows = differing([_settings(store, run) for run in runs])
    quality.show(store, runs, titles, rows)
    st.subheader(_("Differences"))
    if not rows:
        st.markdown(_("None: same settings, data and seed."))
        return
    lines = ["| |" + "|".join(plain(title) for title in titles) + "|", "|---" * (len(runs) + 1) + "|"]
    lines += [f"|{plain(name)}|" + "|".join(plain(_shown(value)) for value in values) + "|" for name, values in rows]
    st.markdown("\n".join(lines))


def _settings(store: RunStore, run: Run) -> dict[str, Any]:
    described = knobs_of(run)
    settings = {
        _(described[name].label) if name in described else name: choice_word(value) if isinstance(value, str) else value
        for name, value in feed(store, run.id).hparams.items()
    }
    spec = {
        _("Recipe"): recipe_title(run.spec.recipe),
        _("Data"): data_title(run.spec.data),
        _("Size"): size_word(run.spec.data, run.spec.size) or "–",
        _("Planned steps"): number(run.spec.steps) if run.spec.steps else _("until stopped"),
    }
    return spec | settings


def differing(settings: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Any]]]:
    """Returns settings that differ, with one value per run; None if a run lacks the setting."""
    names = dict.fromkeys(name for each in settings for name in each)
    rows = [(name, [each.get(name) for each in settings]) for name in names]
    return [(name, values) for name, values in rows if any(value != values[0] for value in values)]


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)

"""Measured figures of runs side by side, with intervals, and how they depend on the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from gan_core.runs.records import Metrics
from gan_core.runs.store import Run, RunStore
from ui.classroom.models.metrics import figure_words
from ui.classroom.shell.i18n import _
from ui.texts import plain

if TYPE_CHECKING:
    import plotly.graph_objects as go  # type: ignore[import-untyped]

PREFIX, LOW, HIGH = "quality/", "_low", "_high"  # as `gan_core/training/measuring.py` names them
LEAST_RUNS, LEAST_AXES = 3, 2  # minimum number of runs for a chart of settings


@dataclass(frozen=True)
class Measured:
    """A distance of one run, the last that it recorded, with its 95 % interval and its step."""

    value: float
    low: float
    high: float
    step: int


def last_measured(metrics: Metrics) -> dict[str, Measured]:
    """The newest value of each distance that a run recorded, by the name of the figure."""
    found = {}
    for name, values in metrics.columns.items():
        if not name.startswith(PREFIX) or name.endswith((LOW, HIGH, "_floor")):
            continue
        places = np.flatnonzero(np.isfinite(values))
        if not len(places):
            continue
        at = places[-1]
        low, high = (metrics.columns.get(name + end) for end in (LOW, HIGH))
        if low is None or high is None:
            continue
        found[name.removeprefix(PREFIX)] = Measured(
            float(values[at]), float(low[at]), float(high[at]), int(metrics.steps[at])
        )
    return found


def best(measured: Sequence[Measured | None]) -> int | None:
    """The index of the run whose whole interval is below all others'; None if there is no such run."""
    known = [(place, one) for place, one in enumerate(measured) if one]
    if len(known) < 2:
        return None
    place, first = min(known, key=lambda pair: pair[1].value)
    return place if all(first.high < other.low for at, other in known if at != place) else None


def table(named: Mapping[str, Mapping[str, Measured]]) -> list[str]:
    """Lines of a Markdown table, one column for each run; a figure of another net or count is a row of its own."""
    figures = dict.fromkeys(figure for each in named.values() for figure in each)
    if not figures:
        return []
    lines = ["| |" + "|".join(plain(title) for title in named) + "|", "|---" * (len(named) + 1) + "|"]
    for figure in figures:
        row = [each.get(figure) for each in named.values()]
        winner = best(row)
        cells = [_cell(one, place == winner) for place, one in enumerate(row)]
        lines.append(f"|{plain(figure_words(figure))}|" + "|".join(cells) + "|")
    return lines


def _cell(one: Measured | None, marked: bool) -> str:
    if one is None:
        return "–"
    words = f"{one.value:.3g} ({one.low:.3g}–{one.high:.3g})"
    return f"**{words}** ✓" if marked else words


def show(store: RunStore, runs: Sequence[Run], titles: Sequence[str], rows: Sequence[tuple[str, list[Any]]]) -> None:
    """Renders the table, and for enough runs the chart; `rows` are the settings that differ, a value per run."""
    named = {title: last_measured(store.metrics(run.id)) for title, run in zip(titles, runs, strict=True)}
    lines = table(named)
    if not lines:
        return
    st.subheader(_("Distance to the data"))
    st.markdown("\n".join(lines))
    st.caption(
        _(
            "The last measurement of each run, with its 95 % interval over samples; smaller is closer. ✓ marks a run "
            "only where its interval lies below all others. Other seeds of the same settings can differ by more."
        )
    )
    drawing = parallel(named, rows)
    if drawing is not None:
        st.plotly_chart(
            drawing, key="compare-parallel", config={"displayModeBar": False},
            alt=_("Settings and distance of each run, as a line across parallel axes"),
        )  # fmt: skip
        st.caption(_("Each line is a run. Drag along an axis to select a range; drag an axis's name to move it."))


def parallel(named: Mapping[str, Mapping[str, Measured]], rows: Sequence[tuple[str, list[Any]]]) -> go.Figure | None:
    """Parallel coordinates of the settings that differ and of the figure that most runs have; None for too few."""
    counts: dict[str, int] = {}
    for each in named.values():
        for figure in each:
            counts[figure] = counts.get(figure, 0) + 1
    figure = max(counts, key=lambda name: counts[name], default="")
    places = [place for place, each in enumerate(named.values()) if figure in each]
    axes = [_axis(name, [values[place] for place in places]) for name, values in rows]
    axes = [axis for axis in axes if len(set(axis["values"])) > 1]
    if len(places) < LEAST_RUNS or len(axes) < LEAST_AXES - 1:
        return None
    import plotly.graph_objects as go

    distances = [list(named.values())[place][figure].value for place in places]
    axes.append({"label": figure_words(figure), "values": distances})
    lines = {"color": distances, "colorscale": "Viridis", "reversescale": True, "showscale": False}
    drawn = go.Figure(go.Parcoords(dimensions=axes, line=lines, labelangle=0))
    drawn.update_layout(height=320, margin={"l": 70, "r": 50, "t": 50, "b": 20})
    return drawn


def _axis(name: str, values: Sequence[Any]) -> dict[str, Any]:
    """An axis of numbers, or of words at whole numbers."""
    if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        return {"label": name, "values": list(values)}
    words = [str(value) for value in values]
    kinds = list(dict.fromkeys(words))
    return {
        "label": name, "values": [kinds.index(word) for word in words], "tickvals": list(range(len(kinds))),
        "ticktext": [word[:18] for word in kinds],
    }  # fmt: skip

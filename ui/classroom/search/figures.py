"""Figures of a search: distances of its trials, what each knob explains, and slices along each knob."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gan_core.search.plan import SearchPlan
from gan_core.search.results import TrialResult
from ui.classroom.learn.drawing import LOOKS, chart, line
from ui.classroom.shell.i18n import _

if TYPE_CHECKING:
    from plotly.graph_objects import Figure  # type: ignore[import-untyped]

SLICE = 240  # pixels, the height of a slice
COLOUR = LOOKS["discriminator"][0]


def course(found: Sequence[TrialResult]) -> Figure:
    """Each trial's distance with its interval, and the best so far."""
    plot = chart(_("trial"), _("distance (0 is best)"))
    finished = [one for one in found if one.state == "finished"]
    plot.add(
        "scatter", x=[one.number for one in finished], y=[one.value for one in finished],
        name=_("trial, with its 95 % interval"), mode="markers", marker={"color": COLOUR, "size": 9},
        error_y={
            "type": "data", "symmetric": False, "thickness": 1.5, "width": 4,
            "array": [one.high - one.value for one in finished],
            "arrayminus": [one.value - one.low for one in finished],
        },
        hovertemplate="%{y:.4g}",
    )  # fmt: skip
    best: list[float] = []
    for one in finished:
        best.append(min([one.value, *best[-1:]]))
    line(plot, _("best so far"), "real", [one.number for one in finished], best, line={"shape": "hv"})
    plot.update_yaxes(rangemode="tozero")
    plot.update_xaxes(tickformat="d", dtick=1 if len(found) <= 10 else None)
    return plot.figure()


def shares(importances: Mapping[str, float], labels: Mapping[str, str]) -> Figure:
    """The share of the differences that each knob explains, as bars."""
    names = list(importances)[::-1]  # the first one on top
    plot = chart(_("share of the differences (%)"), "", height=90 + 42 * len(names))
    plot.add(
        "bar", x=[100 * importances[name] for name in names], y=[labels[name] for name in names], orientation="h",
        marker={"color": COLOUR}, hovertemplate="%{x:.0f} %<extra></extra>", showlegend=False,
    )  # fmt: skip
    plot.update_layout(hovermode="closest")
    return plot.figure()


def slices(plan: SearchPlan, found: Sequence[TrialResult], knob: str, label: str) -> Figure:
    """The distances over one knob; the values of the others differ from trial to trial."""
    plot = chart(label, _("distance"), height=SLICE, showlegend=False)
    finished = [one for one in found if one.state == "finished"]
    values: list[Any] = [one.settings[knob] for one in finished]
    plot.add(
        "scatter", x=[str(value) if isinstance(value, (bool, str)) else value for value in values],
        y=[one.value for one in finished], mode="markers", marker={"color": COLOUR, "size": 9},
        customdata=[one.number for one in finished],
        hovertemplate=_("trial {number}").format(number="%{customdata}") + ": %{y:.4g}<extra></extra>",
    )  # fmt: skip
    ranged = next(one for one in plan.ranges if one.knob == knob)
    if ranged.logarithmic:
        plot.update_xaxes(type="log")
    plot.update_layout(hovermode="closest")
    return plot.figure()

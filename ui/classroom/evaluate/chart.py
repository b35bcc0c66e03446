"""Charts of the page Evaluate: figures with intervals, and the matrix of label obedience."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gan_core.metrics.figures import Figure
from ui.classroom.evaluate.words import HIGHER_IS_BETTER
from ui.classroom.shell.i18n import _

if TYPE_CHECKING:
    from plotly.graph_objects import Figure as Chart  # type: ignore[import-untyped]

COLOUR, FLOOR = "#3b7fe0", "#2f9e6b"  # visible in both themes
ROW, FRAME = 44, 110  # pixels
LONGEST = 30  # characters of a subject's title next to the chart


def intervals(found: Mapping[str, Figure]) -> Chart:
    """Values of one column with their intervals, the best on top, and the floor as a line."""
    from plotly.graph_objects import Figure as Chart  # takes a second to import and only this page needs it

    first = next(iter(found.values()))
    order = sorted(found, key=lambda name: found[name].value, reverse=first.kind not in HIGHER_IS_BETTER)
    figures = [found[name] for name in order]  # plotly draws the first at the bottom
    chart = Chart()
    chart.add_scatter(
        x=[figure.value for figure in figures],
        y=[short(name) for name in order],
        mode="markers",
        name=_("samples, with 95 % interval"),
        marker={"color": COLOUR, "size": 11},
        error_x={
            "type": "data", "symmetric": False, "thickness": 2, "width": 5, "color": COLOUR,
            "array": [_length(figure.high - figure.value) for figure in figures],
            "arrayminus": [_length(figure.value - figure.low) for figure in figures],
        },
        hovertemplate="%{y}: %{x:.4g}<extra></extra>",
    )  # fmt: skip
    floors = [figure.floor for figure in figures if math.isfinite(figure.floor)]
    if floors:
        words = _("real images")
        chart.add_vline(x=floors[0], line={"color": FLOOR, "dash": "dash", "width": 2})
        chart.add_scatter(x=[None], y=[None], mode="lines", name=words, line={"color": FLOOR, "dash": "dash"})
    chart.update_layout(
        height=FRAME + ROW * len(order), margin={"l": 8, "r": 16, "t": 8, "b": 8}, dragmode=False,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    )  # fmt: skip
    chart.update_xaxes(zeroline=False, automargin=True)
    chart.update_yaxes(automargin=True, tickfont={"size": 13})
    return chart


def matrix(asked: Sequence[str], seen: Sequence[str], shares: Sequence[Sequence[float | None]]) -> Chart:
    """Requested (rows) and recognised classes (columns), as shares of each row."""
    from plotly.graph_objects import Figure as Chart

    chart = Chart()
    percent = [[None if share is None else 100 * share for share in row] for row in shares]
    chart.add_heatmap(
        z=percent, x=[short(name) for name in seen], y=[short(name) for name in asked], zmin=0, zmax=100,
        colorscale="Blues", texttemplate="%{z:.0f}", showscale=False, xgap=2, ygap=2,
        hovertemplate=_("asked for %{y}, seen as %{x}: %{z:.1f} %") + "<extra></extra>",
    )  # fmt: skip
    chart.update_layout(height=130 + 30 * len(asked), margin={"l": 8, "r": 8, "t": 8, "b": 8}, dragmode=False)
    chart.update_xaxes(title=_("class that the feature net sees"), automargin=True, type="category")
    chart.update_yaxes(title=_("class asked for"), automargin=True, autorange="reversed", type="category")
    return chart


def short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _length(value: float) -> float:
    return value if math.isfinite(value) else 0.0

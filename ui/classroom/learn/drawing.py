"""Figures of the lessons in one style: colours that the colour-blind can tell apart, and a dash for each as well.

They are redrawn at each move of a slider, by thirty students at once, and in the process that trains. Plotly's check
of every property would take most of that time, so a `Plot` is not checked; tests check every lesson's figures.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from numpy.typing import ArrayLike
from PIL import Image

if TYPE_CHECKING:
    from plotly.graph_objects import Figure  # type: ignore[import-untyped]

# what is drawn -> colour visible in both themes, dash, symbol
LOOKS: dict[str, tuple[str, str, str]] = {
    "real": ("#2f9e6b", "solid", "circle"),
    "fake": ("#c0519f", "dash", "diamond"),
    "discriminator": ("#3b7fe0", "dot", "square"),
    "own": ("#c98a00", "dashdot", "cross"),
    "generator": ("#e07a2f", "longdash", "triangle-up"),
    "quiet": ("#8a8f9c", "dot", "x"),
}
CONFIG = {"displayModeBar": False, "scrollZoom": False, "doubleClick": False}


@dataclass
class Plot:
    """A figure as Plotly's JSON: a title is {"text": ...}, and a scale of colours a list, as `scale` gives it."""

    data: list[dict[str, Any]] = field(default_factory=list)
    layout: dict[str, Any] = field(default_factory=dict)

    def add(self, kind: str, **trace: Any) -> None:
        """Adds a trace, such as a "scatter"; `trace` as in Plotly's class of that name."""
        self.data.append({"type": kind, **trace})

    def update_layout(self, **layout: Any) -> None:
        self.layout |= layout

    def update_xaxes(self, **axis: Any) -> None:
        self.layout["xaxis"] = self.layout.get("xaxis", {}) | axis

    def update_yaxes(self, **axis: Any) -> None:
        self.layout["yaxis"] = self.layout.get("yaxis", {}) | axis

    def figure(self) -> Figure:
        """Returns the figure for Streamlit, with its template. Nothing is checked."""
        from plotly.graph_objects import Figure  # takes half a second to import, and only pages with figures need it

        return Figure(self.data, self.layout, _validate=False)


def chart(across: str, upwards: str, height: int = 340, **layout: Any) -> Plot:
    """An empty figure with titles at its axes."""
    plot = Plot()
    plot.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        dragmode=False,
        hovermode="x unified",
        **layout,
    )
    plot.update_xaxes(title={"text": across}, automargin=True, zeroline=False)
    plot.update_yaxes(title={"text": upwards}, automargin=True, zeroline=False)
    return plot


@cache
def scale(name: str) -> list[list[Any]]:
    """Returns the positions in [0, 1] and the colours of one of Plotly's named scales."""
    from plotly.colors import get_colorscale  # type: ignore[import-untyped]

    return [list(step) for step in get_colorscale(name)]


def line(plot: Plot, name: str, look: str, x: ArrayLike, y: ArrayLike, **more: Any) -> None:
    """Adds a curve; `more` as in plotly's Scatter."""
    colour, dash, _symbol = LOOKS[look]
    style = {"color": colour, "dash": dash, "width": 2.5} | more.pop("line", {})
    plot.add("scatter", x=x, y=y, name=name, mode="lines", line=style, hovertemplate="%{y:.3g}", **more)


def points(plot: Plot, name: str, look: str, x: ArrayLike, y: ArrayLike, **more: Any) -> None:
    """Adds marks."""
    colour, _dash, symbol = LOOKS[look]
    style = {"color": colour, "symbol": symbol, "size": 9} | more.pop("marker", {})
    plot.add("scatter", x=x, y=y, name=name, mode="markers", marker=style, hovertemplate="%{y:.3g}", **more)


def pictures(levels: np.ndarray, names: Sequence[str], height: int) -> Plot:
    """Grey pictures, uint8 (rows, columns, H, W), side by side with a name below each column; pixels stay sharp."""
    rows, columns, tall, wide = levels.shape
    gap = max(1, wide // 8)
    sheet = np.full((rows * (tall + gap) - gap, columns * (wide + gap) - gap, 4), 0, np.uint8)
    for row, column in np.ndindex(rows, columns):
        top, left = row * (tall + gap), column * (wide + gap)
        sheet[top : top + tall, left : left + wide, :3] = levels[row, column, :, :, None]
        sheet[top : top + tall, left : left + wide, 3] = 255
    file = io.BytesIO()
    Image.fromarray(sheet).save(file, "PNG")
    plot = chart("", "", height, hoverdistance=-1)
    source = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    plot.add("image", source=source, hoverinfo="skip")
    middles = [column * (wide + gap) + (wide - 1) / 2 for column in range(columns)]
    plot.update_xaxes(tickvals=middles, ticktext=names, showgrid=False, constrain="domain")
    plot.update_yaxes(visible=False, constrain="domain")
    return plot


def show(plot: Plot, key: str, alt: str) -> None:
    """Draws it; `alt` describes it in words."""
    st.plotly_chart(plot.figure(), key=f"figure-{key}", config=CONFIG, alt=alt)


@cache
def script() -> str:
    """The path of Streamlit's script for figures, 5 MB; a page that requests it early shows them sooner."""
    found = (Path(st.__file__).parent / "static/static/js").glob("PlotlyChart.*.js")
    return next((file.name for file in found), "")


def numbers(values: Mapping[str, str]) -> None:
    """A row of numbers with names, which wraps where the page is narrow."""
    with st.container(horizontal=True, gap="medium"):
        for name, value in values.items():
            st.metric(name, value, width="content")


def signed(value: float, digits: int = 3) -> str:
    """Formats a number with a true minus sign, unless it rounds to 0."""
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def scientific(value: float) -> str:
    """A number of any size, such as 0.25 or 3.7 × 10⁻⁶."""
    if value == 0 or 1e-2 <= abs(value) < 1e4:
        return f"{value:.3g}".replace("-", "−")
    mantissa, exponent = f"{value:.1e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa} × 10{raised}".replace("-", "−")

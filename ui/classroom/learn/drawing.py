"""Figures of the lessons in one style: colours that the colour-blind can tell apart, and a dash for each as well."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from numpy.typing import ArrayLike
from PIL import Image

if TYPE_CHECKING:
    from plotly.graph_objects import Figure  # type: ignore[import-untyped]

# what is drawn -> colour that shows on light and dark paper, dash, symbol
LOOKS: dict[str, tuple[str, str, str]] = {
    "real": ("#2f9e6b", "solid", "circle"),
    "fake": ("#c0519f", "dash", "diamond"),
    "discriminator": ("#3b7fe0", "dot", "square"),
    "own": ("#c98a00", "dashdot", "cross"),
    "generator": ("#e07a2f", "longdash", "triangle-up"),
    "quiet": ("#8a8f9c", "dot", "x"),
}
CONFIG = {"displayModeBar": False, "scrollZoom": False, "doubleClick": False}


def chart(across: str, upwards: str, height: int = 340, **layout: Any) -> Figure:
    """An empty figure with titles at its axes."""
    from plotly.graph_objects import Figure  # half a second, and only pages with figures want it

    figure = Figure()
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        dragmode=False,
        hovermode="x unified",
        **layout,
    )
    figure.update_xaxes(title=across, automargin=True, zeroline=False)
    figure.update_yaxes(title=upwards, automargin=True, zeroline=False)
    return figure


def line(figure: Figure, name: str, look: str, x: ArrayLike, y: ArrayLike, **more: Any) -> None:
    """Adds a curve; `more` as in plotly's Scatter."""
    colour, dash, _symbol = LOOKS[look]
    style = {"color": colour, "dash": dash, "width": 2.5} | more.pop("line", {})
    figure.add_scatter(x=x, y=y, name=name, mode="lines", line=style, hovertemplate="%{y:.3g}", **more)


def points(figure: Figure, name: str, look: str, x: ArrayLike, y: ArrayLike, **more: Any) -> None:
    """Adds marks."""
    colour, _dash, symbol = LOOKS[look]
    style = {"color": colour, "symbol": symbol, "size": 9} | more.pop("marker", {})
    figure.add_scatter(x=x, y=y, name=name, mode="markers", marker=style, hovertemplate="%{y:.3g}", **more)


def pictures(levels: np.ndarray, names: Sequence[str], height: int) -> Figure:
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
    figure = chart("", "", height, hoverdistance=-1)
    figure.add_image(source="data:image/png;base64," + base64.b64encode(file.getvalue()).decode(), hoverinfo="skip")
    middles = [column * (wide + gap) + (wide - 1) / 2 for column in range(columns)]
    figure.update_xaxes(tickvals=middles, ticktext=names, showgrid=False, constrain="domain")
    figure.update_yaxes(visible=False, constrain="domain")
    return figure


def show(figure: Figure, key: str, alt: str) -> None:
    """Draws it; `alt` says in words what there is to be seen."""
    st.plotly_chart(figure, key=f"figure-{key}", config=CONFIG, alt=alt)


def numbers(values: Mapping[str, str]) -> None:
    """A row of numbers with names, which wraps where the page is narrow."""
    with st.container(horizontal=True, gap="medium"):
        for name, value in values.items():
            st.metric(name, value, width="content")


def signed(value: float, digits: int = 3) -> str:
    """A number with a true minus sign; what rounds to 0 has none."""
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def scientific(value: float) -> str:
    """A number of any size, such as 0.25 or 3.7 × 10⁻⁶."""
    if value == 0 or 1e-2 <= abs(value) < 1e4:
        return f"{value:.3g}".replace("-", "−")
    mantissa, exponent = f"{value:.1e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa} × 10{raised}".replace("-", "−")

"""Panels of curves, drawn by our own small component (`charts.js`).

Plotly's Streamlit element is remounted at every change: it flickers and costs about 30 ms per poll for six charts,
which slows down the trainer in the same process. Here a poll sends float32 values, and the charts are updated in place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import ArrayLike, NDArray

from ui.classroom.shell.i18n import _
from ui.classroom.shell.style import read

Colour = tuple[str, str]  # (light theme, dark theme)

COLOURS: dict[str, Colour] = {
    "generator": ("#e07a2f", "#ff9d57"),
    "discriminator": ("#3b6fd4", "#7aa7ff"),
    "real": ("#2f9e6b", "#55cf98"),
    "fake": ("#c0417f", "#f07cb4"),
    "fake_after": ("#e39ac0", "#a85c86"),
    "other": ("#7a6ff0", "#a9a1ff"),
    "quiet": ("#8a8f9c", "#9aa0ad"),
    "warning": ("#c98a00", "#ffc23d"),
    "mark": ("#8b5cf6", "#b79bff"),
}
RUN_COLOURS: tuple[Colour, ...] = (
    ("#3b6fd4", "#7aa7ff"), ("#e07a2f", "#ff9d57"), ("#2f9e6b", "#55cf98"), ("#c0417f", "#f07cb4"),
    ("#7a6ff0", "#a9a1ff"), ("#8f6b3a", "#cfa66e"),
)  # fmt: skip


@dataclass(frozen=True)
class Series:
    """One curve. `faint` is drawn thinly behind it, for example the raw values of a moving average.

    NaN: not measured, the line skips it. Infinite: broken value, the line has a gap. `band`: steps, lower and upper
    values of an area behind the curve, such as an interval; where there is one step alone, a bar.
    """

    name: str
    colour: Colour
    steps: ArrayLike
    values: ArrayLike
    faint: ArrayLike | None = None
    dash: bool = False
    band: tuple[ArrayLike, ArrayLike, ArrayLike] | None = None


@dataclass(frozen=True)
class Panel:
    """One chart. `low` and `high` are soft limits of the axis; with `fixed` they are hard limits."""

    title: str
    unit: str  # title of the vertical axis, with unit
    series: Sequence[Series]
    log: bool = False
    low: float | None = None
    high: float | None = None
    fixed: bool = False
    line: tuple[float, str] | None = None  # a reference level and its label
    file: str = "curve"  # part of the file name of a saved PNG
    x: str = ""  # title of the horizontal axis, if it isn't the step


@dataclass(frozen=True)
class Mark:
    """An event at a step; the text is shown on hover."""

    step: int
    text: str


@dataclass
class _Arrays:
    parts: list[NDArray[np.float32]] = field(default_factory=list)
    places: dict[int, tuple[int, int]] = field(default_factory=dict)  # arrays that several series share are sent once
    kept: list[Any] = field(default_factory=list)  # keeps the arrays alive, so that ids stay unique
    size: int = 0

    def add(self, values: ArrayLike) -> tuple[int, int]:
        if id(values) not in self.places:
            part = np.asarray(values, np.float32)
            self.places[id(values)] = (self.size, len(part))
            self.parts.append(part)
            self.kept.append(values)
            self.size += len(part)
        return self.places[id(values)]


def parts(
    panels: Sequence[Panel],
    marks: Sequence[Mark] = (),
    *,
    large: bool = False,
    file: str = "curves",
    evidence: Mapping[str, Panel] = MappingProxyType({}),
) -> tuple[dict[str, Any], bytes]:
    """Returns the header of the panels and the float32 arrays that it refers to; `evidence`: small panels by name."""
    arrays = _Arrays()
    header = {
        "large": large,
        "file": file,
        "words": {"step": _("step"), "png": _("Save as PNG"), "broken": _("NaN")},
        "markColour": COLOURS["mark"],
        "marks": [{"x": mark.step, "text": mark.text} for mark in marks],
        "panels": [_panel(panel, arrays) for panel in panels],
        "evidence": {name: _panel(panel, arrays) for name, panel in evidence.items()},
        "floats": arrays.size,
    }
    return header, b"".join(part.astype("<f4").tobytes() for part in arrays.parts)


def encode(panels: Sequence[Panel], marks: Sequence[Mark] = (), *, large: bool = False, file: str = "curves") -> bytes:
    """Returns the panels as the bytes that `draw` sends."""
    return payload(*parts(panels, marks, large=large, file=file))


def payload(header: Mapping[str, Any], *blobs: bytes) -> bytes:
    """Packs the message to a component: header length, header as JSON, then the blobs."""
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    return b"".join([len(text).to_bytes(4, "little"), text, *blobs])


def _panel(panel: Panel, arrays: _Arrays) -> dict[str, Any]:
    line = panel.line and {"y": panel.line[0], "text": panel.line[1], "colour": COLOURS["warning"]}
    return {
        "title": panel.title,
        "unit": panel.unit,
        "log": panel.log,
        "low": panel.low,
        "high": panel.high,
        "fixed": panel.fixed,
        "line": line,
        "file": panel.file,
        "x": panel.x,
        "series": [
            {
                "name": series.name,
                "colour": series.colour,
                "dash": series.dash,
                "x": arrays.add(series.steps),
                "y": arrays.add(series.values),
                "faint": None if series.faint is None else arrays.add(series.faint),
                "band": None if series.band is None else [arrays.add(part) for part in series.band],
            }
            for series in panel.series
        ],
    }


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component(
        "ganscope_curves",
        html='<div class="curves"></div>',
        css=read("live/charts.css"),
        js=read("live/charts.js", "live/curves.js"),
    )


def draw(encoded: bytes, key: str) -> None:
    """Renders encoded panels; the same key updates them in place."""
    _component()(data=encoded, key=key)


def sparkline(values: ArrayLike, colour: Colour = COLOURS["generator"], width: int = 120, height: int = 28) -> str:
    """Returns a tiny curve without axes as SVG for `st.image`; "" when there is nothing to draw."""
    points = np.asarray(values, np.float64)
    points = points[np.isfinite(points)]
    if len(points) < 2:
        return ""
    if len(points) > width:
        points = points[np.linspace(0, len(points) - 1, width).astype(int)]
    low, high = np.percentile(points, (2, 98))
    heights = height - 2 - np.clip((points - low) / ((high - low) or 1.0), 0, 1) * (height - 4)
    places = np.linspace(1, width - 1, len(points))
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(places, heights, strict=True))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f'<polyline points="{path}" fill="none" stroke="{colour[0]}" stroke-width="1.6" stroke-linejoin="round"/></svg>'
    )

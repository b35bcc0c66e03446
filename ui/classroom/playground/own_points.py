"""The visitor's own points: drawn with a mouse, pen or finger, or pasted as lines of x and y."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from gan_core.data.user import drawn_points
from gan_core.data.user.drawn_points import IN_LINK, MOST, REACH
from gan_core.errors import BadValue
from ui.classroom.shell import access
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import _
from ui.classroom.shell.style import read
from ui.texts import number

KEY = "drawing"


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component(
        "ganscope_drawing",
        html=read("playground/drawing.html"),
        css=read("playground/drawing.css"),
        js=read("playground/drawing.js"),
    )


def show(before: str, take: Callable[[str], None]) -> None:
    """Shows the canvas and the text field; `take` receives the reference of the drawn or pasted points."""
    drawn, pasted = st.columns(2, gap="large")
    with drawn, showing_errors():
        st.markdown(f"**{_('Draw')}**")
        points = drawn_points.points_of(before) if drawn_points.is_drawn(before) else np.empty((0, 2))
        if len(points) > IN_LINK:
            points = np.empty((0, 2))
        data = {"reach": REACH, "most": IN_LINK, "points": points.tolist(), "words": _words()}
        answer = _component()(data=data, key=KEY, on_points_change=lambda: None)
        if sent := answer.get("points"):
            access.require_steering()
            take(drawn_points.reference(_pairs(sent)))
    with pasted, showing_errors():
        st.markdown(f"**{_('Or paste')}**")
        text = st.text_area(
            _("Lines of x and y"), key="pasted-points", height=260, placeholder="0.5, -1\n1, 2",
            help=_("From {low} to {high} in both directions, {least} to {most} points.").format(
                low=f"{-REACH:g}", high=f"{REACH:g}", least=drawn_points.LEAST, most=number(MOST)
            ),
        )  # fmt: skip
        locked = not access.may_steer()
        if st.button(_("Use these points"), key="use-pasted", disabled=locked, help=access.why_locked()):
            take(drawn_points.reference(drawn_points.parse(text or "")))


def _pairs(sent: Any) -> np.ndarray:
    try:
        return np.array(sent, np.float64).reshape(-1, 2)
    except (TypeError, ValueError):
        raise BadValue("Points are pairs of x and y.") from None


def _words() -> dict[str, str]:
    return {
        "use": _("Use these points"),
        "undo": _("Undo the stroke"),
        "erase": _("Erase all"),
        "count": _("{count} of {most} points"),
        "hint": _("Draw with a mouse, pen or finger. Without one, paste lines of x and y."),
        "paper": _("Paper to draw points on"),
    }

"""A discriminator that is moved by hand before a run (`hand.js`): its form in the link, and its labels."""

from __future__ import annotations

import math

import streamlit as st

from ui.classroom.shell.i18n import _

QUERY = "hand"
SHAPES = {"line": ("direction", "position", "steepness"), "circle": ("x", "y", "radius", "steepness")}


def asked() -> dict[str, str | float] | None:
    """Returns the one in the link: its shape and numbers by name; None if it is missing or invalid."""
    text = st.query_params.get(QUERY)
    return None if text is None else read(text)


def read(text: str) -> dict[str, str | float] | None:
    """`line,DIRECTION,POSITION,STEEPNESS` or `circle,X,Y,RADIUS,STEEPNESS`; None for anything else."""
    shape, *rest = text.split(",")
    names = SHAPES.get(shape, ())
    try:
        numbers = [float(part) for part in rest]
    except ValueError:
        return None
    if not names or len(numbers) != len(names) or not all(map(math.isfinite, numbers)):
        return None
    return {"shape": shape, **dict(zip(names, numbers, strict=True))}


def keep(text: str) -> None:
    """Writes the visitor's discriminator into the link."""
    if read(text) is None:
        st.query_params.pop(QUERY, None)
    elif st.query_params.get(QUERY) != text:
        st.query_params[QUERY] = text


def words() -> dict[str, str]:
    """Returns the labels for the browser."""
    return {
        "handToggle": _("Move a discriminator by hand"),
        "handHelp": _(
            "Before anything is trained, be the discriminator: place a line or a circle against the untrained "
            "generator's points, and read V(D, G), the accuracy, the distance to D* and the arrows."
        ),
        "handAbout": _("D(x) = σ(l(x)), and you choose l. Drag the handles in the plane or move the sliders: raise "
                       "V(D, G), which is what training D does."),
        "handNote": _("V(D, G) = E[log D(x)] + E[log(1 − D(G(z)))] in nats, summed over the cells of the plane, "
                      "against the points of the untrained generator. No D has a larger V than D*."),
        "shape": _("Shape of the decision line"),
        "line": _("Straight line"),
        "circle": _("Circle"),
        "direction": _("Direction"),
        "position": _("Position"),
        "radius": _("Radius"),
        "steepness": _("Steepness"),
        "climb": _("Gradient step"),
        "climbHelp": _("Moves your D a little in the direction in which V grows fastest."),
        "missing": "V(D*, G) − V(D, G)",
        "accuracy": _("Accuracy of D"),
        "atMost": _("at most {share}"),
        "apart": _("Mean |D − D*|"),
        "meanArrow": _("Mean arrow,"),
    }  # fmt: skip

"""What can be seen in the plane: layers by name, in groups; the link contains those that are on."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ui.classroom.shell.i18n import N_, _

QUERY = "show"
STANDARD = ("d", "line", "real", "fake", "own")
GROUPS: tuple[tuple[str, bool, tuple[tuple[str, str, str], ...]], ...] = (  # title, one alone, (name, label, help)
    (N_("Background"), True, (
        ("no_heat", N_("None"), N_("No heat map.")),
        ("d", "D", N_("The discriminator's value everywhere: how real a point in this place looks to it.")),
        ("best", "D*", N_("The best possible discriminator, p / (p + q), from the data's density and the generator's. "
                          "Where neither data nor samples lie it has no value.")),
        ("rest", "D − D*", N_("Where the discriminator is wrong: above 0 it believes too much, below 0 too little.")),
    )),
    (N_("Layers"), False, (
        ("line", N_("Decision line"), N_("Where the discriminator is undecided.")),
        ("real", N_("Real points"), N_("Points of the data.")),
        ("fake", N_("Generated points"), N_("Always from the same latents, so that each can be followed.")),
        ("warp", N_("Warped grid"), N_("Where the generator puts a grid of its noise. Each mesh holds equally many "
                                       "samples: small meshes are dense.")),
        ("trails", N_("Trails"), N_("The paths of single generated points over the last frames.")),
    )),
    (N_("Arrows: where the generator's loss sends its points"), True, (
        ("no_arrows", N_("None"), N_("No arrows.")),
        ("own", N_("This loss"), N_("The negative gradient of the generator's own loss at each point.")),
        ("saturating", "log(1 − D)", N_("The gradient under the minimax loss: it vanishes where D is sure of a fake.")),
        ("non_saturating", "−log D", N_("The gradient under the non-saturating loss: it is large where D is sure.")),
        ("both", N_("Both log losses"), N_("log(1 − D) and −log D at the same points.")),
    )),
)  # fmt: skip
NAMES = frozenset(name for _title, _one, items in GROUPS for name, _label, _help in items)


def shown() -> list[str]:
    """Returns the layers that are on according to the link; unknown names are ignored."""
    asked = st.query_params.get(QUERY)
    chosen = STANDARD if asked is None else tuple(asked.replace(",", " ").split())
    return [name for name in chosen if name in NAMES]


def keep(asked: str) -> None:
    """Writes the layers that the visitor has switched on into the link."""
    chosen = [name for name in asked.split() if name in NAMES]
    text = ",".join(chosen) or "no_heat"
    if set(chosen) == set(STANDARD):
        st.query_params.pop(QUERY, None)
    elif st.query_params.get(QUERY) != text:
        st.query_params[QUERY] = text


def groups() -> list[dict[str, Any]]:
    """For the browser."""
    return [
        {
            "title": _(title),
            "one": one,
            "items": [{"name": name, "label": _(label), "help": _(help_)} for name, label, help_ in items],
        }
        for title, one, items in GROUPS
    ]


def words() -> dict[str, str]:
    """For the browser."""
    return {
        "plane": _("The plane with the data and the generated points. Press in it or use the arrow keys to read the "
                   "values in a place, drag a point to move it; Escape removes the mark."),
        "step": _("step {step}"),
        "history": _("History: frames of this run"),
        "play": _("Play the history"),
        "halt": _("Pause the playback"),
        "newest": _("Newest"),
        "past": _("You are looking at the past."),
        "again": _("Continue from here"),
        "real": _("real points"),
        "fake": _("generated points"),
        "own": _("this loss"),
        "saturating": "log(1 − D)",
        "non_saturating": "−log D",
        "looksFake": _("looks fake"),
        "looksReal": _("looks real"),
        "tooLow": _("D too low"),
        "tooHigh": _("D too high"),
        "probe": _("Press in the plane to read D, D* and both gradients in that place, or drag a point to move it."),
        "place": _("Place (x, y)"),
        "score": _("D (score)"),
        "read": _("Read between the cells of a 48 × 48 grid. |…| is the length of a gradient."),
        "readExactly": _("|…| is the length of a gradient."),
        "heldFake": _("Generated point {number}, moved by hand"),
        "heldReal": _("Real point {number}, moved by hand"),
        "counts": _("In D* the point counts as one of {count}."),
        "takeFake": _("Take a generated point"),
        "takeReal": _("Take a real point"),
        "putBack": _("Put it back"),
    }  # fmt: skip

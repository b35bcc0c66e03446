"""In words: what one should see now, and whether the run looks healthy."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from gan_core.runs.store import Run
from gan_core.training.health import Finding, Level
from ui.i18n import N_, _
from ui.texts import sentence

STAGES = (  # thousands of images up to which a stage lasts, and what one sees
    (0.0, N_("Nothing has been learnt yet: the samples are noise from random weights.")),
    (5.0, N_("Noise gives way to blobs: the generator first learns brightness and where things are.")),
    (50.0, N_("Rough shapes. Look whether the places of the grid differ from each other: alike samples mean collapse.")),
    (400.0, N_("Shapes become things. Compare with the real images: strokes, edges, colours, variety.")),
    (float("inf"), N_("Fine work: changes become small. Train on while variety and sharpness still grow.")),
)  # fmt: skip
LOOKS: dict[Level, tuple[str, str]] = {
    "early": ("gray", ":material/hourglass_top:"),
    "good": ("green", ":material/favorite:"),
    "watch": ("orange", ":material/visibility:"),
    "bad": ("red", ":material/heart_broken:"),
}


def advice(run: Run, look_for: str) -> list[str]:
    """What to look for; `look_for` is the preset's sentence, or ""."""
    thousands = run.images_seen / 1000
    stage = next(text for limit, text in STAGES if thousands <= limit)
    return [text for text in (_(look_for), _(stage)) if text]


def show_findings(findings: Sequence[Finding]) -> None:
    """What is seen in the numbers, its cause, and what helps."""
    for finding in findings:
        colour, icon = LOOKS[finding.level]
        with st.container(border=True, gap="xsmall"):
            st.markdown(f":{colour}[{icon}] **{sentence(finding.what, finding.values)}**")
            if finding.cause:
                st.caption(_(finding.cause))
            if finding.remedy:
                st.markdown(":material/healing: " + _(finding.remedy))

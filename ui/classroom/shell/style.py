"""Style sheets, scripts and markup of the pages: constant texts without user input."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamlit as st

CLASSROOM = Path(__file__).parents[1]


@cache
def read(*names: str) -> str:
    """Returns the concatenated files of the classroom, by relative path."""
    return "".join((CLASSROOM / name).read_text(encoding="utf-8") for name in names)


def apply(name: str = "shell/style.css") -> None:
    """Adds a style sheet to the page."""
    st.html(f"<style>{read(name)}</style>")

"""Style sheets, scripts and markup of the pages: fixed texts, nothing of a user's in them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamlit as st

CLASSROOM = Path(__file__).parents[1]


@cache
def read(*names: str) -> str:
    """Files of the classroom by their paths in it, one after the other."""
    return "".join((CLASSROOM / name).read_text(encoding="utf-8") for name in names)


def apply(name: str = "shell/style.css") -> None:
    """Adds a style sheet to the page."""
    st.html(f"<style>{read(name)}</style>")

"""The style sheets of the pages: fixed texts, nothing of a user's in them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent
LOGO = HERE / "logo.svg"
ICON = HERE / "icon.svg"


@cache
def _sheet(name: str) -> str:
    return f"<style>{(HERE / name).read_text(encoding='utf-8')}</style>"


def apply(name: str = "style.css") -> None:
    st.html(_sheet(name))

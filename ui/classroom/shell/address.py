"""Widgets whose values are also in the link: decides which of the two is authoritative.

When the visitor changes a widget, the link follows. When a link is opened or the browser goes back or forward, the
widget follows; this is detected by a link that differs from the one last written.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st


def changed_elsewhere(place: str, names: Sequence[str]) -> bool:
    """Whether these query parameters were changed by something other than the page since the last `mark_synced`."""
    return st.session_state.get(_key(place)) != _now(names)


def mark_synced(place: str, names: Sequence[str]) -> None:
    """Marks link and widgets as in sync."""
    st.session_state[_key(place)] = _now(names)


def integer_in_link(name: str, low: int, high: int, standard: int) -> int:
    """Returns an integer from the link, if valid."""
    text = st.query_params.get(name, "")
    value = int(text) if text.isascii() and text.removeprefix("-").isdecimal() and len(text) < 12 else standard
    return value if low <= value <= high else standard


def _key(place: str) -> str:
    return f"address.{place}"


def _now(names: Sequence[str]) -> dict[str, str | None]:
    return {name: st.query_params.get(name) for name in names}

"""Widgets whose values stand in the link: which of the two rules.

A visitor's press changes the widget, and the link follows. A link, the browser's Back or Forward change the link, and
the widget follows; these are told by a link that isn't as it was left.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st


def rules(place: str, names: Sequence[str]) -> bool:
    """Whether these parts of the link were changed by something else than the page since `followed`."""
    return st.session_state.get(_key(place)) != _now(names)


def followed(place: str, names: Sequence[str]) -> None:
    """To be called once link and widgets agree."""
    st.session_state[_key(place)] = _now(names)


def _key(place: str) -> str:
    return f"address.{place}"


def _now(names: Sequence[str]) -> dict[str, str | None]:
    return {name: st.query_params.get(name) for name in names}

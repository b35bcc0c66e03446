"""Samples that are played, read or watched, one by one: rendered by `gan_core/media`."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from gan_core.media import Piece
from ui.texts import plain

COLUMNS = 4


def show(found: Sequence[Piece], columns: int = COLUMNS) -> None:
    """Renders the pieces side by side; on narrow screens below each other."""
    for start in range(0, len(found), columns):
        for place, piece in zip(st.columns(columns), found[start : start + columns], strict=False):
            with place:
                _piece(piece)


def _piece(piece: Piece) -> None:
    if piece.kind == "sound":
        st.audio(piece.content, format="audio/wav")
    elif piece.kind == "text":
        st.markdown(plain(str(piece.content)) or "—")
    else:
        st.image(piece.content)
    if piece.caption:
        st.caption(plain(piece.caption))

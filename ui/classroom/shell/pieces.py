"""Samples that are played, read or watched, one by one: rendered by `gan_core/media`."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from gan_core.media import Piece
from ui.classroom.shell.grids import film, picture
from ui.classroom.shell.i18n import _
from ui.texts import joined, plain

COLUMNS = 4


def show(found: Sequence[Piece], columns: int = COLUMNS) -> None:
    """Renders the pieces side by side; on narrow screens below each other."""
    for start in range(0, len(found), columns):
        for number, column in enumerate(st.columns(columns), start):
            if number < len(found):
                with column:
                    _piece(found[number], _("Sample {number}").format(number=number + 1))


def _piece(piece: Piece, alt: str) -> None:
    if piece.kind == "sound":
        st.audio(piece.content, format="audio/wav")
    elif piece.kind == "text":
        st.markdown(plain(str(piece.content)) or "—")
    elif piece.kind == "drawing":
        st.image(piece.content, alt=joined(alt, piece.caption))
    else:
        assert isinstance(piece.content, bytes)
        (film if piece.kind == "film" else picture)(piece.content, joined(alt, piece.caption))
    if piece.caption:
        st.caption(plain(piece.caption))

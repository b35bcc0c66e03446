"""A grid of spectrograms that play on click, as one component (`tiles.js`)."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from gan_core.media import audio
from ui.classroom.shell.grids import encode
from ui.classroom.shell.i18n import _
from ui.classroom.shell.style import read


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component(
        "ganscope_tiles", html=read("sound/tiles.html"), css=read("sound/tiles.css"), js=read("sound/tiles.js")
    )


def draw(
    waves: np.ndarray,
    rate: int,
    labels: Sequence[str],
    key: str,
    *,
    notes: Sequence[str] = (),
    chosen: int | None = None,
) -> int | None:
    """Shows waves (N, L); with `chosen`, a click also selects. Returns the place of the selected one."""
    select = chosen is not None
    words = list(notes) or [""] * len(waves)
    tiles = [
        {"picture": _picture(wave), "sound": _sound(wave, rate), "label": label, "note": note}
        for wave, label, note in zip(waves, labels, words, strict=True)
    ]
    version = hashlib.sha256(np.ascontiguousarray(waves).tobytes() + repr((labels, words)).encode()).hexdigest()[:16]
    place = st.session_state.get(key, {}).get("chosen") if select else None
    if isinstance(place, int) and 0 <= place < len(waves):
        st.session_state[f"{key}-chosen"] = (version, place)
    kept = st.session_state.get(f"{key}-chosen", ("", 0))
    found = kept[1] if kept[0] == version else chosen
    content = {"tiles": tiles, "version": version, "chosen": found, "select": select, "play": _("Play")}
    _component()(data=content, key=key, on_chosen_change=lambda: None)
    return found


def _picture(wave: np.ndarray) -> str:
    from PIL import Image

    return f"data:image/png;base64,{b64encode(encode(Image.fromarray(audio.picture(wave)))).decode()}"


def _sound(wave: np.ndarray, rate: int) -> str:
    return f"data:audio/wav;base64,{b64encode(audio.wav(wave, rate)).decode()}"
